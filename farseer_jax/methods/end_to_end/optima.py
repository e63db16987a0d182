"""The best of many starts, as a fit or as each refit of a batch."""

from typing import Any

import jax
import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.determination import Determination, determination
from farseer_jax.methods.end_to_end.free_parameters import ZERO, Free
from farseer_jax.methods.end_to_end.identifiability import Optimum
from farseer_jax.methods.end_to_end.layout import Layout, distinct_errors
from farseer_jax.methods.end_to_end.start_report import StartReport, are_rivals
from farseer_jax.methods.method import Solved, SolvedBatch
from farseer_jax.methods.outcome import Outcome
from farseer_jax.objectives import relative_error
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, Optima

_ROUNDING = 1e-13  # of an objective: optima closer than this count as equal
_EQUAL = 1e-6  # of an objective: optima closer than this fit equally well
_NO_RESIDUALS = 1e-22  # an objective below this is rounding
_SAME_POINT = 1e-3  # of free parameters: optima closer than this are one, to their tolerance
_MOST_COMPARED = 64  # starts whose predictions are compared


def law_of(layout: Layout, free: Free, values: np.ndarray) -> Law:
    """The law of free parameters ``(…, free)``, its leaves ``(…,)``, float64."""
    with jax.enable_x64(True):  # a user's law may convert the vector to JAX
        law = layout.law.from_vector(free.vector(values), layout.center)  # type: ignore[arg-type]
        return jax.tree.map(_without_tiny, law)


def _without_tiny(leaf: Any) -> np.ndarray:
    """A parameter in float64, exactly 0 where a tiny number stood for it."""
    value = np.asarray(leaf, dtype=np.float64)
    return np.where(np.abs(value) <= 2.0 * ZERO, 0.0, value)


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
    error = distinct_errors(law, layout.runs, losses, weights > 0)
    return Solved(law, outcome, error, report)


def solved_batch(
    layout: Layout,
    free: Free,
    law: Law,
    outcome: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
) -> SolvedBatch:
    """Refits, with their errors.

    Those with fewer runs than free parameters end as ``too_few_runs``, those whose law is not
    finite at their runs as ``not_finite``.
    """
    fitted = weights > 0
    few = fitted.sum(1) < free.basis.shape[1]
    error = relative_error(evaluate_runs(law, layout.runs), losses)
    mean = np.where(fitted, error, 0.0).sum(1) / np.maximum(fitted.sum(1), 1)
    outcome = np.where(np.isfinite(mean), outcome, Outcome.not_finite.code)
    outcome = np.where(few, Outcome.too_few_runs.code, outcome)
    return SolvedBatch(law=law, outcome=outcome, mean_relative_error=mean)


def best_of_starts(
    layout: Layout,
    free: Free,
    found: Optima,
    losses: np.ndarray,
    weights: np.ndarray,
    judged: Determination | None = None,
) -> Solved:
    """The best of the starts as the fit, and how all of them ended.

    Args:
        layout: layout of the runs.
        free: free parameters.
        found: where each start ended.
        losses: ``(run,)``.
        weights: ``(run,)``.
        judged: whether the runs determine the fit, where other tables take part.

    Raises:
        ValueError: the objective is finite at none of them.
    """
    best = int(_best(found, 1)[0])
    if found.status[best] == NOT_FINITE:
        raise ValueError(_no_start(layout, free, found))
    if judged is None:
        is_converged = bool(found.status[best] == CONVERGED)
        optimum = Optimum.of(layout, free, found.free[best], losses, weights, is_converged)
        judged = determination(optimum, equal_laws(layout, free, found, best))
    report = StartReport(
        objective=float(found.value[best]),
        start_objective=found.value,
        start_outcome=found.status,
        start_steps=found.steps,
        num_copies=layout.num_copies,
        doubts_about_runs=judged.doubts,
        vanished=judged.vanished,
    )
    law = law_of(layout, free, found.free[best])
    if free.zeros and not np.isfinite(evaluate_runs(law, layout.runs)).all():
        raise ValueError(_not_finite_at_0(layout, free))
    outcome = judged.outcome(Outcome.from_code(int(outcomes_of(found, free)[best])))
    return solved(layout, law, outcome, losses, weights, report)


def equal_laws(layout: Layout, free: Free, found: Optima, best: int) -> Law | None:
    """Laws of other starts that reached the best objective, ``(law,)``; None if all are one."""
    value, least = found.value, found.value[best]
    equal = (found.status == CONVERGED) & (value <= least * (1.0 + _EQUAL) + _NO_RESIDUALS)
    points = found.free[equal]
    if len(points) < 2 or np.allclose(points, points[0], rtol=1e-3, atol=1e-4):
        return None
    some = np.linspace(0, len(points) - 1, min(len(points), _MOST_COMPARED)).astype(int)
    return law_of(layout, free, points[some])


def _no_start(layout: Layout, free: Free, found: Optima) -> str:
    """Why no start has a finite objective."""
    law, num = layout.law, len(found.value)
    with np.errstate(all="ignore"):
        laws = law_of(layout, free, found.free)
        losses = evaluate_runs(laws, layout.runs)
    if layout.link.name == "log" and np.isfinite(losses).all() and (losses <= 0.0).any(-1).all():
        return (
            f"the law {law.name!r} is negative or 0 at some of the runs at each of {num} starts, "
            "where the logarithm of the loss does not exist: give starts at which it is positive "
            "(starts=), bound its parameters (bounds=), or fit the loss itself (link='identity')"
        )
    if free.zeros:
        return _not_finite_at_0(layout, free)
    return (
        f"the law {law.name!r} has no finite loss or derivative at any of {num} starts: check its "
        "`loss`, or give `starts=`"
    )


def _not_finite_at_0(layout: Layout, free: Free) -> str:
    return (
        f"fixed: the law {layout.law.name!r} is not finite with {' and '.join(free.zeros)} at 0: "
        "fix a positive value"
    )


def best_of_each(found: Optima, num_rows: int) -> Optima:
    """The best of each refit's starts, ``(row,)``."""
    best = _best(found, num_rows)
    return Optima(*(part[best] for part in found))


def refits_at(
    layout: Layout, free: Free, best: Optima, losses: np.ndarray, weights: np.ndarray
) -> SolvedBatch:
    """Refits of which each ended at one optimum, ``(row,)``."""
    with np.errstate(all="ignore"):
        law = law_of(layout, free, best.free)
        return solved_batch(layout, free, law, outcomes_of(best, free), losses, weights)


def best_point(found: Optima) -> np.ndarray:
    """Free parameters of the best start."""
    return found.free[_best(found, 1)[0]]


def refit_starts(found: Optima, num_further: int) -> np.ndarray:
    """The optimum of all runs, and the next best others, ``(start, free)``.

    A resample may prefer another optimum, but hardly one whose objective is twice the best.

    Args:
        found: where each start ended.
        num_further: how many others at most.
    """
    rivals = are_rivals(found.value, found.status)
    chosen = [_best(found, 1)[0]]
    for start in np.argsort(found.value, kind="stable"):
        if len(chosen) > num_further:
            break
        apart = np.abs(found.free[start] - found.free[chosen]) > _SAME_POINT
        if rivals[start] and apart.any(axis=1).all():
            chosen.append(start)
    return found.free[chosen]


def _best(found: Optima, num_rows: int) -> np.ndarray:
    """The best start of each row; among those equal to rounding, one that converged."""
    value = np.where(found.status == NOT_FINITE, np.inf, found.value).reshape(num_rows, -1)
    lowest = value.min(1, keepdims=True)
    equal = value <= lowest + _ROUNDING * np.abs(lowest)
    converged = equal & (found.status.reshape(num_rows, -1) == CONVERGED)
    chosen = np.where(converged.any(1), converged.argmax(1), value.argmin(1))
    return np.asarray(chosen + np.arange(num_rows) * value.shape[1])
