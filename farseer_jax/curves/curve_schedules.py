"""The schedule of each curve: the given one, or one from its logged learning rates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from farseer_jax.close_names import unknown_name
from farseer_jax.curves.branches import after_parent, parents_first, usual_interval
from farseer_jax.curves.logged_rates import LoggedSchedule, schedule_of_log
from farseer_jax.curves.run_rows import RunRows
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.sentences import Sentences

AnySchedule = str | Schedule | Callable[[Any], Any]

_FLAT: Final = ("constant", "multi_step")
FEWEST: Final = 2  # losses of a curve
GIVE: Final = (
    "give the schedule, such as schedule='cosine steps=24000 peak=3e-4 warmup=2000 final=3e-5'"
)


class GivenSchedules(NamedTuple):
    """The schedules as given by the caller: of all curves, of some, or only the warmup.

    ``branches`` are the curves that others continue, by the name of the branch, and ``lengths``
    how many steps runs are to have.
    """

    schedule: AnySchedule | Mapping[str, AnySchedule] | None
    warmup: int | None
    branches: Mapping[str, str] = MappingProxyType({})
    lengths: Mapping[str, int] = MappingProxyType({})

    @property
    def is_of_all(self) -> bool:
        """Whether one schedule is that of all curves."""
        return self.schedule is not None and not isinstance(self.schedule, Mapping)

    def of(self, name: str) -> AnySchedule | None:
        """The given schedule of a curve; None without."""
        if isinstance(self.schedule, Mapping):
            return self.schedule.get(name)
        return self.schedule


class ScheduledRun(NamedTuple):
    """The rows of a run and its schedule: None if losses or learning rates are too few."""

    name: str
    rows: RunRows
    logged: LoggedSchedule | None

    @property
    def lacks_warmup(self) -> bool:
        """Whether the log begins after a warmup of unknown length."""
        return self.logged is not None and self.logged.lacks_warmup


def scheduled(
    names: Sequence[str], runs: Sequence[RunRows], given: GivenSchedules, notes: Sentences
) -> list[ScheduledRun]:
    """Each run with its schedule.

    A run whose log lacks the warmup takes that of the others if they all share one.

    Args:
        names: of the runs.
        runs: their rows.
        given: the schedules as given by the caller.
        notes: collects sentences on shared warmups.

    Raises:
        ValueError: a given schedule is invalid, too short or missing, or no run has a learning
            rate.
    """
    order = parents_first(given.branches, names)
    _check_names(names, runs, given)
    rows = dict(zip(names, runs, strict=True))
    found = {
        name: ScheduledRun(name, own, _schedule(name, own, given))
        for name, own in rows.items()
        if name not in given.branches
    }
    known = {
        own.logged.schedule.warmup
        for own in found.values()
        if own.logged is not None and not own.lacks_warmup
    }
    if len(known) == 1 and (warmup := known.pop()):
        found = {
            name: _with_warmup(own, given._replace(warmup=warmup), notes)
            for name, own in found.items()
        }
    for name in order:
        found[name] = _branch(name, rows[name], found[given.branches[name]], given, notes)
    return [found[name] for name in names]


def _check_names(names: Sequence[str], runs: Sequence[RunRows], given: GivenSchedules) -> None:
    """Refuse schedules of unknown curves, curves with two, and tables without any."""
    own = given.schedule if isinstance(given.schedule, Mapping) else {}
    for name in own:
        if name not in names:
            raise ValueError(f"schedule: {unknown_name('curve', name, names)}")
    twice = [name for name in given.branches if given.of(name) is not None]
    if twice:
        raise ValueError(
            f"branches: curve {twice[0]!r} has a schedule too (schedule=); give one of the two"
        )
    if given.schedule is None and not any(len(rows.rates) for rows in runs):
        raise ValueError(f"lr: no run has a learning rate; {GIVE}")
    if own and not any(len(rows.rates) for rows in runs):
        for name in names:
            if name not in own and name not in given.branches:
                raise ValueError(
                    f"schedule: none is given for curve {name!r}, only for {', '.join(own)}"
                )


def _branch(
    name: str, rows: RunRows, parent: ScheduledRun, given: GivenSchedules, notes: Sentences
) -> ScheduledRun:
    """A branch with the schedule of its parent up to its own first learning rate."""
    if not len(rows.rates) or len(rows.steps) < FEWEST:
        return ScheduledRun(name, rows, None)
    whole = after_parent(name, rows, parent)
    assert parent.logged is not None
    own = given._replace(warmup=parent.logged.schedule.warmup)
    notes.add(
        name, f"its learning rate before step {rows.lr_steps[0]:,} is that of {parent.name!r}"
    )
    return ScheduledRun(name, whole, _schedule(name, whole, own))


def _with_warmup(run: ScheduledRun, own: GivenSchedules, notes: Sentences) -> ScheduledRun:
    """The run with the warmup of the others, if its log begins after one of unknown length."""
    first = min([*run.rows.lr_steps[:1], *run.rows.steps[:1]], default=0)
    if not run.lacks_warmup or own.warmup is None or first < own.warmup:
        return run
    notes.add(
        run.name, f"the warmup is assumed to be that of the other curves, {own.warmup:,} steps"
    )
    return run._replace(logged=_schedule(run.name, run.rows, own))


def _schedule(name: str, rows: RunRows, given: GivenSchedules) -> LoggedSchedule | None:
    """The schedule of a curve: the given one, or one from its logged learning rates."""
    if len(rows.steps) < FEWEST:
        return None
    last, schedule = int(rows.steps[-1]), given.of(name)
    if schedule is not None:
        own = _given_schedule(schedule, last, given.warmup)
        if own.steps < last:
            raise ValueError(
                f"schedule: curve {name!r} has a loss at step {last:,}, but its schedule has only "
                f"{own.steps:,} steps"
            )
        return LoggedSchedule(own, is_given=True)
    if not len(rows.rates):
        return None
    try:
        found = schedule_of_log(rows.lr_steps, rows.rates, given.warmup, at_least=last)
        length = given.lengths.get(name, 0)
        if length <= found.schedule.steps or found.schedule.name == "cosine":
            return found
        longer = schedule_of_log(rows.lr_steps, rows.rates, given.warmup, length)
        return _of_length(longer, rows) if longer.schedule.name != "given" else found
    except ValueError as error:
        raise ValueError(f"curve {name!r}: {error}") from None


def _of_length(found: LoggedSchedule, rows: RunRows) -> LoggedSchedule:
    """A schedule that goes on to a known length, with what is assumed of the rest."""
    steps, last = found.schedule.steps, int(rows.lr_steps[-1])
    if found.schedule.name not in _FLAT or steps - last <= 2.0 * usual_interval(rows):
        return found
    warning = (
        f"the learning rate is constant up to step {last:,}, and taken to stay so up to step "
        f"{steps:,}, the length of the run; if it is to fall before, give the schedule (schedule=)"
    )
    return replace(found, warnings=(*found.warnings, warning))


def _given_schedule(given: AnySchedule, last: int, warmup: int | None) -> Schedule:
    if isinstance(given, str):
        return Schedule.parse(given)
    if isinstance(given, Schedule):
        return given
    return Schedule.from_function(given, last, warmup=warmup)
