"""A figure of a fit's curves of N: U(N), B(N) and A(N) (paper Figs. 4 and 5a)."""

from collections.abc import Sequence
from typing import cast

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_curves
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, plain_ticks
from farseer_jax.plots.style import COLOURS, grid_of
from farseer_jax.uncertainty.bootstrap_result import Bootstrap

_REACH = 1.25  # factor by which curves extend beyond the runs


@draws(Fit, example="fit(Farseer, runs)")
def plot_curves(
    fit: Fit, bootstrap: Bootstrap | None = None, axes: Sequence[Axes] | None = None
) -> tuple[Axes, Axes, Axes]:
    """U(N), B(N) and A(N) of a law, with the values at each size from a piecewise fit's stages.

    Dots are Stage 1's A_N and B_N (paper Fig. 4) and Stage 3's G(N) (Fig. 5a), to which the
    curves were fitted: a trend of the dots away from their curve shows a misfit of the law.

    Args:
        fit: a fit of a law L(N, D) = U(N) + B(N) · D^−A(N).
        bootstrap: a bootstrap of that fit, which adds a 90 % band to each curve.
        axes: three axes to draw on, for U, B and A; new ones by default.

    Returns:
        The three axes.

    Raises:
        TypeError: the law has no such curves.
        ValueError: there are not three axes, or the bootstrap is not of this fit.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_curves
        >>> [axes.get_ylabel() for axes in plot_curves(fit(Farseer, example_runs()))]
        ['U(N)', 'B(N)', 'A(N)']
    """
    if not isinstance(fit.law, OneDataTerm):
        raise TypeError(f"fit: the law {fit.law.name!r} has no curves U, B and A of N")
    if bootstrap is not None and bootstrap.fit is not fit:
        raise ValueError(
            "bootstrap: expected draws of this fit, got another's; give bootstrap(fit)"
        )
    N = np.geomspace(fit.runs.N.min() / _REACH, fit.runs.N.max() * _REACH, 120)
    values = dict(zip("UBA", evaluate_curves(fit.law, N), strict=True))
    bands = None if bootstrap is None else bootstrap.curves(N)
    found = fit.diagnostics if isinstance(fit.diagnostics, Diagnostics) else None
    with grid_of(axes, (1, 3), (7.1, 2.8), 6.0, shares_x=True) as panels:
        for name, panel, colour in zip("UBA", panels, COLOURS, strict=False):
            if bands is not None:
                low, high = bands[name].lower, bands[name].upper
                panel.fill_between(N, low, high, color=colour, alpha=0.18, lw=0)
            panel.plot(N, values[name], color=colour, lw=1.5, label=f"{name}(N)")
            _draw_stages(panel, name, found, colour)
            input_axis(panel, "x", "N")
            panel.set_ylabel(f"{name}(N)")
            if name == "B":
                panel.set_yscale("log")
                plain_ticks(panel.yaxis)
            if found is not None:
                legend_outside(panel, above=True, ncols=2)
    return cast("tuple[Axes, Axes, Axes]", tuple(panels))


def _draw_stages(axes: Axes, name: str, found: Diagnostics | None, colour: str) -> None:
    if found is None:
        return
    values = {"U": found.G, "B": found.B, "A": found.A}[name]
    label = "Stage 3, each size" if name == "U" else "Stage 1, each size"
    axes.scatter(found.N, values, s=15, color=colour, alpha=0.75, lw=0, zorder=3, label=label)
