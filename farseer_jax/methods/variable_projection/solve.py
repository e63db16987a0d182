"""A fit and its refits: candidates and minima through the kernels, in blocks."""

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
from farseer_jax.runtime.threads import in_threads
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, RUNNING, STALLED

# Candidates at once: on a CPU what its cache holds, elsewhere what fills the device.
_WIDTH = {"cpu": 64, "gpu": 4096}
# Steps until candidates that have ended make room: most take a dozen, few take forty.
_STEPS = 12
# Least absolute deviations are the limit of Huber's objective, reached from one to the next.
# Relative to the size of the residuals' unit; larger steps would lose the path.
_SHRINKING = tuple(10.0 ** -(k / 2) for k in range(2, 21))
_RUNS = 64
_SAME_PLACE = 1e-5  # of the range of an exponent


class Plan(NamedTuple):
    """What stays the same for all refits.

    Attributes:
        form: the law's terms.
        objective: what is minimised.
        axes: candidates of each exponent.
        fixed: values of the fixed parameters.
        low: lower ends of the exponents' ranges, ``(exponent,)``.
        high: upper ends.
        unit: size of the residuals' unit.
        tolerance: relative decrease of the objective that counts as none.
        max_steps: of the exponents' search.
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
    """The arrays of kernels for losses and weights ``(batch, run)``.

    Runs of weight 0 fill them up: tables of nearly the same length share a compilation.
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
    """The best coefficients of every candidate; losses and weights are shared."""
    grid = candidates(plan.axes)
    start = _start(plan, problem, grid)
    return _follow(plan, problem, grid, start, _solve_candidates)


def find_minima(plan: Plan, problem: Problem, found: Found, num: int) -> Found:
    """The minima of the profile next to the lowest candidates, each once.

    Raises:
        ValueError: no candidate has a finite objective.
    """
    shape = tuple(map(len, plan.axes))
    value = np.where(found.status == NOT_FINITE, np.inf, found.value)
    if np.isinf(value).all():
        raise ValueError(
            f"the law {plan.form.law.name!r} gives no finite loss at any of {len(value)} "
            "candidates: check its `loss`, or give other `bounds=`"
        )
    elements = local_minima(value.reshape(shape), num)
    exponents, coefficients = found.exponents[:, elements], found.coefficients[:, elements]
    ended = _follow(plan, problem, exponents, coefficients, _polish)
    return distinct(ended, _SAME_PLACE * (plan.high - plan.low))


def refit(plan: Plan, problem: Problem, minima: Found, num_candidates: int) -> Found:
    """The best minimum of each refit: from minima of all runs, and from candidates of its own.

    Args:
        plan: what refits share.
        problem: losses and weights ``(run, refit)``.
        minima: where to start.
        num_candidates: of each exponent; the best of them is a start as well.
    """
    num = problem.weights.shape[1]
    parts = [(np.repeat(p[:, None], num, axis=1)) for p in minima[:2]]
    if num_candidates:
        own = _best_candidates(plan, problem, num_candidates)
        parts = [np.concatenate([p, o[..., None]], -1) for p, o in zip(parts, own, strict=True)]
    num_starts = parts[0].shape[-1]
    elements = [part.reshape(len(part), -1) for part in parts]
    ended = _follow(plan, _repeated(problem, num_starts), elements[0], elements[1], _polish)
    value = np.where(ended.status == NOT_FINITE, np.inf, ended.value).reshape(num, num_starts)
    best = value.argmin(1) + np.arange(num) * num_starts
    return Found(*(part[..., best] for part in ended))


def _best_candidates(plan: Plan, problem: Problem, num: int) -> tuple[np.ndarray, np.ndarray]:
    """Exponents and coefficients of each refit's best candidate, ``(…, refit)``."""
    axes = tuple(np.linspace(axis[0], axis[-1], num) for axis in plan.axes)
    grid, num_refits = candidates(axes), problem.weights.shape[1]
    elements = np.tile(grid, num_refits)
    wide = _repeated(problem, grid.shape[1])
    found = _follow(plan, wide, elements, _start(plan, wide, elements), _solve)
    value = np.where(found.status == NOT_FINITE, np.inf, found.value)
    best = value.reshape(num_refits, -1).argmin(1) + np.arange(num_refits) * grid.shape[1]
    return found.exponents[:, best], found.coefficients[:, best]


def _repeated(problem: Problem, times: int) -> Problem:
    """The problem with each refit's losses and weights several times."""
    observed, weights = (
        np.repeat(np.asarray(part), times, axis=1) for part in (problem.observed, problem.weights)
    )
    return problem._replace(observed=observed, weights=weights)  # type: ignore[arg-type]


Solver = Callable[[Plan, Problem, np.ndarray, np.ndarray], Found]


def _follow(
    plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray, solve: Solver
) -> Found:
    """Solve; for least absolute deviations along a path of Huber's objectives.

    Once the runs that the law passes through are found, the path is straight in δ: each point is
    guessed from the two before, and the last lies within 1e-10 of its end.
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
    with jax.enable_x64(True):  # Huber's objective over δ is short of it by δ/2 a run
        value = absolute_at(problem, found.exponents, found.coefficients, form=plan.form)
    # rounding hides the last decreases, of a path that is straight by then
    hidden = (found.status == STALLED) & (before.status == CONVERGED)
    status = np.where(hidden, CONVERGED, found.status)
    return found._replace(value=np.asarray(value), status=status)


def _with_delta(problem: Problem, delta: float) -> Problem:
    return problem._replace(delta=np.float64(delta))  # type: ignore[arg-type]


def _polish(plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray) -> Found:
    with jax.enable_x64(True):
        ended = polish(problem, exponents, coefficients, plan.max_steps, form=plan.form)
        return Found(*map(np.asarray, ended))


def _solve(plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray) -> Found:
    with jax.enable_x64(True):
        ended = solve_at(problem, exponents, coefficients, MAX_STEPS, form=plan.form)
        return Found(*map(np.asarray, ended))


def _start(plan: Plan, problem: Problem, exponents: np.ndarray) -> np.ndarray:
    with jax.enable_x64(True):
        return np.asarray(start_at(problem, exponents, form=plan.form))


def _solve_candidates(
    plan: Plan, problem: Problem, exponents: np.ndarray, coefficients: np.ndarray
) -> Found:
    """In rounds of a few steps: whoever has not ended goes on, in fewer blocks."""

    def some(elements: np.ndarray) -> Found:
        with jax.enable_x64(True):
            ended = solve_at(
                problem,
                exponents[:, elements],
                found.coefficients[:, elements],
                _STEPS,
                form=plan.form,
            )
            return Found(*map(np.asarray, ended))

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
    """Blocks of one width, the last filled with its last element."""
    backend = jax.default_backend()
    width = _WIDTH.get(backend, _WIDTH["gpu"])
    filled = np.pad(elements, (0, -len(elements) % width), mode="edge")
    parts = list(in_threads(solve, filled.reshape(-1, width)))
    return jax.tree.map(lambda *own: np.concatenate(own, -1)[..., : len(elements)], *parts)
