"""Checks of the arguments of learning-rate schedules."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.row_numbers import shortened

_MAX_STEPS_SHOWN = 5


def checked_rates(rates: Any) -> NDArray[np.float64]:
    """A copy of learning rates, ``(steps,)``, which must be finite and not negative.

    Raises:
        ValueError: the message names the steps, counted from 1.
    """
    try:
        own = np.array(rates, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError("rates: expected a number for each step") from None
    if own.ndim != 1 or not own.size:
        raise ValueError(f"rates: expected one rate for each step, got shape {own.shape}")
    bad = np.flatnonzero(~(np.isfinite(own) & (own >= 0.0)))
    if bad.size:
        steps = shortened([f"{at + 1} ({own[at]:.4g})" for at in bad], _MAX_STEPS_SHOWN)
        raise ValueError(
            "rates: a learning rate must be finite and not negative; "
            f"step{'s' if bad.size > 1 else ''} {steps}"
        )
    return own


def checked_rate(name: str, value: Any) -> float:
    """One learning rate, as a float.

    Raises:
        ValueError: it is not a number, negative, or not finite.
    """
    try:
        rate = float(value)
    except (TypeError, ValueError):
        rate = math.nan
    if not (math.isfinite(rate) and rate >= 0.0):
        raise ValueError(f"{name}: expected a learning rate of at least 0, got {value!r}")
    return rate


def checked_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number of steps within bounds, as an int.

    Raises:
        ValueError: it is not a whole number within the bounds.

    Example:
        >>> checked_count("steps", 24e3, 1)
        24000
    """
    try:
        is_whole = not isinstance(value, bool | str) and float(value).is_integer()
    except (TypeError, ValueError):
        is_whole = False
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f"from {least} to {most:,}" if most is not None else f"of at least {least}"
        raise ValueError(f"{name}: expected a whole number {bounds}, got {value!r}")
    return int(value)
