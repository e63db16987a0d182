"""Straight lines through the logarithms of differences, slice by slice; NumPy only."""

from typing import NamedTuple

import numpy as np


class Lines(NamedTuple):
    """A line ``y = level + slope · (x − middle)`` per slice; NaN where it has too few points.

    Attributes:
        num_points: ``(slice,)``.
        middle: mean of x.
        level: y there.
        slope: of the line.
        r_squared: share of the variance of y that the line explains.
    """

    num_points: np.ndarray
    middle: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    r_squared: np.ndarray


def lines_of(
    x: np.ndarray, y: np.ndarray, slices: np.ndarray, num_slices: int, min_points: int
) -> Lines:
    """Least squares in closed form, all slices at once.

    Args:
        x: abscissae, ``(point,)``.
        y: ordinates, ``(point,)``.
        slices: which slice a point is of, ``(point,)``.
        num_slices: how many there are.
        min_points: that a slice needs.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(slices, weights=values, minlength=num_slices)

    count = total(np.ones(len(x)))
    enough = np.where(count >= max(min_points, 1), count, np.nan)
    middle, level = total(x) / enough, total(y) / enough
    dx, dy = x - middle[slices], y - level[slices]
    # of slices with too few points NaN comes through, as of points that all have one x
    spread = np.where(total(dx**2) > 0, total(dx**2), np.nan)
    height = np.where(total(dy**2) > 0, total(dy**2), np.nan)
    slope = total(dx * dy) / spread
    explained = total(dx * dy) ** 2 / (spread * height)
    return Lines(count.astype(int), middle, level, slope, np.minimum(explained, 1.0))
