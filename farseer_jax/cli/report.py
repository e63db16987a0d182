"""``farseer report``: the answer and its evidence on one page."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.command_line import own_arguments, shell_words
from farseer_jax.cli.forecast import Question, check_question, read_question
from farseer_jax.cli.model import OWN_LAW
from farseer_jax.cli.options import POSITIVE, Group, Settings, level_option, option
from farseer_jax.cli.output import Output, check_target
from farseer_jax.cli.reading_text import reading_text
from farseer_jax.cli.runs import DATA, EXAMPLE, RUNS, TASK_GROUPS
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
        return Sources(question, (), ("", ""), reading_text(settings, "runs", path))
    both, names = runs_of_both(path, other, by, settings)
    rows = (None, None) if by is None else tuple(f"{by} = '{name}'" for name in names)
    tables = zip(("runs", "other"), (path, other or path), rows, strict=True)
    lines = [reading_text(settings, *own) for own in tables]
    return Sources(None, both, names, "\n".join(lines))


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

    given: dict[str, Any] = {"level": level, "title": title or ""}
    runs: Any
    if sources.question is None:
        runs, other = sources.both
        at: Any = [_pair(own) for own in points] or None
        given |= {"against": other, "names": names or sources.names}
    else:
        task, has_law = sources.question
        runs, at = task.runs if has_law else task.bound(), sources.question.points_at(points)
        if has_law:
            given |= {"law": task.law, "method": task.method, **task.options}
        given |= {"holdouts": not no_holdouts}
    given |= {"compute": compute or None, "budget": budget}
    found = farseer_jax.report(runs, at, **{n: v for n, v in given.items() if v is not None})
    found = replace(found, reading=sources.reading, commands=_commands(found))
    found.save(output)
    return Output(found, note=f"Report written to {output}")


def _pair(point: dict[str, str]) -> tuple[float, float]:
    """N and D of a point."""
    from farseer_jax.tables.number_texts import number_of

    values = [number_of(point[name]) for name in ("N", "D") if name in point]
    if len(point) != 2 or None in values or len(values) < 2:
        raise click.UsageError(f"--at: expected N and D, such as 7B,2T, got {point}.")
    return values[0] or 0.0, values[1] or 0.0


_OWN = {
    "--at", "--compute", "--budget", "--against", "--by", "--names", "--output", "--title",
    "-o", "--json",
}  # fmt: skip


def _commands(found: "Report") -> str:
    """This command, and one for each of its answers."""
    every = own_arguments(without=())
    table = [word for word in own_arguments(without=_OWN) if word != "--no-holdouts"]
    lines = [["report", *every]]
    at = _values(every, "--at")
    if "comparison" in found.results:
        by, names = (_flags(own, _values(every, own)) for own in ("--by", "--names"))
        words = [*_values(every, "--against"), *by, *_flags("--at", at), *names]
        lines.append(["compare", *table, *words])
    else:
        lines.append(["forecast", *table, *_flags("--at", at)])
    compute = _values(every, "--compute")
    if "split" in found.results and compute:
        lines.append(["allocate", *table, *_flags("--compute", compute)])
    if "holdouts" in found.results:
        lines.append(["extrapolate", *table])
    budget = _values(every, "--budget")
    if "next" in found.results and at and budget:
        lines.append(["suggest", *table, *_flags("--target", at), *_flags("--budget", budget)])
    return "\n".join(shell_words(["farseer", *words]) for words in lines)


def _values(words: list[str], flag: str) -> list[str]:
    """The values of an option."""
    found = []
    for at, word in enumerate(words):
        if word == flag and at + 1 < len(words):
            found.append(words[at + 1])
        elif word.startswith(f"{flag}="):
            found.append(word.removeprefix(f"{flag}="))
    return found


def _flags(flag: str, values: list[str]) -> list[str]:
    return [word for value in values for word in (flag, value)]
