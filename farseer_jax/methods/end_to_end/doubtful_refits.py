"""Refits that may have missed their optimum, which are solved again from random starts."""

from collections.abc import Callable

import numpy as np

from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.solvers.optima import CONVERGED, Optima

NUM_AGAIN = 8  # random starts of a refit that is solved again
_UNLIKE = 3.0  # ratio of objectives: beyond it the runs of a refit are not like all runs
_REACH = 1.0  # how far beyond the random starts an optimum is usual, in their range
_LEAST = 8  # rows of a call: XLA rounds a single row differently from several


def solve_doubtful(
    solve: Callable[[np.ndarray], Optima], doubtful: np.ndarray, best: Optima
) -> Optima:
    """Solve some refits again, and put where they end in the place of where they ended.

    Args:
        solve: where refits end, the best of many starts, ``(row,)`` for the numbers of rows.
        doubtful: which refits, ``(row,)``.
        best: where each refit ended, ``(row,)``.
    """
    rows = np.flatnonzero(doubtful)
    if not rows.size:
        return best
    again = solve(padded(rows))
    result = Optima(*(np.array(part) for part in best))
    for part, own in zip(result, again, strict=True):
        part[rows] = own[: rows.size]
    return result


def padded(rows: np.ndarray) -> np.ndarray:
    """Numbers of rows, of which the last is repeated until they are as many as a call needs."""
    return np.pad(rows, (0, max(_LEAST - rows.size, 0)), mode="edge")


def are_doubtful(free: Free, best: Optima, expected: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Which refits ended where another optimum may be better, ``(row,)``.

    These did not converge; or ended at an edge: at a bound or far from all starts; or their
    objective is far from that of all runs, so that an optimum of all runs may not be theirs.
    None depends on the other refits.

    Args:
        free: free parameters.
        best: where each refit ended, ``(row,)``.
        expected: objective of the fit to all runs, in proportion to a refit's weights, ``(row,)``.
        starts: random starts, ``(start, free)``.
    """
    low, high = starts.min(0), starts.max(0)
    reach = _REACH * (high - low)
    far = (best.free < low - reach) | (best.free > high + reach)
    edge = free.at_bound(best.free) | (far & (reach > 0.0)).any(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        unlike = np.abs(np.log(best.value / expected)) > np.log(_UNLIKE)
    return np.asarray((best.status != CONVERGED) | edge | unlike)
