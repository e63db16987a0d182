"""Legends and long texts that fit their figure, also in one column of a paper.

Figures use matplotlib's constrained layout. It makes room for the height of a legend outside the
axes, but shrinks the axes for a wide legend or a long label: these are measured and fitted here.
"""

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.text import Text
from matplotlib.transforms import ScaledTranslation

NARROW = 4.0  # inches for axes with their labels: a column of a paper has 3.3
_LEAST_SIZE = 7.0  # of a font
_MOST_LINES = 3


def is_narrow(axes: Axes) -> bool:
    """Whether the axes have about the width of a column of a paper."""
    figure: Any = axes.figure
    spec = axes.get_subplotspec()
    if spec is None:
        return bool(axes.bbox.width / figure.dpi < NARROW)
    spec = spec.get_topmost_subplotspec()
    share = len(spec.colspan) / spec.get_gridspec().ncols
    return bool(share * figure.bbox.width / figure.dpi < NARROW)


def lay_out(axes: Axes) -> Any:
    """The whole figure, after its layout has placed the axes."""
    figure: Any = axes.figure.canvas.figure  # the whole figure, if the axes are in a part of one
    if (engine := figure.get_layout_engine()) is not None:
        engine.execute(figure)
    axes.get_xlim()  # makes matplotlib update the limits
    return figure


def legend_outside(axes: Axes, *, above: bool = False, ncols: int = 3, **options: Any) -> None:
    """A legend below the axes or above them, in as many columns as their width allows."""
    figure = fit_texts(axes)
    box = axes.xaxis.get_tightbbox(figure.canvas.get_renderer())
    below = 0.0 if box is None else (axes.bbox.y0 - box.y0) * 72 / figure.dpi
    away = ScaledTranslation(0.0, (3.0 if above else -below - 3.0) / 72, figure.dpi_scale_trans)
    place: dict[str, Any] = {
        "loc": "lower center" if above else "upper center",
        "bbox_to_anchor": (0.5, 1.0 if above else 0.0),
        "bbox_transform": axes.transAxes + away,
    }
    look: dict[str, Any] = {
        "frameon": False,
        "borderaxespad": 0.0,
        "borderpad": 0.2,
        "fontsize": 8.5,
    }
    if is_narrow(axes):
        look |= {"fontsize": 7.5, "handlelength": 1.5, "columnspacing": 0.9, "handletextpad": 0.5}
    labels = axes.yaxis.get_tightbbox(figure.canvas.get_renderer())
    room = axes.bbox.width if labels is None else axes.bbox.x1 - min(labels.x0, axes.bbox.x0)
    for num in range(ncols, 0, -1):
        legend = axes.legend(ncols=num, **place, **look, **options)
        wide = legend.get_window_extent().width
        if wide <= axes.bbox.width:
            return
        if num == 1 and wide <= room:  # over the labels of the vertical axis, too
            legend.set_loc(place["loc"].replace("center", "right"))
            legend.set_bbox_to_anchor((1.0, place["bbox_to_anchor"][1]), place["bbox_transform"])
            return
    wide /= axes.bbox.width
    for text in legend.get_texts():
        _wrap(text, 1.1 * wide)


def fit_texts(*several: Axes) -> Any:
    """Fit titles and labels longer than their axes: a smaller font, then several lines.

    Returns:
        The whole figure, laid out.
    """
    figure, changed = lay_out(several[0]), False
    for axes in several:
        changed |= _fit(axes.xaxis.label, 1.05 * axes.bbox.width)
        for each in (axes, *_bars(axes)):
            changed |= _fit(each.yaxis.label, 1.05 * each.bbox.height)
    if changed:  # and the axes moved
        figure, changed = lay_out(several[0]), False
    for axes in several:
        for title in (axes.title, axes._right_title):  # type: ignore[attr-defined]
            changed |= _fit(title, 0.95 * axes.bbox.width)
        changed |= _fit(axes._left_title, _room_of_title(axes))  # type: ignore[attr-defined]
    return lay_out(several[0]) if changed else figure


def _bars(axes: Axes) -> list[Axes]:
    """The axes of the colour bars beside axes."""
    return [drawn.colorbar.ax for drawn in axes.collections if drawn.colorbar is not None]


def _room_of_title(axes: Axes) -> float:
    """Pixels from the left of the axes to what lies at their right."""
    spec = axes.get_subplotspec()
    alone = spec is None or spec.get_topmost_subplotspec().get_gridspec().ncols == 1
    if not alone or any(bar.get_title() for bar in _bars(axes)):
        return float(0.95 * axes.bbox.width)
    whole: Any = axes.get_figure(root=True)
    return float(0.98 * (whole.bbox.x1 - axes.bbox.x0))


def _fit(text: Text, room: float) -> bool:
    """Make a text at most ``room`` pixels long; return whether it was longer."""
    if (long := _length(text)) <= room or not text.get_text():
        return False
    size = float(text.get_fontsize())
    text.set_fontsize(max(min(size, _LEAST_SIZE), 0.98 * size * room / long))
    if (long := _length(text)) > 1.02 * room:
        _wrap(text, long / room)
    return True


def _wrap(text: Text, times: float) -> None:
    """Break a text that is ``times`` longer than its room into lines of similar length."""
    words = text.get_text()
    times = min(times, _MOST_LINES)
    width = min(len(words) / times, 1.15 * len(words) / np.ceil(times) + 2)
    text.set_text(
        textwrap.fill(words, max(int(width), 1), break_long_words=False, break_on_hyphens=False)
    )


def _length(text: Text) -> float:
    return float(np.max(text.get_window_extent().size))
