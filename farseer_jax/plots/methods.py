"""A figure that compares laws and methods (paper App. H, Fig. 17)."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter

from farseer_jax.diagnostics.compare_methods import MethodComparison
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import RoomyLogLocator
from farseer_jax.plots.style import COLOURS, GREY, axes_of


@draws(MethodComparison, example="compare_methods(runs, held_out, candidates)")
def plot_methods(comparison: MethodComparison, ax: Axes | None = None) -> Axes:
    """Error on the fitted (dots) and on the held-out runs (rings), a line per candidate.

    Args:
        comparison: from :func:`compare_methods`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, compare_methods, example_runs
        >>> from farseer_jax.plots import plot_methods
        >>> runs = example_runs()
        >>> found = compare_methods(
        ...     runs.select(max_N=5.5e9),
        ...     runs.select(min_N=6e9),
        ...     {"Farseer": (Farseer, None), "Chinchilla": (Chinchilla, None)},
        ... )
        >>> plot_methods(found).get_xlabel()
        'mean relative error'
    """
    rows = [row for row in comparison.rows if row.fit is not None]
    with axes_of(ax, (6.4, 1.2 + 0.34 * len(rows))) as axes:
        place = np.arange(len(rows))
        laws = list(dict.fromkeys(row.law for row in rows))
        colours = [COLOURS[laws.index(row.law) % len(COLOURS)] for row in rows]
        fitted = np.array([row.fitted_error for row in rows])
        far = np.array([row.held_out_error for row in rows])
        axes.hlines(place, fitted, far, color=colours, lw=1.2, alpha=0.45)
        axes.scatter(fitted, place, c=colours, s=14, zorder=4)
        axes.scatter(far, place, facecolor="white", edgecolor=colours, s=58, lw=1.5, zorder=3)
        axes.scatter([], [], c=GREY, s=14, label="fitted runs")
        axes.scatter([], [], facecolor="white", edgecolor=GREY, s=58, lw=1.5, label="held-out runs")
        axes.set(
            xscale="log",
            xlabel="mean relative error",
            yticks=place,
            yticklabels=[row.name for row in rows],
            ylim=(len(rows) - 0.4, -0.6),
        )
        axes.xaxis.set_major_locator(RoomyLogLocator())
        axes.xaxis.set_major_formatter(_percent)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="y", visible=False)
        legend_outside(axes, above=True, ncols=2)
    return axes


def _percent(value: float, _: object) -> str:
    return f"{100 * value:.3g} %"
