"""Weighted straight lines in closed form."""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax.types import Array


def safe_divide(numerator: Array, denominator: Array) -> Array:
    """Quotient that is 0 where the denominator is 0, in value and in derivative."""
    zero = denominator == 0
    return jnp.where(zero, 0.0, numerator / jnp.where(zero, 1.0, denominator))


def weighted_mean(values: Array, weights: Array, axis: int) -> Array:
    """Mean along ``axis``; 0 where all weights are 0."""
    return safe_divide(jnp.sum(weights * values, axis), jnp.sum(weights, axis))


def mean_weight(weights: Array, axis: int, share: Array | float = 1.0) -> Array:
    """The weight of a group of runs: their weights' mean, weighted by themselves.

    With weights of 0 and 1 it is exactly 0 (no run left) or 1 (some left), so that hold-outs are
    exact; a group that is resampled twice has weight 2; and it is continuous where a weight becomes
    0.
    """
    return safe_divide(jnp.sum(share * weights**2, axis), jnp.sum(share * weights, axis))


class LinePoints(NamedTuple):
    """Ordinates and weights of a least-squares line, prepared for many abscissae.

    Attributes:
        mean: weighted mean of y.
        weights: weights of sum 1.
        pull: ``weights · (y − mean)``.
    """

    mean: Array
    weights: Array
    pull: Array


class Line(NamedTuple):
    """``y = mean_y + slope · (x − mean_x)``."""

    mean_x: Array
    mean_y: Array
    slope: Array

    @property
    def intercept(self) -> Array:
        """The value at x = 0."""
        return self.mean_y - self.slope * self.mean_x

    def __call__(self, x: Array) -> Array:
        """The value at x."""
        return self.mean_y + self.slope * (x - self.mean_x)


def line_points(y: Array, weights: Array) -> LinePoints:
    """Prepare the points of lines; the first axis runs along the points, others over lines."""
    shares = safe_divide(weights, jnp.sum(weights, axis=0))
    mean = jnp.sum(shares * y, axis=0)
    return LinePoints(mean, shares, shares * (y - mean))


def fit_line(points: LinePoints, x: Array) -> Line:
    """Least-squares line through the points at abscissae x.

    x and y are centred first: the normal equations of the raw columns would cost half the
    digits. A line through fewer than two distinct x has slope 0.

    Args:
        points: from :func:`line_points`.
        x: abscissae; the first axis runs along the points, others broadcast against theirs.
    """
    weights, pull = points.weights, points.pull
    mean_x = jnp.sum(weights * x, axis=0)
    centred = x - mean_x
    slope = safe_divide(jnp.sum(pull * centred, axis=0), jnp.sum(weights * centred**2, axis=0))
    return Line(mean_x, points.mean, slope)
