"""Damped Newton within a box, for batches; both levels of the problem use it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, RUNNING, STALLED
from farseer_jax.solvers.small_systems import (
    LEAST_PIVOT,
    active_bounds,
    eliminate,
    minimise_in_box,
    pick,
)
from farseer_jax.types import Array

_LEAST_DAMPING, _MOST_DAMPING = 1e-12, 1e14
_NEARLY_UNDAMPED = 1e-3
# Added to a Hessian of unit scale until it is positive definite. Between two runs Huber's objective
# of logarithms is concave, where steps by squares that lie above it would be tiny.
_SHIFTS = np.array([0.0, *np.geomspace(1e-5, 10.0, 7)])


class Model(NamedTuple):
    """A quadratic model of the objective around a point.

    Attributes:
        value: ``(batch,)``.
        gradient: ``(n, batch)``.
        hessian: ``(n, n, batch)``.
        scale: roots of the diagonal of the Hessian of squares, ``(n, batch)``.
        rounding: decreases of the objective that its rounding hides, ``(batch,)``.
    """

    value: Array
    gradient: Array
    hessian: Array
    scale: Array
    rounding: Array


class Box(NamedTuple):
    """Bounds of the variables.

    Attributes:
        low: ``(n, 1)``.
        high: ``(n, 1)``.
        bounds: whether each variable has a lower and an upper bound.
    """

    low: Array
    high: Array
    bounds: tuple[tuple[bool, bool], ...]


class Rules(NamedTuple):
    """When to stop.

    Attributes:
        tolerance: relative decrease of the objective that counts as none.
        max_steps: evaluations.
        damping: damping of the first step, for a Hessian of unit scale.
    """

    tolerance: Array
    max_steps: Array | int
    damping: float


class State(NamedTuple):
    """The state of each batch element.

    Attributes:
        point: best point so far, ``(n, batch)``.
        model: the model there; its value is inf before the first evaluation.
        extra: what the objective keeps of that point.
        trial: point to evaluate next; where converged, the refined minimum.
        predicted: decrease of the objective that the model predicts for the trial.
        damping: damping of the next step.
        shorter: whether the trial lies on the way to one that failed.
        status: RUNNING or how it ended.
    """

    point: Array
    model: Model
    extra: Any
    trial: Array
    predicted: Array
    damping: Array
    shorter: Array
    status: Array


Evaluate = Callable[[State], tuple[Model, Any]]


def minimise(evaluate: Evaluate, start: Array, extra: Any, box: Box, rules: Rules) -> State:
    """Minimise from ``start``, ``(n, batch)``, until every batch element has ended.

    An element has converged where the undamped model predicts no further decrease. That last step,
    which changes its objective by less than the tolerance, is taken without an evaluation.
    """
    num, batch = start.shape
    zero, zeros = jnp.zeros(batch), jnp.zeros_like(start)
    blank = Model(zero + jnp.inf, zeros, jnp.zeros((num, num, batch)), zeros, zero)
    state = State(
        start, blank, extra, start, zero, zero + rules.damping, zero > 0, jnp.full(batch, RUNNING)
    )

    def step(carry: tuple[Array, State]) -> tuple[Array, State]:
        count, state = carry
        moved = _next_trial(_judge(state, *evaluate(state)), box, rules)
        frozen = state.status != RUNNING
        return count + 1, jax.tree.map(lambda old, new: jnp.where(frozen, old, new), state, moved)

    def continues(carry: tuple[Array, State]) -> Array:
        count, state = carry
        return (count < rules.max_steps) & (state.status == RUNNING).any()

    return jax.lax.while_loop(continues, step, (jnp.array(0), state))[1]


def refined(state: State) -> Array:
    """Where elements ended, with the last step of those that converged."""
    return jnp.where(state.status == CONVERGED, state.trial, state.point)


def _judge(state: State, model: Model, extra: Any) -> State:
    """Accept the trial, or propose a shorter step."""
    finite = jnp.isfinite(model.value) & jnp.isfinite(model.gradient).all(0)
    finite &= jnp.isfinite(model.hessian).all((0, 1))
    first = jnp.isinf(state.model.value)
    decrease = state.model.value - model.value
    accepted = finite & (first | (decrease > 0))
    ratio = decrease / jnp.where(state.predicted > 0, state.predicted, jnp.inf)
    better = jnp.where(ratio > 0.75, 0.1, jnp.where(ratio > 0.25, 1.0, 4.0))
    better = jnp.where(first | state.shorter, 1.0, better)
    # the minimum of the parabola through both values and the slope at the better one
    slope = -jnp.sum(state.model.gradient * (state.trial - state.point), 0)
    part = jnp.where(finite, jnp.clip(0.5 * slope / (slope - decrease), 0.03, 0.5), 0.1)
    point, model, extra = jax.tree.map(
        lambda new, old: jnp.where(accepted, new, old),
        (state.trial, model, extra),
        (state.point, state.model, state.extra),
    )
    damping = state.damping * jnp.where(accepted, better, 4.0)
    return State(
        point=point,
        model=model,
        extra=extra,
        trial=state.point + part * (state.trial - state.point),
        predicted=part * slope - part**2 * (slope - state.predicted),
        damping=jnp.clip(damping, _LEAST_DAMPING, _MOST_DAMPING),
        shorter=~accepted,
        status=jnp.where(first & ~finite, NOT_FINITE, state.status),
    )


def _next_trial(state: State, box: Box, rules: Rules) -> State:
    """Choose the next point to evaluate, unless a shorter step is proposed already; or end."""
    value, gradient, hessian, scale, rounding = state.model
    scale = jnp.where(scale > 0, scale, 1.0)
    matrix, slope = hessian / (scale[:, None] * scale), gradient / scale
    active = active_bounds(state.point, gradient, box.low, box.high)
    shift = _least_shift(jnp.where(active[:, None] | active, 0.0, matrix), state.damping)
    shifted = matrix + shift * jnp.eye(len(slope))[..., None]
    low, high = (box.low - state.point) * scale, (box.high - state.point) * scale
    step, solved = minimise_in_box(shifted, slope, low, high, box.bounds)
    step = jnp.where(solved, step, 0.0)
    trial = jnp.clip(state.point + step / scale, box.low, box.high)
    predicted = -jnp.sum(step * (slope + 0.5 * jnp.sum(matrix * step, 1)), 0)
    trial = jnp.where(state.shorter, state.trial, trial)
    predicted = jnp.where(state.shorter, state.predicted, predicted)
    small = predicted <= rules.tolerance * value + rounding
    converged = small & solved & ~state.shorter & (shift <= _NEARLY_UNDAMPED)
    stalled = (small & state.shorter) | (state.damping >= _MOST_DAMPING)
    status = jnp.where(converged, CONVERGED, jnp.where(stalled, STALLED, state.status))
    # under heavy damping a small step does not mean convergence: relax, and look again
    relaxed = jnp.where(small & ~converged, state.damping * 0.1, state.damping)
    return state._replace(
        trial=trial,
        predicted=predicted,
        damping=relaxed,
        status=jnp.where(state.status == RUNNING, status, state.status),
    )


def _least_shift(matrix: Array, damping: Array) -> Array:
    """The damping, or the least shift that makes the matrix positive definite (or the largest)."""
    shifts = jnp.maximum(damping, _SHIFTS[:, None])  # (shift, batch)
    shifted = matrix + shifts[:, None, None] * jnp.eye(len(matrix))[..., None]
    last = np.arange(len(_SHIFTS))[:, None] == len(_SHIFTS) - 1
    definite = eliminate(shifted, shifted[..., :0, :], LEAST_PIVOT)[1] | last
    return pick(shifts, jnp.argmax(definite, axis=0))
