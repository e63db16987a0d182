"""Mixtures of normals around 0: a miss whose spread is known only by its probabilities."""

import math

import numpy as np

from farseer_jax.runs.checks import Floats

_CDF_Z = np.linspace(0.0, 9.0, 8193)
_CENTRAL = np.array([math.erf(z / math.sqrt(2.0)) for z in _CDF_Z])  # P(|normal| ≤ z)


def central_deviate(level: float) -> float:
    """How many standard deviations to both sides hold this probability."""
    return float(np.interp(level, _CENTRAL, _CDF_Z))


def central_probability(distance: Floats, spread: Floats) -> Floats:
    """Probability that a normal deviate of this spread lies within the distance of 0."""
    z = np.divide(distance, spread, out=np.full(spread.shape, _CDF_Z[-1]), where=spread > 0)
    return np.interp(z, _CDF_Z, _CENTRAL)


def mixture_half_width(spread: Floats, probability: Floats, level: float) -> Floats:
    """Half of the central interval of a mixture of normals around 0.

    Args:
        spread: standard deviations, ``(*shape, node)``.
        probability: of each, ``(node,)``.
        level: probability that the interval holds.
    """
    low, high = np.zeros(spread.shape[:-1]), _CDF_Z[-1] * spread.max(axis=-1)
    for _ in range(50):
        middle = (low + high) / 2
        held = central_probability(middle[..., None], spread) @ probability
        low, high = np.where(held < level, middle, low), np.where(held < level, high, middle)
    return (low + high) / 2
