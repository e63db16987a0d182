"""Rolling hold-outs: which runs are fitted, and which are predicted."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.diagnostics.order_of_runs import values_along
from farseer_jax.runs.binding import Part
from farseer_jax.uncertainty.holdouts import rolling_cutoffs

LEAST_RUNS = 5  # predicted together: one or two would show the noise rather than the law
_LEAST_SHARE = 0.02  # of the runs that are held out: five of a thousand would show one cell
_MAX_LIMITS = 6  # those in between share nearly all runs with their neighbours
_MIN_VALUES = 3  # distinct values in the smallest fitted range, by default
_SAME = 1.02  # ratio up to which values are the same
_MAX_SHOWN = 3


class Split(NamedTuple):
    """Rolling hold-outs of runs; those of several groups and responses follow one another.

    Attributes:
        values: quantity that orders the runs, ``(run,)``.
        limits: values up to which runs are fitted, ascending, ``(limit,)``.
        fitted: which runs are fitted for each limit, ``(limit, run)``.
        held_out: which runs are held out from all fits and from the choice, ``(run,)``.
        following: which runs are right above each limit, ``(limit, run)``.
    """

    values: np.ndarray
    limits: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    following: np.ndarray


def split_runs(
    parts: Sequence[Part],
    along: str,
    held_out: float | None,
    limits: ArrayLike | None,
    min_fitted: int | None,
    num_parameters: int = 0,
) -> Split:
    """Split runs into fitted and held-out ones; see :func:`extrapolate`.

    Args:
        parts: the runs of groups and responses.
        along: what orders them.
        held_out: runs from this value on are held out.
        limits: values up to which runs are fitted.
        min_fitted: number of distinct values in the smallest fitted range.
        num_parameters: limits that leave a part as few runs as these are not taken by default.

    Raises:
        ValueError: nothing is held out, or nothing is left to fit.
    """
    values = values_along(parts, along)
    num_responses = len({part.response for part in parts})
    first = (
        _first_held_out(values, num_responses)
        if held_out is None
        else _checked(values, along, held_out)
    )
    mask = values >= first
    if limits is not None and min_fitted is not None:
        raise ValueError("min_fitted and limits: expected one of them, got both")
    if limits is None:
        found = _rolling(values, mask, along, min_fitted)
        found = _with_enough(found, values, parts, num_parameters)
    else:
        found = _own(values, along, limits, first)
    fitted = values <= found[:, None]
    following = np.stack([_following(values, limit) for limit in found])
    return Split(values, found, fitted, mask, following)


def _with_enough(
    limits: np.ndarray, values: np.ndarray, parts: Sequence[Part], num_parameters: int
) -> np.ndarray:
    """The limits up to which each part has more runs than parameters; all, if none is such."""
    part = np.repeat(np.arange(len(parts)), [len(own.runs) for own in parts])
    counts = np.array([np.bincount(part, values <= limit, len(parts)).min() for limit in limits])
    enough = counts > num_parameters
    return limits[enough] if enough.any() else limits


def grouped(values: np.ndarray) -> np.ndarray:
    """Largest value of each value's group; values within 2 % are grouped (D is rounded)."""
    distinct, index = np.unique(values, return_inverse=True)
    largest = distinct.copy()
    first = 0
    while first < len(distinct):
        after = int(np.searchsorted(distinct, _SAME * distinct[first], side="right"))
        largest[first:after] = distinct[after - 1]
        first = after
    return largest[index]


def _first_held_out(values: np.ndarray, num_responses: int) -> float:
    """The smallest of the largest values that together have enough runs."""
    least = num_responses * max(LEAST_RUNS, -(-_LEAST_SHARE * len(values) // num_responses))
    groups = grouped(values)
    distinct, counts = np.unique(groups, return_counts=True)
    enough = np.cumsum(counts[::-1]) >= least
    first = distinct[::-1][int(enough.argmax()) if enough.any() else 0]
    return float(values[groups == first].min())


def _checked(values: np.ndarray, along: str, held_out: float) -> float:
    first = np.asarray(held_out, dtype=np.float64)
    if first.ndim or not np.isfinite(first) or first <= 0:
        raise ValueError(
            f"held_out: expected one positive number, the {along} from which on runs are held out, "
            f"got {held_out!r}"
        )
    if first > values.max():
        raise ValueError(
            f"held_out: expected at most the largest {along}, {values.max():.4g}, got {first:.4g}"
        )
    return float(first)


def _rolling(
    values: np.ndarray, held_out: np.ndarray, along: str, min_fitted: int | None
) -> np.ndarray:
    least = _MIN_VALUES if min_fitted is None else min_fitted
    if least < 1:
        raise ValueError(f"min_fitted: expected at least 1, got {min_fitted!r}")
    # a group that the first held-out value splits is two groups
    groups = np.where(held_out, grouped(values), 0.0)
    groups[~held_out] = grouped(values[~held_out]) if not held_out.all() else 0.0
    num_last = len(np.unique(groups[held_out]))
    found = rolling_cutoffs(groups, min_values=least, max_cutoffs=_MAX_LIMITS, num_last=num_last)
    if not len(found):
        below = len(np.unique(groups[~held_out]))
        raise ValueError(
            f"held_out: {below} distinct {along} are left to fit, and the smallest fitted range "
            f"needs {max(least, -(-(below + num_last) // 3))}; hold out less, give limits, or add "
            "runs"
        )
    return found


def _own(values: np.ndarray, along: str, limits: ArrayLike, first: float) -> np.ndarray:
    found = np.unique(np.asarray(limits, dtype=np.float64))
    if not found.size or not np.isfinite(found).all():
        raise ValueError(f"limits: expected at least one finite number, got {limits!r}")
    low = found[found < values.min()]
    high = found[found >= first]
    if low.size:
        raise ValueError(
            f"limits: no run has {along} up to {_shown(low)}; the smallest is {values.min():.4g}"
        )
    if high.size:
        raise ValueError(
            f"limits: {_shown(high)} would fit held-out runs, which start at {along} = "
            f"{first:.4g}; give smaller limits, or a larger held_out"
        )
    return found


def _following(values: np.ndarray, limit: float) -> np.ndarray:
    """The runs right above a limit: the next values that together have enough runs."""
    above = values > limit
    groups = np.where(above, grouped(values), np.inf)
    last = np.sort(groups)[min(LEAST_RUNS, int(above.sum())) - 1]
    return above & (groups <= last)


def _shown(numbers: np.ndarray) -> str:
    more = ", …" if len(numbers) > _MAX_SHOWN else ""
    return ", ".join(f"{number:.4g}" for number in numbers[:_MAX_SHOWN]) + more
