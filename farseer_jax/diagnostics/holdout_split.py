"""Rolling hold-outs: which runs are fitted, and which are predicted."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.holdouts import rolling_cutoffs

LEAST_RUNS = 5  # predicted together: one or two would show the noise rather than the law
_MAX_LIMITS = 6  # those in between share nearly all runs with their neighbours
_MIN_VALUES = 3  # distinct values in the smallest fitted range, by default
_SAME = 1.02  # ratio up to which values are the same
_MAX_SHOWN = 3


class Split(NamedTuple):
    """Rolling hold-outs of a table of runs.

    Attributes:
        values: quantity that orders the runs, ``(run,)``.
        limits: values up to which runs are fitted, ascending, ``(limit,)``.
        fitted: which runs are fitted for each limit, ``(limit, run)``.
        held_out: which runs are held out, ``(run,)``.
        following: which runs are right above each limit, ``(limit, run)``.
    """

    values: np.ndarray
    limits: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    following: np.ndarray


def split_runs(
    runs: Runs,
    along: str,
    held_out: float | None,
    limits: ArrayLike | None,
    min_fitted: int | None,
) -> Split:
    """Split runs into fitted and held-out ones; see :func:`extrapolate`.

    Raises:
        ValueError: nothing is held out, or nothing is left to fit.
    """
    values = values_along(runs, along)
    first = _first_held_out(values) if held_out is None else _checked(values, along, held_out)
    mask = values >= first
    if limits is not None and min_fitted is not None:
        raise ValueError("min_fitted and limits: expected one of them, got both")
    if limits is None:
        found = _rolling(values, mask, along, min_fitted)
    else:
        found = _own(values, along, limits, first)
    fitted = values <= found[:, None]
    following = np.stack([_following(values, limit) for limit in found])
    return Split(values, found, fitted, mask, following)


def values_along(runs: Runs, along: str) -> np.ndarray:
    """N, D, compute 6·N·D as ``"C"``, or an extra column, ``(run,)``.

    Raises:
        ValueError: there is no such column, or its values are not positive finite numbers.
    """
    own = {"N": runs.N, "D": runs.D, "C": runs.flops}
    if along in own:
        return np.array(own[along])
    if along not in runs.extra:
        others = ", ".join([*own, *runs.extra])
        raise ValueError(f"along: the runs have no column {along!r}; choose from {others}")
    try:
        values = np.asarray(runs.extra[along], dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"along: column {along!r} is not numeric; name another") from None
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if bad.size:
        raise ValueError(
            f"along: column {along!r} is missing or not positive in row {bad[0]} "
            f"({values[bad[0]]}); correct it, or remove the row"
        )
    return values


def grouped(values: np.ndarray) -> np.ndarray:
    """Largest value of each value's group; values within 2 % are grouped (D is rounded)."""
    distinct, index = np.unique(values, return_inverse=True)
    largest = distinct.copy()
    first = 0
    for i, value in enumerate(distinct):
        if value > _SAME * distinct[first]:
            first = i
        largest[first : i + 1] = value
    return largest[index]


def _first_held_out(values: np.ndarray) -> float:
    """The smallest of the largest values that together have enough runs."""
    groups = grouped(values)
    distinct, counts = np.unique(groups, return_counts=True)
    enough = np.cumsum(counts[::-1]) >= LEAST_RUNS
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
