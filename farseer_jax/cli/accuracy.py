"""``farseer accuracy``: predicted accuracies of a run, and which recipe is best."""

from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import AUTO, law_text
from farseer_jax.cli.options import Group, Settings, level_option, option, reads, seed_option
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    PREPARING,
    READING,
    RUNS,
    UNITS,
    columns_of,
    preparing,
    units_of,
)
from farseer_jax.cli.values import names, numbers_by_name, patterns, point

if TYPE_CHECKING:
    from farseer_jax import AccuracyForecast
    from farseer_jax.tables.columns import Columns

# As in the library, which is not imported for the help; a test compares.
APPROACHES = ("two-step", "common-loss", "single-step", "exponential")


@reads("NAME,...", names=APPROACHES)
def _approaches(text: str) -> list[str]:
    """Names of approaches, separated by commas."""
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if name not in APPROACHES:
            raise click.BadParameter(
                f"unknown approach {name!r}; choose from {', '.join(APPROACHES)}."
            )
    return found


_OPTIONS = Group(
    "Accuracies",
    option(
        "--at points",
        point,
        "Run to predict, such as 7B,2T (may be repeated); ten times the largest compute unless "
        "given.",
        multiple=True,
    ),
    option(
        "--tasks",
        patterns,
        "Columns of accuracies, such as '*_acc'; those that end in _acc and the like unless given.",
    ),
    option(
        "--task-loss",
        patterns,
        "Column of one loss for all tasks, or a pattern with a column for each, such as '*_bpb'; "
        "by default the column with the name of the task, else the loss of the table.",
    ),
    option("--by", names, "Columns that identify recipes, which are then ranked.",
           metavar="COLUMN"),
    option(
        "--approaches",
        _approaches,
        f"How to predict: {', '.join(APPROACHES)}, or several, combined; two-step unless given.",
    ),
    option("--law", law_text, "Law of the loss; the usual laws over N and D unless given."),
    option(
        "--chance",
        numbers_by_name,
        "Chance level of a task, such as my_acc=0.25; it is known for the usual benchmarks.",
    ),
    option(
        "--questions",
        numbers_by_name,
        "Number of questions of a task, such as my_acc=1000, for the binomial noise.",
    ),
    option("--percent", help="Accuracies are percentages.", is_flag=True),
    level_option(),
    seed_option("--seed", "Seed of the draws behind the intervals."),
)  # fmt: skip
_COLUMNS = Group(
    READING,
    option("--N", "COLUMN", "Column of the number of parameters."),
    option("--D", "COLUMN", "Column of the training tokens."),
)


def _check(settings: Settings) -> None:
    if settings["path"] is None and not settings["example"]:
        raise click.UsageError("Missing argument 'RUNS': name a file of runs, or add --example.")
    if settings["path"] is not None and settings["example"]:
        raise click.UsageError("--example does not go with RUNS: leave one of them out.")
    if settings["law"] == AUTO:
        raise click.UsageError(f"--law {AUTO} is for `farseer fit`: name a law here.")


class _Table(dict[str, Any]):
    """The arguments of the library that say how a table is read, with the table."""


def _read(settings: Settings) -> "_Table":
    if settings["path"] is None:
        from farseer_jax.example import TASK_CHANCE, example_tasks

        return _Table(runs=example_tasks(recipe="both"), by=["recipe"], chance=TASK_CHANCE)
    from farseer_jax.runs.read_table import read_table  # without JAX: mistakes come immediately

    own = {name: settings[name] for name in ("N", "D") if settings[name]}
    units = units_of(settings)
    found: Columns = read_table(
        settings["path"], **preparing(settings), columns_of=columns_of(settings), units=units
    )
    return _Table(runs=found, columns_of=own, units=units)


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*PREPARING, _COLUMNS, UNITS],
        title=DATA,
        check=_check,
        read=_read,
        files=["path"],
    ),
    _OPTIONS,
    summary="Accuracies that a run will reach on tasks.",
    json="the accuracies",
    delivers="Accuracies",
    figure="plot_accuracy",
    examples=[
        "farseer accuracy runs.csv --at 7B,2T",
        "farseer accuracy runs.csv --at 7B,2T --tasks '*_acc' --task-loss '*_bpb'",
        "farseer accuracy runs.csv --at 7B,2T --tasks avg_acc --by corpus",
    ],
)
def accuracy(
    table: _Table,
    points: tuple[tuple[float, float], ...],
    by: list[str] | None,
    approaches: list[str] | None,
    **options: Any,
) -> "AccuracyForecast":
    """Predict accuracies of runs that are not trained yet, with intervals.

    RUNS is a table with N, D, accuracies on tasks, and a loss for each task or
    one for all. The loss is forecast, and the accuracy is predicted from it by
    a logistic law. Prints the accuracies, the best recipe with --by, how well
    larger runs were predicted from smaller ones on each task, and a comparison
    with other approaches.
    """
    import farseer_jax

    given = {"by": by, "approaches": approaches, **options}
    own = {name: value for name, value in given.items() if value is not None}
    return farseer_jax.forecast_accuracy(points=list(points) or None, **{**table, **own})
