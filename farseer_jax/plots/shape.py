"""A map of a law's elasticities over a domain."""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from farseer_jax.diagnostics.shape import Shape
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.log_ticks import map_axes
from farseer_jax.plots.style import INK, axes_of, colour_bar, one_of
from farseer_jax.results.numbers import capitalised

Quantity = Literal["N", "D", "loss"]
_LABELS = {"N": "∂ ln L / ∂ ln N", "D": "∂ ln L / ∂ ln D", "loss": "loss L"}
_TITLES = {"N": "as N grows", "D": "as D grows", "loss": "over N and D"}


@draws(Shape, example="check_shape(fit, N=(1e8, 1e11), D=(1e9, 1e13))")
def plot_shape(shape: Shape, of: Quantity = "N", ax: Axes | None = None) -> Axes:
    """A map of an elasticity over the domain, or of the loss (paper Figs. 18–20).

    Blue where the loss falls and red where it rises, with a thick line between; the dashed box is
    the range of the fitted runs.

    Args:
        shape: from :func:`check_shape`.
        of: ``"N"``, ``∂ ln L / ∂ ln N`` (Fig. 20); ``"D"``, ``∂ ln L / ∂ ln D`` (Fig. 19);
            ``"loss"``, the loss (Fig. 18).
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: the quantity is unknown.

    Example:
        >>> from farseer_jax import check_shape, example_law
        >>> from farseer_jax.plots import plot_shape
        >>> shape = check_shape(example_law(), N=(2e8, 1e13), D=(1e9, 1e15))
        >>> plot_shape(shape).get_ylabel()
        'tokens D'
    """
    one_of("of", of, _LABELS)
    values = {"N": shape.by_N, "D": shape.by_D, "loss": shape.loss}[of].T
    with axes_of(ax, (5.0, 3.9)) as axes:
        map_axes(axes)
        mesh = axes.pcolormesh(
            shape.N, shape.D, values, shading="gouraud", rasterized=True, **_colours(values, of)
        )
        _lines(axes, shape, values, of)
        colour_bar(axes, mesh, _LABELS[of])
        axes.set_title(f"{capitalised(shape.law)} law {_TITLES[of]}{verdict(shape, of)}")
        _box(axes, shape)
    return axes


def _colours(values: np.ndarray, of: Quantity) -> dict[str, Any]:
    if of == "loss":
        return {"cmap": "cividis"}
    largest = float(np.abs(values).max())
    return {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest}


def _lines(axes: Axes, shape: Shape, values: np.ndarray, of: Quantity) -> None:
    """Contours, with a thick one where the loss neither falls nor rises."""
    levels = np.asarray(MaxNLocator(7).tick_values(values.min(), values.max()))
    drawn = axes.contour(
        shape.N, shape.D, values, levels=levels[levels != 0.0],
        colors="white" if of == "loss" else INK,
        linewidths=0.5, linestyles="solid", alpha=0.55,
    )  # fmt: skip
    axes.clabel(drawn, fontsize=7, fmt=lambda level: f"{level:.3g}".replace("-", "−"))
    if of != "loss" and values.min() < 0.0 < values.max():
        axes.contour(shape.N, shape.D, values, levels=[0.0], colors=INK, linewidths=2.0)


def _box(axes: Axes, shape: Shape) -> None:
    if shape.runs_N is None or shape.runs_D is None:
        return
    (left, right), (low, high) = shape.runs_N, shape.runs_D
    axes.plot(
        [left, right, right, left, left], [low, low, high, high, low],
        color=INK, lw=1.4, ls=(0, (4, 2)), clip_on=True,
    )  # fmt: skip
    axes.set(xlim=(shape.N[0], shape.N[-1]), ylim=(shape.D[0], shape.D[-1]))
    corner = np.array([[np.clip(right, *shape.N[[0, -1]]), np.clip(high, *shape.D[[0, -1]])]])
    place_labels(axes, corner, ["runs"], corner, num_must=1, size=8.0)


def verdict(shape: Shape, of: str, along: str = "") -> str:
    """The part of a title on the sign of a derivative; empty for the loss itself."""
    if of == "loss":
        return ""
    share = sum(region.share for region in shape.regions if region.along == of)
    return f": rises{along} in {share:.0%}" if share else f": falls{along} everywhere"
