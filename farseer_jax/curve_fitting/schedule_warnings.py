"""Warnings about optimal schedules: where they go beyond the schedules that were fitted."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.curves.schedule import Schedule

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.optimal_schedule_result import OptimalSchedule

_FALLEN = 0.95  # of the peak: below it a decay has begun
_AREA = 1.25  # times the largest area of the curves
_LENGTH = 0.7  # times the shortest decay of the curves
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
    """The share of the steps up to a last one whose rate is below the peak."""
    end = schedule.steps if last is None else last
    rates = schedule.rates[schedule.warmup : end]
    return float((rates < _FALLEN * schedule.peak).sum() / end)


def _low_peak(found: "OptimalSchedule") -> Iterator[str]:
    peaks = [own.schedule.peak for own in found.fit.curves]
    if found.peak < _PEAK * min(peaks):
        yield (
            f"the peak {found.peak:g} is below the peaks of all curves (at least {min(peaks):g}): "
            "the effect of a lower peak is extrapolated"
        )


def _area(found: "OptimalSchedule") -> Iterator[str]:
    seen = max(float(own.schedule.areas[own.steps[-1] - 1]) for own in found.fit.curves)
    ratio = float(found.schedule.areas[-1]) / seen
    if ratio > _AREA:
        yield (
            f"the sum of the learning rates is {ratio:.2g} times the largest of the curves: the "
            "losses are extrapolated"
        )


def _lower_rate(found: "OptimalSchedule") -> Iterator[str]:
    seen = min(
        float(own.schedule.rates[own.schedule.warmup : own.steps[-1]].min(initial=np.inf))
        for own in found.fit.curves
    )
    last = float(found.schedule.rates[-1])
    if last < 0.5 * seen:
        yield (
            f"the best schedule ends at a learning rate of {last:.3g}, but no curve was logged "
            f"below {seen:.3g}: the gain from the last part of the decay is extrapolated; "
            f"use final={seen:.3g} to avoid this"
        )


def _decay(found: "OptimalSchedule") -> Iterator[str]:
    shares = [decay_share(own.schedule, int(own.steps[-1])) for own in found.fit.curves]
    seen = [share for share in shares if share > 0.0]
    own = decay_share(found.schedule)
    if seen and own < _LENGTH * min(seen):
        yield (
            f"the best schedule decays over the last {own:.0%} of the steps, and no curve over "
            f"less than {min(seen):.0%}: the optimum exploits the law where it was not fitted; "
            "train one such run before relying on it"
        )


def _not_converged(found: "OptimalSchedule") -> Iterator[str]:
    if found.converged is False or (found.gap is not None and found.gap > _GAP):
        yield (
            "the search of the free schedule did not converge: the loss could be lower by about "
            f"{found.gap:.1g}"
        )
