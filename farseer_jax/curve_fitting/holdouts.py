"""Hold-outs of curves: each whole curve, and the end of each."""

from typing import NamedTuple

import numpy as np

_FIRST_PART = 0.6  # of a curve's steps, from which its end is predicted
_MOST_CURVES = 6
_LEAST_POINTS = 6


class CurveHoldouts(NamedTuple):
    """The points that each hold-out fits, and those that it predicts.

    Attributes:
        names: of the held-out curves and ends, ``(holdout,)``.
        fitted: ``(holdout, point)``.
        predicted: ``(holdout, point)``.
    """

    names: tuple[str, ...]
    fitted: np.ndarray
    predicted: np.ndarray

    @property
    def limit(self) -> np.ndarray:
        """Numbers of the hold-outs, ``(holdout,)``."""
        return np.arange(len(self.names))


def curve_holdouts(curve: np.ndarray, step: np.ndarray) -> CurveHoldouts:
    """The hold-outs of the points of some curves.

    Whole curves are held out if two or more remain. The end of a curve is the part after the first
    60 % of its steps. If there are many curves, hold-outs are spread over them.

    Args:
        curve: labels, ``(point,)``.
        step: ``(point,)``.

    Example:
        >>> curve = np.repeat(["a", "b", "c"], 10)
        >>> found = curve_holdouts(curve, np.tile(np.arange(100, 1100, 100), 3))
        >>> found.names[0], found.names[-1], found.predicted.sum(1)
        ('curve a', 'end of curve c', array([10, 10, 10,  4,  4,  4]))
    """
    labels = list(dict.fromkeys(curve.tolist()))
    spread = np.linspace(0, len(labels) - 1, min(len(labels), _MOST_CURVES)).round().astype(int)
    chosen = [labels[place] for place in np.unique(spread)]
    names, hidden = list[str](), list[np.ndarray]()
    if len(labels) > 2:
        for label in chosen:
            names.append(f"curve {label}")
            hidden.append(curve == label)
    for label in chosen:
        own = curve == label
        end = own & (step > _FIRST_PART * step[own].max())
        if end.sum() >= 2 and (own & ~end).sum() >= _LEAST_POINTS:
            names.append(f"end of curve {label}")
            hidden.append(end)
    rows = np.array(hidden, dtype=bool).reshape(len(names), len(curve))
    return CurveHoldouts(tuple(names), ~rows, rows)
