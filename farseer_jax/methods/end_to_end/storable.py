"""Optima beyond the range of numbers, whose parameters cannot be stored."""

import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.methods.end_to_end.free_parameters import LOG_ZERO, Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.optima import law_of
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, STALLED, Optima

_LOG_MOST = float(np.log(np.finfo(np.float64).max))
_LOWER = 1e-9  # of an objective: an optimum that is lower by more is better
_SAME = 1e-6  # of an objective, to its rounding
_NO_RESIDUAL = 1e-10  # a residual below this is rounding
_MOST_CELLS = 1 << 22  # of optima × runs at a time
_REACH = 10.0  # of the range of the starts: how far a search is let go that would not end


def storable(
    objective: Objective | str,
    layout: Layout,
    free: Free,
    found: Optima,
    losses: np.ndarray,
    weights: np.ndarray,
) -> Optima:
    """Count optima that are none once their parameters are stored as not finite.

    The search takes logarithms of terms, which stay finite where a coefficient overflows, or
    becomes 0, and an exponent makes up for it. Where such an optimum is the lowest of its row, the
    objective falls on towards infinity: the other starts of the row have not converged.

    Args:
        objective: the objective.
        layout: layout of the runs.
        free: free parameters.
        found: where the starts of each row ended, ``(row · start,)``.
        losses: ``(row, run)``.
        weights: ``(row, run)``.
    """
    with np.errstate(all="ignore"):
        vector = free.vector(found.free)
    logarithms = np.isin(free.names, layout.law.log_parameters()) & (free.basis != 0).any(1)
    beyond = ~np.isfinite(vector).all(0) | (vector[logarithms] > _LOG_MOST).any(0)
    vanished = ~beyond & (vector[logarithms] < LOG_ZERO).any(0)
    if layout.by_curves:  # other laws are searched as they are stored
        beyond[vanished] = _are_worse(
            objective, layout, free, found, losses, weights, np.flatnonzero(vanished)
        )
    if not beyond.any():
        return found
    falling = np.where(beyond & np.isfinite(found.value), found.value, np.inf)
    num_starts = len(falling) // len(losses)
    least = np.repeat(falling.reshape(-1, num_starts).min(1), num_starts)
    above = (found.status == CONVERGED) & (found.value > least * (1.0 + _LOWER))
    status = np.where(above, STALLED, found.status)
    return found._replace(status=np.where(beyond, NOT_FINITE, status))


def within_reach(free: Free, starts: np.ndarray) -> Free:
    """Free parameters that stay near the starts, ``(start, free)``: where the optimum is beyond."""
    low, high = starts.min(0), starts.max(0)
    reach = _REACH * np.maximum(high - low, 1.0)
    lower, upper = np.maximum(free.lower, low - reach), np.minimum(free.upper, high + reach)
    return free._replace(lower=lower, upper=upper)


def lost_rows(found: Optima, num_rows: int) -> np.ndarray:
    """Rows all of whose starts ended beyond the range of numbers."""
    lost: np.ndarray = (found.status == NOT_FINITE).reshape(num_rows, -1).all(1)
    return np.flatnonzero(lost)


def put_back(found: Optima, near: Optima, rows: np.ndarray, num_rows: int) -> Optima:
    """Put searches near the starts in the place of rows; they have not converged."""
    num_starts = len(found.value) // num_rows
    places = (rows[:, None] * num_starts + np.arange(num_starts)).ravel()
    near = near._replace(status=np.where(near.status == CONVERGED, STALLED, near.status))
    result = Optima(*(np.array(part) for part in found))
    for part, own in zip(result, near, strict=True):
        part[places] = own[: len(places)]
    return result


def _are_worse(
    objective: Objective | str,
    layout: Layout,
    free: Free,
    found: Optima,
    losses: np.ndarray,
    weights: np.ndarray,
    places: np.ndarray,
) -> np.ndarray:
    """Whether stored parameters have a higher objective than the search found, ``(place,)``."""
    objective, link = as_objective(objective), layout.runs.link
    row = places // (len(found.value) // len(losses))
    worse = np.zeros(len(places), dtype=bool)
    size = max(_MOST_CELLS // len(layout.runs), 1)
    for first in range(0, len(places), size):
        cut = slice(first, first + size)
        own = weights[row[cut]] * layout.run_share
        with np.errstate(all="ignore"):
            predicted = evaluate_runs(law_of(layout, free, found.free[places[cut]]), layout.runs)
            each = objective.value(predicted[..., None], losses[row[cut]][..., None], 1.0, link)
        value = np.where(own > 0.0, own * each, 0.0).sum(1)
        limit = found.value[places[cut]] * (1.0 + _SAME) + _NO_RESIDUAL**2 * own.sum(1)
        worse[cut] = ~(value <= limit)
    return worse
