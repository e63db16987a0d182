"""The schedule of each curve: the given one, or one from its logged learning rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from farseer_jax.close_names import unknown_name
from farseer_jax.curves.logged_rates import LoggedSchedule, schedule_of_log
from farseer_jax.curves.run_rows import RunRows
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.sentences import Sentences

AnySchedule = str | Schedule | Callable[[Any], Any]

FEWEST: Final = 2  # losses of a curve
GIVE: Final = (
    "give the schedule, such as schedule='cosine steps=24000 peak=3e-4 warmup=2000 final=3e-5'"
)


class GivenSchedules(NamedTuple):
    """The schedules as given by the caller: of all curves, of each, or only the warm-up."""

    schedule: AnySchedule | Mapping[str, AnySchedule] | None
    warmup: int | None


class ScheduledRun(NamedTuple):
    """The rows of a run and its schedule: None if losses or learning rates are too few."""

    name: str
    rows: RunRows
    logged: LoggedSchedule | None

    @property
    def lacks_warmup(self) -> bool:
        """Whether the log begins after a warm-up of unknown length."""
        return self.logged is not None and self.logged.lacks_warmup


def scheduled(
    names: Sequence[str], runs: Sequence[RunRows], given: GivenSchedules, notes: Sentences
) -> list[ScheduledRun]:
    """Each run with its schedule.

    A run whose log lacks the warm-up takes that of the others if they all share one.

    Args:
        names: of the runs.
        runs: their rows.
        given: the schedules as given by the caller.
        notes: collects sentences on shared warm-ups.

    Raises:
        ValueError: a given schedule is invalid, too short or missing, or no run has a learning
            rate.
    """
    if isinstance(given.schedule, Mapping):
        for name in given.schedule:
            if name not in names:
                raise ValueError(f"schedule: {unknown_name('curve', name, names)}")
    if given.schedule is None and not any(len(rows.rates) for rows in runs):
        raise ValueError(f"lr: no run has a learning rate; {GIVE}")
    found = [
        ScheduledRun(name, rows, _schedule(name, rows, given))
        for name, rows in zip(names, runs, strict=True)
    ]
    known = {own.logged.schedule.warmup for own in found if own.logged and not own.lacks_warmup}
    warmup = next(iter(known), 0)
    if len(known) != 1 or not warmup:
        return found
    return [_with_warmup(own, warmup, notes) for own in found]


def _with_warmup(run: ScheduledRun, warmup: int, notes: Sentences) -> ScheduledRun:
    """The run with the warm-up of the others if its log begins after one of unknown length."""
    first = min([*run.rows.lr_steps[:1], *run.rows.steps[:1]], default=0)
    if not run.lacks_warmup or first < warmup:
        return run
    notes.add(run.name, f"the warm-up is assumed to be that of the other curves, {warmup:,} steps")
    return run._replace(logged=_schedule(run.name, run.rows, GivenSchedules(None, warmup)))


def _schedule(name: str, rows: RunRows, given: GivenSchedules) -> LoggedSchedule | None:
    """The schedule of a curve: the given one, or one from its logged learning rates."""
    if len(rows.steps) < FEWEST:
        return None
    last, schedule = int(rows.steps[-1]), given.schedule
    if isinstance(schedule, Mapping):
        if name not in schedule:
            raise ValueError(
                f"schedule: none is given for curve {name!r}, only for "
                f"{', '.join(schedule) or 'none'}"
            )
        schedule = schedule[name]
    if schedule is not None:
        own = _given_schedule(schedule, last, given.warmup)
        if own.steps < last:
            raise ValueError(
                f"schedule: curve {name!r} has a loss at step {last:,}, but its schedule has only "
                f"{own.steps:,} steps"
            )
        return LoggedSchedule(own)
    if not len(rows.rates):
        return None
    try:
        return schedule_of_log(rows.lr_steps, rows.rates, given.warmup, at_least=last)
    except ValueError as error:
        raise ValueError(f"curve {name!r}: {error}") from None


def _given_schedule(given: AnySchedule, last: int, warmup: int | None) -> Schedule:
    if isinstance(given, str):
        return Schedule.parse(given)
    if isinstance(given, Schedule):
        return given
    return Schedule.from_function(given, last, warmup=warmup)
