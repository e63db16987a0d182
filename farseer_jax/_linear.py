"""Weighted straight lines in closed form."""

import jax.numpy as jnp

from farseer_jax._types import Array


def safe_divide(numerator: Array, denominator: Array) -> Array:
    """Quotient that is 0 where the denominator is 0, in value and in derivative."""
    zero = denominator == 0
    return jnp.where(zero, 0.0, numerator / jnp.where(zero, 1.0, denominator))


def weighted_mean(values: Array, weights: Array, axis: int) -> Array:
    """Mean along ``axis``; 0 where all weights are 0."""
    return safe_divide(jnp.sum(weights * values, axis), jnp.sum(weights, axis))


def mean_weight(weights: Array, axis: int, share: Array | float = 1.0) -> Array:
    """The weight of a group of runs: their weights' mean, weighted by themselves.

    With weights 0 and 1 it is exactly 0 (nothing left) or 1 (something left), so that hold-outs
    are exact; a group resampled twice weighs 2; and it is continuous where a weight becomes 0.
    """
    return safe_divide(jnp.sum(share * weights**2, axis), jnp.sum(share * weights, axis))


def weighted_line(x: Array, y: Array, weights: Array, axis: int) -> tuple[Array, Array]:
    """Least squares of ``y = intercept + slope · x`` along ``axis``.

    ``x`` and ``y`` are centred first: the normal equations of the raw columns would cost half
    the digits. A line through fewer than two distinct x has slope 0.

    Returns:
        ``(intercept, slope)``, the arguments' broadcast shape without ``axis``.
    """
    x_mean = jnp.expand_dims(weighted_mean(x, weights, axis), axis)
    y_mean = jnp.expand_dims(weighted_mean(y, weights, axis), axis)
    x_centred = x - x_mean
    slope = safe_divide(
        jnp.sum(weights * x_centred * (y - y_mean), axis), jnp.sum(weights * x_centred**2, axis)
    )
    return jnp.squeeze(y_mean, axis) - slope * jnp.squeeze(x_mean, axis), slope
