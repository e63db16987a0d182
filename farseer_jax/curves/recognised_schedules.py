"""Schedules of standard forms, recognised from logged learning rates.

Candidates with the roundest numbers are tried first, and one is accepted only if it matches every
logged rate to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import numpy as np

from farseer_jax.curves.cosine_fit import cosine_levels, fitted_cosine
from farseer_jax.curves.jumps import roundest
from farseer_jax.curves.rate_log import RateLog
from farseer_jax.curves.schedule import Schedule

Transform = Callable[[Any], Any]
Candidates = Iterator[Callable[[], Schedule]]

_FEWEST: Final = 4  # logged rates of a decay that show its form
_MOST_LEVELS: Final = 8
_FEW_LETTERS: Final = 8  # of a round rate as text
_ABOUT: Final = 5  # steps
_LEAST_ERROR: Final = 1e-6  # of the line of a decay that begins at 1
_HIDDEN: Final = 0.2  # of a decay: what rounding to few digits may hide


def recognised(log: RateLog) -> Schedule | None:
    """The schedule of a standard form that matches all logged rates to rounding, or None."""
    after = log.after_warmup()
    if not len(after.at):
        return None
    for form in (_constant, _multi_step, _cosine, _cycles, _linear, _wsd, _inverse_sqrt):
        for make in form(after):
            try:
                own = make()
            except ValueError:  # its numbers are invalid
                continue
            if log.fits(own):
                return own
    return None


def _constant(log: RateLog) -> Candidates:
    if np.ptp(log.rates) <= 2.0 * log.errors.min():
        for peak in log.rates_near(float(np.median(log.rates)), 0.0):
            yield partial(Schedule.constant, log.last, peak, warmup=log.warmup)


def _multi_step(log: RateLog) -> Candidates:
    """Several constant rates."""
    num = len(log.jumps)
    if 1 <= num < min(_MOST_LEVELS, len(log.rates) / 3):
        rates = dict(zip(log.at.tolist(), log.rates.tolist(), strict=True))
        peak = float(log.rates[0])
        to = [rates[float(jump.after)] for jump in log.jumps]
        at = [jump.step for jump in log.jumps]
        yield partial(Schedule.multi_step, log.last, peak, at=at, to=to, warmup=log.warmup)


def _cosine(log: RateLog) -> Candidates:
    """A cosine. Its last step and rate follow from its curvature, even if the log ends earlier."""
    for end in _cosine_ends(log):
        peak, final = cosine_levels(log, end)
        for own in log.rates_near(final, peak):
            for top in log.rates_near(peak, 0.0):
                yield partial(Schedule.cosine, end, top, final=own, warmup=log.warmup)


def _cycles(log: RateLog) -> Candidates:
    """A cosine that restarts at each jump, after equal numbers of steps."""
    if not log.jumps:
        return
    keep = log.at <= log.jumps[0].before
    first = log._replace(at=log.at[keep], rates=log.rates[keep], errors=log.errors[keep])
    found = fitted_cosine(first) if len(first.at) >= _FEWEST else None
    if found is None:
        return
    num = len(log.jumps) + 1
    peak, final = cosine_levels(first, round(found[1]))
    end = log.warmup + num * (found[1] - log.warmup)
    for steps in [log.last] if log.is_total else log.steps_near(end):
        for own in log.rates_near(final, peak):
            for top in log.rates_near(peak, 0.0)[:2]:
                yield partial(Schedule.cosine, steps, top, final=own, warmup=log.warmup, cycles=num)


def _cosine_ends(log: RateLog) -> Iterator[int]:
    if len(log.at) < _FEWEST or np.ptp(log.rates) <= 2.0 * log.errors.max():
        return
    if log.is_total:
        yield log.last
        return
    if log.digits:  # too few to tell the end from the curvature where it is that of the log
        yield from _ends(log)
    if (found := fitted_cosine(log)) is not None:
        yield from log.steps_near(found[1])


def _linear(log: RateLog) -> Candidates:
    if len(log.at) < _FEWEST:
        return
    slope, level = np.polyfit(log.at - log.warmup, log.rates, 1, w=log.weights)
    if slope >= 0.0 or level <= 0.0:
        return
    line = np.polyval([slope, level], log.at - log.warmup)
    if not (np.abs(line - log.rates) <= log.loose * log.errors).all():
        return
    for peak in log.rates_near(float(level), 0.0):
        for steps, final in _line_ends(log, lambda step: level + slope * (step - log.warmup), peak):
            yield partial(Schedule.linear, steps, peak, final=final, warmup=log.warmup)


def _line_ends(
    log: RateLog, rate_at: Callable[[int], float], peak: float
) -> Iterator[tuple[int, float]]:
    """Last steps and final rates of a decay whose end the log does not show.

    It ends at a round number of steps soon after the log if its rate there is round.
    """
    for steps in _ends(log):
        finals = log.rates_near(float(rate_at(steps)), peak)
        few = [own for own in finals if len(f"{own:.9g}".strip("0.")) <= _FEW_LETTERS]
        yield from ((steps, own) for own in (few if steps > log.last else finals))


def _ends(log: RateLog) -> tuple[int, ...]:
    """The last step, and a rounder one before a further row would have been logged, first."""
    after = log.last if log.is_total else log.last + round(log.cadence) - 1
    later = roundest(log.last, max(after, log.last))
    return (later, log.last) if _num_zeros(later) > _num_zeros(log.last) else (log.last,)


def _num_zeros(step: int) -> int:
    text = str(step)
    return len(text) - len(text.rstrip("0"))


def _wsd(log: RateLog) -> Candidates:
    """A stable phase and a decay, which begins where its fitted form reaches the stable rate."""
    is_peak = log.rates >= log.rates[0] - 2.0 * log.errors
    stable = int(np.argmin(is_peak)) if not is_peak.all() else len(log.rates)
    if stable < 2 or len(log.at) - stable < _FEWEST - 1:
        return
    decay = log._replace(at=log.at[stable:], rates=log.rates[stable:], errors=log.errors[stable:])
    for peak in log.rates_near(float(log.rates[0]), 0.0):
        for shape in ("linear", "sqrt", "exponential", "cosine"):
            find = _cosine_decays if shape == "cosine" else partial(_decays, shape)
            for begin, steps, final in find(decay, peak, float(log.at[stable - 1])):
                yield partial(
                    Schedule.wsd, steps, peak, decay=steps - begin, final=final, shape=shape,
                    warmup=log.warmup,
                )  # fmt: skip


def _decays(
    shape: str, log: RateLog, peak: float, stable: float
) -> Iterator[tuple[int, int, float]]:
    """First and last step and final rate of decays that may fit."""
    if shape == "exponential" and (log.rates <= 0.0).any():
        return
    flat, back = _transforms(shape, peak)
    line, weights = flat(log.rates), log.weights
    if log.digits:
        weights = 1.0 / (np.abs(flat(log.rates + log.errors) - line) + _LEAST_ERROR)
    slope, level = np.polyfit(log.at, line, 1, w=weights)
    earliest = stable - 0.5 - (_HIDDEN * (log.at[-1] - stable) if log.digits else 0.0)
    if slope == 0.0 or not earliest <= -level / slope < log.at[0]:
        return
    fitted = back(np.polyval([slope, level], log.at))
    if not (np.abs(fitted - log.rates) <= log.loose * log.errors).all():
        return
    for begin in log.steps_near(float(-level / slope)):
        line = partial(_line, begin=begin, slope=slope, back=back)
        for steps, final in _line_ends(log, line, peak):
            yield begin, steps, final


def _transforms(shape: str, peak: float) -> tuple[Transform, Transform]:
    """The transform that makes a decay from the rate ``peak`` linear, and its inverse."""
    if shape == "linear":
        return lambda own: own / peak - 1.0, lambda own: peak * (own + 1.0)
    if shape == "sqrt":
        return lambda own: (1.0 - own / peak) ** 2, lambda own: peak * (1.0 - np.sqrt(own))
    return lambda own: np.log(own / peak), lambda own: peak * np.exp(own)


def _line(step: int, begin: int, slope: float, back: Transform) -> float:
    return float(back(slope * (step - begin)))


def _cosine_decays(log: RateLog, peak: float, stable: float) -> Iterator[tuple[int, int, float]]:
    """First and last step and final rate of cosines that may fit."""
    found = fitted_cosine(log._replace(warmup=0), free_begin=True)
    if found is None or found[0] < log.warmup:
        return
    for begin in log.steps_near(found[0]):
        ends = [log.last] if log.is_total else log.steps_near(found[1])
        for steps in dict.fromkeys([*_ends(log), *ends] if log.digits else ends):
            final = cosine_levels(log._replace(warmup=begin), steps)[1]
            yield from ((begin, steps, own) for own in log.rates_near(final, peak))


def _inverse_sqrt(log: RateLog) -> Candidates:
    if log.warmup and len(log.at) >= _FEWEST:
        squared = float(np.median(log.rates**2 * log.at))
        for warmup in sorted(_steps_about(log.warmup), key=lambda own: own % 10):
            for peak in log.rates_near(float(np.sqrt(squared / warmup)), 0.0):
                yield partial(Schedule.inverse_sqrt, log.last, peak, warmup=warmup)


def _steps_about(step: int) -> range:
    """Steps near one that was estimated by straight lines through a curved log."""
    return range(max(step - _ABOUT, 1), step + _ABOUT + 1)
