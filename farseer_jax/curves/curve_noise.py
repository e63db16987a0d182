"""Noise of a logged loss about its smooth trend, estimated without fitting a law."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_NORMAL: Final = 1.4826  # standard deviation of a normal over its median absolute value
_ORDER: Final = 3  # of the differences, which remove a local parabola
_FEWEST: Final = 12  # points needed to estimate the noise
_FEWEST_CORRELATED: Final = 30  # points needed to detect correlation
_NONE: Final = 1e-6  # of ln loss: below any noise of training
_CLIP: Final = 3.0  # robust standard deviations at which differences are clipped
_CHANCE: Final = 9.0  # three standard errors of a ratio of variances, times √n


class CurveNoise(NamedTuple):
    """Noise of ln loss.

    Attributes:
        noise: its standard deviation in one row; None if there are too few rows.
        correlation: between neighbouring rows; 0 if the noise looks independent.
    """

    noise: float | None
    correlation: float


def curve_noise(steps: NDArray[Any], losses: Floats) -> CurveNoise:
    """Estimate the noise from third-order differences between neighbouring rows.

    In a smoothed log, differences between neighbouring rows are smaller than the noise, and those
    between every second row are larger. A correlation that decreases geometrically with the
    distance explains both.

    Args:
        steps: the logged steps, increasing, ``(point,)``.
        losses: the loss at each, ``(point,)``.

    Example:
        >>> steps = np.arange(100, 20_100, 100)
        >>> errors = np.random.default_rng(0).normal(0.0, 1e-3, 200)
        >>> found = curve_noise(steps, 3.0 * (steps / 100.0) ** -0.1 * np.exp(errors))
        >>> round(found.noise, 4), found.correlation
        (0.001, 0.0)
    """
    if len(steps) < _FEWEST:
        return CurveNoise(None, 0.0)
    at, values = np.log(steps), np.log(losses)
    near = spread(at, values, 1)
    if len(steps) < _FEWEST_CORRELATED or near < _NONE:
        return CurveNoise(near, 0.0)
    ratio = (spread(at, values, 2) / near) ** 2
    if ratio < 1.0 + _CHANCE / np.sqrt(len(steps)):
        return CurveNoise(near, 0.0)
    correlation = _correlation(ratio)
    return CurveNoise(near / float(np.sqrt(_kept(correlation))), correlation)


def spread(at: Floats, values: Floats, lag: int = 1) -> float:
    """Standard deviation of differences between rows ``lag`` apart, with outliers clipped.

    At unequal distances the differences are those that remove every parabola in ln t.

    Args:
        at: logarithms of the steps, ``(point,)``.
        values: logarithms of the losses, ``(point,)``.
        lag: how many rows apart.
    """
    count = len(at) - _ORDER * lag
    rows = np.arange(count)[:, None] + lag * np.arange(_ORDER + 1)
    points = at[rows]
    apart = points[:, :, None] - points[:, None, :]
    apart[:, np.arange(_ORDER + 1), np.arange(_ORDER + 1)] = 1.0
    weights = 1.0 / apart.prod(axis=2)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    differences = np.abs((weights * values[rows]).sum(axis=1))
    usual = _NORMAL * float(np.median(differences))
    kept = np.minimum(differences, _CLIP * usual) if usual else differences
    return float(np.sqrt(np.mean(kept**2)))


def _kept(correlation: float | Floats) -> float | Floats:
    """The share of the variance that third-order differences keep."""
    rho = correlation
    return (20.0 - 30.0 * rho + 12.0 * rho**2 - 2.0 * rho**3) / 20.0


def _correlation(ratio: float) -> float:
    """The correlation at which the variances of the two kinds of differences have this ratio."""
    grid = np.linspace(0.0, 0.95, 1000)  # larger ones cannot be estimated
    ratios = _kept(grid**2) / _kept(grid)
    return float(np.interp(ratio, ratios, grid))
