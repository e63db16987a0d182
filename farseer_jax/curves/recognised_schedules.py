"""Schedules of usual forms, recognised from logged learning rates.

Candidates with the roundest numbers come first, and one is taken only if it fits every logged rate
to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.jumps import Jump, roundest
from farseer_jax.curves.schedule import Schedule
from farseer_jax.results.table import evenly

Floats = NDArray[np.float64]
Transform = Callable[[Any], Any]
Candidates = Iterator[Callable[[], Schedule]]

_FEWEST: Final = 4  # logged rates of a decay that show its form
_LONG_WARMUP: Final = 10  # steps, of which one matters little
_MOST_LEVELS: Final = 8
_DIGITS: Final = 5  # significant digits of rates that a person chose
_NEAR: Final = 1e-3  # of a number of steps: how far a rounder one may be
_ABOUT: Final = 5  # steps
_LOOSE: Final = (
    10.0  # rounding errors that a fitted form may be off, before its numbers are rounded
)
_LEAST_END: Final = 1.0 - 1e-3  # of the logged steps
_MOST_POINTS: Final = 300  # that a fit needs
_NEAR_ZERO: Final = 0.02  # of the peak: final rates that may be 0


class Log(NamedTuple):
    """Logged rates, and what is known of their schedule.

    Attributes:
        at: the logged steps from 1 on, increasing, ``(point,)``.
        rates: their rates, ``(point,)``.
        errors: by how much each may be rounded, ``(point,)``.
        warmup: steps of the warm-up.
        last: the last step, or the last one that is known.
        is_total: whether the schedule ends there.
        jumps: where the rate jumps.
    """

    at: Floats
    rates: Floats
    errors: Floats
    warmup: int
    last: int
    is_total: bool = False
    jumps: tuple[Jump, ...] = ()

    @property
    def cadence(self) -> float:
        """The usual distance of logged steps."""
        return float(np.median(np.diff(self.at))) if len(self.at) > 1 else 1.0

    def fits(self, schedule: Schedule) -> bool:
        """Whether a schedule has the logged rates, to rounding.

        In the warm-up it may be a step early or late, as loggers count from 0 or from 1.
        """
        if schedule.steps < self.last:
            return False
        rise = schedule.peak / self.warmup if self.warmup >= _LONG_WARMUP else 0.0
        allowed = 2.0 * self.errors + np.where(self.at < self.warmup, 1.01 * rise, 0.0)
        return bool((np.abs(schedule.at(self.at) - self.rates) <= allowed).all())

    def after_warmup(self) -> Log:
        """The log from the last step of the warm-up on."""
        keep = self.at >= self.warmup
        return self._replace(at=self.at[keep], rates=self.rates[keep], errors=self.errors[keep])


def recognised(log: Log) -> Schedule | None:
    """The schedule of a usual form that fits all logged rates to rounding; None if none does."""
    after = log.after_warmup()
    if not len(after.at):
        return None
    for form in (_constant, _multi_step, _cosine, _cycles, _linear, _wsd, _inverse_sqrt):
        for make in form(after):
            try:
                own = make()
            except ValueError:  # its numbers make none
                continue
            if log.fits(own):
                return own
    return None


def cosine_warmup(log: Log) -> int | None:
    """Where the cosine of logged rates begins; None if they are none."""
    found = _fitted_cosine(log._replace(warmup=0), free_begin=True)
    return None if found is None or found[0] < 0 else round(found[0])


def _constant(log: Log) -> Candidates:
    if np.ptp(log.rates) <= 2.0 * log.errors.min():
        for peak in _chosen(float(np.median(log.rates)), 0.0):
            yield partial(Schedule.constant, log.last, peak, warmup=log.warmup)


def _multi_step(log: Log) -> Candidates:
    """Several constant rates."""
    num = len(log.jumps)
    if 1 <= num < min(_MOST_LEVELS, len(log.rates) / 3):
        rates = dict(zip(log.at.tolist(), log.rates.tolist(), strict=True))
        peak = float(log.rates[0])
        to = [rates[float(jump.after)] for jump in log.jumps]
        at = [jump.step for jump in log.jumps]
        yield partial(Schedule.multi_step, log.last, peak, at=at, to=to, warmup=log.warmup)


def _cosine(log: Log) -> Candidates:
    """A cosine, whose last step and rate follow from its curvature, also where it is cut off."""
    for end in _cosine_ends(log):
        peak, final = _levels(log, end)
        for own in _chosen(final, peak):
            for top in _chosen(peak, 0.0):
                yield partial(Schedule.cosine, end, top, final=own, warmup=log.warmup)


def _cycles(log: Log) -> Candidates:
    """A cosine that starts anew at each jump, after equal numbers of steps."""
    if not log.jumps:
        return
    keep = log.at <= log.jumps[0].before
    first = log._replace(at=log.at[keep], rates=log.rates[keep], errors=log.errors[keep])
    found = _fitted_cosine(first) if len(first.at) >= _FEWEST else None
    if found is None:
        return
    num = len(log.jumps) + 1
    peak, final = _levels(first, round(found[1]))
    end = log.warmup + num * (found[1] - log.warmup)
    for steps in [log.last] if log.is_total else _steps_near(end):
        for own in _chosen(final, peak):
            for top in _chosen(peak, 0.0)[:2]:
                yield partial(Schedule.cosine, steps, top, final=own, warmup=log.warmup, cycles=num)


def _cosine_ends(log: Log) -> Iterable[int]:
    if len(log.at) < _FEWEST or np.ptp(log.rates) <= 2.0 * log.errors.max():
        return ()
    found = None if log.is_total else _fitted_cosine(log)
    return (log.last,) if log.is_total else () if found is None else _steps_near(found[1])


def _fitted_cosine(log: Log, *, free_begin: bool = False) -> tuple[float, float] | None:
    """First and last step of the cosine of least squares."""
    from scipy.optimize import least_squares

    free = 4 if free_begin else 3
    span = float(log.at[-1] - log.warmup)
    if span <= 0 or len(log.at) < free or np.ptp(log.rates) == 0.0:
        return None
    some = evenly(len(log.at), _MOST_POINTS)
    at, rates = (log.at[some] - log.warmup) / span, log.rates[some] / log.rates.max()
    first = float(at[0])

    def misfit(ends: Floats) -> Floats:
        columns = _half_cosine(at, first - ends[1] if free_begin else 0.0, ends[0])
        levels = np.linalg.lstsq(columns, rates)[0]
        return np.asarray(columns @ levels - rates)

    starts = ([own, 0.01] if free_begin else [own] for own in (1.0, 1.5, 3.0))
    bounds = ([_LEAST_END, 0.0], [50.0, 1.0]) if free_begin else ([_LEAST_END], [50.0])
    solved = [
        least_squares(misfit, own, bounds=bounds, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        for own in starts
    ]
    best = min(solved, key=lambda own: float(own.cost))
    if not (np.abs(best.fun) <= _LOOSE * log.errors[some] / log.rates.max()).all():
        return None
    begin = first - float(best.x[1]) if free_begin else 0.0
    return log.warmup + begin * span, log.warmup + float(best.x[0]) * span


def _half_cosine(at: Floats, begin: float, end: float) -> Floats:
    """The columns whose combination by peak and final rate is a cosine, ``(point, 2)``."""
    own = (1.0 + np.cos(np.pi * (at - begin) / (end - begin))) / 2.0
    return np.stack([own, 1.0 - own], axis=1)


def _levels(log: Log, end: int) -> tuple[float, float]:
    """Peak and final rate of the cosine up to a step."""
    columns = _half_cosine(log.at, log.warmup, end)
    scale = float(log.rates.max())
    peak, final = np.linalg.lstsq(columns, log.rates / scale)[0] * scale
    return float(peak), float(final)


def _linear(log: Log) -> Candidates:
    if len(log.at) < _FEWEST:
        return
    slope, level = np.polyfit(log.at - log.warmup, log.rates, 1)
    if slope >= 0.0 or level <= 0.0:
        return
    for peak in _chosen(float(level), 0.0):
        for steps, final in _line_ends(log, lambda step: level + slope * (step - log.warmup), peak):
            yield partial(Schedule.linear, steps, peak, final=final, warmup=log.warmup)


def _line_ends(
    log: Log, rate_at: Callable[[int], float], peak: float
) -> Iterator[tuple[int, float]]:
    """Last steps and final rates of a decay that the log does not show to end.

    It ends at a round number of steps not long after the log if its rate there is round.
    """
    after = log.last if log.is_total else log.last + round(log.cadence) - 1
    later = roundest(log.last, max(after, log.last))
    for steps in dict.fromkeys([later, log.last]):
        value = float(rate_at(steps))
        few = (own for own in _chosen(value, peak) if len(f"{own:.9g}".strip("0.")) <= _DIGITS + 3)
        yield from ((steps, own) for own in (few if steps > log.last else _chosen(value, peak)))


def _wsd(log: Log) -> Candidates:
    """A stable rate and a decay; its first step follows from where the decay meets the rate."""
    is_peak = log.rates >= log.rates[0] - 2.0 * log.errors
    stable = int(np.argmin(is_peak)) if not is_peak.all() else len(log.rates)
    if stable < 2 or len(log.at) - stable < _FEWEST - 1:
        return
    decay = log._replace(at=log.at[stable:], rates=log.rates[stable:], errors=log.errors[stable:])
    for peak in _chosen(float(log.rates[0]), 0.0):
        for shape in ("linear", "sqrt", "exponential", "cosine"):
            find = _cosine_decays if shape == "cosine" else partial(_decays, shape)
            for begin, steps, final in find(decay, peak, float(log.at[stable - 1])):
                yield partial(
                    Schedule.wsd, steps, peak, decay=steps - begin, final=final, shape=shape,
                    warmup=log.warmup,
                )  # fmt: skip


def _decays(shape: str, log: Log, peak: float, stable: float) -> Iterator[tuple[int, int, float]]:
    """First and last step and final rate of decays that may fit."""
    if shape == "exponential" and (log.rates <= 0.0).any():
        return
    flat, back = _transforms(shape, peak)
    slope, level = np.polyfit(log.at, flat(log.rates), 1)
    if slope == 0.0 or not stable - 0.5 <= -level / slope < log.at[0]:
        return
    fitted = back(np.polyval([slope, level], log.at))
    if not (np.abs(fitted - log.rates) <= _LOOSE * log.errors).all():
        return
    for begin in _steps_near(float(-level / slope)):
        line = partial(_line, begin=begin, slope=slope, back=back)
        for steps, final in _line_ends(log, line, peak):
            yield begin, steps, final


def _transforms(shape: str, peak: float) -> tuple[Transform, Transform]:
    """What makes a line of a decay that begins with the rate ``peak``, and its inverse."""
    if shape == "linear":
        return lambda own: own / peak - 1.0, lambda own: peak * (own + 1.0)
    if shape == "sqrt":
        return lambda own: (1.0 - own / peak) ** 2, lambda own: peak * (1.0 - np.sqrt(own))
    return lambda own: np.log(own / peak), lambda own: peak * np.exp(own)


def _line(step: int, begin: int, slope: float, back: Transform) -> float:
    return float(back(slope * (step - begin)))


def _cosine_decays(log: Log, peak: float, stable: float) -> Iterator[tuple[int, int, float]]:
    """First and last step and final rate of cosines that may fit."""
    found = _fitted_cosine(log._replace(warmup=0), free_begin=True)
    if found is None or found[0] < log.warmup:
        return
    for begin in _steps_near(found[0]):
        for steps in [log.last] if log.is_total else _steps_near(found[1]):
            final = _levels(log._replace(warmup=begin), steps)[1]
            yield from ((begin, steps, own) for own in _chosen(final, peak))


def _inverse_sqrt(log: Log) -> Candidates:
    if log.warmup and len(log.at) >= _FEWEST:
        squared = float(np.median(log.rates**2 * log.at))
        for warmup in sorted(_steps_about(log.warmup), key=lambda own: own % 10):
            for peak in _chosen(float(np.sqrt(squared / warmup)), 0.0):
                yield partial(Schedule.inverse_sqrt, log.last, peak, warmup=warmup)


def _steps_about(step: int) -> range:
    """Steps beside one that was found from lines through a curved log."""
    return range(max(step - _ABOUT, 1), step + _ABOUT + 1)


def _steps_near(value: float) -> list[int]:
    """Whole numbers of steps near a fitted one, the roundest first."""
    near = [round(value), round(value) - 1, round(value) + 1]
    units = [10**power for power in range(len(str(max(round(value), 1))) - 1, 0, -1)]
    round_ones = [round(value / unit) * unit for unit in units]
    close = [own for own in round_ones if abs(own - value) <= max(_NEAR * value, 2.0)]
    return [own for own in dict.fromkeys([*close, *near]) if own > 0]


def _chosen(value: float, peak: float) -> list[float]:
    """Rates that a person may have chosen where this one was fitted, the roundest first.

    Example:
        >>> _chosen(2.99998e-5, 3e-4)
        [3e-05, 2.99998e-05]
        >>> _chosen(-1e-9, 3e-4)
        [0.0]
    """
    zero = [0.0] if value <= _NEAR_ZERO * peak else []
    short = [float(f"{value:.{digits}e}") for digits in range(_DIGITS)]
    near = [own for own in short if abs(own - value) <= 0.02 * abs(value)]
    return [own for own in dict.fromkeys([*zero, *near, value]) if own >= 0.0]
