"""The rounding error of written numbers, from their digits."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from farseer_jax.results.table import evenly

_SINGLE = 3e-7  # of the largest: the error of a computation in float32
_MOST_VALUES = 300  # that are inspected
_COARSE = 5e-4  # of the largest: three digits; fewer are round numbers rather than rounded ones


def rounding_errors(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The possible rounding error of each number, ``(point,)``.

    Numbers are written with the same number of decimals, or of significant digits.

    Example:
        >>> rounding_errors(np.array([3e-4, 2.9991e-4])).round(10)
        array([5.e-09, 5.e-09])
    """
    some = values[evenly(len(values), _MOST_VALUES)] if len(values) else values
    numbers = [Decimal(repr(float(own))).normalize().as_tuple() for own in some if own > 0]
    largest = float(values.max(initial=0.0))
    if not numbers:
        return np.zeros(len(values))
    exponent = min(int(own.exponent) for own in numbers)
    digits = max(len(own.digits) for own in numbers)
    with np.errstate(divide="ignore"):
        magnitude = np.floor(np.log10(np.maximum(values, 10.0**exponent)))
    by_digits = 0.5 * 10.0 ** (magnitude - digits + 1)
    found = np.maximum(by_digits, 0.5 * 10.0**exponent)
    return np.clip(found, _SINGLE * largest, _COARSE * largest)
