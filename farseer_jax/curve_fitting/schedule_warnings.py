"""Warnings about optimal schedules: where they leave the schedules that were seen."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.curves.schedule import Schedule

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.optimal_schedule_result import OptimalSchedule

_FALLEN = 0.95  # of the peak: below it a decay has begun
_AREA = 1.25  # times the largest area seen
_LENGTH = 0.7  # times the shortest decay seen
_PEAK = 0.9
_GAP = 1e-3


def warnings_of(found: "OptimalSchedule") -> tuple[str, ...]:
    """The warnings of an optimum, then those of the fit."""
    return (
        *_low_peak(found),
        *_area(found),
        *_lower_rate(found),
        *_decay(found),
        *_not_converged(found),
        *found.fit.warnings,
    )


def decay_share(schedule: Schedule, last: int | None = None) -> float:
    """Which share of the steps up to a last one has a rate that has fallen from the peak."""
    end = schedule.steps if last is None else last
    rates = schedule.rates[schedule.warmup : end]
    return float((rates < _FALLEN * schedule.peak).sum() / end)


def _low_peak(found: "OptimalSchedule") -> Iterator[str]:
    peaks = [own.schedule.peak for own in found.fit.curves]
    if found.peak < _PEAK * min(peaks):
        yield (
            f"the peak {found.peak:g} is below those of all curves (from {min(peaks):g}): what a "
            "lower peak costs or gains is an extrapolation of the law"
        )


def _area(found: "OptimalSchedule") -> Iterator[str]:
    seen = max(float(own.schedule.areas[own.steps[-1] - 1]) for own in found.fit.curves)
    ratio = float(found.schedule.areas[-1]) / seen
    if ratio > _AREA:
        yield (
            f"the sum of the learning rates is {ratio:.2g} times the largest seen: the losses are "
            "extrapolations"
        )


def _lower_rate(found: "OptimalSchedule") -> Iterator[str]:
    seen = min(
        float(own.schedule.rates[own.schedule.warmup : own.steps[-1]].min(initial=np.inf))
        for own in found.fit.curves
    )
    last = float(found.schedule.rates[-1])
    if last < 0.5 * seen:
        yield (
            f"the best schedule ends at a rate of {last:.3g}, and no curve was logged below "
            f"{seen:.3g}: what the last part gains is an extrapolation of the law; "
            f"use final={seen:.3g} to keep to what was seen"
        )


def _decay(found: "OptimalSchedule") -> Iterator[str]:
    shares = [decay_share(own.schedule, int(own.steps[-1])) for own in found.fit.curves]
    seen = [share for share in shares if share > 0.0]
    own = decay_share(found.schedule)
    if seen and own < _LENGTH * min(seen):
        yield (
            f"the learning rate of the best schedule falls in the last {own:.0%} of the steps, "
            f"faster than in any curve (from {min(seen):.0%}): a law is exploited where it was not "
            "seen; train one such run before relying on it"
        )


def _not_converged(found: "OptimalSchedule") -> Iterator[str]:
    if found.converged is False or (found.gap is not None and found.gap > _GAP):
        yield (
            "the search of the free schedule did not converge: it could be better by "
            f"{found.gap:.1g}"
        )
