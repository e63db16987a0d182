"""A figure of a table of runs before anything is fitted."""

from pathlib import PurePath

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.inspection.table_inspection import TableInspection
from farseer_jax.plots.draws import draws
from farseer_jax.plots.log_ticks import input_axis
from farseer_jax.plots.style import GREY, axes_of, colour_bar
from farseer_jax.results.numbers import capitalised

_AREA = 42.0  # of the dot of one run, in points²
_MOST_RUNS = 4.0  # times this area at most


@draws(TableInspection, example="inspect_table(table)")
def plot_inspection(inspection: TableInspection, ax: Axes | None = None) -> Axes:
    """The runs of a table over two of their inputs, usually N and D, coloured by their loss.

    Runs of about the same inputs are one dot with their mean loss, larger for more runs.

    Args:
        inspection: from :func:`inspect_table`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: the table cannot be read, or its runs differ in no two inputs.

    Example:
        >>> from farseer_jax import example_runs, inspect_table
        >>> from farseer_jax.plots import plot_inspection
        >>> plot_inspection(inspect_table(example_runs())).get_title(loc="left")
        '337 runs'
    """
    grid = inspection.grid
    if grid is None:
        why = inspection.problems[0] if inspection.problems else "its runs have one input"
        raise ValueError(f"inspection: the table has no runs over two inputs to draw: {why}")
    rows, columns = np.nonzero(grid.counts)
    x, y = grid.y_values[rows], grid.x_values[columns]
    counts, mean = grid.counts[rows, columns], grid.mean[rows, columns]
    area = _AREA * np.minimum(counts, _MOST_RUNS)
    known = np.isfinite(mean)
    with axes_of(ax, (6.0, 4.2)) as axes:
        input_axis(axes, "x", grid.y, x)
        input_axis(axes, "y", grid.x, y)
        axes.scatter(x[~known], y[~known], s=area[~known], facecolor="none", edgecolor=GREY)
        if known.any():
            drawn = axes.scatter(
                x[known], y[known], c=mean[known], s=area[known], cmap="viridis",
                edgecolor="white", lw=0.4,
            )  # fmt: skip
            colour_bar(axes, drawn, grid.response)
        axes.set_title(capitalised(_title(inspection)))
    return axes


def _title(inspection: TableInspection) -> str:
    """How many runs there are, in which table, and in how many rows if these are more."""
    runs, rows = inspection.num_runs, inspection.num_rows
    source = PurePath(inspection.source).name
    table = f" of {source}" if source else ""
    where = f" in the {rows:,} rows{table}" if rows > runs else table
    return f"{runs:,} run{'s'[: runs != 1]}{where}"
