"""Input of the commands about loss curves: a table of curves, which is fitted, or a saved fit."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import (
    FROM_0,
    POSITIVE,
    Choice,
    Group,
    Settings,
    WholeRange,
    named,
    option,
    reads,
    spelled,
)
from farseer_jax.cli.output import check_target, paths_of
from farseer_jax.cli.plot.saved import result_class
from farseer_jax.cli.runs import PREPARING, print_notes, runs_argument
from farseer_jax.cli.values import columns, expected

if TYPE_CHECKING:
    from farseer_jax import CurveFit, Curves, Schedule

# Those of the library, which is not imported for the help; a test compares.
LAWS = ("multi-power", "annealing", "functional-scaling")
READING = "Reading TABLE"
_SAVED = "CurveFit"
_EXAMPLE_STEP = 14_400  # up to which the last curve of the example is known: 60 % of its steps
_READ_AS = ("table_name", "derive", "where")


@reads("[RUN:]SCHEDULE", joined=True)
def schedules(text: str) -> list[tuple[str, str]]:
    """The name of a run (or an empty text) and a schedule, as text or as a file."""
    run, _, schedule = text.rpartition(":")
    if not schedule.strip():
        raise expected("a schedule (such as 'cosine steps=24000 peak=3e-4')", text)
    return [(run.strip(), schedule.strip())]


@reads("RUN=PARENT", joined=True)
def branches(text: str) -> dict[str, str]:
    """A run that continues another one, and that one."""
    run, _, parent = (part.strip() for part in text.partition("="))
    if not (run and parent):
        raise expected("RUN=PARENT (such as anneal=constant)", text)
    return {run: parent}


EXAMPLE_CURVES = option(
    "--example",
    help="Fit simulated curves, one of a run still going, instead of a file.",
    is_flag=True,
)
_COLUMNS = (
    ("--run", "Column that identifies a run; several with commas between them."),
    ("--step", "Column of the training step, or of the tokens seen."),
    ("--loss", "Column of the loss."),
    ("--lr", "Column of the learning rate."),
)
_READING = Group(
    READING,
    *(option(name, "COLUMN", help) for name, help in _COLUMNS),
    option(
        "--schedule",
        schedules,
        "Schedule of the learning rate, instead of --lr: 'cosine steps=24000 peak=3e-4 "
        "warmup=2000 final=3e-5', or a file with step and lr; with RUN: before it, for that run "
        "only (may be repeated).",
    ),
    option(
        "--branch branches",
        branches,
        "A run that was logged from a fork on, and the run that it continues (may be repeated).",
    ),
    option("--N", "COLUMN", "Column of the number of parameters."),
    option(
        "--input columns_of",
        columns,
        "Column of another input that is constant along a run, such as batch=batch_size.",
    ),
    option("--warmup", FROM_0, "Steps of warmup; inferred from the learning rates unless given."),
    option("--keep-warmup", help="Also fit the losses of the warmup.", is_flag=True),
    option("--keep-spikes", help="Also fit the spikes of the loss.", is_flag=True),
    *(own for group in PREPARING for own in group.options if own.name in _READ_AS),
)
_TOKENS = Group(
    READING,
    option("--tokens-per-step", POSITIVE, "Batch size in tokens, if TABLE counts tokens."),
)
_FITTING = Group(
    "Law",
    option(
        "--law",
        Choice(LAWS),
        f"Law of the loss along training: {', '.join(LAWS)}; chosen by hold-outs unless given.",
    ),
    option(
        "--points",
        WholeRange(8),
        "Number of points, evenly spaced in the logarithm of the step, to which each curve is "
        "thinned; 64 unless given, and fewer where there are more than 24 curves.",
    ),
)


def _is_saved(settings: Settings) -> bool:
    path = settings["path"]
    return isinstance(path, Path) and result_class(path) == _SAVED


def _check(settings: Settings) -> None:
    path = settings["path"]
    if path is None and not settings["example"]:
        raise click.UsageError(
            "Missing argument 'TABLE': name a file of loss curves, or add --example."
        )
    if path is not None and settings["example"]:
        raise click.UsageError("--example does not go with TABLE: leave one of them out.")
    is_saved = _is_saved(settings)
    of_table = (*_READING.options, *(_FITTING.options if is_saved else ()))
    for own in of_table if is_saved or settings["example"] else ():
        if named(str(own.name)):
            what = "a saved fit" if is_saved else "--example"
            raise click.UsageError(
                f"{spelled(str(own.name))} is for a table: leave it out with {what}."
            )
    if settings["N"] and "N" in (settings["columns_of"] or {}):
        raise click.UsageError("--N and --input N=… name the same input: leave one of them out.")


def read_curve_fit(settings: Settings) -> "CurveFit":
    """The saved fit, or that of the curves of the table."""
    import farseer_jax

    if _is_saved(settings):
        return farseer_jax.CurveFit.from_json(settings["path"])
    return farseer_jax.fit_curves(
        _read_curves(settings), settings["law"], points=settings["points"]
    )


def _read_curves(settings: Settings) -> "Curves":
    import farseer_jax

    if settings["example"]:
        *complete, last = farseer_jax.example_curves()
        return farseer_jax.Curves((*complete, last.truncated(_EXAMPLE_STEP)))
    inputs = dict(settings["columns_of"] or {})
    if settings["N"]:
        inputs = {"N": settings["N"], **inputs}
    tokens = settings["tokens_per_step"]  # a number, or the name of an input
    found = farseer_jax.read_curves(
        settings["path"],
        **{name: settings[name] for name in ("run", "step", "loss", "lr", "warmup")},
        schedule=_schedule_of_table(settings["schedule"] or []),
        branches=settings["branches"],
        inputs=inputs or None,
        drop_warmup=not settings["keep_warmup"],
        drop_spikes=not settings["keep_spikes"],
        tokens_per_step=tokens if isinstance(tokens, float) else None,
        table=settings["table_name"],
        derive=[*settings["derive"]],
        where=settings["where"],
    )
    print_notes(found.notes)
    return found


def _schedule_of_table(
    given: list[tuple[str, str]],
) -> "Schedule | Mapping[str, Schedule] | None":
    """The schedule of all curves, or of each by name.

    Raises:
        Refusal: several are for all curves, or one is given twice.
    """
    if not given:
        return None
    runs = [run for run, _ in given]
    if len(given) == 1 and not runs[0]:
        return schedule_of(given[0][1])
    if "" in runs or len(set(runs)) < len(runs):
        raise Refusal(
            "--schedule: expected one schedule for all runs, or one for each, such as "
            "--schedule 'a: cosine steps=24000 peak=3e-4' --schedule 'b: constant steps=24000 "
            "peak=3e-4'"
        )
    return {run: schedule_of(text) for run, text in given}


def schedule_of(text: str) -> "Schedule":
    """The schedule of a text, or of a file with the columns step and lr.

    Raises:
        Refusal: the file has other columns.
        ValueError: the text is unreadable.
    """
    from farseer_jax import Schedule

    path = Path(text)
    if "=" in text or not path.suffix:
        return Schedule.parse(text)
    from farseer_jax.runs.read_table import read_table
    from farseer_jax.tables.number_texts import numbers_of

    table = read_table(path)
    missing = [name for name in ("step", "lr") if name not in table]
    if missing:
        raise Refusal(f"{path}: a schedule needs the columns step and lr, got {', '.join(table)}")
    steps, rates = (numbers_of(table[name]).numbers for name in ("step", "lr"))
    return Schedule.from_points(steps, rates)


def inputs_of(
    fit: "CurveFit", given: Mapping[str, float] | None, *, needs_all: bool = True
) -> dict[str, float]:
    """The inputs of a new run, from ``--given``.

    Args:
        fit: the fit.
        given: values by input.
        needs_all: whether every input of the law is required.

    Raises:
        UsageError: an input is missing, or the law has no such input.
    """
    needed, own = type(fit.law).inputs_of_curves(), dict(given or {})
    for name in own:
        if name not in needed:
            raise click.UsageError(
                f"--given {name}=… has no effect: the law {fit.law.name} has no input {name}, as "
                "when all curves have the same value of it; leave it out."
            )
    missing = [name for name in needed if name not in own]
    if needs_all and missing:
        raise click.UsageError(
            f"Missing option '--given {missing[0]}=NUMBER': the curves differ in {missing[0]}, and "
            "the loss of a new run depends on it."
        )
    return own


def csv_option(what: str) -> click.Option:
    """``--csv FILE``."""
    return option("--csv", click.Path(path_type=Path), what, metavar="FILE")


def check_csv(settings: Settings) -> None:
    """Check that the file of ``--csv`` can be written, before anything is computed.

    Raises:
        Refusal: it cannot, or another option names it.
    """
    path = settings["csv"]
    if path is None:
        return
    check_target(str(path), paths_of(settings["path"]), "name another")
    for other in ("target", "figure"):
        if settings.get(other) is not None and Path(settings[other]) == path:
            raise Refusal(
                f"--csv and {spelled(other)} name the same file {str(path)!r}; name two files"
            )


CURVES = Source(
    arguments=[runs_argument("TABLE|FIT.json|--example")],
    options=[EXAMPLE_CURVES],
    groups=[_READING, _TOKENS, _FITTING],
    title="Data and output",
    check=_check,
    read=read_curve_fit,
    files=["path"],
)
# for a command with a --tokens-per-step of its own
CURVES_AND_TOKENS = CURVES._replace(groups=[_READING, _FITTING])
