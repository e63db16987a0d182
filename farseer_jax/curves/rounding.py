"""The rounding error of written numbers, from their digits."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from farseer_jax.results.table import evenly

_SINGLE = 3e-7  # of the largest: the error of a computation in float32
_MOST_VALUES = 300  # that are inspected
_FEWEST_VALUES, _FEWEST_DIFFERENT = 16, 8  # numbers of few digits that were rounded
_COARSE = 5e-4  # of the largest: three digits; fewer are round numbers rather than rounded ones


def rounding_errors(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The possible rounding error of each number, ``(point,)``.

    Numbers are written with the same number of decimals, or of significant digits. Few digits are
    those of round numbers.

    Example:
        >>> rounding_errors(np.array([3e-4, 2.9991e-4])).round(10)
        array([5.e-09, 5.e-09])
    """
    largest = float(values.max(initial=0.0))
    return np.clip(_half_units(values)[0], _SINGLE * largest, _COARSE * largest)


def coarse_rounding(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int] | None:
    """The rounding errors and the digits of numbers that were rounded to few; else None.

    Many numbers of few digits were rounded; a few may be round.

    Example:
        >>> coarse_rounding(np.round(np.linspace(3.0, 0.1, 40), 1))[1]
        2
        >>> coarse_rounding(np.linspace(3.0, 0.1, 40)), coarse_rounding(np.repeat([3.0, 0.3], 9))
        (None, None)
    """
    if len(values) < _FEWEST_VALUES or len(np.unique(values[values > 0])) < _FEWEST_DIFFERENT:
        return None
    errors, digits = _half_units(values)
    return (errors, digits) if errors.max() > _COARSE * values.max() else None


def _half_units(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Half a unit of the last digit of each number, ``(point,)``, and how many digits they have."""
    some = values[evenly(len(values), _MOST_VALUES)] if len(values) else values
    numbers = [Decimal(repr(float(own))).normalize().as_tuple() for own in some if own > 0]
    if not numbers:
        return np.zeros(len(values)), 0
    exponent = min(int(own.exponent) for own in numbers)
    digits = max(len(own.digits) for own in numbers)
    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.maximum(values, 10.0**exponent)))
    by_digits = 0.5 * 10.0 ** (magnitude - digits + 1)
    return np.maximum(by_digits, 0.5 * 10.0**exponent), digits
