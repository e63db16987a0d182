"""Earlier extrapolations within the runs: fit the smaller ones, predict the next larger."""

from typing import NamedTuple

import numpy as np

_MOST, _LEAST_RUNS, _LEAST_STEP = 5, 8, np.log(1.3)
_ROUNDING = 1e-6


class RollingLimits(NamedTuple):
    """Rolling hold-outs.

    Attributes:
        limit: the first value held out, from the largest down, ``(holdout,)``.
        fitted: the runs below it, ``(holdout, run)``.
        predicted: the runs from it up to the next limit, ``(holdout, run)``.
    """

    limit: np.ndarray
    fitted: np.ndarray
    predicted: np.ndarray

    def take(self, runs: np.ndarray) -> "RollingLimits":
        """The same hold-outs of some of the runs."""
        return RollingLimits(self.limit, self.fitted[:, runs], self.predicted[:, runs])


def rolling_limits(along: np.ndarray, active: np.ndarray | None = None) -> RollingLimits:
    """Up to five hold-outs of ever smaller limits, at least a factor 1.3 apart.

    Args:
        along: the coordinate that orders the runs, such as ln N, ``(run,)``.
        active: whether a run counts, ``(run,)``; all do unless given.

    Example:
        >>> along = np.repeat(np.log([1e8, 2e8, 4e8, 8e8]), 4)
        >>> np.exp(rolling_limits(along).limit).round(-6)
        array([8.e+08, 4.e+08])
    """
    active = np.ones(len(along), dtype=bool) if active is None else active
    values = _apart(np.unique(along[active])) if active.any() else np.zeros(0)
    limits = list[float]()
    fitted, predicted = list[np.ndarray](), list[np.ndarray]()
    for place in range(len(values) - 1, 0, -1):
        below = active & (along < values[place] - _ROUNDING)
        upper = values[place + 1] - _ROUNDING if place + 1 < len(values) else np.inf
        if below.sum() < _LEAST_RUNS or np.ptp(along[below]) < _ROUNDING or len(limits) == _MOST:
            break
        limits.append(values[place])
        fitted.append(below)
        predicted.append(active & ~below & (along < upper))
    shape = (len(limits), len(along))
    return RollingLimits(
        np.array(limits),
        np.array(fitted, dtype=bool).reshape(shape),
        np.array(predicted, dtype=bool).reshape(shape),
    )


def _apart(values: np.ndarray) -> np.ndarray:
    """Values from the largest down, each at least a step below the one before, ascending."""
    kept = [values[-1]]
    while place := np.searchsorted(values, kept[-1] - _LEAST_STEP, side="right"):
        kept.append(values[place - 1])
    return np.array(kept[::-1])
