"""A log of learning rates, and the round numbers that a person may have chosen."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.jumps import Jump
from farseer_jax.curves.schedule import Schedule

Floats = NDArray[np.float64]

_LONG_WARMUP: Final = 10  # steps; in a longer one a single step matters little
_DIGITS: Final = 5  # significant digits of rates that a person chose
_NEAR: Final = 1e-3  # of a number of steps: how far a rounder one may be
_NEAR_RATE: Final = 0.02  # of a rate
_NEAR_OF_FEW_DIGITS: Final = 0.03  # of a number of steps that rates of few digits tell
_LOOSE, _LOOSE_OF_FEW_DIGITS = 10.0, 3.0  # rounding errors
_NEAR_ZERO: Final = 0.02  # of the peak: final rates that may be 0


class RateLog(NamedTuple):
    """Logged rates and what is known about their schedule.

    Attributes:
        at: the logged steps from 1 on, increasing, ``(point,)``.
        rates: their rates, ``(point,)``.
        errors: possible rounding error of each, ``(point,)``.
        warmup: steps of the warmup.
        last: the last step, or the last one that is known.
        is_total: whether the schedule ends there.
        jumps: where the rate jumps.
        digits: how many digits the rates were rounded to, if to few; else 0.
    """

    at: Floats
    rates: Floats
    errors: Floats
    warmup: int
    last: int
    is_total: bool = False
    jumps: tuple[Jump, ...] = ()
    digits: int = 0

    @property
    def cadence(self) -> float:
        """The usual number of steps between logged rows."""
        return float(np.median(np.diff(self.at))) if len(self.at) > 1 else 1.0

    @property
    def loose(self) -> float:
        """Rounding errors that a form may be off before its numbers are rounded."""
        return _LOOSE_OF_FEW_DIGITS if self.digits else _LOOSE

    @property
    def weights(self) -> Floats:
        """Of each rate in a fit, ``(point,)``: those of few digits differ in their errors."""
        return 1.0 / self.errors if self.digits else np.ones(len(self.at))

    def rates_near(self, value: float, peak: float) -> list[float]:
        """Rates that a person may have chosen where this one was fitted; see :func:`chosen`."""
        near = 0.6 * 10.0 ** (1 - self.digits) if self.digits else 0.0
        return chosen(value, peak, max(near, _NEAR_RATE))

    def steps_near(self, value: float) -> list[int]:
        """Whole numbers of steps near a fitted one; see :func:`steps_near`."""
        return steps_near(value, _NEAR_OF_FEW_DIGITS if self.digits else _NEAR)

    def fits(self, schedule: Schedule) -> bool:
        """Whether a schedule matches the logged rates to rounding.

        In the warmup it may be a step early or late, because loggers count from 0 or from 1.
        """
        if schedule.steps < self.last:
            return False
        rise = schedule.peak / self.warmup if self.warmup >= _LONG_WARMUP else 0.0
        allowed = 2.0 * self.errors + np.where(self.at < self.warmup, 1.01 * rise, 0.0)
        return bool((np.abs(schedule.at(self.at) - self.rates) <= allowed).all())

    def after_warmup(self) -> RateLog:
        """The log from the last step of the warmup on."""
        keep = self.at >= self.warmup
        return self._replace(at=self.at[keep], rates=self.rates[keep], errors=self.errors[keep])


def steps_near(value: float, within: float = _NEAR) -> list[int]:
    """Whole numbers of steps near a fitted one, the roundest first."""
    near = [round(value), round(value) - 1, round(value) + 1]
    units = [10**power for power in range(len(str(max(round(value), 1))) - 1, 0, -1)]
    round_ones = [round(value / unit) * unit for unit in units]
    close = [own for own in round_ones if abs(own - value) <= max(within * value, 2.0)]
    return [own for own in dict.fromkeys([*close, *near]) if own > 0]


def chosen(value: float, peak: float, within: float = _NEAR_RATE) -> list[float]:
    """Rates that a person may have chosen where this one was fitted, the roundest first.

    Example:
        >>> chosen(2.99998e-5, 3e-4)
        [3e-05, 2.99998e-05]
        >>> chosen(-1e-9, 3e-4)
        [0.0]
    """
    zero = [0.0] if value <= _NEAR_ZERO * peak else []
    short = [float(f"{value:.{digits}e}") for digits in range(_DIGITS)]
    near = [own for own in short if abs(own - value) <= within * abs(value)]
    return [own for own in dict.fromkeys([*zero, *near, value]) if own >= 0.0]
