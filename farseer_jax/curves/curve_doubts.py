"""What makes curves doubtful: runs that diverged, schedules that are guesses, peaks that differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curve_schedules import ScheduledRun
from farseer_jax.curves.run_rows import RunRows
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.sentences import Sentences
from farseer_jax.curves.step_numbers import StepUnit

_SAME_PEAK: Final = 0.1  # relative difference


def doubts_of_runs(runs: Sequence[ScheduledRun], found: Sentences, unit: StepUnit) -> Sentences:
    """Warnings of what makes a forecast of a run doubtful.

    Args:
        runs: with their schedules.
        found: sentences, to which they are added.
        unit: what is counted as steps.
    """
    known = [(own.name, own.rows, own.logged) for own in runs if own.logged is not None]
    for name, rows, logged in known:
        if rows.divergence:
            goes_on = _goes_on(rows, logged.schedule)
            end = "; its predicted final loss is what it would have reached otherwise"
            found.add(name, f"{rows.divergence}{end if goes_on else ''}")
    give = "tokens_per_step= or schedule=" if unit.tokens else "its schedule (schedule=)"
    for name, _, logged in known:
        if logged.is_cut_off:
            found.add(
                name,
                "no schedule was recognised, so its last logged step is taken as its end; give "
                f"{give}",
            )
    for name, rows, logged in known:
        if logged.lacks_warmup:
            found.add(name, _late(unit.at(rows.lr_steps[0]), knows_steps=unit.tokens is None))
    return found


def _goes_on(rows: RunRows, schedule: Schedule) -> bool:
    """Whether the schedule goes on after the losses, by more than two rows."""
    every = float(np.median(np.diff(rows.steps))) if len(rows.steps) > 1 else 1.0
    return schedule.steps - int(rows.steps[-1]) > 2.0 * every


def _late(begin: str, *, knows_steps: bool) -> str:
    give = "tokens_per_step="
    if knows_steps:
        give = (
            "the length of the warmup (warmup=), or the schedule (schedule=) if the rate was "
            "another"
        )
    return (
        f"the log begins at {begin}; the learning rate before it is not known and is assumed to be "
        f"that of the first logged step: give {give}"
    )


def doubts_of_rates(
    curves: Sequence[Curve], runs: Sequence[ScheduledRun], lr: str | None
) -> list[str]:
    """Warnings where peaks differ, or where a column of the learning rate may hold the peak.

    Args:
        curves: all curves.
        runs: with their logged rates.
        lr: the column of the learning rate; None without.
    """
    found = []
    peaks = [own.schedule.peak for own in curves]
    is_constant = all(np.ptp(own.rows.rates) == 0.0 for own in runs if own.rows.rates.size)
    if lr is not None and is_constant and all(own.schedule.name == "constant" for own in curves):
        found.append(
            f"column {lr!r} is constant along each run and is read as a constant learning rate; "
            "if it is the peak of a schedule, give the schedule (schedule=)"
        )
    if max(peaks) > (1.0 + _SAME_PEAK) * min(peaks):
        found.append(
            f"the peaks of the learning rates differ, from {min(peaks):.4g} to {max(peaks):.4g}: "
            "the laws of curves are known for one peak; fit curves of about the same one"
        )
    return found
