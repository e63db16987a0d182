"""A power law with a floor, ``y = floor + coefficient · x^−p``, by a search of p."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.solvers.search import Errors, Minimum, Search, Shape
from farseer_jax.types import Array, Candidates, Flag, Scalar

Error = Callable[[Array, Array], Array]


class PowerLaw(NamedTuple):
    """``y = floor + coefficient · exp(−exponent · z)``, z the logarithm of x.

    Attributes:
        floor: not negative.
        coefficient: not negative.
        exponent: of the power law.
        at_edge: the exponent ended at a bound of its search.
        resolved: the search converged.
        at_bound: the floor or the coefficient is at its bound 0.
    """

    floor: Scalar
    coefficient: Scalar
    exponent: Scalar
    at_edge: Flag
    resolved: Flag
    at_bound: Flag


def squared(predicted: Array, observed: Array) -> Array:
    """Squared difference."""
    return (predicted - observed) ** 2


def fit_power_law(
    z: Array,
    y: Array,
    weights: Array,
    search: Search,
    *,
    error: Error = squared,
    shape: Shape = "locally smooth",
) -> PowerLaw:
    """Search the exponent; floor and coefficient are least squares for each candidate.

    Where the best line has a negative floor, the floor is fixed at 0 and the exponent searched
    again: for positive y this is the constrained optimum, if each profile has one minimum. Where
    the best line rises, the fit is the mean of y and the exponent is undetermined.

    Args:
        z: ``ln(x / pivot)``, ``(point,)``.
        y: positive, ``(point,)``.
        weights: ``(point,)``; 0 leaves a point out.
        search: of the exponent, its bounds positive.
        error: the error whose weighted sum compares the candidates.
        shape: shape of that sum, for the search.
    """
    shares = safe_divide(weights, jnp.sum(weights))
    mean = jnp.sum(shares * y)

    def best(floor: Scalar) -> tuple[Minimum, Scalar, Scalar]:
        def objective(exponents: Candidates) -> Candidates:
            errors = error(best_line(z, y, shares, exponents, floor)[2], y[:, None])
            return jnp.sum(shares[:, None] * errors, axis=0)

        found = search.minimise(objective, shape, z.dtype)
        intercept, slope, _ = best_line(z, y, shares, found.exponent[None], floor)
        return found, intercept[0], slope[0]

    # both searches as one batch: they compile once
    found, intercepts, slopes = jax.vmap(best)(jnp.asarray([1.0, 0.0], z.dtype))
    no_floor, flat = intercepts[0] < 0, slopes[0] <= 0
    minimum: Minimum = jax.tree.map(lambda pair: jnp.where(no_floor, pair[1], pair[0]), found)
    return PowerLaw(
        floor=jnp.where(flat, mean, jnp.where(no_floor, 0.0, intercepts[0])),
        coefficient=jnp.where(flat, 0.0, jnp.where(no_floor, slopes[1], slopes[0])),
        exponent=minimum.exponent,
        at_edge=~flat & minimum.at_edge,
        resolved=flat | minimum.resolved,
        at_bound=no_floor | flat,
    )


def power_law_at(
    z: Array, y: Array, weights: Array, exponent: Array, floor: Scalar, *, relative: bool = False
) -> tuple[Errors, Scalar, Scalar]:
    """The power law of a known exponent, for derivatives.

    Args:
        z: ``ln(x / pivot)``, ``(point,)``.
        y: positive, ``(point,)``.
        weights: ``(point,)``; 0 leaves a point out.
        exponent: ``(1,)``.
        floor: 0 in place of 1 where the floor is at its bound 0.
        relative: whether the search minimises relative errors.

    Returns:
        The errors that its search minimises; floor and coefficient.
    """
    shares = safe_divide(weights, jnp.sum(weights))

    def of(exponent: Array) -> tuple[Array, tuple[Scalar, Scalar]]:
        intercept, slope, values = best_line(z, y, shares, exponent, floor)
        error = values - y[:, None]
        return error / y[:, None] if relative else error, (intercept[0], slope[0])

    value, slope, (intercept, coefficient) = jax.jvp(
        of, (exponent,), (jnp.ones_like(exponent),), has_aux=True
    )
    return Errors(value, slope, shares[:, None]), floor * intercept, coefficient


def best_line(
    z: Array, y: Array, shares: Array, exponents: Candidates, floor: Scalar
) -> tuple[Candidates, Candidates, Array]:
    """Floor, coefficient and values of the best line; through the origin where floor is 0."""
    x = jnp.exp(-exponents * z[:, None])
    x_mean, y_mean = floor * jnp.sum(shares[:, None] * x, axis=0), floor * jnp.sum(shares * y)
    pull = shares[:, None] * (x - x_mean)
    slope = safe_divide(
        jnp.sum(pull * (y[:, None] - y_mean), axis=0), jnp.sum(pull * (x - x_mean), axis=0)
    )
    return y_mean - slope * x_mean, slope, y_mean + slope * (x - x_mean)
