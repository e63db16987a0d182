"""Minimum of a smooth function from its values at Chebyshev nodes.

The interpolant of an entire function through n nodes converges faster than any power of 1/n. Its
Taylor series at the best node gives the stationary point, without another evaluation of the
function and without a derivative of it.
"""

import functools
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.polynomial import chebyshev

from farseer_jax.types import Array, Flag, Scalar

# Half a gap of 40 nodes over 10 e-foldings is x = 0.2: x^11 / 11! is rounding.
_DEGREE = 10
_NUM_TAIL = 3
_NEWTON_STEPS = 4  # of a polynomial in one variable: each squares the error


def nodes(num_nodes: int) -> np.ndarray:
    """Chebyshev nodes of the first kind, ascending in (−1, 1)."""
    return chebyshev.chebpts1(num_nodes)


def minimise_interpolant(values: Array) -> tuple[Scalar, Scalar, Flag]:
    """Position in [−1, 1] and value of the interpolant's minimum, and whether it is resolved.

    It is resolved where the last terms of the Chebyshev series are rounding.

    Args:
        values: the function at ``nodes(len(values))``; infinite where it cannot be evaluated: the
            result is then the best node, and not resolved.
    """
    num_nodes = values.shape[0]
    best = jnp.argmin(values)
    lowest = values[best]
    # without its least value the curve keeps more digits
    above = values - lowest
    height = jnp.max(above)
    usable = jnp.isfinite(height)
    matrix = jnp.asarray(_matrices(num_nodes), values.dtype)[best]
    # a sum, not a matrix product: the call of a product costs more than this whole function
    series = jnp.sum(matrix * jnp.where(usable, above, 0.0)[:, None], axis=0)
    taylor, tail = series[: _DEGREE + 1], series[_DEGREE + 1 :]
    node, lower, upper = (jnp.asarray(column, values.dtype)[best] for column in _reach(num_nodes))
    shift = jnp.where(usable, _minimise_polynomial(taylor, lower, upper), 0.0)
    tail_size = functools.reduce(jnp.maximum, jnp.abs(tail))
    resolved = usable & (tail_size <= _rounding(values) * height)
    return node + shift, lowest + _horner(taylor, shift)[0], resolved


def _minimise_polynomial(taylor: Array, lower: Scalar, upper: Scalar) -> Scalar:
    """Newton steps from 0 on the derivative of ``Σ c_k x^k``, kept within the limits."""

    def step(_: int, x: Scalar) -> Scalar:
        gradient, half_curvature = _horner(taylor, x)[1:]
        convex = half_curvature > 0
        newton = x - 0.5 * gradient / jnp.where(convex, half_curvature, 1.0)
        # where the curve is concave, go to the end in the downhill direction
        downhill = jnp.where(gradient > 0, lower, upper)
        return jnp.where(convex, jnp.clip(newton, lower, upper), downhill)

    # a loop: its body is compiled once
    return jax.lax.fori_loop(0, _NEWTON_STEPS, step, jnp.zeros_like(lower))


def _horner(taylor: Array, x: Scalar) -> tuple[Scalar, Scalar, Scalar]:
    """``Σ c_k x^k``, its derivative, and half its second."""
    value, slope, half_curvature = taylor[-1], jnp.zeros_like(x), jnp.zeros_like(x)
    for order in range(_DEGREE - 1, -1, -1):
        half_curvature = half_curvature * x + slope
        slope = slope * x + value
        value = value * x + taylor[order]
    return value, slope, half_curvature


@cache
def _matrices(num_nodes: int) -> np.ndarray:
    """Per node, the matrix from values to its Taylor coefficients and to the series' tail.

    Shape ``(node, value, coefficient)``: whole vectors of coefficients are summed over the values.
    """
    points = nodes(num_nodes)
    to_series = 2 / num_nodes * chebyshev.chebvander(points, num_nodes - 1).T
    to_series[0] /= 2
    taylor = [_taylor_of_T(points, num_nodes, order) @ to_series for order in range(_DEGREE + 1)]
    tail = np.broadcast_to(to_series[-_NUM_TAIL:], (num_nodes, _NUM_TAIL, num_nodes))
    return np.concatenate([np.stack(taylor, axis=1), tail], axis=1).transpose(0, 2, 1).copy()


def _taylor_of_T(points: np.ndarray, num_terms: int, order: int) -> np.ndarray:
    """``T_n^(k)(x) / k!``, shape ``(point, n)``.

    By ``T_n^(k) = 2^(k−1) (k−1)! n C_(n−k)^(k)`` and the recurrence of the Gegenbauer polynomials
    C, which keeps all digits; differentiating a series k times loses them.
    """
    if order == 0:
        return chebyshev.chebvander(points, num_terms - 1)
    taylor = np.zeros((len(points), num_terms))
    last, current = np.zeros_like(points), np.ones_like(points)
    for n in range(order, num_terms):
        taylor[:, n] = 2.0 ** (order - 1) * n / order * current
        m = n - order + 1
        following = 2 * points * (m + order - 1) * current - (m + 2 * order - 2) * last
        last, current = current, following / m
    return taylor


@cache
def _reach(num_nodes: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each node, and the distances to its neighbours (or the interval's ends) below and above."""
    points = np.concatenate([[-1.0], nodes(num_nodes), [1.0]])
    return points[1:-1], points[:-2] - points[1:-1], points[2:] - points[1:-1]


def _rounding(values: Array) -> float:
    """Relative size below which a series' tail is rounding, or harmless: 1e-11 in float64."""
    return 5e4 * float(np.finfo(values.dtype).eps)
