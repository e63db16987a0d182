"""Texts beside points, moved so that none lies on another or on a point."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK = "#222222"
_SIZE = 7.5
_MARK = 3.5  # half of a point's mark, in points
_PAD = (2.0, 0.8)  # around a text
_DISTANCES = (5.5, 11.0, 18.0, 27.0)
_DIRECTIONS = 12


def place_labels(
    axes: "Axes", points: np.ndarray, texts: Sequence[str], taken: np.ndarray, *, num_must: int
) -> None:
    """Write a text beside each point, at the nearest free place; the first choose first.

    Args:
        axes: with their final limits; the figure is laid out here.
        points: ``(text, 2)``, in data coordinates.
        texts: one for each.
        taken: points that no text may cover, ``(mark, 2)``.
        num_must: so many of the first stand further off, on a line, where their surroundings are
            full; others are left out then.
    """
    figure = axes.figure.canvas.figure  # of a part of a figure, the whole
    figure.draw_without_rendering()  # layouts move axes
    to_points = 72 / figure.dpi
    marks = axes.transData.transform(taken) * to_points
    frame = axes.get_window_extent().get_points() * to_points
    boxes = np.concatenate([marks - _MARK, marks + _MARK], axis=1)
    places = axes.transData.transform(points) * to_points
    for i, (place, text) in enumerate(zip(places, texts, strict=True)):
        must = i < num_must
        half = np.array([0.29 * _SIZE * len(text), 0.42 * _SIZE]) + _PAD
        shifts = _shifts(half, _DISTANCES if must else _DISTANCES[:2])
        centres = place + shifts
        tried = np.concatenate([centres - half, centres + half], axis=1)
        covered = _overlap(tried, boxes)
        covered += np.where(
            (tried[:, :2] < frame[0]).any(axis=1) | (tried[:, 2:] > frame[1]).any(axis=1), 1e3, 0.0
        )
        best = int(covered.argmin())
        if covered[best] > 0.0 and not must:
            continue
        boxes = np.concatenate([boxes, tried[best : best + 1]])
        far = bool(np.hypot(*np.maximum(np.abs(shifts[best]) - half, 0.0)) > _DISTANCES[1])
        line = {"arrowstyle": "-", "color": INK, "lw": 0.5, "shrinkB": 3} if far else None
        x, y = axes.transData.inverted().transform(place / to_points)
        axes.annotate(
            text, (x, y), xytext=tuple(shifts[best]),
            textcoords="offset points", ha="center", va="center", fontsize=_SIZE, color=INK,
            zorder=5, arrowprops=line, bbox={"fc": "white", "alpha": 0.6, "lw": 0, "pad": 0.3},
        )  # fmt: skip


def _shifts(half: np.ndarray, distances: Sequence[float]) -> np.ndarray:
    """Of a text's centre from its point, the nearest first, ``(place, 2)``."""
    angles = np.linspace(0.0, 2 * np.pi, _DIRECTIONS, endpoint=False)
    around = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    edge = np.clip(1.5 * around, -1.0, 1.0) * half  # an ellipse would leave room at the sides
    return np.concatenate([edge + distance * around for distance in distances])


def _overlap(tried: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Area of boxes ``(left, low, right, high)`` that each tried one covers, ``(tried,)``."""
    low = np.maximum(tried[:, None, :2], boxes[None, :, :2])
    high = np.minimum(tried[:, None, 2:], boxes[None, :, 2:])
    return np.asarray(np.prod(np.maximum(high - low, 0.0), axis=2).sum(axis=1))
