"""From free numbers near an optimum to that optimum: damped Newton within a box, one member.

It moves a start whose losses or weights have changed; finding an optimum from afar is for the
methods' own solvers.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-8, 1e-14, 1e10
_MAX_STEPS = 100
_FLOOR = 1e-13  # of eigenvalues of the scaled Hessian


class Model(NamedTuple):
    """The objective around a point.

    Attributes:
        value: a number.
        gradient: ``(free,)``.
        hessian: ``(free, free)``.
    """

    value: Array
    gradient: Array
    hessian: Array


class Step(NamedTuple):
    """Newton's step at a point, damped.

    Attributes:
        move: ``(free,)``.
        fall: of the objective, as the model predicts.
        definite: whether the Hessian of the numbers that may move is positive definite.
    """

    move: Array
    fall: Array
    definite: Array


class _State(NamedTuple):
    free: Array
    model: Model
    damping: Array
    trial: Array
    num_steps: Array
    ended: Array


def held_at(free: Array, gradient: Array, lower: Array, upper: Array) -> Array:
    """Which numbers a bound holds against the gradient, ``(free,)``."""
    return ((free <= lower) & (gradient > 0)) | ((free >= upper) & (gradient < 0))


def newton_step(model: Model, held: Array, damping: Array | float) -> Step:
    """The step of the numbers that are not held; downhill whatever the Hessian's signs."""
    scale = scale_of(model.hessian)
    identity = jnp.eye(len(held), dtype=scale.dtype)
    matrix = model.hessian / (scale[:, None] * scale)
    matrix = jnp.where(held[:, None] | held, identity, matrix)
    slope = jnp.where(held, 0.0, model.gradient / scale)
    values, vectors = jnp.linalg.eigh(jnp.where(jnp.isfinite(matrix), matrix, identity))
    bent = jnp.maximum(jnp.abs(values), _FLOOR) + damping
    move = -(vectors @ ((slope @ vectors) / bent)) / scale
    fall = -model.gradient @ move - 0.5 * move @ (model.hessian @ move)
    return Step(move, fall, values[0] > 0)


def scale_of(hessian: Array) -> Array:
    """Roots of the diagonal, 1 where that vanishes, ``(free,)``."""
    size = jnp.sqrt(jnp.abs(jnp.diagonal(hessian)))
    return jnp.where((size > 0) & jnp.isfinite(size), size, 1.0)


def go_on(
    model_at: Callable[[Array], Model],
    start: Array,
    lower: Array,
    upper: Array,
    rounding: Array,
) -> tuple[Array, Model, Array]:
    """The local optimum that a start ``(free,)`` leads to.

    Args:
        model_at: the objective around a point.
        start: free numbers within the bounds.
        lower: bounds.
        upper: bounds.
        rounding: falls of the objective that its rounding hides.

    Returns:
        Where it ended, with the last step of one that converged; the model before that step; and
        whether it converged.
    """
    tolerance = 64 * float(np.finfo(start.dtype).eps)

    def choose(state: _State) -> _State:
        """The next trial, or the end."""
        free, model = state.free, state.model
        step = newton_step(model, held_at(free, model.gradient, lower, upper), state.damping)
        wanted = free + step.move
        trial = jnp.clip(wanted, lower, upper)
        cut = (trial != wanted).any()  # it is held next time, and the others move on
        small = ~cut & step.definite & (step.fall <= tolerance * model.value + rounding)
        return state._replace(trial=trial, ended=small & (state.damping <= 1e-3))

    def advance(state: _State) -> _State:
        model = model_at(state.trial)
        finite = jnp.isfinite(model.value) & jnp.isfinite(model.hessian).all()
        better = finite & (model.value < state.model.value)
        factor = jnp.where(better, 0.1, 10.0)
        damping = jnp.clip(state.damping * factor, _LEAST_DAMPING, _MOST_DAMPING)
        free, model = jax.tree.map(
            lambda new, old: jnp.where(better, new, old),
            (state.trial, model),
            (state.free, state.model),
        )
        return choose(_State(free, model, damping, free, state.num_steps + 1, state.ended))

    def goes_on(state: _State) -> Array:
        return ~state.ended & (state.num_steps < _MAX_STEPS) & (state.damping < _MOST_DAMPING)

    damping = jnp.asarray(_FIRST_DAMPING, start.dtype)
    num = len(start)
    # evaluated within the loop alone: every copy of the model compiles anew
    infinite = jnp.asarray(jnp.inf, start.dtype)
    nothing = Model(infinite, jnp.zeros_like(start), jnp.zeros((num, num), start.dtype))
    first = _State(start, nothing, damping, start, jnp.array(0), jnp.array(False))
    ended = jax.lax.while_loop(goes_on, advance, first)
    return jnp.where(ended.ended, ended.trial, ended.free), ended.model, ended.ended
