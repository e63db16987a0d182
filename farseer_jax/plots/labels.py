"""Labels beside points and at the ends of lines, placed where they cover nothing else."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.plots.layout import fit_texts, lay_out
from farseer_jax.plots.style import INK

# all in points of 1/72 inch
_PAD = (2.0, 0.8)  # around a label
_DISTANCES = np.array([5.5, 11.0, 18.0, 27.0])  # of a label from its point
_NEAR = 11.0  # distance up to which a label needs no line to its point
_NUM_DIRECTIONS = 12
_COST_OF_TEXT = 20.0  # of a label over another one, relative to one over a marker
_LINE_GAP = 1.15  # between names of lines, relative to the font size


def note(
    axes: Axes, text: str, point: tuple[Any, Any], shift: tuple[float, float], **look: Any
) -> None:
    """Write a text at a point, shifted by points of 1/72 inch."""
    usual: dict[str, Any] = {"fontsize": 8, "color": INK}
    axes.annotate(text, point, xytext=shift, textcoords="offset points", **(usual | look))


def place_labels(
    axes: Axes,
    points: np.ndarray,
    texts: Sequence[str],
    taken: np.ndarray,
    *,
    num_must: int,
    reach: float = _NEAR,
    mark: float | np.ndarray = 3.5,
    size: float = 7.5,
) -> None:
    """Write a label beside each point, in order, at the nearest free place.

    Args:
        axes: axes with their final limits and legend.
        points: points in data coordinates, ``(label, 2)``.
        texts: labels of the points.
        taken: points that no label may cover, ``(mark, 2)``.
        num_must: number of first labels that are always written, further away if necessary; others
            are left out where there is no room.
        reach: largest distance of the other labels from their points, in points of 1/72 inch.
        mark: half of the size of the markers, in points of 1/72 inch; one for all, or ``(mark,)``.
        size: font size.
    """
    to_points = 72 / fit_texts(axes).dpi
    marks = axes.transData.transform(taken) * to_points
    frame = axes.get_window_extent().get_points() * to_points
    radius = np.broadcast_to(mark, len(marks))[:, None]
    boxes = np.concatenate([marks - radius, marks + radius], axis=1)
    written = [text.get_window_extent().extents * to_points for text in axes.texts]
    boxes = np.concatenate([boxes, np.reshape(written, (-1, 4))])
    costs = np.append(np.ones(len(marks)), np.full(len(written), _COST_OF_TEXT))
    places = axes.transData.transform(points) * to_points
    for i, (point, place, text) in enumerate(zip(points, places, texts, strict=True)):
        must = i < num_must
        half = np.array([0.29 * size * len(text), 0.52 * size]) + _PAD
        shifts = _shifts(half, _DISTANCES if must else _DISTANCES[_DISTANCES <= reach])
        tried = np.concatenate([place + shifts - half, place + shifts + half], axis=1)
        outside = (tried[:, :2] < frame[0]).any(axis=1) | (tried[:, 2:] > frame[1]).any(axis=1)
        covered = _overlap(tried, boxes) @ costs + np.where(outside, 1e3, 0.0)
        best = int(covered.argmin())
        if covered[best] > 0.0 and not must:
            continue
        boxes = np.concatenate([boxes, tried[best : best + 1]])
        costs = np.append(costs, _COST_OF_TEXT)
        far = bool(np.hypot(*np.maximum(np.abs(shifts[best]) - half, 0.0)) > _NEAR)
        line: Any = {"arrowstyle": "-", "color": INK, "lw": 0.5, "shrinkB": 3} if far else None
        axes.annotate(
            text, tuple(point), xytext=tuple(shifts[best]), textcoords="offset points",
            ha="center", va="center", fontsize=size, color=INK, zorder=5, arrowprops=line,
            bbox={"fc": "white", "alpha": 0.6, "lw": 0, "pad": 0.3},
        )  # fmt: skip


def _shifts(half: np.ndarray, distances: np.ndarray) -> np.ndarray:
    """Shifts of a label's centre from its point, the nearest first, ``(place, 2)``."""
    angles = np.linspace(0.0, 2 * np.pi, _NUM_DIRECTIONS, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    edge = np.clip(1.5 * around, -1.0, 1.0) * half  # an ellipse would leave gaps at the corners
    return np.concatenate([edge + distance * around for distance in distances])


def _overlap(tried: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Area of each box (left, low, right, high) that each tried box covers, ``(tried, box)``."""
    low = np.maximum(tried[:, None, :2], boxes[None, :, :2])
    high = np.minimum(tried[:, None, 2:], boxes[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2))


def name_lines(
    axes: Axes, ends: Sequence[tuple[float, float, str, Any]], size: float = 8.0
) -> None:
    """Write names of lines in a column at the right, near their ends without overlap.

    Args:
        axes: axes with their final limits.
        ends: x and y of each line's end, its name and its colour.
        size: font size.
    """
    figure = lay_out(axes)
    ends = sorted(ends, key=lambda end: -end[1])
    gap = _LINE_GAP * size * figure.dpi / 72 / axes.bbox.height  # relative to the axes' height
    heights = [
        float(axes.transAxes.inverted().transform(axes.transData.transform(end[:2]))[1])
        for end in ends
    ]
    places: list[float] = []
    for height in heights:
        places.append(min(height, places[-1] - gap) if places else height)
    lift = float(np.mean(heights) - np.mean(places)) if ends else 0.0
    for (x, y, text, colour), place in zip(ends, places, strict=True):
        axes.annotate(
            text, (x, y), xytext=(1.015, place + lift), textcoords="axes fraction", fontsize=size,
            color=colour, va="center", annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "lw": 0.6, "alpha": 0.4, "shrinkA": 1},
        )  # fmt: skip
