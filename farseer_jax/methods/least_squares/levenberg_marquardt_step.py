"""One step of Levenberg–Marquardt for a block of batch elements."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.methods.least_squares.normal_equations import Normal, evaluate_normal
from farseer_jax.objectives import Residual
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, OUT_OF_STEPS, RUNNING, STALLED
from farseer_jax.solvers.small_systems import active_bounds, eliminate
from farseer_jax.types import Array

_FIRST_DAMPING, _WARM_DAMPING = 1e-2, 1e-6
_LEAST_DAMPING, _MOST_DAMPING = 1e-14, 1e14
_NEARLY_UNDAMPED = 1e-3
_NEAR = 0.02  # of the objective: below this decrease the exact Hessian mostly has a minimum
_ROUNDING = 1e-15  # of a residual: sums of squares below this cannot decrease any further


class State(NamedTuple):
    """The state of each batch element.

    Attributes:
        free: best free parameters so far, ``(free, batch)``.
        value: objective there, ``(batch,)``; inf before the first evaluation.
        gradient: gradient there, ``(free, batch)``.
        matrix: matrix of the model there, ``(free, free, batch)``.
        exact: whether that is the exact Hessian.
        trial: free parameters to evaluate next.
        ask: whether to evaluate the exact Hessian there.
        predicted: decrease of the objective that the model predicts for the trial.
        damping: Levenberg–Marquardt's λ.
        floor: decreases of the objective that its rounding hides.
        status: RUNNING or how it ended.
        steps: evaluations so far.
    """

    free: Array
    value: Array
    gradient: Array
    matrix: Array
    exact: Array
    trial: Array
    ask: Array
    predicted: Array
    damping: Array
    floor: Array
    status: Array
    steps: Array


def rounding_floor(weights: np.ndarray) -> np.ndarray:
    """Decreases of the objective that rounding hides, ``(set,)``, for weights ``(…, set)``."""
    total: np.ndarray = weights.sum(axis=tuple(range(weights.ndim - 1)))
    return 0.5 * _ROUNDING**2 * total


def begin(starts: Array, warm: Array, floor: Array) -> State:
    """The state at starts, ``(free, batch)``, before any evaluation.

    Args:
        starts: free parameters.
        warm: which of them are near an optimum, ``(batch,)``: the exact model is trusted there.
        floor: see :class:`State`.
    """
    num_free, batch = starts.shape
    zeros = jnp.zeros(batch, starts.dtype)
    return State(
        free=starts,
        value=jnp.full_like(zeros, jnp.inf),
        gradient=jnp.zeros_like(starts),
        matrix=jnp.zeros((num_free, num_free, batch), starts.dtype),
        exact=jnp.zeros(batch, bool),
        trial=starts,
        ask=warm,
        predicted=zeros,
        damping=jnp.where(warm, _WARM_DAMPING, _FIRST_DAMPING),
        floor=jnp.broadcast_to(floor, zeros.shape),
        status=jnp.full(batch, RUNNING),
        steps=jnp.zeros(batch, int),
    )


def step(
    law: type[Separable],
    residual: Residual,
    squared: bool,
    problem: Problem,
    state: State,
    tolerance: Array,
    max_steps: Array,
) -> State:
    """Evaluate every element's trial, and choose its next; elements that have ended stay."""
    newton = None if squared else state.ask
    normal = evaluate_normal(law, residual, newton, problem, state.trial)
    state = _next_trial(problem, _judge(state, normal), tolerance, squared)
    spent = (state.status == RUNNING) & (state.steps >= max_steps)
    return state._replace(status=jnp.where(spent, OUT_OF_STEPS, state.status))


def _judge(state: State, normal: Normal) -> State:
    """Accept or reject the trial, and adapt the damping."""
    finite = jnp.isfinite(normal.value) & jnp.isfinite(normal.gradient).all(0)
    finite &= jnp.isfinite(normal.matrix).all((0, 1))
    first = jnp.isinf(state.value)
    again = (state.trial == state.free).all(0)  # the same point, for the safer model
    decrease = state.value - normal.value
    ratio = decrease / jnp.where(state.predicted > 0, state.predicted, jnp.inf)
    running = state.status == RUNNING
    accepted = running & finite & (again | (decrease > 0))
    better = jnp.where(ratio > 0.75, 0.1, jnp.where(ratio > 0.25, 0.5, 2.0))
    factor = jnp.where(again, 1.0, jnp.where(accepted, better, 4.0))
    kept = state._replace(
        free=state.trial,
        value=normal.value,
        gradient=normal.gradient,
        matrix=normal.matrix,
        exact=state.ask,
    )
    chosen = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), kept, state)
    return chosen._replace(
        damping=jnp.clip(state.damping * factor, _LEAST_DAMPING, _MOST_DAMPING),
        status=jnp.where(running & first & ~finite, NOT_FINITE, state.status),
        steps=state.steps + running,
    )


def _next_trial(problem: Problem, state: State, tolerance: Array, squared: bool) -> State:
    """Choose the next point to evaluate, or end."""
    active = active_bounds(state.free, state.gradient, problem.lower, problem.upper)
    diagonal = jnp.arange(len(state.free))
    scale = jnp.sqrt(jnp.maximum(state.matrix[diagonal, diagonal], 0.0))
    scale = jnp.where(scale > 0, scale, 1.0)
    g = jnp.where(active, 0.0, state.gradient / scale)
    damping = state.damping
    identity = jnp.eye(len(g), dtype=g.dtype)[..., None]
    scaled = state.matrix / (scale[:, None] * scale) + damping * identity
    scaled = jnp.where(active[:, None] | active, identity, scaled)
    solution, definite = eliminate(scaled, g[:, None])
    target = state.free - solution[:, 0] / scale
    trial = jnp.clip(target, problem.lower, problem.upper)
    cut = (trial != target).any(0)  # by a bound, which is active next time, and the others move
    change = trial - state.free
    predicted = -jnp.sum(state.gradient * change, 0) - 0.5 * jnp.sum(
        change * jnp.sum(state.matrix * change, 1), 0
    )
    small = ~cut & (predicted <= tolerance * state.value + state.floor)
    # the safer model is evaluated at the same point where the exact one has no minimum, …
    unsafe = state.exact & ~definite
    # … and the exact one where the safer one takes small steps
    ask = jnp.zeros_like(unsafe) if squared else ~unsafe & (predicted <= _NEAR * state.value)
    converged = small & (damping <= _NEARLY_UNDAMPED) & ~unsafe
    stalled = damping >= _MOST_DAMPING
    status = jnp.where(converged, CONVERGED, jnp.where(stalled, STALLED, state.status))
    # under heavy damping a small step does not mean convergence: relax, and look again
    relaxed = jnp.where(small & ~converged & ~unsafe, damping * 0.1, damping)
    return state._replace(
        trial=jnp.where(unsafe, state.free, trial),
        ask=ask,
        predicted=predicted,
        damping=relaxed,
        status=jnp.where(state.status == RUNNING, status, state.status),
    )
