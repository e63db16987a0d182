"""``farseer predict``."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli import _pairs
from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._fitted import read_fits
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
from farseer_jax.cli._predictions import (
    at_points,
    at_rows,
    columns_of_fits,
    of_groups,
    of_responses,
)
from farseer_jax.cli._select import select
from farseer_jax.cli._source_options import (
    bound_options,
    check_columns,
    columns_of,
    input_option,
    units_of,
)
from farseer_jax.cli._values import number

if TYPE_CHECKING:
    from farseer_jax.fitting.prediction import Prediction

POINTS = "Points or columns"
OUTPUT = "Output"

_ONLY_WITH_RUNS = ("loss", "response", "inputs", *UNITS, *BOUNDS, "min_of", "max_of")
_ONLY_WITHOUT_RUNS = ("given", "groups")
_SPELLED = {"inputs": "--input", "min_of": "--min", "max_of": "--max", "groups": "--group"}

_EPILOG = """\b
Examples:
  farseer predict fit.json --N 25.1e9 --D 5e11 --D 1e12
  farseer predict fit.json runs.csv --min-N 6e9
  farseer predict fit.json --N 4e9 --given P=8 --group corpus=pile
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
@_pairs.list_option(
    "--given",
    parse=_pairs.values,
    metavar="NAME=VALUE",
    group=POINTS,
    help="Value of another input, such as P=8 (may be repeated), or of the shares of a mixture.",
)
@_pairs.list_option(
    "--group",
    "groups",
    parse=_pairs.texts,
    metavar="COLUMN=VALUE",
    group=POINTS,
    help="Predict for this group only, such as corpus=pile; for all unless given.",
)
@option("--loss", metavar="COLUMN", group=READING, help="Column with the observed loss.")
@_pairs.list_option(
    "--response",
    parse=_pairs.one_text,
    metavar="COLUMN",
    group=READING,
    help="As --loss; of a fit of several responses, which of them.",
)
@input_option("Column of an input that is not found by its name, such as P=parallel_size.")
@unit_options
@selection_options
@bound_options
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

    Without RUNS, --N, --D and --given are values of the law's inputs: several
    of them pair up, and one goes with all of the others.

    With a table RUNS (as for `farseer fit`), predictions stand beside the
    losses of its runs, where it has them, with their errors; --N and --D then
    name columns. Every run is predicted by the fit of its group.
    """
    _check_goes_with_runs(path, settings)
    given: dict[str, list[str]] = {}
    if path is None:
        given = _given(N, D, settings)
    else:
        settings |= {"N": _column("N", N), "D": _column("D", D)}
        check_columns(settings)
    check_target(target, [fit_path, path])
    if path is None:
        fits = read_fits(fit_path)
        prediction = at_points(of_groups(fits, settings["groups"] or {}), given)
    else:
        prediction = _for_runs(fit_path, path, settings)
    deliver(lambda: str(prediction), lambda: json_text(prediction.to_dict()), target, "Predictions")


def _check_goes_with_runs(path: Path | None, settings: Mapping[str, Any]) -> None:
    wrong = _ONLY_WITH_RUNS if path is None else _ONLY_WITHOUT_RUNS
    named = [name for name in wrong if settings[name]]
    if not named:
        return
    spelled = _SPELLED.get(named[0], f"--{named[0].replace('_', '-')}")
    if path is None:
        raise click.UsageError(
            f"{spelled} is about a table of runs: name a file RUNS after FIT.json, or leave it out."
        )
    raise click.UsageError(
        f"{spelled} is about points, and RUNS has what it says in columns: leave one of them out."
    )


def _given(
    N: tuple[str, ...], D: tuple[str, ...], settings: Mapping[str, Any]
) -> dict[str, list[str]]:
    """The values of each input that options name, as texts."""
    given: dict[str, list[str]] = {}
    for name, texts in (("N", N), ("D", D)):
        if texts:
            given[name] = [_positive(name, text) for text in texts]
    for name, text in settings["given"] or ():
        given.setdefault(name, []).append(text)
    if not given:
        raise click.UsageError(
            "Nothing to predict: give numbers --N and --D, other inputs by --given, or a table "
            "RUNS after FIT.json."
        )
    return given


def _positive(role: str, text: str) -> str:
    value = number(text)
    if value is None or value <= 0:
        raise click.BadParameter(
            f"{text!r} is no positive number such as 25.1e9 (only with a table RUNS it names a "
            "column).",
            param_hint=f"'--{role}'",
        )
    return text


def _column(role: str, texts: tuple[str, ...]) -> str | None:
    """The column that an option names beside RUNS."""
    if len(texts) > 1:
        raise click.UsageError(
            f"--{role} was given {len(texts)} times: with a table RUNS it names one column."
        )
    return texts[0] if texts else None


def _for_runs(fit_path: Path, path: Path, settings: Mapping[str, Any]) -> "Prediction":
    from farseer_jax.runs.read import read_table  # without JAX: mistakes are told at once

    table = read_table(path)
    fits = read_fits(fit_path)
    fits, observed = of_responses(fits, table, settings["loss"] or settings["response"])
    units = units_of(settings)
    try:
        named = columns_of_fits(fits, table, columns_of(settings))
        rows: Any = select(table, type(fits[0].law), settings, named, units)
        return at_rows(fits, rows, named, units, observed)
    except ValueError as error:
        mixed_up = [name for name in ("N", "D") if settings[name] and number(settings[name])]
        if not mixed_up:
            raise
        raise Refusal(
            f"with a table RUNS, --{mixed_up[0]} {settings[mixed_up[0]]} names a column (leave "
            f"RUNS out to predict at numbers): {error}"
        ) from None
