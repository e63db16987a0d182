"""Ranges of N and D that users give."""

import math
from typing import Any

Range = tuple[float, float]


def as_range(name: str, ends: Any) -> Range:
    """The smallest and largest of a range, as numbers.

    Raises:
        ValueError: they are not two positive, finite numbers in ascending order.
    """
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not 0.0 < low < high < math.inf:
        raise ValueError(
            f"{name}: give the ends of a range as (low, high), positive, finite and ascending, "
            f"such as {_EXAMPLES.get(name, '(1e9, 1e13)')}; got {ends!r}"
        )
    return low, high


_EXAMPLES = {"N": "(2e8, 1e12)", "D": "(1e9, 1e14)"}
