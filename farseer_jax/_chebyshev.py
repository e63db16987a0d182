"""Minimum of a smooth function from its values at Chebyshev nodes.

A profile over an exponent is analytic, with features no finer than about 0.3: its interpolant
through 16 nodes of a bracket a fifth wide agrees with it to rounding. The interpolant's Taylor
series at the best node then gives the stationary point without another evaluation of the
function, and without a derivative of it.
"""

import math
from functools import cache

import jax.numpy as jnp
import numpy as np
from numpy.polynomial import chebyshev

from farseer_jax._types import Array, Scalar

# Half the distance of two nodes is 0.1 of the bracket, 0.02 of a profile's features:
# 0.02^7 is below rounding.
_NUM_DERIVATIVES = 7
_NEWTON_STEPS = 4  # of a polynomial in one variable: each squares the error


def nodes(num_nodes: int) -> np.ndarray:
    """Chebyshev nodes of the first kind, ascending in (−1, 1)."""
    return chebyshev.chebpts1(num_nodes)


def minimise_interpolant(values: Array) -> tuple[Scalar, Scalar]:
    """Position in [−1, 1] and value of the interpolant's minimum.

    Args:
        values: the function at ``nodes(len(values))``; infinite where it cannot be evaluated,
            and then the best node wins.
    """
    num_nodes = values.shape[0]
    best = jnp.argmin(values)
    lowest = values[best]
    # the constant goes first: what is left keeps the digits of the curve, not of its height
    above = values - lowest
    usable = jnp.all(jnp.isfinite(above))
    matrix = jnp.asarray(_taylor_matrices(num_nodes))[best]
    # a sum, not a matrix product: the call of a product costs more than this whole function
    taylor = jnp.sum(matrix * jnp.where(usable, above, 0.0), axis=1)
    node = jnp.asarray(nodes(num_nodes))[best]
    lower, upper = (jnp.asarray(limits)[best] for limits in _limits(num_nodes))
    shift = jnp.where(usable, _minimise_polynomial(taylor, lower, upper), 0.0)
    return node + shift, lowest + _horner(taylor, shift)


def _minimise_polynomial(taylor: Array, lower: Scalar, upper: Scalar) -> Scalar:
    """Newton steps from 0 on the derivative of ``Σ c_k x^k``, kept within the limits."""
    orders = np.arange(1, taylor.shape[0])
    first = taylor[1:] * orders
    second = first[1:] * orders[:-1]
    x = jnp.zeros_like(lower)
    for _ in range(_NEWTON_STEPS):
        gradient, curvature = _horner(first, x), _horner(second, x)
        convex = curvature > 0
        newton = x - gradient / jnp.where(convex, curvature, 1.0)
        # where the curve bends down, walk to the end that the gradient points away from
        downhill = jnp.where(gradient > 0, lower, upper)
        x = jnp.where(convex, jnp.clip(newton, lower, upper), downhill)
    return x


def _horner(coefficients: Array, x: Scalar) -> Scalar:
    value = coefficients[-1]
    for order in range(coefficients.shape[0] - 2, -1, -1):
        value = value * x + coefficients[order]
    return value


@cache
def _taylor_matrices(num_nodes: int) -> np.ndarray:
    """Per node, the matrix from values at the nodes to Taylor coefficients there."""
    points = nodes(num_nodes)
    to_series = np.linalg.inv(chebyshev.chebvander(points, num_nodes - 1))
    rows = [
        chebyshev.chebval(points, chebyshev.chebder(to_series, order, axis=0)).T
        / math.factorial(order)
        for order in range(_NUM_DERIVATIVES + 1)
    ]
    return np.stack(rows, axis=1)


@cache
def _limits(num_nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """How far the minimum may lie below and above its best node: the neighbours, or the end."""
    points = np.concatenate([[-1.0], nodes(num_nodes), [1.0]])
    return points[:-2] - points[1:-1], points[2:] - points[1:-1]
