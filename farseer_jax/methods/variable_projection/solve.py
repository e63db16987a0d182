"""A fit and its refits: candidates and minima by the kernels, in blocks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.variable_projection.coefficients import MAX_STEPS
from farseer_jax.methods.variable_projection.profile import (
    Found,
    absolute_at,
    candidates,
    distinct,
    local_minima,
    polish,
    solve_at,
    start_at,
)
from farseer_jax.methods.variable_projection.terms import Form, Problem
from farseer_jax.objectives import Objective
from farseer_jax.runtime.threads import in_threads, platform
from farseer_jax.solvers.optima import CONVERGED, RUNNING, STALLED

# Candidates per block: on a CPU what its cache holds, elsewhere what fills the device.
_WIDTH, _WIDTH_ELSEWHERE = {"cpu": 64}, 4096
# Steps until candidates that have ended make room: most take a dozen, few take forty.
_STEPS = 12
# Values of δ on the way to least absolute deviations, the limit of Huber's objective, relative to
# the size of the residuals' unit; larger steps would lose the path.
_SHRINKING = tuple(10.0 ** -(k / 2) for k in range(2, 21))
_RUNS = 64  # tables are padded to multiples of this
SAME_POINT = 1e-5  # of the range of an exponent


class Plan(NamedTuple):
    """What all refits share.

    Attributes:
        form: the law's terms.
        objective: what is minimised.
        axes: candidates of each exponent.
        fixed: values of the fixed parameters.
        low: lower ends of the exponents' ranges, ``(exponent,)``.
        high: upper ends.
        unit: size of the residuals' unit.
        tolerance: relative decrease of the objective that counts as none.
        max_steps: Newton steps of the exponents.
    """

    form: Form
    objective: Objective
    axes: tuple[np.ndarray, ...]
    fixed: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: float
    tolerance: float
    max_steps: int


def build_problem(plan: Plan, layout: Layout, losses: np.ndarray, weights: np.ndarray) -> Problem:
    """The kernels' arrays for losses and weights ``(batch, run)``.

    They are padded by runs of weight 0: tables of nearly the same length share a compilation.
    """
    cells = layout.share > 0
    run, share = layout.run[cells], layout.share[cells]
    missing = -len(run) % _RUNS
    run, share = np.pad(run, (0, missing), mode="edge"), np.pad(share, (0, missing))
    inputs: Any = {
        name: np.asarray(values[run][:, None], dtype=np.float64)
        for name, values in layout.law.columns(layout.runs).items()
    }
    parts = (
        losses[:, run].T,
        (weights[:, run] * share).T,
        plan.objective.delta,
        plan.objective.quantile,
        plan.fixed,
        plan.low[:, None],
        plan.high[:, None],
        plan.tolerance,
    )
    arrays: Any = [np.asarray(part, dtype=np.float64) for part in parts]
    return Problem(inputs, *arrays)


def profile(plan: Plan, problem: Problem) -> Found:
    """The best coefficients of every candidate; all share the losses and weights."""
    grid = candidates(plan.axes)
    start = _start(plan, problem, grid)
    return _follow(plan, problem, grid, start, _solve_candidates)


def find_minima(plan: Plan, problem: Problem, found: Found, num: int) -> Found:
    """The distinct minima of the profile next to the lowest candidates.

    Raises:
        ValueError: no candidate has a finite objective.
    """
    shape = tuple(map(len, plan.axes))
    value = found.finite_value
    if np.isinf(value).all():
        raise ValueError(
            f"the law {plan.form.law.name!r} has no finite loss at any of {len(value)} "
            "candidates: check its `loss`, or change `bounds=`"
        )
    elements = local_minima(value.reshape(shape), num)
    exponents, coefficients = found.exponents[:, elements], found.coefficients[:, elements]
    ended = _follow(plan, problem, exponents, coefficients, _polish)
    return distinct(ended, SAME_POINT * (plan.high - plan.low))


def refit(plan: Plan, problem: Problem, minima: Found, num_candidates: int) -> Found:
    """The best minimum of each refit.

    Args:
        plan: what all refits share.
        problem: losses and weights ``(run, refit)``.
        minima: of the fit to all runs: the starts.
        num_candidates: of each exponent; the refit's best candidate is a start as well.
    """
    num = problem.weights.shape[1]
    parts = [np.repeat(p[:, None], num, axis=1) for p in minima[:2]]
    if num_candidates:
        own = _best_candidates(plan, problem, num_candidates)
        parts = [np.concatenate([p, o[..., None]], -1) for p, o in zip(parts, own, strict=True)]
    num_starts = parts[0].shape[-1]
    elements = [part.reshape(len(part), -1) for part in parts]
    ended = _follow(plan, _repeated(problem, num_starts), elements[0], elements[1], _polish)
    return _best_of_each(ended, num)


def _best_candidates(plan: Plan, problem: Problem, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Exponents and coefficients of each refit's best candidate, ``(…, refit)``."""
    axes = tuple(np.linspace(axis[0], axis[-1], num) for axis in plan.axes)
    grid, num_refits = candidates(axes), problem.weights.shape[1]
    elements = np.tile(grid, num_refits)
    wide = _repeated(problem, grid.shape[1])
    found = _follow(plan, wide, elements, _start(plan, wide, elements), _solve)
    return _best_of_each(found, num_refits)[:2]


def _best_of_each(found: Found, num_refits: int) -> Found:
    """The best point of each refit."""
    value = found.finite_value.reshape(num_refits, -1)
    best = value.argmin(1) + np.arange(num_refits) * value.shape[1]
    return Found(*(part[..., best] for part in found))


def _repeated(problem: Problem, times: int) -> Problem:
    """The problem with each refit's losses and weights repeated."""
    observed, weights = (
        np.repeat(np.asarray(part), times, axis=1) for part in (problem.observed, problem.weights)
    )
    return problem._replace(observed=observed, weights=weights)  # type: ignore[arg-type]


Solver = Callable[[Plan, Problem, np.ndarray, np.ndarray], Found]


def _follow(
    plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray, solve: Solver
) -> Found:
    """Solve; least absolute deviations by following the optimum of Huber's objective as δ → 0.

    Once the runs that the law passes through are found, the path is straight in δ: each point is
    extrapolated from the two before it, and the last lies within 1e-10 of the limit.
    """
    if plan.objective.delta > 0.0:
        return solve(plan, problem, exponents, coefficients)
    found = solve(plan, _with_delta(problem, plan.unit * _SHRINKING[0]), exponents, coefficients)
    before = found
    for delta, last in zip(_SHRINKING[1:], _SHRINKING, strict=False):
        part = delta / last  # (δ − last) / (last − one before): the path shrinks geometrically
        exponents, coefficients = (
            now + part * (now - then) for now, then in zip(found[:2], before[:2], strict=True)
        )
        exponents = np.clip(exponents, plan.low[:, None], plan.high[:, None])
        bounded = np.array(plan.form.bounded)[:, None]
        coefficients = np.where(bounded, np.maximum(coefficients, 0.0), coefficients)
        before = found
        found = solve(plan, _with_delta(problem, plan.unit * delta), exponents, coefficients)
    with jax.enable_x64(True):  # Huber's objective over δ lies below it by δ/2 per run
        value = absolute_at(problem, found.exponents, found.coefficients, form=plan.form)
    # rounding hides the last decreases; the path is straight by then
    hidden = (found.status == STALLED) & (before.status == CONVERGED)
    status = np.where(hidden, CONVERGED, found.status)
    return found._replace(value=np.asarray(value), status=status)


def _with_delta(problem: Problem, delta: float) -> Problem:
    return problem._replace(delta=np.float64(delta))  # type: ignore[arg-type]


def _polish(plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray) -> Found:
    with jax.enable_x64(True):
        ended = polish(problem, exponents, coefficients, plan.max_steps, form=plan.form)
        return Found(*map(np.asarray, ended))


def _solve(
    plan: Plan,
    problem: Problem,
    exponents: np.ndarray,
    coefficients: np.ndarray,
    max_steps: int = MAX_STEPS,
) -> Found:
    with jax.enable_x64(True):
        ended = solve_at(problem, exponents, coefficients, max_steps, form=plan.form)
        return Found(*map(np.asarray, ended))


def _start(plan: Plan, problem: Problem, exponents: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(start_at(problem, exponents, form=plan.form))


def _solve_candidates(
    plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray
) -> Found:
    """In rounds of a few steps: candidates that have not ended continue, in fewer blocks."""

    def some(elements: np.ndarray) -> Found:
        own = exponents[:, elements], found.coefficients[:, elements]
        return _solve(plan, problem, *own, _STEPS)

    num = exponents.shape[1]
    found = Found(exponents, coefficients.copy(), np.full(num, np.inf), np.full(num, RUNNING))
    for _ in range(0, MAX_STEPS, _STEPS):
        elements = np.flatnonzero(found.status == RUNNING)
        if not elements.size:
            break
        for whole, own in zip(found[1:], _in_blocks(some, elements)[1:], strict=True):
            whole[..., elements] = own
    return found


def _in_blocks(solve: Callable[[np.ndarray], Found], elements: np.ndarray) -> Found:
    """Solve in blocks of one width, the last padded with its last element."""
    width = _WIDTH.get(platform(), _WIDTH_ELSEWHERE)
    filled = np.pad(elements, (0, -len(elements) % width), mode="edge")
    parts = list(in_threads(solve, filled.reshape(-1, width)))
    return jax.tree.map(lambda *own: np.concatenate(own, -1)[..., : len(elements)], *parts)
