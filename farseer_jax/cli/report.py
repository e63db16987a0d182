"""``farseer report``: the answer on one page, with what it rests on."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_factory import Source, command
from farseer_jax.cli.command_line import own_arguments, shell_words
from farseer_jax.cli.forecast import Question, check_question, read_question
from farseer_jax.cli.model import OWN_LAW
from farseer_jax.cli.options import POSITIVE, Group, Settings, level_option, option
from farseer_jax.cli.output import Output, check_target
from farseer_jax.cli.reading_text import reading_text
from farseer_jax.cli.runs import DATA, EXAMPLE, RUNS, TASK_GROUPS, preparing, runs_of_one_recipe
from farseer_jax.cli.values import amounts, named_point, two_names

if TYPE_CHECKING:
    from farseer_jax import Report

_POINTS = option(
    "--at points",
    named_point,
    "Run to forecast, such as 25.1B,500B or N=4B,P=8 (may be repeated); ten times the largest "
    "compute unless given.",
    multiple=True,
)
_BUDGETS = (
    option(
        "--compute",
        amounts,
        "Budgets to split between N and D, such as 1e23,1e24; those of the points unless given.",
        metavar="FLOPS",
    ),
    option(
        "--budget",
        POSITIVE,
        "FLOPs for further runs; as much as all runs took unless given.",
        metavar="FLOPS",
    ),
)
_QUESTION = Group("Question", _POINTS, *_BUDGETS, level_option())
_RECIPES = Group(
    "Another recipe",
    option(
        "--against",
        click.Path(path_type=Path),
        "Table of another recipe: the page says which of the two wins.",
        metavar="FILE",
    ),
    option("--names", two_names, "Names of both, with a comma between them.", default="A,B"),
)
_PAGE = Group(
    "Page",
    option("--output", "FILE", "File to write, HTML.", default="report.html"),
    option("--title", "TEXT", "Title of the page."),
    option(
        "--no-holdouts no_holdouts",
        help="Do not compare laws by fits to the smaller runs, which takes most of the time.",
        is_flag=True,
    ),
)


def _check(settings: Settings) -> None:
    check_question(settings)
    check_target(settings["output"], [settings["against"]], "name a file")
    ending = Path(settings["output"]).suffix.lower()
    if ending not in (".html", ".htm"):
        raise click.UsageError(
            f"--output {settings['output']}: expected a file that ends in .html, got {ending!r}."
        )


def _read(settings: Settings) -> "tuple[Question, Any, str]":
    """The question, the runs of the other recipe if any, and Python that reads the tables."""
    question = read_question(settings)
    text = reading_text(settings, "runs", settings["path"])
    if settings["against"] is None:
        return question, None, text
    from farseer_jax.runs.read_table import read_table

    path = settings["against"]
    other = runs_of_one_recipe(read_table(path, **preparing(settings)), label=f"{path}: ")
    return question, other, f"{text}\n{reading_text(settings, 'other', path)}"


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
    summary="One page with the answer, what speaks against it, and its figures.",
    json="all results",
    delivers="Results",
    examples=[
        "farseer report runs.csv --at 25B,500B --compute 1e24 --output report.html",
        "farseer report new.csv --against base.csv --at 7B,2T --names new,base",
        "farseer report --example",
    ],
)
def report(
    read: "tuple[Question, Any, str]",
    points: tuple[dict[str, str], ...],
    compute: list[float] | None,
    budget: float | None,
    level: float,
    against: Path | None,
    names: tuple[str, str],
    output: str,
    title: str | None,
    no_holdouts: bool,
) -> "Output | Report":
    """Write one HTML page that answers a question about runs not trained yet.

    RUNS is as for `farseer fit`. The page has the forecast with its interval
    and its distance beyond the runs, what speaks against it, sliders for the
    inputs, the runs as a map, the fits and their residuals, who predicts larger
    runs best, how to split compute, which runs to train next, and what remakes
    all of it. It needs no network. Prints the answer.
    """
    import farseer_jax

    question, other, reading = read
    task, has_law = question
    at, options = question.points_at(points), dict(task.options)
    runs = task.runs if has_law else task.bound()
    given: dict[str, Any] = {"level": level, "title": title or ""}
    if other is not None:
        given |= {"against": other, "names": names}
    if has_law:
        given |= {"law": task.law, "method": task.method, **options}
    given |= {"compute": compute or None, "budget": budget}
    found = farseer_jax.report(
        runs, at, holdouts=not no_holdouts, **{n: v for n, v in given.items() if v is not None}
    )
    found = replace(found, reading=reading, commands=_commands(found))
    found.save(output)
    return Output(found, note=f"Report written to {output}")


_OWN = {
    "--at", "--compute", "--budget", "--against", "--names", "--output", "--title", "--json",
}  # fmt: skip


def _commands(found: "Report") -> str:
    """This command, and one for each of its answers."""
    every = own_arguments(without=())
    table = [word for word in own_arguments(without=_OWN) if word != "--no-holdouts"]
    lines = [["report", *every]]
    at = _values(every, "--at")
    if "comparison" in found.results:
        words = [*_values(every, "--against"), *_flags("--at", at)]
        lines.append(["compare", *table, *words, *_flags("--names", _values(every, "--names"))])
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
