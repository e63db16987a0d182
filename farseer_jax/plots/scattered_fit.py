"""A fit of runs of many sizes with few runs each: losses against compute, coloured by size."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from farseer_jax.decisions.allocate import allocate
from farseer_jax.fitting.result import Fit
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, input_label, input_ticks, plain_ticks
from farseer_jax.plots.outlier_rings import name_ranks, ring_outliers
from farseer_jax.plots.style import GREY, INK, axes_of, colour_bar
from farseer_jax.results.numbers import capitalised
from farseer_jax.runs.runs import Runs

_MANY_SIZES, _FEW_RUNS = 12, 3  # scattered: more sizes than these, most with fewer runs than these
_NUM_CURVES, _NUM_BUDGETS = 7, 25
_REACH = 1.25  # factor by which curves extend beyond the runs
_COLOUR_MAP = "viridis"


def is_scattered(runs: Runs) -> bool:
    """Whether runs over N and D are of many sizes with few runs each, not on a grid."""
    _, counts = np.unique(runs.N, return_counts=True)
    return len(counts) > _MANY_SIZES and bool(np.median(counts) < _FEW_RUNS)


def draw_scattered(fit: Fit, held_out: Runs | None, ax: Axes | None) -> Axes:
    """Losses against compute with the fit's curves of some sizes and its optimal losses."""
    runs = fit.runs
    every = runs.N if held_out is None else np.concatenate([runs.N, held_out.N])
    norm = LogNorm(every.min(), every.max())
    with axes_of(ax, (6.4, 4.4)) as axes:
        look: dict[str, Any] = {"norm": norm, "cmap": _COLOUR_MAP, "zorder": 3}
        compute = 6.0 * runs.N * runs.D
        drawn = axes.scatter(
            compute, runs.loss, c=runs.N, s=15, lw=0.3, edgecolor="white", **look
        )  # fmt: skip
        if held_out is not None:
            edge = mpl.colormaps[_COLOUR_MAP](norm(held_out.N))
            axes.scatter(
                6.0 * held_out.N * held_out.D, held_out.loss, s=26, facecolor="none",
                edgecolor=edge, lw=1.1, zorder=3,
            )  # fmt: skip
            axes.scatter([], [], s=26, facecolor="none", edgecolor=GREY, label="held-out runs")
        _draw_curves(axes, fit, norm)
        _draw_frontier(axes, fit, compute)
        bar = colour_bar(axes, drawn, input_label("N"))
        input_ticks(bar.ax.yaxis, "N")
        bar.ax.minorticks_off()
        input_axis(axes, "x", "C")
        axes.set_ylabel(runs.loss_name or "loss")
        if (runs.loss > 0.0).all():
            axes.set_yscale("log")
            plain_ticks(axes.yaxis)
        num = len(np.unique(runs.N))
        axes.set_title(f"{capitalised(fit.law.name)} law, {len(runs)} runs of {num} sizes")
        rings = ring_outliers(axes, fit, compute, runs.loss)
        legend_outside(axes)
        name_ranks(axes, rings, compute, runs.loss)
    return axes


def _draw_curves(axes: Axes, fit: Fit, norm: LogNorm) -> None:
    """The fitted losses of a few sizes, each over the D of the runs of about that size."""
    runs, log_N = fit.runs, np.log(fit.runs.N)
    sizes = np.linspace(log_N.min(), log_N.max(), _NUM_CURVES)
    nearest = np.abs(log_N[:, None] - sizes).argmin(axis=1)
    for i, size in enumerate(np.exp(sizes)):
        if not (mine := nearest == i).any():
            continue
        D = np.geomspace(runs.D[mine].min() / _REACH, runs.D[mine].max() * _REACH, 60)
        colour = mpl.colormaps[_COLOUR_MAP](norm(size))
        axes.plot(6.0 * size * D, fit.predict(size, D), color=colour, lw=1.2, zorder=2)
    axes.plot([], [], color=GREY, lw=1.2, label="fit, constant N")


def _draw_frontier(axes: Axes, fit: Fit, compute: np.ndarray) -> None:
    """The least fitted loss at each compute, where there is an optimal split."""
    budgets = np.geomspace(compute.min(), compute.max() * _REACH, _NUM_BUDGETS)
    loss = allocate(fit, budgets).loss
    if np.isfinite(loss).any():
        axes.plot(budgets, loss, color=INK, lw=1.4, ls="--", zorder=2.5, label="fit, optimal split")
