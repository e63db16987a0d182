"""``farseer forecast``: the loss that runs will reach, with intervals."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import OWN_LAW, method_name
from farseer_jax.cli.options import Group, Settings, check_goes_with, level_option, option
from farseer_jax.cli.output import Output
from farseer_jax.cli.predictions import named_points
from farseer_jax.cli.runs import DATA, EXAMPLE, RUNS, TASK_GROUPS, check_runs
from farseer_jax.cli.target_table import read_targets
from farseer_jax.cli.tasks import Task, read_single_task
from farseer_jax.cli.values import named_point

if TYPE_CHECKING:
    import numpy as np

    from farseer_jax import Forecast

_METHOD = {"method": "least-squares", "objective": None}
_USUAL_LAW = "chinchilla"  # has the inputs of the usual laws, N and D

_POINTS = Group(
    "Forecast",
    option(
        "--at points",
        named_point,
        "Run to forecast, such as 25.1B,500B or N=4B,P=8 (may be repeated); ten times the "
        "largest compute unless given.",
        multiple=True,
    ),
    option(
        "--on targets",
        click.Path(path_type=Path),
        "Table of runs to forecast; where it has losses they are compared. Runs that were fitted "
        "are left out.",
        metavar="FILE",
    ),
    level_option(),
    option(
        "--no-usual no_usual",
        help="Leave the usual laws (Farseer, Chinchilla, Coupled, Kaplan) out.",
        is_flag=True,
    ),
)


class Question(NamedTuple):
    """A task, and whether its law is the user's."""

    task: Task
    has_law: bool

    def points_at(self, points: tuple[dict[str, str], ...]) -> "Mapping[str, np.ndarray] | None":
        """The points of ``--at``, by input; None without any."""
        if not points:
            return None
        law, runs = self.task.law_and_runs()
        bound = self.task.options.get("columns_of", {})
        columns = {name: own for name, own in bound.items() if isinstance(own, str)}
        return named_points(law, runs.shares, points, columns).inputs

    @property
    def dropped(self) -> tuple[str, ...]:
        """Runs that ``--drop`` left out, by name."""
        return self.task.dropped


def _check(settings: Settings) -> None:
    check_question(settings)
    if settings["points"] and settings["targets"] is not None:
        raise click.UsageError("--at does not go with --on: leave one of them out.")


def check_question(settings: Settings) -> None:
    """Refuse settings of the runs and of the user's law that do not go together."""
    check_runs(settings)
    check_goes_with("law", [own.name for own in OWN_LAW.options if own.name != "law"], settings)
    method_name(_with_method(settings))


def _with_method(settings: Settings) -> Settings:
    """The settings of a fit."""
    return {**settings, **_METHOD, "law": settings["law"] or _USUAL_LAW}


def read_question(settings: Settings) -> Question:
    """The runs, and the user's law if there is one."""
    return Question(read_single_task(_with_method(settings)), settings["law"] is not None)


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*TASK_GROUPS, OWN_LAW],
        title=DATA,
        check=_check,
        read=read_question,
        files=["path", "targets"],
    ),
    _POINTS,
    summary="The loss that a run will reach, with its interval.",
    json="the forecast",
    delivers="Forecast",
    figure="plot_forecast",
    examples=[
        "farseer forecast runs.csv --at 25.1B,500B",
        "farseer forecast runs.csv --max-N 3e9 --on runs.csv",
        'farseer forecast runs.csv --law "E + A/(N*P)**a + B/D**b" \\',
        "    --at N=7B,P=4,D=1T",
    ],
)
def forecast(
    question: Question,
    points: tuple[dict[str, str], ...],
    targets: Path | None,
    level: float,
    no_usual: bool,
) -> "Output | Forecast":
    """Forecast the loss of runs that were not trained yet, with intervals.

    RUNS is as for `farseer fit`. Correlated errors (of one size, and the misfit
    of a law) are fitted with the laws, which are weighted by how well they
    predicted larger runs from smaller ones. Prints the loss with its interval,
    reasons to doubt it, the evidence for it, and the predictions of the usual
    laws there.
    """
    from dataclasses import replace

    import farseer_jax

    task, has_law = question
    law, runs = task.law_and_runs()
    at: Any = question.points_at(points)
    observed, note = None, None
    if targets is not None:
        at, observed, num_fitted = read_targets(targets, law, runs, task.options)
        note = f"{num_fitted} fitted runs of {targets} left out" if num_fitted else None
    found = farseer_jax.forecast(
        task.runs,
        at,
        law=law if has_law else None,
        method=task.method if has_law else None,  # type: ignore[arg-type]  # least squares
        level=level,
        usual=not no_usual,
        **task.options,
    )
    found = replace(found, observed=observed)
    return Output(found, note=note)
