"""``farseer suggest``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._fitted import fit_one
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._model_options import smooth_options
from farseer_jax.cli._options import (
    POSITIVE,
    Decorated,
    command,
    decorate,
    json_option,
    noise_option,
    option,
    point_option,
)
from farseer_jax.cli._output import check_target, deliver, json_text, with_warnings
from farseer_jax.cli._points import predict_points
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    column_options,
    read_runs,
    source_argument,
)

if TYPE_CHECKING:
    from farseer_jax.decisions.suggest_runs_result import Suggestions
    from farseer_jax.fitting.result import Fit

SUGGESTIONS = "Suggestions"
# Fits with derivatives: of this law, by this method, by the squared criterion, without a grid.
_FIXED = {"law": "farseer", "criterion": "squared", "candidates": None}

_EPILOG = """\b
Examples:
  farseer suggest runs.csv --target 25.1e9,5e11 --budget 1e22
  farseer suggest runs.csv --split 1e23 --budget 1e22 --max-runs 6
  farseer suggest runs.csv --target 25.1e9,5e11 --budget 1e22 --candidates can_train.csv
"""


def _suggestion_options(command: Decorated) -> Decorated:
    file = click.Path(path_type=Path)
    return decorate(
        command,
        [
            point_option(
                "--target",
                SUGGESTIONS,
                "Where the loss is wanted, such as 25.1e9,5e11 (may be repeated).",
            ),
            option(
                "--split",
                "compute",
                type=POSITIVE,
                multiple=True,
                metavar="FLOPS",
                group=SUGGESTIONS,
                help="Budget whose optimal split into N and D is wanted, such as 1e23 (may be "
                "repeated).",
            ),
            option(
                "--budget",
                type=POSITIVE,
                required=True,
                metavar="FLOPS",
                group=SUGGESTIONS,
                help="What the suggested runs may cost together, at 6 N D each.",
            ),
            option(
                "--candidates",
                "candidates_file",
                type=file,
                metavar="FILE",
                group=SUGGESTIONS,
                help="Runs that could be trained: a table with columns N and D. The grid of RUNS, "
                "continued upwards, unless given.",
            ),
            option(
                "--in-progress",
                type=file,
                metavar="FILE",
                group=SUGGESTIONS,
                help="Runs that are paid for already, likewise.",
            ),
            option(
                "--max-runs",
                type=click.IntRange(1),
                metavar="NUMBER",
                group=SUGGESTIONS,
                help="How many runs may be suggested.",
            ),
            option(
                "--misfit",
                type=click.FloatRange(0),
                metavar="NUMBER",
                group=SUGGESTIONS,
                help="How fast the law drifts off beyond the runs, ln loss per e-fold; 0 takes it "
                "for true; learnt from hold-outs unless given.",
            ),
            noise_option(SUGGESTIONS),
        ],
    )


@command(
    "suggest",
    short_help="Which runs to train next for a prediction.",
    epilog=_EPILOG,
)
@source_argument
@json_option("the suggestions", DATA)
@_suggestion_options
@column_options
@smooth_options
def suggest(path: Path | None, target: str | None, **settings: Any) -> None:
    """Fit the Farseer law, and say which runs would make a prediction surest.

    RUNS is that of `farseer fit`, and the method is piecewise. What is to be sure
    is the loss at each --target, the optimal D/N of each --split, or both. The
    runs suggested cost no more than the budget together.
    """
    if not settings["points"] and not settings["compute"]:
        raise click.UsageError(
            "Missing option '--target' or '--split': where the loss is wanted, or the budget whose "
            "optimal split is."
        )
    check_source(path, settings)
    inputs = [path, settings["candidates_file"], settings["in_progress"]]
    check_target(target, inputs)
    set_up_jax(refits=True)
    runs = read_runs(path, settings)
    tables = [_table(settings[name]) for name in ("candidates_file", "in_progress")]
    from farseer_jax import progress_bar

    with progress_bar():
        fit = fit_one(runs, "piecewise", {**settings, **_FIXED})
        found = _suggested(fit, tables, settings)
    deliver(
        lambda: with_warnings(found, fit), lambda: _json_text(found, fit), target, "Suggestions"
    )


def _table(path: Path | None) -> Any:
    from farseer_jax.runs.read import read_table

    return None if path is None else read_table(path)


def _suggested(fit: "Fit", tables: list[Any], settings: dict[str, Any]) -> "Suggestions":
    import farseer_jax

    points = settings["points"]
    if points:
        predict_points(fit, *(list(values) for values in zip(*points, strict=True)))
    misfit = settings["misfit"]
    return farseer_jax.suggest_runs(
        fit,
        list(points) or None,
        tables[0],
        settings["budget"],
        compute=settings["compute"] or None,
        in_progress=tables[1],
        max_runs=settings["max_runs"],
        misfit="hold-outs" if misfit is None else misfit,
        noise=settings["noise"],
    )


def _json_text(found: "Suggestions", fit: "Fit") -> str:
    return json_text({**found.to_dict(), "warnings": list(fit.warnings)})
