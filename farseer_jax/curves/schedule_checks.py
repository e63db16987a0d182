"""Checks of the arguments of learning-rate schedules."""

from __future__ import annotations

import math
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.row_numbers import shortened

MOST_STEPS = 100_000_000  # of a schedule: more are rather tokens
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


def checked_final(value: Any, first: float) -> float:
    """The rate at the end of a decay, as a float, refused above the one that it begins with.

    Raises:
        ValueError: it is not a learning rate, or above the first one.
    """
    final = checked_rate("final", value)
    if final > first:
        raise ValueError(
            f"final: expected a learning rate of at most {first:g}, with which the decay begins, "
            f"got {final:g}"
        )
    return final


def checked_steps(name: str, value: Any, least: int = 1) -> int:
    """The number of steps of a schedule, as an int.

    Raises:
        ValueError: it is not a whole number, or more than a schedule may have.

    Example:
        >>> checked_steps("steps", 24e3)
        24000
    """
    num = checked_count(name, value, least)
    if num > MOST_STEPS:
        raise ValueError(
            f"{name}: a schedule has at most {MOST_STEPS:,} steps, got {num:,}; give steps rather "
            "than tokens or samples"
        )
    return num


def checked_decay(decay: Any, steps: int) -> int:
    """The steps of a decay, given as their number or as a fraction of all, which is at least one.

    Raises:
        ValueError: it is neither.

    Example:
        >>> checked_decay(0.2, 1_000), checked_decay(0.01, 10), checked_decay(300, 1_000)
        (200, 1, 300)
    """
    if isinstance(decay, Real) and 0.0 < float(decay) < 1.0:
        return max(round(float(decay) * steps), 1)
    return checked_count("decay", decay, 0, steps)


def checked_positions(steps: Any, most: int) -> NDArray[np.intp]:
    """Steps of a schedule, as positions of their rates from 0, in the same shape.

    Raises:
        ValueError: they are not whole numbers, or not from 1 to ``most``.
    """
    own = np.asarray(steps)
    if own.dtype.kind not in "iu" and own.size:
        try:
            own = own.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"steps: expected whole numbers, got {steps!r}") from None
        broken = own[~(own == np.round(own))]
        if broken.size:
            raise ValueError(f"steps: expected whole numbers, got {broken[0]:g}")
    if own.size and (own.min() < 1 or own.max() > most):
        raise ValueError(f"steps: expected 1 to {most:,}, got {own.min():g} to {own.max():g}")
    return own.astype(np.intp) - 1


def checked_count(name: str, value: Any, least: int, most: int | None = None) -> int:
    """A whole number of steps within bounds, as an int.

    Raises:
        ValueError: it is not a whole number within the bounds.

    Example:
        >>> checked_count("steps", 24e3, 1)
        24000
    """
    try:
        is_whole = not isinstance(value, bool | np.bool | str) and float(value).is_integer()
    except (TypeError, ValueError):
        is_whole = False
    if not is_whole or value < least or (most is not None and value > most):
        bounds = f"from {least} to {most:,}" if most is not None else f"of at least {least}"
        got = value.item() if isinstance(value, np.generic) else value
        raise ValueError(f"{name}: expected a whole number {bounds}, got {got!r}")
    return int(value)
