"""Surfaces over N and D in three dimensions: a law's loss and its derivatives (Figs. 18–20)."""

import textwrap
from typing import Any, Literal

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LightSource, Normalize
from matplotlib.scale import SymmetricalLogTransform
from matplotlib.ticker import FixedLocator, FuncFormatter

from farseer_jax.diagnostics.check_shape import check_shape
from farseer_jax.diagnostics.shape import Shape
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import is_narrow
from farseer_jax.plots.log_ticks import input_label, log10_tick, log_ticks
from farseer_jax.plots.shape import verdict
from farseer_jax.plots.style import GREY, INK, axes_of, one_of
from farseer_jax.results.numbers import capitalised
from farseer_jax.results.table import evenly
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs

Quantity = Literal["loss", "D", "N"]
SIZE = (5.6, 4.4)
_LABELS = {"loss": "loss L", "D": "∂L/∂D, per token", "N": "∂L/∂N, per parameter"}
_NUM_LINES = 9  # along each axis
_SUN = LightSource(azdeg=146.0, altdeg=57.0)
_LEAST_LIGHT = 0.72  # of the darkest cell
_FROM_SMALL, _FROM_LARGE = (24.0, -128.0), (24.0, 40.0)
_MOST_TICKS = 5
_ROOM = 0.9  # inches of the axes' width for each tick label
_LETTER = 0.56  # mean width, relative to the size of the font
_BARE = 0.05  # decades without a tick at the end of an axis


@draws(Law, Fit, example="fit(Farseer, runs)")
def plot_surface(
    law: Law | Fit,
    N: Range,
    D: Range,
    of: Quantity = "loss",
    ax: Axes | None = None,
) -> Axes:
    """The loss, or a derivative of it, as a surface over N and D (paper Figs. 18–20).

    A derivative has a symmetric logarithmic scale, linear through zero: blue where more parameters
    (or tokens) lower the loss, red where they raise it, with a thick line between. Fitted runs are
    dots, at their own losses, or on the surface of a derivative.

    Args:
        law: a law, or a fit.
        N: smallest and largest N.
        D: smallest and largest D.
        of: ``"loss"``, L (Fig. 18); ``"D"``, ``∂L/∂D`` (Fig. 19); ``"N"``, ``∂L/∂N`` (Fig. 20).
        ax: 3-D axes to draw on; new ones by default.

    Returns:
        The axes. On the first two, coordinates are log10 N and log10 D.

    Raises:
        TypeError: ``law`` is neither a law nor a fit, or the axes are not 3-D.
        ValueError: the quantity is unknown, or a loss in the domain is not finite.

    Example:
        >>> from farseer_jax import example_law
        >>> from farseer_jax.plots import plot_surface
        >>> axes = plot_surface(example_law(), N=(2e8, 1e13), D=(1e9, 1e15), of="N")
        >>> axes.get_zlabel()
        '∂L/∂N, per parameter'
    """
    one_of("of", of, _LABELS)
    shape = check_shape(law, N, D)
    runs = law.runs if isinstance(law, Fit) else None
    with axes_of(ax, SIZE, is_3d=True) as axes:
        height = _draw_loss(axes, shape) if of == "loss" else _draw_derivative(axes, shape, of)
        if runs is not None:
            _draw_runs(axes, shape, runs, None if of == "loss" else height)
        title = f"{capitalised(shape.law)} law{verdict(shape, of, f' with {of}')}"
        finish_surface(axes, shape.N, shape.D, title, _LABELS[of], from_above=of == "loss")
    return axes


def _draw_loss(axes: Any, shape: Shape) -> np.ndarray:
    norm = Normalize(float(shape.loss.min()), float(shape.loss.max()))
    draw_surface(axes, shape.N, shape.D, shape.loss, mpl.colormaps["cividis"], norm)
    return shape.loss


def _draw_derivative(axes: Any, shape: Shape, of: Quantity) -> np.ndarray:
    """Draw ``∂L/∂N`` or ``∂L/∂D``; return the heights."""
    slope = shape.dL_dN if of == "N" else shape.dL_dD
    unit = _linear_up_to(slope)
    # ±1 at ± the unit, and one more for each factor of ten; linear between
    height = np.asarray(SymmetricalLogTransform(10, unit, 0.9).transform_non_affine(slope)) / unit
    low, high = min(float(height.min()), -1.0), max(float(height.max()), 1.0)
    norm = mpl.colors.TwoSlopeNorm(0.0, vmin=low, vmax=high)
    draw_surface(axes, shape.N, shape.D, height, mpl.colormaps["RdBu_r"], norm)
    if (slope > 0).any() and (slope < 0).any():
        # a contour of the slope, because one of the height would show the kinks of its scale
        axes.contour(
            np.log10(shape.N), np.log10(shape.D), slope.T / unit, levels=[0.0], offset=0.0,
            colors=INK, linewidths=2.0, zorder=3,
        )  # fmt: skip
    top = float(height.max()) if (slope > 0).any() else 0.0
    ticks = _ticks(float(height.min()), top)
    axes.zaxis.set_ticks(ticks, [_power_text(tick, unit) for tick in ticks])
    axes.set_zlim(float(height.min()), max(top, 0.0))
    return height


def _linear_up_to(slope: np.ndarray) -> float:
    """The power of ten above which the scale is logarithmic.

    At most the smallest slope, if all have one sign; else the largest slope of the sign with the
    smaller ones, so that both signs are visible and values near zero take no room.
    """
    signs = [np.abs(slope[sign]).max() for sign in (slope > 0, slope < 0) if sign.any()]
    if not signs:
        return 1.0
    smallest = np.abs(slope).min() if len(signs) == 1 else min(signs)
    return float(10.0 ** np.floor(np.log10(max(smallest, np.finfo(float).tiny))))


def _ticks(low: float, high: float) -> list[int]:
    """Zero and evenly spaced powers of ten."""
    step = max(1, round((high - low) / 6))
    below = range(-step, int(np.ceil(low)) - 1, -step)
    return [*sorted(below), 0, *range(step, int(np.floor(high)) + 1, step)]


def _power_text(tick: int, unit: float) -> str:
    if tick == 0:
        return "0"
    power = round(np.log10(unit)) + abs(tick) - 1
    return f"${'−' if tick < 0 else '+'}10^{{{power}}}$"


def _draw_runs(axes: Any, shape: Shape, runs: Runs, height: np.ndarray | None) -> None:
    """Runs as dots, at their own losses, or on the surface of these heights."""
    shown = (runs.N >= shape.N[0]) & (runs.N <= shape.N[-1])
    shown &= (runs.D >= shape.D[0]) & (runs.D <= shape.D[-1])
    N, D, z = runs.N[shown], runs.D[shown], runs.loss[shown]
    if height is not None:
        z = on_surface(shape.N, shape.D, height, N, D)
    axes.scatter(np.log10(N), np.log10(D), z, s=5, color=INK, lw=0, depthshade=False, zorder=4)


def draw_surface(
    axes: Any,
    N: np.ndarray,
    D: np.ndarray,
    height: np.ndarray,
    cmap: Colormap,
    norm: Normalize,
    *,
    shown: np.ndarray | None = None,
    zorder: float = 1.0,
) -> None:
    """A shaded surface of ``height``, ``(size, tokens)``, on an even grid of log10 N and log10 D.

    Draws only the nodes that are ``shown`` (by default all), so that something may be drawn between
    two parts of a surface.
    """
    x, y = np.meshgrid(np.log10(N), np.log10(D), indexing="ij")
    shown = np.ones(height.shape, dtype=bool) if shown is None else shown
    cells = _of_cells(shown.astype(float)) > 0.0
    if not cells.any():
        return
    relief = height.T / (float(np.ptp(height)) or 1.0)  # scaled to a cube
    light = _SUN.hillshade(relief, dx=1 / len(N), dy=-1 / len(D)).T
    colours = cmap(norm(_of_cells(height)))
    colours[..., :3] *= _of_cells(_LEAST_LIGHT + (1 - _LEAST_LIGHT) * light)[..., None]
    colours[~cells] = 0.0
    axes.computed_zorder = False  # else the cells would hide what lies on the surface
    axes.plot_surface(
        x, y, height, facecolors=colours, rstride=1, cstride=1, linewidth=0.0,
        antialiased=False, shade=False, rasterized=True, zorder=zorder,
    )  # fmt: skip
    thin: Any = {"color": "black", "lw": 0.4, "alpha": 0.3, "zorder": zorder + 0.1}
    lines = np.where(shown, height, np.nan)
    for i in evenly(len(N), _NUM_LINES):
        axes.plot(x[i], y[i], lines[i], **thin)
    for j in evenly(len(D), _NUM_LINES):
        axes.plot(x[:, j], y[:, j], lines[:, j], **thin)


def _of_cells(values: np.ndarray) -> np.ndarray:
    """Means over the four corners of each cell."""
    return np.asarray(
        0.25 * (values[1:, 1:] + values[1:, :-1] + values[:-1, 1:] + values[:-1, :-1])
    )


def on_surface(
    N: np.ndarray, D: np.ndarray, height: np.ndarray, at_N: np.ndarray, at_D: np.ndarray
) -> np.ndarray:
    """Heights of the drawn surface at points within it, linear in ln N and ln D between nodes."""
    from scipy.interpolate import RegularGridInterpolator

    # extrapolates, because rounding may put a point outside the edge
    surface = RegularGridInterpolator(
        (np.log(N), np.log(D)), height, bounds_error=False, fill_value=None
    )
    return np.asarray(surface((np.log(at_N), np.log(at_D))))


def finish_surface(
    axes: Any, N: np.ndarray, D: np.ndarray, title: str, label: str, *, from_above: bool
) -> None:
    """Axes of parameters and tokens, their labels, transparent panes, and the view.

    Args:
        axes: 3-D axes.
        N: N of the surface, ascending.
        D: D of the surface, ascending.
        title: title of the figure.
        label: label of the vertical axis.
        from_above: view from large N and D, for a surface that decreases towards them; else from
            small N and D.
    """
    narrow = is_narrow(axes)
    size = 8 if narrow else 9.5
    axes.tick_params(labelsize=7 if narrow else 8, pad=-2 if narrow else 1)
    axes.zaxis.set_tick_params(pad=2 if narrow else 4)
    nearest = -1 if from_above else 0
    for axis, name, values in ((axes.xaxis, "N", N), (axes.yaxis, "D", D)):
        # no tick of N where D starts, whose label is written there
        bare = float(values[nearest]) if name == "N" else None
        axis.set_major_locator(FixedLocator(_places(axes, values[0], values[-1], bare)))
        axis.set_major_formatter(FuncFormatter(log10_tick))
        axis.set_label_text(input_label(name), fontsize=size)
        axis.labelpad = -4 if narrow else 4
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.line.set_color(GREY)
    axes.set_xlim(np.log10(N[0]), np.log10(N[-1]))
    axes.set_ylim(np.log10(D[0]), np.log10(D[-1]))
    axes.view_init(*(_FROM_LARGE if from_above else _FROM_SMALL))
    axes.set_box_aspect((1.0, 1.0, 0.76), zoom=1.0 if narrow else 1.1)
    title_size = 8.5 if narrow else 10.5
    axes.set_title(
        _filled(title, axes.bbox.width, axes, title_size), loc="left", pad=0, fontsize=title_size
    )
    axes.zaxis.set_rotate_label(False)
    label = _filled(label, 0.9 * axes.bbox.height, axes, size)
    axes.set_zlabel(label, rotation=90, labelpad=4 if narrow else 13, fontsize=size)


def _filled(text: str, room: float, axes: Axes, size: float) -> str:
    """A text in lines of at most about ``room`` pixels."""
    return textwrap.fill(text, int(room * 72 / axes.figure.dpi / (_LETTER * size)))


def _places(axes: Any, low: float, high: float, bare: float | None) -> list[float]:
    """Ticks in log10, few enough for the width of the axes, and none at a bare end."""
    most = int(np.clip(axes.bbox.width / axes.figure.dpi / _ROOM, 2, _MOST_TICKS))
    if bare is not None:
        low *= 10.0 ** (_BARE * (low < bare * 10.0**_BARE))
        high *= 10.0 ** (-_BARE * (high > bare * 10.0**-_BARE))
    return list(np.log10(log_ticks(low, high, most)))
