"""Parabolas of the loss in ln N, one per budget, in closed form."""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax._linear import safe_divide
from farseer_jax._types import Array

_FLAT = 1e-10  # spread of x about two values, against the spread of x, both squared


class Parabola(NamedTuple):
    """Parabolas ``L = loss_opt + curvature / 2 · (x − x_opt)²``, ``(budget,)`` each.

    Attributes:
        x_opt: position of the vertex; 0 where there is no minimum.
        loss_opt: loss at the vertex.
        curvature: ``d²L/dx²``; 0 where fewer than three x are distinct.
    """

    x_opt: Array
    loss_opt: Array
    curvature: Array


def fit_parabolas(x: Array, y: Array, weights: Array) -> Parabola:
    """Weighted least squares, ``(budget, slot)``.

    In polynomials that are orthogonal under the weights: powers of x would cost the digits.
    """

    def mean(values: Array) -> Array:
        return jnp.sum(shares * values, axis=1, keepdims=True)

    shares = safe_divide(weights, jnp.sum(weights, axis=1, keepdims=True))
    mean_x, mean_y = mean(x), mean(y)
    first = x - mean_x
    second_moment = mean(first**2)
    skew = safe_divide(mean(first**3), second_moment)
    second = first**2 - skew * first - second_moment
    norm = mean(second**2)
    # of two distinct x, what is left here is rounding
    norm = jnp.where(norm > _FLAT * second_moment**2, norm, 0.0)
    slope = safe_divide(mean(first * (y - mean_y)), second_moment)
    bend = safe_divide(mean(second * (y - mean_y)), norm)
    bowl = bend > 0
    vertex = jnp.where(bowl, 0.5 * (skew - slope / jnp.where(bowl, bend, 1.0)), -mean_x)
    loss_opt = mean_y + slope * vertex + bend * (vertex**2 - skew * vertex - second_moment)
    return Parabola((mean_x + vertex)[:, 0], loss_opt[:, 0], 2 * bend[:, 0])
