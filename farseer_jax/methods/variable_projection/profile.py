"""The objective as a function of the exponents alone: on a grid, and down to its minima.

Golub & Pereyra, *The Differentiation of Pseudo-Inverses and Nonlinear Least Squares Problems Whose
Variables Separate* (1973), called variable projection; here for any objective: its gradient by the
envelope theorem, its Hessian by a Schur complement.
"""

import itertools
from functools import partial
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.variable_projection.coefficients import (
    MAX_STEPS,
    gram,
    least_squares_start,
    run_derivatives,
    solve_inner,
)
from farseer_jax.methods.variable_projection.newton import (
    Box,
    Model,
    Rules,
    State,
    minimise,
    refined,
)
from farseer_jax.methods.variable_projection.terms import Form, Problem, columns, losses
from farseer_jax.objectives import absolute, residual_slopes
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.optima import NOT_FINITE
from farseer_jax.solvers.partials import partial_derivative
from farseer_jax.solvers.small_systems import LEAST_PIVOT, eliminate
from farseer_jax.types import Array

_FIRST_DAMPING = 1e-3


class Found(NamedTuple):
    """Points in the space of exponents, such as candidates or minima; in NumPy or JAX.

    Attributes:
        exponents: ``(exponent, point)``.
        coefficients: ``(coefficient, point)``.
        value: objective, ``(point,)``.
        status: codes of the solver, ``(point,)``.
    """

    exponents: np.ndarray
    coefficients: np.ndarray
    value: np.ndarray
    status: np.ndarray

    @property
    def finite_value(self) -> np.ndarray:
        """The objective, inf where it is not finite, ``(point,)``."""
        return np.where(self.status == NOT_FINITE, np.inf, self.value)


_found: Any = Found  # of JAX's arrays


@compiled(static=("form",))
def start_at(problem: Problem, exponents: Array, *, form: Form) -> Array:
    """Coefficients to start from at given exponents, ``(coefficient, batch)``."""
    return least_squares_start(form, problem, columns(form, problem, list(exponents)))


@compiled(static=("form",))
def solve_at(
    problem: Problem, exponents: Array, coefficients: Array, max_steps: int, *, form: Form
) -> Found:
    """The best coefficients at given exponents, from other coefficients."""
    own = columns(form, problem, list(exponents))
    state = solve_inner(form, problem, own, coefficients, max_steps)
    return _found(exponents, refined(state), state.model.value, state.status)


@compiled(static=("form",))
def absolute_at(problem: Problem, exponents: Array, coefficients: Array, *, form: Form) -> Array:
    """The sum of absolute residuals, ``(batch,)``."""
    predicted = losses(columns(form, problem, list(exponents)), coefficients)
    r = residual_slopes(form.residual, predicted, problem.observed)[0]
    return jnp.sum(problem.weights * absolute(r, problem.quantile), 0)


@compiled(static=("form",))
def polish(
    problem: Problem, exponents: Array, coefficients: Array, max_steps: int, *, form: Form
) -> Found:
    """The minimum of the profile next to each start, by damped Newton in the exponents."""

    def evaluate(state: State) -> tuple[Model, Extra]:
        own = columns(form, problem, list(state.trial))
        inner = solve_inner(form, problem, own, _predict(form, state), MAX_STEPS)
        return _derivatives(form, problem, state.trial, refined(inner))

    slopes = jnp.zeros((len(coefficients), *exponents.shape))
    rules = Rules(problem.tolerance, max_steps, _FIRST_DAMPING)
    box = Box(problem.low, problem.high, ((True, True),) * len(exponents))
    state = minimise(evaluate, exponents, Extra(coefficients, slopes), box, rules)
    where = refined(state)
    own = columns(form, problem, list(where))
    guess = _predict(form, state._replace(trial=where))
    inner = solve_inner(form, problem, own, guess, MAX_STEPS)
    return _found(where, refined(inner), inner.model.value, state.status)


class Extra(NamedTuple):
    """The coefficients at a point of the profile.

    Attributes:
        coefficients: the best ones, ``(coefficient, batch)``.
        slopes: their derivatives in the exponents, ``(coefficient, exponent, batch)``.
    """

    coefficients: Array
    slopes: Array


def _predict(form: Form, state: State) -> Array:
    """Coefficients at the trial, to first order, kept within their bounds."""
    move = state.trial - state.point
    coefficients = state.extra.coefficients + jnp.sum(state.extra.slopes * move, 1)
    bounded = jnp.array(form.bounded)[:, None]
    return jnp.where(bounded, jnp.maximum(coefficients, 0.0), coefficients)


def _derivatives(
    form: Form, problem: Problem, exponents: Array, coefficients: Array
) -> tuple[Model, Extra]:
    """The profile around exponents whose best coefficients are known."""
    own, first, second = _columns_and_slopes(form, problem, list(exponents))
    run = run_derivatives(form, problem, losses(own, coefficients))
    moved = [losses(slopes, coefficients) for slopes in first]
    directions = [*own[1:], *moved]
    whole = gram(directions, run.curvature) + _mixed(first, second, run.slope, coefficients)
    pull = jnp.stack([jnp.sum(run.slope * x, 0) for x in own[1:]])
    active = jnp.array(form.bounded)[:, None] & (coefficients <= 0.0) & (pull > 0.0)
    hessian, slopes, definite = _eliminate(whole, active)
    squares, square_slopes, _ = _eliminate(gram(directions, run.square), active)
    slopes = jnp.where(definite, slopes, square_slopes)
    gradient = jnp.stack([jnp.sum(run.slope * x, 0) for x in moved])  # envelope theorem
    model = Model(
        value=run.value,
        gradient=gradient + jnp.sum(slopes * pull[:, None], 0),  # pull: rounding of the best
        hessian=jnp.where(definite, hessian, squares),
        scale=jnp.sqrt(jnp.stack([squares[k, k] for k in range(len(moved))])),
        rounding=run.rounding,
    )
    return model, Extra(coefficients, slopes)


Columns = list[Array]


def _columns_and_slopes(
    form: Form, problem: Problem, exponents: list[Array]
) -> tuple[Columns, list[Columns], list[list[Columns]]]:
    """Columns, and their first and second derivatives in the exponents (lower triangle)."""
    value = partial(columns, form, problem)
    first = [partial_derivative(value, k) for k in range(len(exponents))]
    second = [
        [partial_derivative(slope, m)(exponents) for m in range(k + 1)]
        for k, slope in enumerate(first)
    ]
    return value(exponents), [slope(exponents) for slope in first], second


def _mixed(
    first: list[Columns], second: list[list[Columns]], push: Array, coefficients: Array
) -> Array:
    """``Σ push · ∂²L`` in coefficients and exponents: 0 for two coefficients."""
    num, count = len(coefficients), len(coefficients) + len(first)
    cells = [[jnp.zeros_like(coefficients[0])] * count for _ in range(count)]
    for k, slopes in enumerate(first):
        for j, x in enumerate(slopes[1:]):
            cells[j][num + k] = cells[num + k][j] = jnp.sum(push * x, 0)
        for m, curved in enumerate(second[k]):
            cell = jnp.sum(push * losses(curved, coefficients), 0)
            cells[num + k][num + m] = cells[num + m][num + k] = cell
    return jnp.stack([jnp.stack(row) for row in cells])


def _eliminate(matrix: Array, active: Array) -> tuple[Array, Array, Array]:
    """The Schur complement of the coefficients that are not at their bounds, and their slopes.

    Args:
        matrix: of coefficients and exponents, ``(n, n, batch)``.
        active: coefficients that stay at their bound, ``(coefficient, batch)``.

    Returns:
        ``(exponent, exponent, batch)``, ``(coefficient, exponent, batch)``, and whether the
        coefficients' own matrix is positive definite.
    """
    num = len(active)
    scale = jnp.sqrt(jnp.abs(jnp.stack([matrix[i, i] for i in range(num)])))
    scale = jnp.where(scale > 0, scale, 1.0)
    inside = matrix[:num, :num] / (scale[:, None] * scale)
    identity = jnp.eye(num)[..., None]
    inside = jnp.where(active[:, None] | active, identity, inside)
    across = jnp.where(active[:, None], 0.0, matrix[:num, num:]) / scale[:, None]
    solved, definite = eliminate(inside, across, LEAST_PIVOT)
    schur = matrix[num:, num:] - jnp.sum(across[:, :, None] * solved[:, None], 0)
    return schur, -solved / scale[:, None], definite


def candidates(axes: tuple[np.ndarray, ...]) -> np.ndarray:
    """Every combination, ``(exponent, candidate)``; the last exponent varies fastest."""
    return np.stack(np.meshgrid(*axes, indexing="ij")).reshape(len(axes), -1)


def local_minima(values: np.ndarray, num: int) -> np.ndarray:
    """Flat indices of the lowest local minima of a grid, ``(num,)``.

    Where there are fewer, the lowest is repeated, so that the number is that of a kernel's batch.
    """
    padded = np.pad(values, 1, constant_values=np.inf)
    lowest = np.full_like(values, np.inf)
    for offsets in itertools.product(range(3), repeat=values.ndim):
        window = tuple(slice(o, o + n) for o, n in zip(offsets, values.shape, strict=True))
        lowest = np.minimum(lowest, padded[window])
    found = np.flatnonzero((values == lowest) & np.isfinite(values))
    found = found[np.argsort(values.ravel()[found], kind="stable")][:num]
    return np.pad(found, (0, num - len(found)), mode="constant", constant_values=found[0])


def distinct(minima: Found, nearness: np.ndarray) -> Found:
    """Distinct minima, best first; within ``nearness``, ``(exponent,)``, they are the same one."""
    order = np.argsort(minima.value, kind="stable")
    exponents = minima.exponents[:, order]
    apart = np.abs(exponents[:, :, None] - exponents[:, None]) / nearness[:, None, None]
    first = np.argmax(apart.max(0) <= 1.0, axis=0)  # the best of those at this point
    keep = order[first == np.arange(len(order))]
    return Found(*(part[..., keep] for part in minima))
