"""The rate of every step from learning rates logged at some steps, such as every 128th."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.coarse_rates import coarse_rates
from farseer_jax.curves.cosine_fit import cosine_warmup
from farseer_jax.curves.jumps import Jump, found_jumps
from farseer_jax.curves.rate_log import RateLog
from farseer_jax.curves.recognised_schedules import recognised
from farseer_jax.curves.rounding import rounding_errors
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.schedule_checks import checked_count, checked_rates, checked_steps

Floats = NDArray[np.float64]

_LOW: Final = 0.15  # of the peak: where many schedules end
_LATE: Final = 1.5  # usual logging intervals: a log that begins later lacks its first rows


@dataclass(frozen=True)
class LoggedSchedule:
    """A schedule from a log, with sentences on how gaps were filled, or a given one."""

    schedule: Schedule
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    lacks_warmup: bool = False
    is_given: bool = False

    @property
    def is_cut_off(self) -> bool:
        """Whether no form was recognised, and the log ends before the rate has fallen."""
        own = self.schedule
        return not self.is_given and own.name == "given" and bool(own.rates[-1] > _LOW * own.peak)


def schedule_of_log(
    steps: Any,
    rates: Any,
    warmup: int | None = None,
    total: int | None = None,
    *,
    at_least: int = 1,
) -> LoggedSchedule:
    """The schedule of logged rates; see :meth:`Schedule.from_points`.

    Args:
        steps: the logged steps, increasing, from 0, ``(point,)``.
        rates: their rates, ``(point,)``.
        warmup: steps of warmup; None infers them.
        total: the number of steps; None takes that of the recognised form or the last logged step.
        at_least: a step that the schedule must reach, such as that of the last loss.
    """
    at, values = _checked_points(steps, rates)
    errors = rounding_errors(values)
    rise = _warmup_of(at, values, errors) if warmup is None else checked_count("warmup", warmup, 0)
    last = max(int(at[-1]), at_least) if total is None else checked_steps("total", total)
    if last < at[-1]:
        raise ValueError(
            f"total: expected at least {int(at[-1]):,}, the last logged step, got {last:,}"
        )
    used = at >= 1
    jumps = found_jumps(at[used], values[used], rise)
    log = RateLog(at[used], values[used], errors[used], rise, last, total is not None, jumps)
    is_late = warmup is None and not rise and _is_late(at)
    own = recognised(log) if not is_late else _with_hidden_warmup(log)
    coarse = coarse_rates(log, warmup is not None) if own is None else None
    if coarse is not None:
        own, log = coarse.schedule, coarse.log
    is_placed = own is None or own.name == "multi_step"
    notes = [jump.note for jump in log.jumps if is_placed and jump.note]
    if own is None:
        own = Schedule(_filled(at, values, log.warmup, log.jumps, last), min(log.warmup, last))
        if len(at) < at[-1]:
            notes.append("the learning rate is interpolated between logged steps")
    elif coarse is None:
        notes.append(
            "the schedule is recognised from the learning rate, which it matches to rounding"
        )
    lacks = is_late and not own.warmup
    warnings: list[str] = []
    if coarse is not None:
        (warnings if coarse.schedule is None else notes).append(coarse.sentence)
    if is_late and own.warmup:
        notes.append(
            f"the warmup of {own.warmup:,} steps, which is not in the log, was inferred from the "
            "cosine after it"
        )
    return LoggedSchedule(own, tuple(notes), tuple(warnings), lacks_warmup=lacks)


def _with_hidden_warmup(log: RateLog) -> Schedule | None:
    """The schedule of a log that lacks the warmup, inferred from a cosine after it."""
    begin = cosine_warmup(log)
    own = None if begin is None else recognised(log._replace(warmup=begin))
    return own if own is not None and own.name == "cosine" else recognised(log)


def _checked_points(steps: Any, rates: Any) -> tuple[Floats, Floats]:
    """Increasing steps from 0 on, and their rates.

    Raises:
        ValueError: they differ in number, do not increase, or are not whole numbers.
    """
    values, at = checked_rates(rates), np.array(steps, dtype=np.float64)
    if at.shape != values.shape:
        raise ValueError(f"steps: expected one for each of {len(values)} rates, got {at.shape}")
    if not (np.isfinite(at) & (at >= 0) & (at == np.round(at))).all():
        raise ValueError("steps: expected whole numbers from 0")
    if (np.diff(at) <= 0).any():
        raise ValueError("steps: expected increasing steps")
    checked_steps("steps", at[-1], 0)
    return at, values


def _warmup_of(at: Floats, values: Floats, errors: Floats) -> int:
    """The end of the first increasing stretch; between logged steps, where its line ends."""
    falls = np.flatnonzero(np.diff(values) <= errors[1:])
    end = int(falls[0]) if falls.size else len(values) - 1
    if end == 0:
        return 0
    # with a single logged step below the peak, the line goes through the origin
    first, rate = (at[0], values[0]) if end >= 2 else (0.0, 0.0)
    if at[end - 1] > first:
        slope = (values[end - 1] - rate) / (at[end - 1] - first)
        line = rate + slope * (at[:end] - first)
        after = _slope_after(at[end:], values[end:])
        gap = values[end] - after * (at[end] - at[end - 1]) - values[end - 1]
        is_line = abs(line - values[:end]).max() <= 3.0 * errors[:end].max() + 1e-3 * slope
        crossing = at[end - 1] + gap / (slope - after) if slope > after else np.inf
        if is_line and at[end - 1] <= crossing <= at[end] + 0.5:
            return round(float(crossing))
    return int(at[end])


def _slope_after(at: Floats, values: Floats) -> float:
    """The change of the rate per step after the warmup."""
    return float((values[1] - values[0]) / (at[1] - at[0])) if len(at) > 1 else 0.0


def _is_late(at: Floats) -> bool:
    usual = float(np.median(np.diff(at))) if len(at) > 1 else 1.0
    return bool(at[0] > max(_LATE * usual, 1.0))


def _filled(at: Floats, values: Floats, warmup: int, jumps: tuple[Jump, ...], last: int) -> Floats:
    """The rate of each step, ``(step,)``: linear between logged steps, except at jumps."""
    filled = np.interp(np.arange(1, max(last, int(at[-1]), 1) + 1, dtype=float), at, values)
    for jump in jumps:
        filled[jump.before : jump.step - 1] = filled[jump.before - 1]
        filled[jump.step - 1 : jump.after] = filled[jump.after - 1]
    _fill_start(filled, at, values, warmup)
    return filled[:last]


def _fill_start(filled: Floats, at: Floats, values: Floats, warmup: int) -> None:
    """Fill the steps before the first logged one, in place: the warmup rises from 0."""
    first = int(at[0])
    if warmup and first > 1:
        rise = np.arange(1, len(filled) + 1) / min(warmup, first)
        own = slice(0, min(warmup, first) - (warmup >= first))
        if first < warmup and len(at) > 1:  # the line of the first two points
            slope = (values[1] - values[0]) / (at[1] - at[0])
            line = values[0] + slope * (np.arange(1, len(filled) + 1) - first)
            filled[own] = np.clip(line[own], 0.0, values[0])
        else:
            filled[own] = values[0] * rise[own]
