"""A figure of extrapolation with N counted in two ways (paper App. G, Fig. 16)."""

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.decisions.compare_counts_result import CountComparison
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis
from farseer_jax.plots.style import COLOURS, GREY, axes_of


def plot_counts(comparison: CountComparison, ax: Axes | None = None) -> Axes:
    """Relative errors of all runs by both fits, and their mean at each size.

    Fitted sizes have filled dots, those held out have rings, on a grey ground.

    Args:
        comparison: from :func:`compare_counts`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import Runs, compare_counts, example_runs
        >>> from farseer_jax.plots import plot_counts
        >>> runs = example_runs()
        >>> extra = {"N_total": runs.N + 4e5 * runs.N ** (1 / 3)}
        >>> found = compare_counts(Runs(runs.N, runs.D, runs.loss, extra), held_out=6e9)
        >>> plot_counts(found).get_ylabel()
        'predicted over observed loss, less 1, %'
    """
    N, far = comparison.N, comparison.is_held_out
    sizes = np.unique(N)
    with axes_of(ax, (6.0, 3.9)) as axes:
        axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
        if N[~far].max() < N[far].min():
            edge = np.sqrt(N[~far].max() * N[far].min())
            axes.axvspan(edge, 1.25 * sizes[-1], color=GREY, alpha=0.13, lw=0, zorder=0)
        for row, colour, shift in zip(comparison.rows, COLOURS, (0.988, 1.012), strict=False):
            error = 100 * comparison.relative_errors(row)
            axes.scatter(N * shift, error, s=4, color=colour, alpha=0.35, lw=0, zorder=2)
            mean = np.array([error[size == N].mean() for size in sizes])
            held = np.array([far[size == N].all() for size in sizes])
            axes.plot(sizes * shift, mean, color=colour, lw=1.1, zorder=3)
            axes.scatter(sizes[~held] * shift, mean[~held], s=20, color=colour, zorder=4)
            axes.scatter(
                sizes[held] * shift, mean[held], s=52, lw=1.7, fc="white", ec=colour, zorder=4
            )
            label = f"{row.count}: {row.held_out_error:.2%} off where held out"
            axes.plot([], [], "o-", color=colour, ms=4.5, lw=1.1, label=label)
        input_axis(axes, "x", "N")
        axes.set(
            xlabel="parameters N, the runs' own count",
            ylabel="predicted over observed loss, less 1, %",
            xlim=(sizes[0] / 1.12, sizes[-1] * 1.25),
        )
        legend_outside(axes, above=True, ncols=1)
    return axes
