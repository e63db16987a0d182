"""Surfaces over ln N and ln D in three dimensions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.plots._room import is_narrow
from farseer_jax.plots._style import GREY, check_axes, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap, Normalize

_NUM_LINES = 9  # along each axis
_LIGHT = (0.3, -0.45, 0.84)
_LEAST_LIGHT = 0.72  # of the darkest cell
_NARROW_ZOOM = 0.86
_FROM_SMALL, _FROM_LARGE = (24.0, -128.0), (24.0, 40.0)


@contextmanager
def axes_3d_of(ax: "Axes | None", size: tuple[float, float]) -> Iterator[Any]:
    """The given 3-D axes, or new ones of a size in inches, in the package's style.

    Raises:
        TypeError: the given axes are not 3-D.
    """
    if ax is not None:
        check_axes(ax, "ax")
        if ax.name != "3d":
            raise TypeError(
                "ax: a surface needs 3-D axes, such as "
                f"`plt.figure().add_subplot(projection='3d')`, got {ax!r}"
            )
        yield ax
        return
    with style():
        from matplotlib import pyplot as plt

        made = plt.figure(figsize=size).add_subplot(projection="3d")
        made.set_position((0.08, 0.02, 0.9, 0.92))  # a constrained layout cuts off labels in 3-D
        yield made


def draw_surface(
    axes: Any,
    N: np.ndarray,
    D: np.ndarray,
    height: np.ndarray,
    cmap: "Colormap",
    norm: "Normalize",
    *,
    shown: np.ndarray | None = None,
    zorder: float = 1.0,
) -> None:
    """A shaded surface of ``height``, ``(size, tokens)``, on log10 N and log10 D.

    Only the nodes that are ``shown``, all by default: what lies between two parts of a surface is
    drawn between them.
    """
    x, y = np.meshgrid(np.log10(N), np.log10(D), indexing="ij")
    shown = np.ones(height.shape, dtype=bool) if shown is None else shown
    cells = _of_cells(shown.astype(float)) > 0.0
    if not cells.any():
        return
    colours = cmap(norm(_of_cells(height)))
    colours[..., :3] *= _light(x, y, height)[..., None]
    colours[~cells] = 0.0
    axes.computed_zorder = False  # what lies on the surface would be hidden behind its cells
    axes.plot_surface(
        x, y, height, facecolors=colours, rstride=1, cstride=1, linewidth=0.0,
        antialiased=False, shade=False, rasterized=True, zorder=zorder,
    )  # fmt: skip
    thin: Any = {"color": "black", "lw": 0.4, "alpha": 0.3, "zorder": zorder + 0.1}
    lines = np.where(shown, height, np.nan)
    for i in _spread(len(N)):
        axes.plot(x[i], y[i], lines[i], **thin)
    for j in _spread(len(D)):
        axes.plot(x[:, j], y[:, j], lines[:, j], **thin)


def _spread(num: int) -> np.ndarray:
    return np.unique(np.linspace(0, num - 1, _NUM_LINES).round().astype(int))


def _of_cells(values: np.ndarray) -> np.ndarray:
    """Means of four corners."""
    return np.asarray(
        0.25 * (values[1:, 1:] + values[1:, :-1] + values[:-1, 1:] + values[:-1, :-1])
    )


def _light(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Brightness of each cell, of a box with equal sides, from above."""
    ranges = [float(np.ptp(values)) or 1.0 for values in (x, y, z)]
    along_x = np.gradient(z / ranges[2], x[:, 0] / ranges[0], axis=0)
    along_y = np.gradient(z / ranges[2], y[0] / ranges[1], axis=1)
    normal = np.stack([-along_x, -along_y, np.ones_like(z)])
    cosine = np.tensordot(_LIGHT, normal / np.linalg.norm(normal, axis=0), axes=1)
    return _of_cells(_LEAST_LIGHT + (1 - _LEAST_LIGHT) * np.clip(cosine, 0.0, 1.0))


def dress(axes: Any, N: np.ndarray, D: np.ndarray, title: str, *, from_above: bool) -> None:
    """Axes of parameters and tokens, quiet panes, and where to look from.

    Args:
        axes: 3-D.
        N: of the surface, ascending.
        D: likewise.
        title: of the figure.
        from_above: look from large N and D, for what falls towards them; else from small ones.
    """
    from farseer_jax.plots._ticks import Quantities, SurfaceTicks, ticker

    nearest = -1 if from_above else 0
    for axis, values, label in ((axes.xaxis, N, "parameters N"), (axes.yaxis, D, "tokens D")):
        # of N not where D begins: that of D is written there
        bare = float(np.log10(values[nearest])) if axis is axes.xaxis else None
        axis.set_major_locator(ticker(SurfaceTicks, bare))
        axis.set_major_formatter(ticker(Quantities, True))
        axis.set_label_text(label)
        axis.labelpad = 6
    for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
        axis.set_pane_color((1.0, 1.0, 1.0, 0.0))
        axis.line.set_color(GREY)
    axes.set_xlim(np.log10(N[0]), np.log10(N[-1]))
    axes.set_ylim(np.log10(D[0]), np.log10(D[-1]))
    axes.tick_params(labelsize=8, pad=1)
    axes.view_init(*(_FROM_LARGE if from_above else _FROM_SMALL))
    axes.zaxis.set_tick_params(pad=4)
    axes.set_box_aspect((1.0, 1.0, 0.76), zoom=1.06)
    axes.set_title(title, loc="left", pad=-12)
    if is_narrow(axes):
        axes.tick_params(labelsize=7, pad=-2)
        axes.zaxis.set_tick_params(pad=2)
        for axis in (axes.xaxis, axes.yaxis):
            axis.labelpad = -4
            axis.label.set_fontsize(8)
        axes.set_box_aspect((1.0, 1.0, 0.76), zoom=_NARROW_ZOOM)
        axes.title.set_fontsize(9)


def name_height(axes: Any, label: str) -> None:
    """What the vertical axis is."""
    axes.zaxis.set_rotate_label(False)
    narrow = is_narrow(axes)
    axes.set_zlabel(label, rotation=90, labelpad=4 if narrow else 13)
    if narrow:
        axes.zaxis.label.set_fontsize(8)


def name_parts(axes: Any) -> None:
    """A legend above, where the surface is not."""
    if is_narrow(axes):
        axes.legend(
            loc="upper left", bbox_to_anchor=(0.0, 1.0), ncols=2, fontsize=7, frameon=False,
            handlelength=1.2, handletextpad=0.4, columnspacing=0.9, borderpad=0.1,
        )  # fmt: skip
        return
    axes.legend(loc="upper right", fontsize=8, frameon=False)


def on_surface(
    N: np.ndarray, D: np.ndarray, height: np.ndarray, at_N: np.ndarray, at_D: np.ndarray
) -> np.ndarray:
    """Heights of the drawn surface at points within it, linear in ln N and ln D between nodes."""
    i, u = _place(np.log(N), np.log(at_N))
    j, v = _place(np.log(D), np.log(at_D))
    near = (1 - v) * height[i, j] + v * height[i, j + 1]
    far = (1 - v) * height[i + 1, j] + v * height[i + 1, j + 1]
    return np.asarray((1 - u) * near + u * far)


def _place(nodes: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    index = np.clip(np.searchsorted(nodes, at) - 1, 0, len(nodes) - 2)
    share = (at - nodes[index]) / (nodes[index + 1] - nodes[index])
    return index, np.clip(share, 0.0, 1.0)
