"""Schedules of learning rates that were logged to few digits, such as ``f"{rate:.1e}"``."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from farseer_jax.curves.jumps import found_jumps
from farseer_jax.curves.rate_log import RateLog
from farseer_jax.curves.recognised_schedules import recognised
from farseer_jax.curves.rounding import coarse_rounding
from farseer_jax.curves.schedule import Schedule

_RISING: Final = 0.9  # of the peak: rates below it are of the warmup
_EXACT: Final = 0.51  # units of the last digit, that a rate may be off, and of the last bit
_MOST_WARMUPS: Final = 4


class CoarseRates(NamedTuple):
    """What is known of the schedule of rates of few digits.

    Attributes:
        log: the rates, their rounding errors, and jumps beyond these.
        schedule: of a usual form, that fits all rates to rounding; None if none does.
    """

    log: RateLog
    schedule: Schedule | None

    @property
    def sentence(self) -> str:
        """On what the digits do not tell."""
        digits = f"{self.log.digits} digit{'s'[: self.log.digits > 1]}"
        if self.schedule is not None:
            return (
                f"the learning rate is logged to {digits}; the schedule is the one of round "
                "numbers that matches it to rounding"
            )
        off = float(self.log.errors.max() / self.log.rates.max())
        return (
            f"the learning rate is logged to {digits}, so it may be off by up to "
            f"{100 * off:.2g} % of its peak, and matches no usual schedule; log more digits, or "
            "give the schedule (schedule=)"
        )


def coarse_rates(log: RateLog, is_warmup_given: bool) -> CoarseRates | None:
    """The schedule of rates that were rounded to few digits; None for others.

    Args:
        log: the rates, with the warmup that is given or found as if they were exact.
        is_warmup_given: whether it is.
    """
    rounding = coarse_rounding(log.rates)
    if rounding is None:
        return None
    log = log._replace(errors=_EXACT * rounding[0], digits=rounding[1])
    found = [log.warmup] if is_warmup_given else _warmups(log)
    for warmup in found:
        own = _with_jumps(log, warmup)
        if (schedule := recognised(own)) is not None:
            return CoarseRates(own, schedule)
    return CoarseRates(_with_jumps(log, found[0]), None)


def _with_jumps(log: RateLog, warmup: int) -> RateLog:
    jumps = found_jumps(log.at, log.rates, warmup, log.errors / _EXACT)
    return log._replace(warmup=warmup, jumps=jumps)


def _warmups(log: RateLog) -> list[int]:
    """Warmups that a line through the rising rates may have, the roundest first."""
    top = int(np.argmax(log.rates))
    peak = float(log.rates[top])
    rising = np.arange(len(log.at)) < top
    rising &= log.rates < _RISING * peak
    rising &= np.cumsum(~rising) == 0
    if not rising.any():
        return [log.warmup]
    slope = float((log.at[rising] * log.rates[rising]).sum() / (log.at[rising] ** 2).sum())
    off = np.abs(slope * log.at[rising] - log.rates[rising])
    if not (off <= log.loose * log.errors[rising] + slope).all():  # steps count from 0 or 1
        return [int(log.at[top])]
    unit = 2.0 * float(log.errors[top])
    low, high = (peak - unit) / slope, (peak + unit) / slope
    following = float(log.at[min(top + 1, len(log.at) - 1)])  # the peak may be between two rows
    return _round_numbers(low, peak / slope, max(high, following))


def _round_numbers(low: float, middle: float, high: float) -> list[int]:
    """Whole numbers within bounds, the roundest first."""
    found: list[int] = []
    for unit in (10**power for power in range(len(str(int(high))), -1, -1)):
        near = np.arange(-(-low // unit), high // unit + 1)[:_MOST_WARMUPS] * unit
        found += sorted(near.astype(int).tolist(), key=lambda own: abs(own - middle))
        if len(found) >= _MOST_WARMUPS:
            break
    return [*dict.fromkeys([*found[:_MOST_WARMUPS], round(middle)])]
