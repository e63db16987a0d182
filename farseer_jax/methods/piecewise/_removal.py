"""The law without some runs, by one Newton step of each search.

A removal is no small change of the run's own size: what its pairs give by themselves, and which
pairs are left, is taken exactly. What joins the sizes hardly moves: each exponent goes by one
Newton step from where its search had ended, in the order of the searches, so that each step sees
what the ones before it have changed.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.methods.piecewise._chain import Exponents, Own, size_points
from farseer_jax.methods.piecewise.kernel import Curves
from farseer_jax.methods.piecewise.stage2 import evaluate, fit_curve
from farseer_jax.solvers.linear_regression import LinePoints, line_points, safe_divide
from farseer_jax.types import Array, Scalar, Sizes, Slots


class _Data(NamedTuple):
    z: Sizes
    log_D: Slots
    own: Own
    A_points: LinePoints
    B_points: LinePoints


def step_each_search(z: Sizes, log_D: Slots, own: Own, found: Exponents) -> Curves:
    """The curves, by the squared criterion, in rounds.

    Args:
        z: ``ln N`` over the pivot.
        log_D: ``ln D``.
        own: what each size gives, after a removal.
        found: where the searches had ended before it.
    """
    A_points, B_points = (line_points(y, own.weight) for y in (own.log_A, own.log_B))
    data = _Data(z, log_D, own, A_points, B_points)
    num_rounds = (len(found.data) - 1) // 2
    alphas, (first, *betas) = found.data[:num_rounds], found.data[num_rounds:]
    beta = _step_beta(data, jnp.exp(own.log_A), first)

    def one_round(beta: Scalar, at: tuple[Scalar, Scalar]) -> tuple[Scalar, Scalar]:
        alpha = _step_alpha(data, evaluate(fit_curve(z, B_points, beta), z), at[0])
        A = jnp.exp(evaluate(fit_curve(z, A_points, alpha), z))
        return _step_beta(data, A, at[1]), alpha

    beta, alpha = jax.lax.scan(one_round, beta, (alphas, jnp.stack(betas)))
    A, B = fit_curve(z, A_points, alpha[-1]), fit_curve(z, B_points, beta)
    data_term = jnp.exp(evaluate(B, z)[:, None] - jnp.exp(evaluate(A, z))[:, None] * log_D)
    points, log_G = size_points(own, data_term)
    gamma = _step(
        lambda p: 0.5 * points.weights * (evaluate(fit_curve(z, points, p), z) - log_G) ** 2,
        found.size[0],
    )
    return Curves(A=A, B=B, U=fit_curve(z, points, gamma))


def _step_alpha(data: _Data, log_B: Sizes, at: Scalar) -> Scalar:
    """Of the pairs' squared errors, size by size a function of A alone."""
    own = data.own

    def of_size(A: Sizes) -> Sizes:
        term = jnp.exp(log_B[:, None] - A[:, None] * data.log_D)
        error = term[:, :-1] - term[:, 1:] - own.R
        return 0.5 * jnp.sum(own.pair_weight * error**2, axis=1)

    start = jnp.exp(evaluate(fit_curve(data.z, data.A_points, at), data.z))
    slope, bend = _derivatives(of_size, start)

    def parabola(p: Scalar) -> Sizes:
        shift = jnp.exp(evaluate(fit_curve(data.z, data.A_points, p), data.z)) - start
        return (slope + 0.5 * bend * shift) * shift

    return _step(parabola, at)


def _step_beta(data: _Data, A: Sizes, at: Scalar) -> Scalar:
    """Of the pairs' squared errors, size by size a parabola of B."""
    own, middle = data.own, jnp.mean(data.log_D, axis=1)
    term = jnp.exp(-A[:, None] * (data.log_D - middle[:, None]))
    S = term[:, :-1] - term[:, 1:]
    sum_S2 = jnp.sum(own.pair_weight * S**2, axis=1)
    best = safe_divide(jnp.sum(own.pair_weight * S * own.R, axis=1), sum_S2)

    def excess(p: Scalar) -> Sizes:
        B = jnp.exp(evaluate(fit_curve(data.z, data.B_points, p), data.z) - A * middle)
        return 0.5 * sum_S2 * (B - best) ** 2

    return _step(excess, at)


def _step(parts: Callable[[Scalar], Sizes], at: Scalar) -> Scalar:
    """Newton's step towards the minimum of a sum; none where it does not bend upwards."""
    slope, bend = _derivatives(lambda p: jnp.sum(parts(p)), at)
    return at - jnp.where(bend > 0, slope, 0.0) / jnp.where(bend > 0, bend, 1.0)


def _derivatives(function: Callable[[Array], Array], at: Array) -> tuple[Array, Array]:
    """First and second, elementwise."""

    def slope(x: Array) -> Array:
        return jax.jvp(function, (x,), (jnp.ones_like(x),))[1]

    return jax.jvp(slope, (at,), (jnp.ones_like(at),))
