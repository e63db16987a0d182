"""The common style of all figures, on the caller's axes or on new ones."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties

from farseer_jax.fitting.type_checks import instance_of, shown
from farseer_jax.plots.layout import NARROW, fit_texts

# Okabe and Ito's palette, dark enough for lines on white
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
GREY = "#6b6b6b"
INK = "#222222"
_DARKEST, _LIGHTEST = 0.0, 0.82  # of the colour map: its yellow end is too pale on white
_STYLE: Any = {
    "axes.titlelocation": "left", "axes.titlepad": 8,
    "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": GREY,
    "axes.labelcolor": "#333333", "xtick.color": GREY, "ytick.color": "#333333",
    "axes.grid": True, "grid.color": "#e6e6e6", "grid.linewidth": 0.7, "axes.axisbelow": True,
    "legend.frameon": False, "svg.fonttype": "none",
}  # fmt: skip
_SIZES: Any = {"font.size": 9.5, "axes.titlesize": 10.5, "legend.fontsize": 8.5}
_SIZES_OF_COLUMN: Any = {"font.size": 8.0, "axes.titlesize": 8.5, "legend.fontsize": 7.5}
_POSITION, _POSITION_IN_COLUMN = (0.08, 0.05, 0.86, 0.9), (0.15, 0.04, 0.82, 0.84)
_MM_PER_INCH = 25.4
_MOST_VECTORS = 10_000  # marks, or points of a line
_LEAST_WIDTH, _MOST_WIDTH = 60.0, 600.0
_WIDTH: ContextVar[float | None] = ContextVar("width of new figures in inches", default=None)


@contextmanager
def figure_width(millimetres: float) -> Iterator[None]:
    """Make new figures this wide, for a column or a page of a paper, with fonts of 7 to 9 points.

    Figures are to be printed at this width, not scaled. In a width below 100 mm, panels that are
    side by side otherwise lie below each other. Figures on axes of your own have their size.

    Args:
        millimetres: the width; columns of papers are about 85 mm wide, and pages 180 mm.

    Raises:
        ValueError: the width is not between 60 and 600.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import figure_width, plot_fit
        >>> result = fit(Farseer, example_runs())
        >>> with figure_width(85):
        ...     axes = plot_fit(result)
        >>> print(f"{axes.figure.get_figwidth():.2f} inches")
        3.35 inches
        >>> axes.figure.savefig("fit.pdf")  # doctest: +SKIP
    """
    if not (isinstance(millimetres, int | float) and _LEAST_WIDTH <= millimetres <= _MOST_WIDTH):
        raise ValueError(
            f"millimetres: expected a width from {_LEAST_WIDTH:g} to {_MOST_WIDTH:g}, "
            f"such as 85 for a column of a paper, got {shown(millimetres)}"
        )
    token = _WIDTH.set(millimetres / _MM_PER_INCH)
    try:
        yield
    finally:
        _WIDTH.reset(token)


def _style_of(width: float) -> Any:
    """The style of a figure of a width in inches."""
    return _STYLE | (_SIZES_OF_COLUMN if width < NARROW else _SIZES)


def _keep_look(*several: Axes) -> None:
    """Have ticks that are made when the figure is drawn look as those made now."""
    rc: Any = mpl.rcParams
    for axes in several:
        for which, axis in (("x", axes.xaxis), ("y", axes.yaxis)):
            size = FontProperties(size=rc[f"{which}tick.labelsize"]).get_size_in_points()
            axis.set_tick_params(which="both", labelsize=size, colors=rc[f"{which}tick.color"])


@contextmanager
def axes_of(
    ax: Axes | None, size: tuple[float, float], *, is_3d: bool = False, keeps_height: bool = False
) -> Iterator[Any]:
    """The caller's axes, or new ones of a size in inches; long texts are fitted at the end.

    Within :func:`figure_width` new axes are that wide, and their height changes less than in
    proportion, or not at all if they list something from top to bottom.

    Raises:
        TypeError: ``ax`` is not Axes, or flat instead of 3-D or the reverse.
    """
    if ax is not None:
        instance_of(Axes, ax, "ax", "such as `plt.subplots()[1]`")
        if is_3d and ax.name != "3d":
            raise TypeError(
                "ax: a surface needs 3-D axes, such as "
                f"`plt.figure().add_subplot(projection='3d')`, got {ax!r}"
            )
        if ax.name == "3d" and not is_3d:
            raise TypeError("ax: expected flat axes, such as `plt.subplots()[1]`, got 3-D ones")
        yield ax
        _rasterise(ax)
        if not is_3d:
            fit_texts(ax)
        return
    width = _WIDTH.get() or size[0]
    power = 0.0 if keeps_height else 0.75 if is_3d else 0.5
    size = width, size[1] * (width / size[0]) ** power
    with mpl.rc_context(_style_of(width)):
        if is_3d:
            made: Any = plt.figure(figsize=size).add_subplot(projection="3d")
            # constrained layout cuts 3-D labels off
            made.set_position(_POSITION_IN_COLUMN if width < NARROW else _POSITION)
            yield made
            _rasterise(made)
        else:
            _, made = plt.subplots(figsize=size, layout="constrained")
            _keep_look(made)
            yield made
            _rasterise(made)
            fit_texts(made)


def _rasterise(*axes: Any) -> None:
    """Marks and lines of very many points as pixels in files of vectors, which would be huge."""
    for own in axes:
        for marks in own.collections:
            if len(np.atleast_1d(marks.get_offsets())) > _MOST_VECTORS:
                marks.set_rasterized(True)
        for line in own.lines:
            if len(line.get_xdata()) > _MOST_VECTORS:
                line.set_rasterized(True)


@contextmanager
def grid_of(
    axes: Sequence[Axes] | None,
    shape: tuple[int, int],
    size: tuple[float, float],
    tall: float,
    *,
    shares_x: bool = False,
    height_ratios: Sequence[float] | None = None,
) -> Iterator[list[Axes]]:
    """The caller's axes, or a new grid of them, row by row.

    In the width of a column, the columns of the grid lie below each other.

    Args:
        axes: the caller's axes.
        shape: rows and columns.
        size: width and height in inches.
        tall: height in inches of all panels below each other.
        shares_x: whether all panels have one horizontal axis, which is labelled at the bottom.
        height_ratios: of the rows.

    Raises:
        TypeError: an element of ``axes`` is not Axes.
        ValueError: there are too few or too many axes.
    """
    rows, cols = shape
    if axes is not None:
        own = list(axes)
        if len(own) != rows * cols:
            raise ValueError(f"axes: expected {rows * cols}, got {len(own)}")
        yield [instance_of(Axes, ax, "axes", "such as `plt.subplots()[1]`") for ax in own]
        _rasterise(*own)
        fit_texts(*own)
        return
    width = _WIDTH.get() or size[0]
    options: Any = {"sharex": "col" if shares_x else "none", "layout": "constrained"}
    heights = [1.0] * rows if height_ratios is None else list(height_ratios)
    with mpl.rc_context(_style_of(width)):
        if is_stacked := width < NARROW and cols > 1:
            options |= {"figsize": (width, tall), "height_ratios": heights * cols}
            made = plt.subplots(rows * cols, 1, **options)[1].reshape(cols, rows)
            # row by row; without a common axis the panels are read in this order as well
            found = list(made.T.ravel() if shares_x else made.ravel())
        else:
            height = size[1] * math.sqrt(width / size[0])
            options |= {"figsize": (width, height), "height_ratios": heights}
            found = list(plt.subplots(rows, cols, squeeze=False, **options)[1].ravel())
        _keep_look(*found)
        yield found
        _rasterise(*found)
        if is_stacked:
            for each in found if shares_x else ():
                each.label_outer()
            found[0].get_figure(root=True).align_ylabels(found)
        fit_texts(*found)


def one_of(argument: str, value: object, choices: Iterable[object]) -> None:
    """Check a choice.

    Raises:
        ValueError: ``value`` is not among the choices.
    """
    if value not in (known := list(choices)):
        listed = ", ".join(map(repr, known))
        raise ValueError(f"{argument}: unknown {value!r}; choose from {listed}")


def colour_bar(axes: Axes, drawn: Any, label: str = "", extend: str = "neither") -> Any:
    """A colour bar beside the axes; ``extend`` is ``"max"`` where values exceed its upper end."""
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02, aspect=26, extend=extend)
    bar.outline.set_visible(False)
    _keep_look(bar.ax)
    bar.set_label(label)
    return bar


def ordered_colours(num: int) -> np.ndarray:
    """Colours from dark to light, whose order is visible in grey and to the colour-blind."""
    ends = (_DARKEST, _LIGHTEST if num > 1 else _DARKEST)
    return np.asarray(mpl.colormaps["viridis"](np.linspace(*ends, num)))
