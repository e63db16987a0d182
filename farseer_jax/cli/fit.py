"""``farseer fit``: fit a law to a table of runs."""

from typing import Any

import click

from farseer_jax.cli.choice import ChoiceTask, check_choice, read_choice
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.model import AUTO, model_groups
from farseer_jax.cli.options import FROM_2, Group, Settings, check_goes_with, option
from farseer_jax.cli.output import STANDARD_OUTPUT, Output
from farseer_jax.cli.runs import TASK_GROUPS
from farseer_jax.cli.tasks import ANY_TASK, Task, read_task
from farseer_jax.cli.values import domain, names

_OPTIONS = Group(
    ANY_TASK.title,
    option(
        "--bootstrap num_resamples",
        FROM_2,
        "Print intervals from this many refits below the fit, such as 1000; they are not part of "
        "the JSON. `farseer bootstrap` has more options.",
    ),
    option(
        "--monotone-over",
        domain,
        "Ranges LOW:HIGH,LOW:HIGH of N and D over which the fitted loss must decrease, such as "
        "2e8:1e13,1e9:1e15: a fit that rises there is replaced by the nearest law that does not.",
    ),
)
_GROUPS = Group(
    "Groups",
    option(
        "--by",
        names,
        "Column whose values make groups, each with its own fit; or several: model,dataset.",
        metavar="COLUMN",
    ),
    option("--shared", names, "Parameters that all groups have in common, such as alpha,beta."),
)


def _read(settings: Settings) -> Task | ChoiceTask:
    return read_choice(settings) if settings["law"] == AUTO else read_task(settings)


def _check_task(settings: Settings) -> None:
    (check_choice if settings["law"] == AUTO else ANY_TASK.check)(settings)


def _check(settings: Settings) -> None:
    check_goes_with("by", ("shared",), settings)
    if settings["law"] == AUTO and settings["figure"] is not None:
        raise click.UsageError(
            f"--save draws the fit of one law, and --law {AUTO} averages several: leave one of "
            "them out."
        )
    if settings["num_resamples"] is None:
        return
    if settings["target"] == STANDARD_OUTPUT:
        raise click.UsageError(
            f"--bootstrap does not go with --json {STANDARD_OUTPUT}, which prints no intervals: "
            "leave one of them out, or use `farseer bootstrap`."
        )
    if settings["by"]:
        raise click.UsageError("--bootstrap refits one fit, and --by makes several: leave one out.")


@command(
    ANY_TASK._replace(
        groups=[*TASK_GROUPS, _GROUPS, *model_groups()], check=_check_task, read=_read
    ),
    _OPTIONS,
    summary="Fit a scaling law to a table of runs.",
    json="the fit",
    delivers="Fit",
    figure="plot_fit",
    examples=[
        "farseer fit runs.csv --loss bpc --max-N 5.4e9 --json fit.json",
        "farseer fit runs.csv --law chinchilla --objective huber --bootstrap 1000",
        "farseer fit runs.csv --law chinchilla --method variable-projection",
        'farseer fit runs.csv --law "E + (A/(N*(k*log(P)+1)))**alpha" --by corpus',
        'farseer fit runs.csv --law "E + A/N**a + B/D**b" --by recipe --shared a,b',
        "farseer fit runs.csv --law auto --json fit.json",
    ],
    check=_check,
)
def fit(task: Task | ChoiceTask, num_resamples: int | None, monotone_over: Any) -> Output:
    """Fit a scaling law to a table of training runs, and print it.

    RUNS is a table with one row per run: the inputs of the law, such as
    parameters N and training tokens D, and the final loss. It may be a file
    (delimited text, JSON, Parquet, Excel, a database), several files, a folder
    of logged runs, wandb:ENTITY/PROJECT, dataset:NAME, or - for standard
    input. Columns with usual names (N, params, tokens, val_loss, ...)
    are found; --N, --D, --loss and --input name others.

    With --law auto, every law whose inputs RUNS has is tried, and the average
    of those that extrapolate best is kept; `farseer predict` reads its file.
    """
    if isinstance(task, ChoiceTask):
        return Output(task.choose(), what="Laws")
    from farseer_jax import Fits

    result = task.fit(**({} if monotone_over is None else {"monotone_over": monotone_over}))
    fits = result if isinstance(result, Fits) else (result,)
    if not any(fit.outcome.usable for fit in fits):
        raise Refusal((*fits[0].warnings, fits[0].outcome.message)[0])
    if num_resamples is None:
        return Output(result, what="Fit" if len(fits) == 1 else "Fits")
    if len(fits) > 1:
        raise Refusal(
            "--bootstrap refits one fit, and --response names several columns: leave one out"
        )
    from farseer_jax import bootstrap

    return Output(result, below=[bootstrap(fits[0], num_resamples)])
