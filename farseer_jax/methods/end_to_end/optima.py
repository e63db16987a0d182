"""The best of many starts, as a fit or as each refit of a batch."""

from typing import Any

import jax
import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout, distinct_rows
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.method import Solved, SolvedBatch
from farseer_jax.methods.outcome import Outcome
from farseer_jax.objectives import relative_error
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, Optima

_ROUNDING = 1e-13  # of an objective: optima closer than this count as equal


def law_of(layout: Layout, free: Free, values: np.ndarray) -> Law:
    """The law of free parameters ``(…, free)``, its leaves ``(…,)``, float64."""
    with jax.enable_x64(True):  # a user's law may convert the vector to JAX
        law = layout.law.from_vector(free.vector(values), layout.center)  # type: ignore[arg-type]
        return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), law)


def outcomes_of(found: Optima, free: Free) -> np.ndarray:
    """The code of each start's :class:`Outcome`."""
    code = np.where(found.status == CONVERGED, Outcome.success.code, Outcome.not_converged.code)
    code = np.where(free.at_bound(found.free), Outcome.bound_active.code, code)
    return np.where(found.status == NOT_FINITE, Outcome.not_finite.code, code)


def solved(
    layout: Layout,
    law: Law,
    outcome: Outcome,
    losses: np.ndarray,
    weights: np.ndarray,
    report: Any,
) -> Solved:
    """One fit, with the errors of its distinct fitted runs."""
    fitted = np.flatnonzero(weights > 0)
    rows = distinct_rows(layout.law, layout.runs, losses)[:, fitted]
    index = fitted[np.unique(rows, axis=1, return_index=True)[1]]
    error = relative_error(evaluate_runs(law, layout.runs)[index], losses[index])
    return Solved(law, outcome, error, report)


def solved_batch(
    layout: Layout,
    free: Free,
    law: Law,
    outcome: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
) -> SolvedBatch:
    """Refits, with their errors; fewer runs than free parameters end as ``too_few_runs``."""
    fitted = weights > 0
    few = fitted.sum(1) < free.basis.shape[1]
    outcome = np.where(few, Outcome.too_few_runs.code, outcome)
    error = relative_error(evaluate_runs(law, layout.runs), losses)
    mean = (error * fitted).sum(1) / np.maximum(fitted.sum(1), 1)
    return SolvedBatch(law=law, outcome=outcome, mean_relative_error=mean)


def best_of_starts(
    layout: Layout, free: Free, found: Optima, losses: np.ndarray, weights: np.ndarray
) -> Solved:
    """The best of the starts as the fit, and how all of them ended.

    Raises:
        ValueError: the objective is finite at none of them.
    """
    best = int(_best(found, 1)[0])
    if found.status[best] == NOT_FINITE:
        raise ValueError(
            f"the law {layout.law.name!r} has no finite loss or derivative at any of "
            f"{len(found.value)} starts: check its `loss`, or give `starts=`"
        )
    report = StartReport(
        objective=float(found.value[best]),
        start_objective=found.value,
        start_outcome=found.status,
        start_steps=found.steps,
        num_copies=layout.num_copies,
    )
    law = law_of(layout, free, found.free[best])
    outcome = Outcome.from_code(int(outcomes_of(found, free)[best]))
    return solved(layout, law, outcome, losses, weights, report)


def best_of_each(
    layout: Layout, free: Free, found: Optima, losses: np.ndarray, weights: np.ndarray
) -> SolvedBatch:
    """The best of each refit's starts."""
    best = _best(found, len(losses))
    law = law_of(layout, free, found.free[best])
    return solved_batch(layout, free, law, outcomes_of(found, free)[best], losses, weights)


def best_point(found: Optima) -> np.ndarray:
    """Free parameters of the best start."""
    return found.free[_best(found, 1)[0]]


def _best(found: Optima, num_rows: int) -> np.ndarray:
    """The best start of each row; among those equal to rounding, one that converged."""
    value = np.where(found.status == NOT_FINITE, np.inf, found.value).reshape(num_rows, -1)
    lowest = value.min(1, keepdims=True)
    equal = value <= lowest + _ROUNDING * np.abs(lowest)
    converged = equal & (found.status.reshape(num_rows, -1) == CONVERGED)
    chosen = np.where(converged.any(1), converged.argmax(1), value.argmin(1))
    return np.asarray(chosen + np.arange(num_rows) * value.shape[1])
