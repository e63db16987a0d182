"""``farseer suggest``: which runs to train next."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import OWN_LAW, build_method, method_name
from farseer_jax.cli.options import (
    FROM_1,
    POSITIVE,
    Group,
    Settings,
    check_goes_with,
    level_option,
    option,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    RUNS,
    TASK_GROUPS,
    check_columns,
    check_runs,
    naming,
)
from farseer_jax.cli.tasks import read_single_task
from farseer_jax.cli.values import amounts, named_point
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax.runs.runs import Runs

_METHOD = {"method": "least-squares", "objective": None}
_USUAL_LAW = "chinchilla"  # has the inputs of the usual laws, N and D
_FILE = click.Path(path_type=Path)

_OPTIONS = Group(
    "Suggestions",
    option(
        "--target targets",
        named_point,
        "Where to predict the loss, such as 25.1B,500B or N=4B,P=8 (may be repeated).",
        multiple=True,
    ),
    option(
        "--on table",
        _FILE,
        "Table of runs to predict, instead; the costliest tenth of --pool unless given.",
        metavar="FILE",
    ),
    option(
        "--split compute",
        amounts,
        "Budget to split optimally into N and D, such as 1e23 or 1e22,1e24 (may be repeated).",
        metavar="FLOPS",
    ),
    option(
        "--budget",
        POSITIVE,
        "Largest total cost of the suggested runs: FLOPs, at 6 N D each, or in the unit of --cost.",
        required=True,
    ),
    option(
        "--pool",
        _FILE,
        "Table of runs that could be trained; rows that RUNS has are left out. The grid of RUNS, "
        "extended to larger values, unless given.",
        metavar="FILE",
    ),
    option(
        "--cost",
        "EXPRESSION",
        "Cost of a run from inputs and columns of --pool, such as '6*N*D*P' or gpu_hours; 6 N D "
        "unless given.",
    ),
    option(
        "--next num_next",
        FROM_1,
        "Suggest only this many runs: train them, add them to RUNS and ask again.",
    ),
    option(
        "--in-progress",
        _FILE,
        "Table of runs that are already paid for.",
        metavar="FILE",
    ),
    option("--max-runs", FROM_1, "Largest number of runs to suggest."),
    level_option(),
)


class Question(NamedTuple):
    """The runs, and how they and other tables are read.

    Attributes:
        runs: the runs; None before the first.
        arguments: further arguments of ``farseer_jax.suggest_runs``.
        dropped: runs that ``--drop`` left out, by name.
    """

    runs: "Runs | None"
    arguments: dict[str, Any]
    dropped: tuple[str, ...] = ()


def _check(settings: Settings) -> None:
    is_cold = settings["path"] is None and not settings["example"] and settings["pool"]
    if is_cold:
        check_columns(settings)
    else:
        check_runs(settings)
    if settings["targets"] and settings["table"] is not None:
        raise click.UsageError("--target does not go with --on: leave one of them out.")
    has_targets = settings["targets"] or settings["table"] or settings["compute"]
    if not has_targets and settings["pool"] is None:
        raise click.UsageError(
            "Missing option '--target', '--on' or '--split': where to predict the loss, or a "
            "budget to split."
        )
    check_goes_with("pool", ["cost"], settings)
    check_goes_with("law", [own.name for own in OWN_LAW.options if own.name != "law"], settings)
    method_name(_with_method(settings))


def _with_method(settings: Settings) -> Settings:
    """The settings of a fit."""
    return {**settings, **_METHOD, "law": settings["law"] or _USUAL_LAW}


def _read(settings: Settings) -> Question:
    own = _with_method(settings)
    has_law = settings["law"] is not None
    method = build_method(method_name(own), own) if has_law else None
    if settings["path"] is None and not settings["example"]:
        given = naming(settings)
        kinds, real = settings["kinds"], settings["real"]
        arguments: dict[str, Any] = {
            **{name: given[name] for name in ("columns_of", "units", "link") if name in given},
            "law": settings["law"],
            "kinds": kinds,
            "real": real or (),
        }
        return Question(None, arguments | {"method": method})
    task = read_single_task(own)
    law, runs = task.law_and_runs()
    arguments = {
        name: task.options[name] for name in ("columns_of", "units") if name in task.options
    }
    return Question(
        runs, arguments | {"law": law if has_law else None, "method": method}, task.dropped
    )


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*TASK_GROUPS, OWN_LAW],
        title=DATA,
        read=_read,
        files=["path", "pool", "table", "in_progress"],
    ),
    _OPTIONS,
    summary="Which runs to train next for a prediction.",
    json="the suggestions",
    delivers="Suggestions",
    figure="plot_suggestions",
    examples=[
        "farseer suggest runs.csv --target 25.1B,500B --budget 1e22",
        "farseer suggest runs.csv --split 1e23 --budget 1e22 --max-runs 6",
        'farseer suggest runs.csv --pool can_train.csv --law "E + A/(N*P**k)**a" \\',
        "    --cost 'N*P' --target N=4B,P=8 --budget 2e10 --next 1",
    ],
    check=_check,
    refits=True,
)
def suggest(
    question: Question,
    targets: tuple[dict[str, str], ...],
    table: Path | None,
    compute: list[float] | None,
    pool: Path | None,
    in_progress: Path | None,
    **options: Any,
) -> Output:
    """Find the runs that most reduce the uncertainty of a prediction.

    RUNS is as for `farseer fit`; before the first run, leave it out and give
    --pool. The uncertainty is that of the loss at each --target, of the optimal
    D/N of each --split, or of both. It is that of the forecast of RUNS, or of a
    --law of any inputs with its misfit. The total cost of the suggested runs is
    within the budget. To train one after another, ask for --next 1, train that
    run, add it to RUNS, and ask again with the rest of the budget.
    """
    import farseer_jax

    found = farseer_jax.suggest_runs(
        question.runs,
        _points(targets, question.arguments.get("units", {})) if targets else _table(table),
        _table(pool),
        compute=compute,
        in_progress=_table(in_progress),
        **options,
        **question.arguments,
    )
    return Output(found)


def _points(
    targets: tuple[dict[str, str], ...], units: dict[str, float]
) -> dict[str, list[str | float]]:
    """Points given by options as a table, in the units of the table of runs."""
    for other in targets[1:]:
        if set(other) != set(targets[0]):
            raise click.UsageError(
                f"One --target names {', '.join(targets[0])}, another {', '.join(other)}: name the "
                "same inputs."
            )
    return {
        name: [
            own[name] if name not in units else (number_of(own[name]) or 0.0) / units[name]
            for own in targets
        ]
        for name in targets[0]
    }


def _table(path: Path | None) -> Any:
    from farseer_jax.runs.read_table import read_table

    return None if path is None else read_table(path)
