"""The input of figures of a fit: runs that are fitted, a saved fit, or saved draws of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.choice import GROUP_OF_FIT, read_one_fit
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.model import model_groups
from farseer_jax.cli.options import Group, Settings, named, spelled
from farseer_jax.cli.plot.saved import DRAWS, read_result, result_class
from farseer_jax.cli.runs import (
    EXAMPLE,
    SELECTION,
    TASK_GROUPS,
    runs_argument,
    within_bounds,
)
from farseer_jax.cli.target_table import read_held_out
from farseer_jax.cli.tasks import ANY_TASK, Task, is_result, read_single_task

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.runs.runs import Runs
    from farseer_jax.uncertainty.bootstrap_result import Bootstrap

_BOUNDS = ("min_N", "max_N", "min_D", "max_D", "min_of", "max_of")
_OF_FILES = ("response",)  # also chooses among the fits of a file


@dataclass(frozen=True)
class Fitted:
    """A fit, and what else its input tells.

    Attributes:
        fit: the fit.
        left_out: runs that the bounds of the selection leave out; None without any.
        draws: refits from a file of draws.
        dropped: runs that ``--drop`` left out, by name.
    """

    fit: "Fit"
    left_out: "Runs | None" = None
    draws: "Bootstrap | None" = None
    dropped: tuple[str, ...] = ()

    def held_out(self, path: Path | None) -> "Runs | None":
        """The runs of a table that were not fitted; else those that the selection leaves out."""
        return self.left_out if path is None else read_held_out(path, self.fit)


def _is_saved(path: Any) -> bool:
    """Whether a file has a fit, alone or with draws."""
    return isinstance(path, Path) and (is_result(path) or result_class(path) == DRAWS)


def _of_runs() -> Sequence[click.Option]:
    """The options that are for runs, and not for a saved fit."""
    groups = (*TASK_GROUPS, *model_groups())
    options = (EXAMPLE, *(own for group in groups for own in group.options))
    return [own for own in options if own.name not in _OF_FILES]


def _check(settings: Settings) -> None:
    if not _is_saved(settings["path"]):
        if settings["groups"]:
            raise click.UsageError("--group is for FIT.json: leave it out with RUNS.")
        ANY_TASK.check(settings)
        return
    for own in _of_runs():
        if own.name is not None and named(own.name):
            raise click.UsageError(f"{spelled(own.name)} is for RUNS: leave it out with a fit.")


def _read(settings: Settings) -> Fitted:
    path = settings["path"]
    if isinstance(path, Path) and result_class(path) == DRAWS:
        draws = read_result(path)
        return Fitted(draws.fit, draws=draws)
    if _is_saved(path):
        responses = settings["response"] or [None]
        return Fitted(read_one_fit(path, settings["groups"], responses[0]))
    task, left_out = _read_task(settings)
    fit = task.fit()
    if not fit.outcome.usable:
        raise Refusal((*fit.warnings, fit.outcome.message)[0])
    return Fitted(fit, left_out, dropped=task.dropped)


def _read_task(settings: Settings) -> "tuple[Task, Runs | None]":
    """The task, and the runs that only its bounds leave out."""
    if not any(settings[name] for name in _BOUNDS):
        return read_single_task(settings), None
    open_ended = {**settings, **dict.fromkeys(_BOUNDS), "drop_outliers": False}
    task = read_single_task(open_ended)
    runs = task.bound()
    within = within_bounds(runs, settings)
    own = Task(task.law, runs.select(mask=within), task.method, {}, task.dropped)
    own = own.without_outliers() if settings["drop_outliers"] else own
    return own, None if within.all() else runs.select(mask=~within)


FITTED = Source(
    arguments=[runs_argument("RUNS|FIT.json|--example")],
    options=[EXAMPLE],
    groups=[*TASK_GROUPS, Group(SELECTION, GROUP_OF_FIT), *model_groups()],
    title=ANY_TASK.title,
    check=_check,
    read=_read,
    files=["path"],
)
