"""Legends and texts in the room that a figure leaves, in a column of a paper as well."""

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text

_NARROW = 3.3  # inches of axes, before a layout
_BELOW, _ABOVE = 34.0, 3.0  # points from the axes; below are ticks and a label
_FULL = 0.94  # of a width: letters differ with the resolution of a picture
_LEAST_SIZE = 7.0  # of letters
_BESIDE_TITLE = 62.0  # points that the vertical axis takes
_SHARE = 0.68  # of a height: other things are above and below


def is_narrow(axes: "Axes") -> bool:
    """Whether there is about as much room as in a column of a paper."""
    return bool(_cell(axes)[1] < 72 * _NARROW / 0.775)


def legend_outside(
    axes: "Axes", *, above: bool = False, ncols: int = 3, fontsize: float = 8.5, **options: Any
) -> None:
    """A legend below the axes or above them, in as many columns as there is width for.

    Layouts leave its height free, but not its width: axes would shrink to nothing beside it.
    """
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure: Any = axes.figure
    centre, width, _ = _cell(axes)
    away = _ABOVE if above else -_BELOW
    shift = ScaledTranslation(0.0, away / 72, figure.dpi_scale_trans)
    place = blended_transform_factory(figure.transSubfigure, axes.transAxes + shift)
    if is_narrow(axes):
        fontsize = min(fontsize, 7.5)
        options = {"handlelength": 1.5, "columnspacing": 0.9, "handletextpad": 0.5} | options
    for num in range(ncols, 0, -1):
        legend = axes.legend(
            loc="lower center" if above else "upper center", bbox_transform=place, frameon=False,
            bbox_to_anchor=(centre, 1.0 if above else 0.0), ncols=num, fontsize=fontsize,
            borderaxespad=0.0, borderpad=0.2, **options,
        )  # fmt: skip
        if legend.get_window_extent().width * 72 / figure.dpi <= _FULL * width:
            break
    legend.get_tightbbox = partial(_as_wide_as_axes, legend, axes)  # type: ignore[method-assign]


def _as_wide_as_axes(legend: "Legend", axes: "Axes", renderer: Any = None) -> Any:
    from matplotlib.transforms import Bbox

    own, other = legend.get_window_extent(renderer), axes.bbox
    return Bbox.from_extents(other.x0, own.y0, other.x1, own.y1)


def fit_texts(*several: "Axes") -> None:
    """Smaller letters, then two lines, where a title or a label is longer than its room."""
    _, width, height = _cell(several[0])
    for axes in several:
        for title in (axes.title, axes._left_title, axes._right_title):  # type: ignore[attr-defined]
            _fit(title, width - _BESIDE_TITLE)
        _fit(axes.xaxis.label, width - _BESIDE_TITLE)
        _fit(axes.yaxis.label, _SHARE * height)


def _fit(text: "Text", room: float) -> None:
    """In points, along the text."""
    words = text.get_text()
    long = _length(text)
    if long <= room or not words:
        return
    size = float(text.get_fontsize())
    text.set_fontsize(max(_LEAST_SIZE, size * room / long))
    if _length(text) > 1.02 * room and " " in words:
        spaces = [i for i, letter in enumerate(words) if letter == " "]
        middle = min(spaces, key=lambda i: abs(i - len(words) / 2))
        text.set_text(f"{words[:middle]}\n{words[middle + 1 :]}")
        text.set_fontsize(size)
        text.set_fontsize(float(np.clip(size * room / _length(text), _LEAST_SIZE, 0.85 * size)))


def _length(text: "Text") -> float:
    figure: Any = text.get_figure()
    box = text.get_window_extent()
    return float(max(box.width, box.height) * 72 / figure.dpi)


def _cell(axes: "Axes") -> tuple[float, float, float]:
    """Centre, a share of the figure's width, and width and height in points, of a grid's cell."""
    figure: Any = axes.figure
    whole = 72 / figure.dpi * np.array([figure.bbox.width, figure.bbox.height])
    spec = axes.get_subplotspec()
    if spec is None:
        box = axes.get_position()
        return (box.x0 + box.x1) / 2, box.width * whole[0] + 60, box.height * whole[1] + 40
    spec = spec.get_topmost_subplotspec()
    num_rows, num_columns = spec.get_gridspec().get_geometry()
    first, last = spec.colspan.start, spec.colspan.stop
    tall = (spec.rowspan.stop - spec.rowspan.start) / num_rows
    wide = (last - first) / num_columns
    return (first + last) / 2 / num_columns, wide * whole[0], tall * whole[1]
