"""Minima of curves that are known at points of an even grid."""

from typing import NamedTuple

import numpy as np


class Minima(NamedTuple):
    """The lowest minimum of each curve.

    Attributes:
        position: in steps of the grid from its first point, ``(curve,)``; without a minimum the
            lower end.
        found: whether there is one, ``(curve,)``.
    """

    position: np.ndarray
    found: np.ndarray


def minima(values: np.ndarray, *, low_counts: bool, high_counts: bool) -> Minima:
    """The lowest interior minimum of each curve, by the parabola through its three lowest points.

    Args:
        values: ``(curve, point)``; infinite where a curve is not defined.
        low_counts: whether the first point counts as a minimum where the curve rises from it.
        high_counts: whether the last one does where the curve falls to it.

    Example:
        >>> import numpy as np
        >>> from farseer_jax.decisions.curve_minima import minima
        >>> x = np.arange(7.0)
        >>> minima(np.stack([(x - 2.3) ** 2, -x]), low_counts=False, high_counts=False)
        Minima(position=array([2.3, 6. ]), found=array([ True, False]))
    """
    num, last = values.shape[0], values.shape[1] - 1
    inner = (values[:, 1:-1] < values[:, :-2]) & (values[:, 1:-1] <= values[:, 2:])
    ends = np.zeros((2, num, 1), dtype=bool)
    if low_counts:
        ends[0, :, 0] = values[:, 0] <= values[:, 1]
    if high_counts:
        ends[1, :, 0] = values[:, -1] <= values[:, -2]
    is_minimum = np.concatenate([ends[0], inner, ends[1]], axis=1)
    place = np.where(is_minimum, values, np.inf).argmin(axis=1)
    found = np.asarray(is_minimum.any(axis=1))
    lower_end = np.where(values[:, 0] <= values[:, -1], 0, last)
    place = np.where(found, place, lower_end)
    left, middle, right = (
        values[np.arange(num), np.clip(place + shift, 0, last)] for shift in (-1, 0, 1)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = 0.5 * (left - right) / (left - 2.0 * middle + right)
    is_inner = found & (place > 0) & (place < last) & np.isfinite(shift)
    return Minima(place + np.where(is_inner, shift, 0.0), found)
