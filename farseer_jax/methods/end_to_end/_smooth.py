"""Where a refit with a smooth objective ends: stationary, but for what a bound holds."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.end_to_end._continue import (
    Model,
    go_on,
    held_at,
    newton_step,
    scale_of,
)
from farseer_jax.methods.end_to_end._surface import Surface
from farseer_jax.objectives import Along, Objective, along_log_loss
from farseer_jax.solvers import implicit as _implicit
from farseer_jax.types import Array

_ROUNDING = 1e-15  # of a residual: sums of squares below this cannot fall any further


class Data(NamedTuple):
    """What is fitted.

    Attributes:
        observed: on the link's scale, ``(run,)``.
        weights: times each run's share, ``(run,)``.
    """

    observed: Array
    weights: Array


class End(NamedTuple):
    """Where a refit ended.

    Attributes:
        free: ``(free,)``, with implicit derivatives.
        held: numbers that a bound holds, ``(free,)``.
        model: of the objective there.
        move: Newton's step there, ``(free,)``: nothing but rounding at an optimum.
        good: whether this is an optimum.
    """

    free: Array
    held: Array
    model: Model
    move: Array
    good: Array


def along(
    objective: Objective, surface: Surface, data: Data, free: Array, delta: Array | float
) -> Along:
    """ρ of all runs and its derivatives in ``ln L``, ``(run,)``."""
    return along_log_loss(
        objective.residual,
        objective.is_squared,
        jnp.asarray(delta, free.dtype),
        jnp.asarray(objective.quantile, free.dtype),
        surface.predictions(free),
        data.observed,
    )


def gradient(
    objective: Objective, surface: Surface, data: Data, free: Array, delta: Array | float
) -> tuple[Array, Array]:
    """Gradient of the objective in the free numbers, and its value."""
    _, pull = jax.vjp(surface.predictions, free)
    own = along(objective, surface, data, free, delta)
    return pull(data.weights * own.slope)[0], jnp.sum(data.weights * own.value)


def model_at(
    objective: Objective, surface: Surface, data: Data, free: Array, delta: Array | float
) -> Model:
    """Value, gradient and exact Hessian."""

    def both(x: Array) -> tuple[Array, tuple[Array, Array]]:
        slope, value = gradient(objective, surface, data, x, delta)
        return slope, (slope, value)

    hessian, (slope, value) = jax.jacfwd(both, has_aux=True)(free)
    return Model(value, slope, hessian)


def travel(
    objective: Objective, surface: Surface, data: Data, start: Array, delta: Array | float
) -> tuple[Array, Model, Array]:
    """The optimum that a start leads to, without derivatives; see :func:`go_on`."""

    def model(free: Array) -> Model:
        return model_at(objective, surface, data, free, delta)

    rounding = 0.5 * _ROUNDING**2 * jnp.sum(data.weights)
    return go_on(model, start, surface.lower, surface.upper, rounding)


def solve_smooth(objective: Objective, surface: Surface, data: Data, start: Array) -> End:
    """The optimum that a start leads to, with implicit derivatives."""
    fixed = jax.lax.stop_gradient(data)
    delta = objective.delta
    found, model, arrived = travel(objective, surface, fixed, start, delta)
    held = held_at(found, model.gradient, surface.lower, surface.upper)
    # in units in which the Hessian has a diagonal of ones
    scale = scale_of(model.hessian)

    def conditions(x: Array) -> Array:
        slope = gradient(objective, surface, data, x / scale, delta)[0] / scale
        return jnp.where(held, x - found * scale, slope)

    free = _implicit.root(conditions, found * scale, 1) / scale
    free = jnp.where(held, found, free)  # on its bound to the last digit
    still = jax.lax.stop_gradient(free)
    model = model_at(objective, surface, fixed, still, delta)
    step = newton_step(model, held, 0.0)
    inside = ((still >= surface.lower) & (still <= surface.upper)).all()
    good = arrived & step.definite & inside & rests(step.move, still)
    return End(free, held, model, step.move, good)


def rests(move: Array, free: Array) -> Array:
    """Whether a Newton step is nothing but rounding."""
    few = 100.0 * float(np.sqrt(np.finfo(free.dtype).eps))
    return (jnp.abs(move) <= few * (1.0 + jnp.abs(free))).all()
