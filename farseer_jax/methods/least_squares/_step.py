"""One step of Levenberg–Marquardt, for a block of members at once."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._law import AbstractLaw
from farseer_jax._objective import Residual
from farseer_jax._types import Array
from farseer_jax.methods.least_squares._normal import Normal, Problem, evaluate_normal

ACTIVE, CONVERGED, STALLED, NOT_FINITE = 0, 1, 2, 3

FIRST_DAMPING = 1e-2
_LEAST_DAMPING, _MOST_DAMPING = 1e-14, 1e14
_NEARLY_UNDAMPED = 1e-3
_ROUNDING = 1e-15  # of a residual: sums of squares below this cannot fall any further


class State(NamedTuple):
    """Where each member of a block stands.

    Attributes:
        free: best free parameters so far, ``(free, batch)``.
        value: objective there, ``(batch,)``; inf before the first evaluation.
        gradient: there.
        majoriser: there.
        hessian: there.
        trial: free parameters to evaluate next.
        predicted: fall of the objective that the model predicts for the trial.
        damping: Levenberg–Marquardt's λ.
        newton: whether the trial comes from the exact Hessian.
        status: ACTIVE or how it ended.
        steps: evaluations so far.
    """

    free: Array
    value: Array
    gradient: Array
    majoriser: Array
    hessian: Array
    trial: Array
    predicted: Array
    damping: Array
    newton: Array
    status: Array
    steps: Array


@partial(jax.jit, static_argnames=("law", "residual", "exact", "num_steps"))
def advance(
    problem: Problem,
    state: State,
    tolerance: Array,
    *,
    law: type[AbstractLaw],
    residual: Residual,
    exact: bool,
    num_steps: int,
) -> State:
    """Take some steps; members that have ended stay as they are."""

    def step(_: int, state: State) -> State:
        normal = evaluate_normal(law, residual, exact, problem, state.trial)
        moved = _next_trial(problem, _judge(state, normal), tolerance, exact)
        frozen = state.status != ACTIVE
        return jax.tree.map(lambda old, new: jnp.where(frozen, old, new), state, moved)

    return jax.lax.fori_loop(0, num_steps, step, state)


def _judge(state: State, normal: Normal) -> State:
    """Accept the trial or not, and adapt the damping."""
    finite = jnp.isfinite(normal.value) & jnp.isfinite(normal.gradient).all(0)
    finite &= jnp.isfinite(normal.hessian).all((0, 1)) & jnp.isfinite(normal.majoriser).all((0, 1))
    first = jnp.isinf(state.value)
    fall = state.value - normal.value
    ratio = jnp.where(first, 1.0, fall / jnp.where(state.predicted > 0, state.predicted, jnp.inf))
    accepted = finite & (first | (fall > 0))
    better = jnp.where(ratio > 0.75, 0.1, jnp.where(ratio > 0.25, 0.5, 2.0))
    better = jnp.where(first, 1.0, better)
    # a Newton step that fails is first replaced by the safer model, at the same damping
    worse = jnp.where(state.newton, 1.0, 4.0)
    quick = ~first & (normal.value > 0.5 * state.value)
    kept = State(
        state.trial, normal.value, normal.gradient, normal.majoriser, normal.hessian,
        *state[5:],
    )  # fmt: skip
    chosen = jax.tree.map(lambda new, old: jnp.where(accepted, new, old), kept, state)
    return chosen._replace(
        damping=jnp.clip(
            state.damping * jnp.where(accepted, better, worse), _LEAST_DAMPING, _MOST_DAMPING
        ),
        newton=accepted & (quick | state.newton),
        status=jnp.where(first & ~finite, NOT_FINITE, state.status),
        steps=state.steps + 1,
    )


def _next_trial(problem: Problem, state: State, tolerance: Array, exact: bool) -> State:
    """The next point to evaluate, or the end."""
    held = ((state.free <= problem.lower) & (state.gradient > 0)) | (
        (state.free >= problem.upper) & (state.gradient < 0)
    )
    scale = jnp.sqrt(jnp.stack([state.majoriser[i, i] for i in range(len(state.free))]))
    scale = jnp.where(scale > 0, scale, 1.0)
    g = jnp.where(held, 0.0, state.gradient / scale)
    damping = state.damping
    safe, _ = _solve(state.majoriser, scale, held, damping, g)
    newton = state.newton
    step = safe
    if exact:
        bold, definite = _solve(state.hessian, scale, held, damping, g)
        newton &= definite
        step = jnp.where(newton, bold, safe)
    model = jnp.where(newton, state.hessian, state.majoriser) if exact else state.majoriser
    wanted = state.free - step / scale
    trial = jnp.clip(wanted, problem.lower, problem.upper)
    cut = (trial != wanted).any(0)  # at its bound, it is held next time, and the others move on
    move = trial - state.free
    predicted = -jnp.sum(state.gradient * move, 0) - 0.5 * jnp.sum(
        move * jnp.sum(model * move, 1), 0
    )
    floor = 0.5 * _ROUNDING**2 * jnp.sum(problem.weights, (0, 1))
    small = predicted <= tolerance * state.value + floor
    small &= ~cut
    converged = small & (damping <= _NEARLY_UNDAMPED)
    stalled = damping >= _MOST_DAMPING
    status = jnp.where(converged, CONVERGED, jnp.where(stalled, STALLED, state.status))
    # what looks converged under heavy damping only is small: relax, and look again
    relaxed = jnp.where(small & ~converged, damping * 0.1, damping)
    return state._replace(
        trial=trial,
        predicted=predicted,
        damping=relaxed,
        newton=newton,
        status=jnp.where(state.status == ACTIVE, status, state.status),
    )


def _solve(
    matrix: Array, scale: Array, held: Array, damping: Array, gradient: Array
) -> tuple[Array, Array]:
    """Solve ``(S⁻¹ M S⁻¹ + λ) x = g`` by elimination, over the batch; held ones stay 0.

    No pivoting: the scaled matrix has a unit diagonal, and is positive definite where the second
    result says so.
    """
    num = len(gradient)
    rows = []
    for i in range(num):
        row = [matrix[i, j] / (scale[i] * scale[j]) for j in range(num)]
        row = [jnp.where(held[i] | held[j], 0.0, cell) for j, cell in enumerate(row)]
        row[i] = jnp.where(held[i], 1.0, row[i] + damping)
        rows.append(jnp.stack([*row, gradient[i]]))
    table = jnp.stack(rows)  # (free, free + 1, batch)
    definite = jnp.ones_like(damping, dtype=bool)
    for i in range(num):
        pivot = table[i, i]
        definite &= pivot > 0
        line = table[i] / jnp.where(pivot == 0, 1.0, pivot)
        table = (table - table[:, i][:, None] * line[None]).at[i].set(line)
    return table[:, num], definite
