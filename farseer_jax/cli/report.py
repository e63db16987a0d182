"""``farseer report``: the answer and its evidence on one page."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.figure_file import quieten_matplotlib
from farseer_jax.cli.forecast import Question, check_question, read_question
from farseer_jax.cli.model import OWN_LAW
from farseer_jax.cli.options import POSITIVE, Group, Settings, level_option, named, option, spelled
from farseer_jax.cli.output import Output, check_target
from farseer_jax.cli.reading_text import reading_text, recipe_text
from farseer_jax.cli.report_commands import commands_text
from farseer_jax.cli.report_texts import of_the_shell
from farseer_jax.cli.runs import DATA, EXAMPLE, OF_TABLES, RUNS, TASK_GROUPS
from farseer_jax.cli.two_tables import runs_of_both
from farseer_jax.cli.values import amounts, named_point, two_names

if TYPE_CHECKING:
    from farseer_jax import Report, Runs

_POINTS = option(
    "--at points",
    named_point,
    "Run to forecast, such as 25.1B,500B or N=4B,P=8 (may be repeated); by default ten times "
    "the largest compute.",
    multiple=True,
)
_BUDGETS = (
    option(
        "--compute",
        amounts,
        "Budgets to split between N and D, such as 1e23,1e24; by default those of the points.",
        metavar="FLOPS",
    ),
    option(
        "--budget",
        POSITIVE,
        "FLOPs for further runs; by default a tenth of those of the costliest point.",
        metavar="FLOPS",
    ),
)
_QUESTION = Group("Question", _POINTS, *_BUDGETS, level_option())
_RECIPES = Group(
    "Another recipe",
    option(
        "--against",
        click.Path(path_type=Path),
        "Table of another recipe: the page shows which of the two wins.",
        metavar="FILE",
    ),
    option(
        "--by",
        "COLUMN",
        "Column of RUNS whose two values distinguish the recipes, such as arm.",
    ),
    option(
        "--names",
        two_names,
        "Names of the two recipes, separated by a comma; by default those of the files or of the "
        "column.",
    ),
)
_PAGE = Group(
    "Page",
    option("-o --output", "FILE", "File to write, HTML.", default="report.html"),
    option("--title", "TEXT", "Title of the page."),
    option(
        "--no-holdouts no_holdouts",
        help="Skip the comparison of laws on held-out runs, which takes most of the time.",
        is_flag=True,
    ),
)


def _check(settings: Settings) -> None:
    check_question(settings)
    recipes = settings["against"] is not None, settings["by"] is not None
    if all(recipes):
        raise click.UsageError("--against does not go with --by: leave one of them out.")
    if any(recipes) and not isinstance(settings["path"], Path):
        raise click.UsageError("--against and --by need RUNS, a file: name one.")
    if any(recipes):
        _check_recipes(settings)
    if settings["names"] and not any(recipes):
        raise click.UsageError("--names is for two recipes: add --against or --by.")
    check_target(settings["output"], [settings["against"]], "name a file")
    ending = Path(settings["output"]).suffix.lower()
    if ending not in (".html", ".htm"):
        raise click.UsageError(
            f"--output {settings['output']}: expected a file that ends in .html, got {ending!r}."
        )
    if settings["target"] == settings["output"]:
        raise click.UsageError(
            f"--output and --json name the same file {settings['output']!r}; name two."
        )


def _check_recipes(settings: Settings) -> None:
    """Refuse options of a forecast: recipes are compared by all their runs, over N and D.

    Raises:
        UsageError: there is such an option.
    """
    groups = [*TASK_GROUPS, OWN_LAW]
    for own in dict.fromkeys(own.name for group in groups for own in group.options):
        if own in settings and own not in OF_TABLES and named(str(own)):
            raise click.UsageError(
                f"{spelled(str(own))} does not go with --against or --by: select rows with "
                "--where, and name columns with --derive, such as 'N = n_params'."
            )


class Sources(NamedTuple):
    """What a report is made from.

    Attributes:
        question: the runs to forecast from, with a law; None for two recipes.
        both: the runs of two recipes; empty for a forecast.
        names: their names.
        reading: Python that reads the tables.
    """

    question: Question | None
    both: "Sequence[Runs]"
    names: tuple[str, str]
    reading: str


def _read(settings: Settings) -> Sources:
    path, other, by = settings["path"], settings["against"], settings["by"]
    if other is None and by is None:
        question = read_question(settings)
        return Sources(question, (), ("", ""), reading_text(settings, path, question.task))
    both, names = runs_of_both(path, other, by, settings)
    rows = (
        [None, None]
        if by is None
        else [_rows_of(*own, by) for own in zip(both, names, strict=True)]
    )
    tables = zip(("runs", "other"), (path, other or path), rows, strict=True)
    lines = [recipe_text(settings, *own) for own in tables]
    return Sources(None, both, names, "\n".join(lines))


def _rows_of(runs: "Runs", name: str, by: str) -> str:
    """The condition in SQL that selects a recipe."""
    import numpy as np

    from farseer_jax.runs.survey.labels import condition_is

    return condition_is(by, np.asarray(runs.extra.get(by, [name])), name)


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*TASK_GROUPS, OWN_LAW],
        title=DATA,
        check=_check,
        read=_read,
        files=["path", "against"],
    ),
    _QUESTION,
    _RECIPES,
    _PAGE,
    summary="One page with the answer, reasons for caution and figures.",
    json="all results",
    delivers="Results",
    examples=[
        "farseer report runs.csv --at 25B,500B --compute 1e24 -o report.html",
        "farseer report new.csv --against base.csv --at 7B,2T",
        "farseer report runs.csv --by arm --where \"arm in ('attn', 'mla')\"",
        "farseer report --example",
    ],
)
def report(
    sources: Sources,
    points: tuple[dict[str, str], ...],
    compute: list[float] | None,
    budget: float | None,
    level: float,
    names: tuple[str, str] | None,
    output: str,
    title: str | None,
    no_holdouts: bool,
    **_: Any,
) -> "Output | Report":
    """Write an HTML page that answers a question about runs not trained yet.

    RUNS is as for `farseer fit`. The page has the forecast with its interval
    and how far it extrapolates, reasons for caution, sliders for the inputs, a
    map of the runs, the fits and their residuals, which law predicts larger
    runs best, how to split compute, which runs to train next, and how to
    reproduce the report. It loads nothing from the network. Prints the answer.
    """
    import farseer_jax

    quieten_matplotlib()
    given: dict[str, Any] = {"level": level, "title": title or ""}
    runs: Any
    if sources.question is None:
        runs, other = sources.both
        at: Any = [_pair(own) for own in points] or None
        given |= {"against": other, "names": names or sources.names}
    else:
        task, has_law = sources.question
        law, runs = task.law_and_runs()
        at = sources.question.points_at(points)
        if has_law:
            given |= {"law": law, "method": task.method}
        given |= {"holdouts": not no_holdouts}
    given |= {"compute": compute or None, "budget": budget}
    found = farseer_jax.report(runs, at, **{n: v for n, v in given.items() if v is not None})
    sections = tuple(map(of_the_shell, found.sections))
    commands = commands_text(found)
    found = replace(found, sections=sections, reading=sources.reading, commands=commands)
    found.save(output)
    return Output(found, note=f"Report written to {output}")


def _pair(point: dict[str, str]) -> tuple[float, float]:
    """N and D of a point."""
    from farseer_jax.tables.number_texts import number_of

    values = [number_of(point[name]) for name in ("N", "D") if name in point]
    if len(point) != 2 or None in values or len(values) < 2:
        raise click.UsageError(f"--at: expected N and D, such as 7B,2T, got {point}.")
    return values[0] or 0.0, values[1] or 0.0
