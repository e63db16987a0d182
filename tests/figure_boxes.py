"""What is read in a figure, as boxes on the page: too small, outside, overlapping, or over data."""

from typing import Any

import numpy as np
from matplotlib.collections import PathCollection
from matplotlib.text import Text
from matplotlib.transforms import Bbox

LEAST_SIZE = 6.0  # points
SLACK = 0.75  # pixels at 100 dpi: what is drawn of a text ends within its box


def faults(figure: Any) -> list[str]:
    """Sentences on what cannot be read in a figure as it is drawn.

    Texts are ticks, labels, titles, legends and annotations, also of colour bars and of 3-D axes.
    """
    figure.draw_without_rendering()
    texts = _texts(figure)
    small = [text for text in texts if text.get_fontsize() < LEAST_SIZE]
    found = [f"{_words(text)} has {text.get_fontsize():.2g} points" for text in small]
    boxes = {text: _corners(text) for text in texts}
    whole = figure.bbox.get_points() + np.array([[-SLACK], [SLACK]])
    for text, box in boxes.items():
        if (box < whole[0]).any() or (box > whole[1]).any():
            found.append(f"{_words(text)} is not inside the figure")
    known = list(boxes.items())
    for i, (one, a) in enumerate(known):
        for other, b in known[:i]:
            if _overlap(a, b):
                found.append(f"{_words(other)} overlaps {_words(one)}")
    return found + _covered(figure) + _bare(figure)


def _words(text: Text) -> str:
    return repr(text.get_text())


def _texts(figure: Any) -> list[Text]:
    found = [*figure.texts, *([figure._suptitle] if figure._suptitle else [])]
    for axes in figure.axes:
        found += [axes.title, axes._left_title, axes._right_title, *axes.texts]
        for axis in axes._axis_map.values():
            found += [axis.label, axis.offsetText]
            for tick in _ticks(axes, axis):
                found += [tick.label1, tick.label2]
        if (legend := axes.get_legend()) is not None:
            found += [legend.get_title(), *legend.get_texts()]
    return [text for text in dict.fromkeys(found) if text.get_text() and _is_visible(text)]


def _ticks(axes: Any, axis: Any) -> list[Any]:
    """The ticks that are drawn, at the places where they are drawn."""
    if axes.name != "3d":
        return list(axis._update_ticks())
    low, high = sorted(axis.get_view_interval())
    places = axis.get_majorticklocs()
    ticks = zip(places, axis.get_major_ticks(len(places)), strict=True)
    return [tick for place, tick in ticks if low <= place <= high]


def _is_visible(text: Text) -> bool:
    return bool(text.get_visible() and (text.axes is None or text.axes.get_visible()))


def _corners(text: Text) -> np.ndarray:
    """The corners of a text's box, turned as the text is, ``(4, 2)`` in pixels."""
    middle = np.mean(Text.get_window_extent(text).get_points(), axis=0)
    angle = text.get_rotation()
    text.set_rotation(0.0)
    half = 0.5 * Text.get_window_extent(text).size - SLACK
    text.set_rotation(angle)
    turn = np.deg2rad(angle)
    along, across = half[0] * _unit(turn), half[1] * _unit(turn + np.pi / 2)
    return np.array([middle + a * along + b * across for a, b in _SIGNS])


_SIGNS = ((-1, -1), (-1, 1), (1, 1), (1, -1))


def _unit(angle: float) -> np.ndarray:
    return np.array([np.cos(angle), np.sin(angle)])


def _overlap(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether no line parallel to a side separates two rectangles."""
    for box in (a, b):
        for side in (box[1] - box[0], box[2] - box[1]):
            on_a, on_b = a @ side, b @ side
            if on_a.max() <= on_b.min() or on_b.max() <= on_a.min():
                return False
    return True


def _covered(figure: Any) -> list[str]:
    """Legends that lie over points or lines of flat axes."""
    found = []
    for axes in figure.axes:
        legend = axes.get_legend()
        if legend is None or axes.name == "3d":
            continue
        box: Bbox = legend.get_window_extent()
        places = [line.get_transform().transform(line.get_xydata()) for line in axes.lines]
        dots = [each for each in axes.collections if isinstance(each, PathCollection)]
        places += [axes.transData.transform(np.asarray(own.get_offsets())) for own in dots]
        if any(box.count_contains(own) for own in places if len(own)):
            found.append("the legend covers data")
    return found


def _bare(figure: Any) -> list[str]:
    """Axes of numbers with fewer than two ticks that are read."""
    found = []
    for axes in figure.axes:
        for axis in axes._axis_map.values():
            shown = [
                t for t in _ticks(axes, axis) if t.label1.get_visible() or t.label2.get_visible()
            ]
            read = {t.label1.get_text() or t.label2.get_text() for t in shown} - {""}
            if shown and axis.get_visible() and len(read) < 2 and axis.label.get_text():
                found.append(f"the axis {axis.label.get_text()!r} has ticks {sorted(read)}")
    return found
