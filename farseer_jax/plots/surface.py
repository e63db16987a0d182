"""Figures of a law in three dimensions: its loss and its derivatives (paper Figs. 18–20)."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farseer_jax.diagnostics.check_shape import check_shape
from farseer_jax.diagnostics.shape import Shape
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.plots._surfaces import (
    axes_3d_of,
    draw_surface,
    dress,
    name_height,
    on_surface,
)
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Quantity = Literal["loss", "D", "N"]
_LABELS = {"loss": "loss L", "D": "∂L/∂D, per token", "N": "∂L/∂N, per parameter"}
_INK = "#111111"
_SIZE = (5.6, 4.4)


def plot_surface(
    law: Law | Fit,
    N: Range,
    D: Range,
    of: Quantity = "loss",
    ax: "Axes | None" = None,
) -> "Axes":
    """The loss, or a derivative of it, as a surface over N and D (paper Figs. 18–20).

    A derivative has a scale that is logarithmic both ways and linear through zero: blue where more
    parameters (or tokens) lower the loss, red where they raise it, a thick line between. Runs that
    were fitted are dots, at their own losses; on a derivative, where it is theirs by the law.

    Args:
        law: a law, or a fit.
        N: smallest and largest N.
        D: smallest and largest D.
        of: ``"loss"``, L (Fig. 18); ``"D"``, ``∂L/∂D`` (Fig. 19); ``"N"``, ``∂L/∂N`` (Fig. 20).
        ax: 3-D axes to draw on; new ones by default.

    Returns:
        The axes. On the first two, coordinates are log10 N and log10 D.

    Raises:
        TypeError: it is neither a law nor a fit, or the axes are not 3-D.
        ValueError: there is no such quantity, or no finite loss somewhere in the domain.

    Example:
        >>> from farseer_jax import example_law
        >>> from farseer_jax.plots import plot_surface
        >>> axes = plot_surface(example_law(), N=(2e8, 1e13), D=(1e9, 1e15), of="N")
        >>> axes.get_zlabel()
        '∂L/∂N, per parameter'
    """
    if of not in _LABELS:
        raise ValueError(f"of must be one of {tuple(_LABELS)}, got {of!r}")
    shape = check_shape(law, N, D)
    runs = law.runs if isinstance(law, Fit) else None
    with axes_3d_of(ax, _SIZE) as axes:
        height = _draw_loss(axes, shape) if of == "loss" else _draw_derivative(axes, shape, of)
        if runs is not None:
            _draw_runs(axes, shape, runs, None if of == "loss" else height)
        title = f"{shape.law.title()} law{_verdict(shape, of)}"
        dress(axes, shape.N, shape.D, title, from_above=of == "loss")
        name_height(axes, _LABELS[of])
    return axes


def _draw_loss(axes: Any, shape: Shape) -> np.ndarray:
    import matplotlib as mpl

    norm = mpl.colors.Normalize(float(shape.loss.min()), float(shape.loss.max()))
    draw_surface(axes, shape.N, shape.D, shape.loss, mpl.colormaps["cividis"], norm)
    return shape.loss


def _draw_derivative(axes: Any, shape: Shape, of: Quantity) -> np.ndarray:
    """Gives the heights."""
    import matplotlib as mpl

    slope = shape.dL_dN if of == "N" else shape.dL_dD
    unit = _linear_up_to(slope)
    height = _both_ways(slope, unit)
    low, high = min(float(height.min()), -1.0), max(float(height.max()), 1.0)
    norm = mpl.colors.TwoSlopeNorm(0.0, vmin=low, vmax=high)
    draw_surface(axes, shape.N, shape.D, height, mpl.colormaps["RdBu_r"], norm)
    if (slope > 0).any() and (slope < 0).any():
        # of the slope itself: beside zero its scale bends, and a grid would show the bends
        axes.contour(
            np.log10(shape.N), np.log10(shape.D), slope.T / unit, levels=[0.0], offset=0.0,
            colors=_INK, linewidths=2.0, zorder=3,
        )  # fmt: skip
    top = float(height.max()) if (slope > 0).any() else 0.0
    ticks = _ticks(float(height.min()), top)
    axes.zaxis.set_ticks(ticks, [_power_text(tick, unit) for tick in ticks])
    axes.set_zlim(float(height.min()), max(top, 0.0))
    return height


def _linear_up_to(slope: np.ndarray) -> float:
    """The power of ten from which on the scale is logarithmic.

    At most the smallest slope, where all have one sign; else the largest of the smaller sign: it
    is seen, and what lies near zero takes no room.
    """
    signs = [np.abs(slope[sign]).max() for sign in (slope > 0, slope < 0) if sign.any()]
    if not signs:
        return 1.0
    smallest = np.abs(slope).min() if len(signs) == 1 else min(signs)
    return float(10.0 ** np.floor(np.log10(max(smallest, np.finfo(float).tiny))))


def _both_ways(values: np.ndarray, unit: float) -> np.ndarray:
    """±1 at ± a unit, and one more for each factor of ten; linear between."""
    size = np.abs(values) / unit
    return np.asarray(np.sign(values) * np.where(size > 1, 1 + np.log10(np.maximum(size, 1)), size))


def _ticks(low: float, high: float) -> list[int]:
    """Zero, and every second or so of the powers of ten."""
    step = max(1, round((high - low) / 6))
    below = range(-1, int(np.ceil(low)) - 1, -step)
    return [*sorted(below), 0, *range(1, int(np.floor(high)) + 1, step)]


def _power_text(tick: int, unit: float) -> str:
    if tick == 0:
        return "0"
    power = round(np.log10(unit)) + abs(tick) - 1
    return f"${'−' if tick < 0 else '+'}10^{{{power}}}$"


def _draw_runs(axes: Any, shape: Shape, runs: Runs, height: np.ndarray | None) -> None:
    """Dots: at their own losses, or on a surface of given heights."""
    shown = (runs.N >= shape.N[0]) & (runs.N <= shape.N[-1])
    shown &= (runs.D >= shape.D[0]) & (runs.D <= shape.D[-1])
    N, D, z = runs.N[shown], runs.D[shown], runs.loss[shown]
    if height is not None:
        z = on_surface(shape.N, shape.D, height, N, D)
    axes.scatter(np.log10(N), np.log10(D), z, s=5, color=_INK, lw=0, depthshade=False, zorder=4)


def _verdict(shape: Shape, of: Quantity) -> str:
    if of == "loss":
        return ""
    share = sum(region.share for region in shape.regions if region.along == of)
    return f": rises with {of} in {share:.0%}" if share else f": falls with {of} everywhere"
