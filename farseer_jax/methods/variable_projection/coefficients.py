"""The best coefficients for given exponents, by the same objective that is reported.

Columns are computed once per candidate. The objective then needs no exponential, and one logarithm
per run where residuals are logarithmic.
"""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax.methods.variable_projection.newton import (
    Box,
    Model,
    Rules,
    State,
    minimise,
)
from farseer_jax.methods.variable_projection.terms import Form, Problem, losses
from farseer_jax.objectives import residual_slopes, rho, rho_slope, rho_weights
from farseer_jax.solvers.small_systems import minimise_in_box
from farseer_jax.types import Array

MAX_STEPS = 200
_ROUNDING = 2.0**-52  # of a predicted loss
# Of the tolerance of the exponents, whose search compares minima over the coefficients.
_FINER = 1e-2
_FIRST_DAMPING = 1e-8


class RunDerivatives(NamedTuple):
    """The objective run by run, ``(run, batch)``, in the predicted loss.

    Attributes:
        value: objective, ``(batch,)``.
        slope: first derivative.
        curvature: second derivative.
        square: second derivative of the squared residual, positive.
        rounding: rounding of the objective, ``(batch,)``.
    """

    value: Array
    slope: Array
    curvature: Array
    square: Array
    rounding: Array


def run_derivatives(form: Form, problem: Problem, predicted: Array) -> RunDerivatives:
    """The objective's derivatives in the predicted losses."""
    r, first, second = residual_slopes(form.residual, predicted, problem.observed)
    slope = problem.weights * rho_slope(r, problem.delta, problem.quantile)
    curvature = rho_weights(r, problem.delta, problem.quantile)[1]
    square = problem.weights * first * first
    return RunDerivatives(
        value=jnp.sum(problem.weights * rho(r, problem.delta, problem.quantile), 0),
        slope=slope * first,
        curvature=square * curvature + slope * second,
        square=square,
        rounding=_ROUNDING * jnp.sum(jnp.abs(slope * first) * predicted, 0),
    )


def gram(columns: list[Array], weights: Array) -> Array:
    """``Σ weight · x_i · x_j`` over the runs, ``(n, n, batch)``."""
    num = len(columns)
    weighted = [weights * x for x in columns]
    cells = {(i, j): jnp.sum(weighted[i] * columns[j], 0) for i in range(num) for j in range(i + 1)}
    return jnp.stack(
        [jnp.stack([cells[max(i, j), min(i, j)] for j in range(num)]) for i in range(num)]
    )


def least_squares_start(form: Form, problem: Problem, columns: list[Array]) -> Array:
    """Least squares within the bounds, in closed form, ``(coefficient, batch)``.

    Log residuals are replaced by relative ones, which they equal to first order.
    """
    base, *own = columns
    absolute = form.residual == "absolute"
    weights = problem.weights if absolute else problem.weights / problem.observed**2
    matrix = gram(own, weights)
    pull = jnp.stack([jnp.sum(weights * x * (problem.observed - base), 0) for x in own])
    diagonal = jnp.stack([matrix[i, i] for i in range(len(own))])
    scale = jnp.where(diagonal > 0, jnp.sqrt(diagonal), 1.0)
    low, high = (jnp.broadcast_to(bound, pull.shape) for bound in _box(form)[:2])
    unit = matrix / (scale[:, None] * scale)
    return minimise_in_box(unit, -pull / scale, low, high, _box(form).bounds)[0] / scale


def solve_inner(
    form: Form, problem: Problem, columns: list[Array], start: Array, max_steps: Array | int
) -> State:
    """The best coefficients, from a start ``(coefficient, batch)``."""
    weights = problem.weights
    if form.residual != "absolute":
        weights = weights / problem.observed**2
    scale = jnp.stack([jnp.sqrt(jnp.sum(weights * x * x, 0)) for x in columns[1:]])

    def evaluate(state: State) -> tuple[Model, tuple[()]]:
        run = run_derivatives(form, problem, losses(columns, state.trial))
        gradient = jnp.stack([jnp.sum(run.slope * x, 0) for x in columns[1:]])
        hessian = gram(columns[1:], run.curvature)
        return Model(run.value, gradient, hessian, scale, run.rounding), ()

    rules = Rules(_FINER * problem.tolerance, max_steps, _FIRST_DAMPING)
    return minimise(evaluate, start, (), _box(form), rules)


def _box(form: Form) -> Box:
    low = jnp.where(jnp.array(form.bounded), 0.0, -jnp.inf)[:, None]
    return Box(low, jnp.full_like(low, jnp.inf), tuple((has, False) for has in form.bounded))
