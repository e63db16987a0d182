"""``farseer predict``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._options import (
    BOUNDS,
    READING,
    UNITS,
    command,
    json_option,
    option,
    selection_options,
    unit_options,
)
from farseer_jax.cli._output import check_target, deliver, json_text
from farseer_jax.cli._points import check_finite, predict_points
from farseer_jax.cli._values import number

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.runs.runs import Runs

POINTS = "Points or columns"
OUTPUT = "Output"

_ONLY_WITH_RUNS = ("loss", *UNITS, *BOUNDS)

_EPILOG = """\b
Examples:
  farseer predict fit.json --N 25.1e9 --D 5e11 --D 1e12
  farseer predict fit.json runs.csv --min-N 6e9
"""


@command(
    "predict",
    short_help="Predict losses by a fit, at points or for a table of runs.",
    epilog=_EPILOG,
)
@click.argument("fit_path", metavar="FIT.json", type=click.Path(path_type=Path))
@click.argument("path", metavar="[RUNS]", required=False, type=click.Path(path_type=Path))
@option(
    "--N",
    "N",
    multiple=True,
    metavar="NUMBER|COLUMN",
    group=POINTS,
    help="Parameters, such as 25.1e9 (may be repeated); with RUNS, their column.",
)
@option(
    "--D",
    "D",
    multiple=True,
    metavar="NUMBER|COLUMN",
    group=POINTS,
    help="Tokens, such as 5e11 (may be repeated); with RUNS, their column.",
)
@option("--loss", metavar="COLUMN", group=READING, help="Column with the observed loss.")
@unit_options
@selection_options
@json_option("the predictions", OUTPUT)
def predict(
    fit_path: Path,
    path: Path | None,
    N: tuple[str, ...],
    D: tuple[str, ...],
    target: str | None,
    **settings: Any,
) -> None:
    """Predict losses by a fit that `farseer fit --json FIT.json` wrote.

    Without RUNS, --N and --D are numbers: several of both pair up, and one of
    either goes with all of the other.

    With a table RUNS (as for `farseer fit`), predictions stand beside the
    losses of its runs, with their mean relative error; --N and --D then name
    columns.
    """
    if path is None:
        _check_points_only(N, D, settings)
        points = _points(N, D)
        check_target(target, [fit_path])
        prediction = predict_points(_read_fit(fit_path), *points)
    else:
        columns = {"N": _column("N", N), "D": _column("D", D)}
        check_target(target, [fit_path, path])
        runs = _read_runs(path, columns, settings)
        prediction = _read_fit(fit_path).evaluate(runs)
        check_finite(prediction)
    deliver(lambda: str(prediction), lambda: json_text(prediction.to_dict()), target, "Predictions")


def _check_points_only(N: tuple[str, ...], D: tuple[str, ...], settings: dict[str, Any]) -> None:
    named = [name for name in _ONLY_WITH_RUNS if settings[name] is not None]
    if named:
        raise click.UsageError(
            f"--{named[0].replace('_', '-')} is about a table of runs: name a file RUNS after "
            "FIT.json, or leave it out."
        )
    if not N or not D:
        raise click.UsageError(
            "Nothing to predict: give numbers --N and --D, or a table RUNS after FIT.json."
        )


def _points(N: tuple[str, ...], D: tuple[str, ...]) -> tuple[list[float], list[float]]:
    """The points asked for, one of either repeated for all of the other."""
    if len(N) != len(D) and 1 not in (len(N), len(D)):
        raise click.UsageError(
            f"--N was given {len(N)} times and --D {len(D)} times: give as many of each, which "
            "pair up, or one of either."
        )
    num_points = max(len(N), len(D))
    sizes = [_number("N", text) for text in N]
    tokens = [_number("D", text) for text in D]
    return sizes * (num_points // len(sizes)), tokens * (num_points // len(tokens))


def _number(role: str, text: str) -> float:
    value = number(text)
    if value is None or value <= 0:
        raise click.BadParameter(
            f"{text!r} is no positive number such as 25.1e9 (only with a table RUNS it names a "
            "column).",
            param_hint=f"'--{role}'",
        )
    return value


def _column(role: str, texts: tuple[str, ...]) -> str | None:
    """The column that an option names beside RUNS."""
    if len(texts) > 1:
        raise click.UsageError(
            f"--{role} was given {len(texts)} times: with a table RUNS it names one column."
        )
    return texts[0] if texts else None


def _read_runs(path: Path, columns: dict[str, Any], settings: dict[str, Any]) -> "Runs":
    from farseer_jax import read_runs  # without JAX: mistakes in the file are told at once

    reading = columns | {name: settings[name] for name in ("loss", *UNITS)}
    try:
        runs = read_runs(path, **reading)
    except ValueError as error:
        mixed_up = [f"--{role} {text}" for role, text in columns.items() if text and number(text)]
        if not mixed_up:
            raise
        raise Refusal(
            f"with a table RUNS, {mixed_up[0]} names a column (leave RUNS out to predict at "
            f"numbers): {error}"
        ) from None
    return runs.select(**{name: settings[name] for name in BOUNDS})


def _read_fit(path: Path) -> "Fit":
    set_up_jax()
    from farseer_jax import Fit

    return Fit.from_json(path)
