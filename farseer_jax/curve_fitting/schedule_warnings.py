"""Warnings about the losses of schedules: where they go beyond the schedules that were fitted."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.schedule import Schedule
from farseer_jax.tables.row_numbers import shortened

_FALLEN = 0.95  # of the peak: below it a decay has begun
_AREA = 1.25  # times the largest sum of rates seen
_STEPS = 3.0  # times those of the longest curve
_DECAY = 0.7  # times the shortest decay seen
_LOWER = 0.5  # of the lowest rate seen
_PEAK = 0.01  # relative difference of peaks that are the same
_WARMUP = 0.1  # relative difference of warmups that are the same
_MOST_SHOWN = 4


def schedule_warnings(fit: CurveFit, schedules: Mapping[str, Schedule]) -> tuple[str, ...]:
    """Where schedules leave those of the fitted curves, worst first.

    Args:
        fit: the fit.
        schedules: by what they are called in a sentence.
    """
    return (
        *_peak(fit, schedules),
        *_length(fit, schedules),
        *_lower_rate(fit, schedules),
        *_decay(fit, schedules),
    )


def warmup_warning(fit: CurveFit, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    """Schedules whose warmup differs from those of all curves.

    Args:
        fit: the fit.
        schedules: by what they are called in a sentence.
    """
    seen = sorted({own.schedule.warmup for own in fit.curves})
    others = {
        name: own.warmup
        for name, own in schedules.items()
        if not any(abs(own.warmup - known) <= _WARMUP * known for known in seen)
    }
    if others:
        steps = " to ".join(f"{own:,}" for own in sorted({seen[0], seen[-1]}))
        found = _listed(f"{own:,}" for own in sorted(set(others.values())))
        yield (
            f"the warmup of {_listed(others)} has {found} steps, and that of the curves {steps}: "
            f"make schedules with warmup={seen[-1]} to compare like with like"
        )


def lowest_rate(fit: CurveFit) -> float:
    """The lowest learning rate that was logged after a warmup."""
    return min(
        float(own.schedule.rates[own.schedule.warmup : own.steps[-1]].min(initial=np.inf))
        for own in fit.curves
    )


def decay_share(schedule: Schedule, last: int | None = None) -> float:
    """Which share of the steps up to a last one has a rate that has fallen from the peak."""
    end = schedule.steps if last is None else last
    rates = schedule.rates[schedule.warmup : end]
    return float((rates < _FALLEN * schedule.peak).sum() / end)


def _peak(fit: CurveFit, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    seen = sorted({own.schedule.peak for own in fit.curves})
    known = " to ".join(f"{own:.3g}" for own in sorted({seen[0], seen[-1]}))
    high = {n: own.peak for n, own in schedules.items() if own.peak > (1 + _PEAK) * seen[-1]}
    low = {n: own.peak for n, own in schedules.items() if own.peak < (1 - _PEAK) * seen[0]}
    if high:
        yield (
            f"the peak rate of {_valued(high)} is above the peaks of all curves ({known}): no law "
            "of curves can tell at which peak training diverges"
        )
    if low:
        yield (
            f"the peak rate of {_valued(low)} is below the peaks of all curves ({known}): the "
            "effect of a lower peak is extrapolated"
        )


def _length(fit: CurveFit, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    area = max(float(own.schedule.areas[own.steps[-1] - 1]) for own in fit.curves)
    longest = max(int(own.steps[-1]) for own in fit.curves)
    ratios = {name: float(own.areas[-1]) / area for name, own in schedules.items()}
    far = {
        name: ratios[name]
        for name, own in schedules.items()
        if ratios[name] > _AREA or own.steps > _STEPS * longest
    }
    if far:
        steps = max(schedules[name].steps for name in far)
        yield (
            f"the sum of the learning rates of {_listed(far)} is {max(far.values()):.2g} times the "
            f"largest of the curves ({steps:,} steps, and these up to {longest:,}): the loss is "
            "extrapolated"
        )


def _lower_rate(fit: CurveFit, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    seen = lowest_rate(fit)
    ends = {name: float(own.rates[-1]) for name, own in schedules.items()}
    lower = {name: rate for name, rate in ends.items() if rate < _LOWER * seen}
    if lower:
        yield (
            f"the last learning rate of {_valued(lower)} is below the lowest logged one "
            f"({seen:.3g}): the gain from the last part of the decay is extrapolated; "
            f"use final={seen:.3g} to avoid this"
        )


def _decay(fit: CurveFit, schedules: Mapping[str, Schedule]) -> Iterator[str]:
    shares = [decay_share(own.schedule, int(own.steps[-1])) for own in fit.curves]
    seen = min((share for share in shares if share > 0.0), default=0.0)
    own = {name: decay_share(schedule) for name, schedule in schedules.items()}
    fast = {name: share for name, share in own.items() if 0.0 < share < _DECAY * seen}
    if fast:
        yield (
            f"the decay of {_listed(fast)} takes {min(fast.values()):.0%} of the steps, and that "
            f"of no curve less than {seen:.0%}: a law is exploited where it was not fitted; train "
            "one such run before relying on it"
        )


def _valued(values: Mapping[str, float]) -> str:
    """Names, each with its rate; of several that share one the rate once."""
    rates = {f"{own:.3g}" for own in values.values()}
    if len(rates) == 1:
        return f"{_listed(values)} ({rates.pop()})"
    return _listed(f"{name} ({own:.3g})" for name, own in values.items())


def _listed(texts: Iterable[str]) -> str:
    *others, last = texts
    if len(others) >= _MOST_SHOWN:
        return shortened([*others, last], _MOST_SHOWN)
    return f"{', '.join(others)} and {last}" if others else last


def names_of(schedules: Sequence[Schedule]) -> dict[str, Schedule]:
    """Schedules by what a sentence calls them: "the schedule", or their forms and steps."""
    if len(schedules) == 1:
        return {"the schedule": schedules[0]}
    found = dict[str, Schedule]()
    for own in dict.fromkeys(schedules):
        name = f"the {own.name.replace('_', '-')} schedule of {own.steps:,} steps"
        same = sum(known.startswith(name) for known in found)
        found[f"{name} ({same + 1})" if same else name] = own
    return found
