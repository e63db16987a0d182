"""A figure of observed and fitted losses, of one fit or of several (paper Fig. 2)."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.plots.draws import draws
from farseer_jax.plots.fit_any_inputs import draw_any
from farseer_jax.plots.labels import name_lines
from farseer_jax.plots.log_ticks import input_axis
from farseer_jax.plots.outlier_rings import name_ranks, ring_outliers
from farseer_jax.plots.scattered_fit import draw_scattered, is_scattered
from farseer_jax.plots.style import GREY, axes_of, ordered_colours
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly
from farseer_jax.runs.runs import Runs

_MOST_COLOURS = 8  # that can still be distinguished
_REACH = 1.25  # factor by which lines extend beyond their runs


@draws(Fit, Fits, example="fit(Farseer, runs)")
def plot_fit(
    fit: Fit | Fits,
    held_out: Runs | None = None,
    *,
    sizes: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Loss against D, observed (dots) and fitted (lines), with a colour for each size.

    Runs that were not fitted are rings, and the lines of their sizes are dashed. Runs of many sizes
    with few runs each are drawn against compute instead, coloured by size, with the fitted losses
    of a few sizes and those of the optimal split. Larger rings are outliers (:attr:`Fit.outliers`),
    numbered by rank; rank 1 is farthest from its prediction by the other runs, in standard
    deviations.

    For a law of one or two other inputs, the loss is drawn against the first of them, with a line
    for each value of the second. For laws of more inputs or of a mixture, and for many values,
    fitted losses are drawn against observed ones, with a colour for each value (or range) of the
    first input. Each of several fits has its own colour.

    Args:
        fit: the fit, or the fits of groups.
        held_out: further runs that were not fitted.
        sizes: the N to show; by default eight of the fitted ones, including the smallest and the
            largest, and up to four of the held-out ones.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: one of the sizes has no runs; or ``held_out`` or ``sizes`` is given for a law
            over other inputs or for several fits.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_fit
        >>> runs = example_runs()
        >>> result = fit(Farseer, runs.select(max_N=5.5e9))
        >>> plot_fit(result, runs.select(min_N=6e9)).get_xlabel()
        'tokens D'
    """
    if isinstance(fit, Fits) or set(type(fit.law).inputs()) != {"N", "D"}:
        for argument, value in (("held_out", held_out), ("sizes", sizes)):
            if value is not None:
                raise ValueError(
                    f"{argument}: only for the figure of one fit over N and D; leave it out"
                )
        return draw_any(fit.fits if isinstance(fit, Fits) else (fit,), ax)
    if sizes is None and is_scattered(fit.runs):
        return draw_scattered(fit, held_out, ax)
    shown = _sizes(fit.runs, held_out, sizes)
    with axes_of(ax, (6.4, 4.0)) as axes:
        ends = [
            (*_draw_size(axes, fit, held_out, N, colour), quantity_text(N), colour)
            for N, colour in zip(shown, ordered_colours(len(shown)), strict=True)
        ]
        axes.scatter([], [], s=16, color=GREY, label="fitted runs")
        if held_out is not None:
            axes.scatter([], [], s=26, facecolor="none", edgecolor=GREY, label="held-out runs")
        axes.set(ylabel="loss", title=f"{type(fit.law).__name__} law, {len(fit.runs)} runs")
        input_axis(axes, "x", "D")
        axes.margins(x=0.03)
        is_shown = np.isin(fit.runs.N, shown)
        x, y = (np.where(is_shown, own, np.nan) for own in (fit.runs.D, fit.runs.loss))
        rings = ring_outliers(axes, fit, x, y)
        axes.legend(loc="upper right")
        name_lines(axes, ends)
        name_ranks(axes, rings, x, y)
    return axes


def _sizes(runs: Runs, held_out: Runs | None, sizes: ArrayLike | None) -> np.ndarray:
    """The N to show."""
    fitted = np.unique(runs.N)
    others = np.setdiff1d(held_out.N, fitted) if held_out is not None else np.array([])
    if sizes is None:
        return np.union1d(_some(fitted, _MOST_COLOURS), _some(others, _MOST_COLOURS // 2))
    asked = np.unique(np.atleast_1d(np.asarray(sizes, dtype=np.float64)))
    known = np.concatenate([fitted, others])
    nearest = known[np.abs(np.log(asked[:, None] / known)).argmin(axis=1)]
    if len(unknown := asked[np.abs(asked / nearest - 1.0) > 5e-3]):
        listed = ", ".join(quantity_text(N) for N in np.sort(known))
        raise ValueError(f"sizes: no run has N = {unknown[0]:.6g}; choose from {listed}")
    return np.unique(nearest)


def _some(values: np.ndarray, num: int) -> np.ndarray:
    """At most this many of the values, evenly chosen, including both ends."""
    return values if len(values) <= num else values[evenly(len(values), num)]


def _draw_size(
    axes: Axes, fit: Fit, held_out: Runs | None, N: float, colour: Any
) -> tuple[float, float]:
    """One size; returns the end of its line."""
    mine = fit.runs.N == N
    other = held_out.N == N if held_out is not None else np.zeros(0, dtype=bool)
    D = np.concatenate([fit.runs.D[mine], held_out.D[other] if held_out is not None else []])
    along = np.geomspace(D.min() / _REACH, D.max() * _REACH, 80)
    losses = np.asarray(fit.predict(N=N, D=along))
    axes.plot(along, losses, color=colour, lw=1.3, ls="-" if mine.any() else (0, (4, 2)))
    axes.scatter(fit.runs.D[mine], fit.runs.loss[mine], s=13, color=colour, zorder=3)
    if held_out is not None:
        axes.scatter(
            held_out.D[other], held_out.loss[other], s=26, facecolor="none", edgecolor=colour,
            lw=1.1, zorder=3,
        )  # fmt: skip
    return float(along[-1]), float(losses[-1])
