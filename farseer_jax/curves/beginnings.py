"""Curves whose log begins long after the warmup, as of branches logged from the fork on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.branches import usual_interval
from farseer_jax.curves.curve_schedules import ScheduledRun
from farseer_jax.curves.schedule import Schedule
from farseer_jax.curves.sentences import Sentences
from farseer_jax.tables.row_numbers import shortened

_FEW: Final = 3.0  # logged steps after the warmup: a log that begins later is late
_MUCH: Final = 2.0  # warmups: a log that begins later has no warmup of that length beside it
_OTHER: Final = 0.02  # of the peak: rates that differ by more are others
_SAME_PEAK: Final = 0.1  # relative difference of peaks
_WHOLE: Final = ("cosine", "linear", "inverse_sqrt")  # forms whose end tells their beginning
_MOST_SHOWN: Final = 4


class _Log(NamedTuple):
    """The logged learning rates of one run."""

    name: str
    schedule: Schedule
    first: int
    last: int
    every: float

    @property
    def begin(self) -> int:
        """The step from which the rate is known and past the warmup."""
        return max(self.first, self.schedule.warmup, 1)

    def agrees(self, other: _Log) -> bool:
        """Whether another curve had the rates that this one is taken to have had before."""
        steps = np.arange(other.begin, min(self.first, other.schedule.steps + 1))
        away = np.abs(self.schedule.at(steps) - other.schedule.at(steps))
        return bool(steps.size and away.max() <= _OTHER * other.schedule.peak)


def check_beginnings(
    runs: Sequence[ScheduledRun],
    inputs: Mapping[str, NDArray[np.float64]],
    branches: Mapping[str, str],
    warnings: Sentences,
) -> None:
    """Refuse curves whose learning rate before their first logged step is a guess.

    Args:
        runs: with their schedules.
        inputs: of the runs by name, ``(run,)`` each.
        branches: the curve that each branch continues.
        warnings: sentences, to which those on guesses that nothing contradicts are added.

    Raises:
        ValueError: other curves of the same inputs had another rate before, or the log begins
            much later than the warmup; the message names the likely parent and both remedies.
    """
    logs = [_log(run) for run in runs]
    for place, own in enumerate(logs):
        run = runs[place]
        if own is None or run.logged is None or run.logged.is_given or run.name in branches:
            continue
        others = [log for log in logs if log and log is not own]
        same = [all(v[place] == v[at] for v in inputs.values()) for at in range(len(runs))]
        alike = [log for log, is_same in zip(logs, same, strict=True) if log and is_same]
        early = [log for log in alike if log.begin + _FEW * own.every < own.first]
        if early:
            _compare(own, early)
        elif not run.logged.lacks_warmup:
            _judge_alone(own, others, warnings)


def _log(run: ScheduledRun) -> _Log | None:
    if run.logged is None:
        return None
    schedule, steps = run.logged.schedule, run.rows.lr_steps
    if run.logged.is_given or not steps.size:
        return _Log(run.name, schedule, 1, schedule.steps, 1.0)
    first = int(steps[steps >= 1][0]) if (steps >= 1).any() else 1
    return _Log(run.name, schedule, first, int(steps[-1]), usual_interval(run.rows))


def _compare(own: _Log, early: Sequence[_Log]) -> None:
    """Refuse a curve if all that were logged before had other rates."""
    if any(own.agrees(other) for other in early):
        return
    rise = min(other.begin for other in early)
    is_after = own.schedule.warmup <= rise + _FEW * own.every
    if not (is_after and _is_whole(own, early)):
        raise ValueError(_refusal(own, _parents(own, early)))


def _judge_alone(own: _Log, others: Sequence[_Log], warnings: Sentences) -> None:
    """Refuse or doubt a curve whose beginning no other curve of its inputs tells."""
    rise, is_whole = own.schedule.warmup, not others or _is_whole(own, others)
    is_whole &= own.schedule.name in _WHOLE
    if own.first <= rise + _FEW * own.every or (own.schedule.name == "cosine" and is_whole):
        return
    if not is_whole and rise and own.first > _MUCH * rise + _FEW * own.every:
        raise ValueError(_refusal(own, []))
    warnings.add(
        own.name,
        f"the log begins at step {own.first:,}, after the warmup of {rise:,} steps, and the "
        "learning rate before it is inferred from what follows",
    )


def _is_whole(own: _Log, others: Sequence[_Log]) -> bool:
    """Whether the form of a schedule tells its beginning, with the peak of another curve."""
    peaks = np.array([other.schedule.peak for other in others])
    is_near = (np.abs(own.schedule.peak - peaks) <= _SAME_PEAK * peaks).any()
    return own.schedule.name in _WHOLE and bool(is_near)


def _parents(own: _Log, early: Sequence[_Log]) -> list[str]:
    """The curves that may be continued: those logged at the fork, and of these at their peak."""
    covers = [log for log in early if log.last + _FEW * log.every >= own.first]
    at_peak = [
        log
        for log in covers
        if log.schedule.at(min(own.first, log.schedule.steps)) >= (1.0 - _OTHER) * log.schedule.peak
    ]
    return [log.name for log in at_peak or covers]


def _refusal(own: _Log, parents: Sequence[str]) -> str:
    rate = float(own.schedule.at(own.first))
    parent = parents[0] if len(parents) == 1 else "PARENT"
    what = shortened([repr(name) for name in parents], _MOST_SHOWN) or "a run that is not here"
    give = "give" if parents else "add that run and give"
    return (
        f"curve {own.name!r} begins at step {own.first:,} with the learning rate {rate:.4g}, and "
        f"its rate before is not known: if it continues {what}, {give} "
        f"branches={{{own.name!r}: {parent!r}}} (shell: --branch '{own.name}={parent}'); otherwise "
        f"its schedule, schedule={{{own.name!r}: '…'}} (shell: --schedule '{own.name}: …')"
    )
