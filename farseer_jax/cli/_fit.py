"""``farseer fit``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli import _pairs
from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._fitted import fit_task, fits_of, task_of
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import method_name
from farseer_jax.cli._model_options import model_options
from farseer_jax.cli._options import check_goes_with, command, json_option, option
from farseer_jax.cli._output import STANDARD_OUTPUT, check_target, deliver
from farseer_jax.cli._source_options import (
    DATA,
    check_source,
    read_source,
    reading_options,
    source_argument,
)
from farseer_jax.cli._values import domain

if TYPE_CHECKING:
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.fitting.result import Fit

GROUPS = "Groups"

_EPILOG = """\b
Examples:
  farseer fit runs.csv --loss bpc --max-N 5.4e9 --json fit.json
  farseer fit runs.csv --law chinchilla --objective huber --bootstrap 1000
  farseer fit runs.csv --law chinchilla --method variable-projection
  farseer fit runs.csv --law "E + (A/(N*(k*log(P)+1)))**alpha" --by corpus
  farseer fit runs.csv --law "E + A/N**a + B/D**b" --by recipe --shared a,b
"""


@command(
    "fit",
    short_help="Fit a scaling law to a table of runs.",
    epilog=_EPILOG,
)
@source_argument
@json_option("the fit", DATA)
@option(
    "--bootstrap",
    "num_resamples",
    type=click.IntRange(2),
    metavar="NUMBER",
    group=DATA,
    help="Print intervals from so many refits below the fit, such as 1000; they are not part of "
    "the JSON. `farseer bootstrap` has more.",
)
@option(
    "--monotone-over",
    type=domain,
    metavar="N,D",
    group=DATA,
    help="Ranges LOW:HIGH,LOW:HIGH of N and D over which the fitted loss must fall, such as "
    "2e8:1e13,1e9:1e15: a fit that rises there gives way to the nearest law that does not.",
)
@reading_options
@_pairs.list_option(
    "--by",
    parse=_pairs.names,
    metavar="COLUMN",
    group=GROUPS,
    help="Column whose values make groups, with a fit of each; or several: model,dataset.",
)
@_pairs.list_option(
    "--shared",
    parse=_pairs.names,
    metavar="NAME",
    group=GROUPS,
    help="Parameters that all groups have in common, such as alpha,beta.",
)
@model_options(seed="--seed")
def fit(path: Path | None, target: str | None, num_resamples: int | None, **settings: Any) -> None:
    """Fit a scaling law to a table of training runs, and print it.

    RUNS is a CSV, TSV, JSON-lines (.jsonl) or Parquet file with one row per
    run: what the law asks for, such as parameters N and training tokens D, and
    the final loss. Columns with usual names (N, params, tokens, val_loss, ...)
    are found; --N, --D, --loss and --input name others.
    """
    check_source(path, settings)
    check_goes_with("by", ("shared",), settings)
    name = method_name(settings)
    if num_resamples is not None and target == STANDARD_OUTPUT:
        raise click.UsageError(
            f"--bootstrap prints below the fit, which --json {STANDARD_OUTPUT} does not print: "
            "leave one of them out, or use `farseer bootstrap`."
        )
    if num_resamples is not None and settings["by"]:
        raise click.UsageError("--bootstrap refits one fit, and --by makes several: leave one out.")
    check_target(target, [path])
    source = read_source(path)
    set_up_jax()
    from farseer_jax import progress_bar

    with progress_bar():
        result = fit_task(task_of(source, settings), name, settings)
        _check_usable(result)
        below = "" if num_resamples is None else f"\n\n{_refits(result, num_resamples)}"
    what = "Fit" if len(fits_of(result)) == 1 else "Fits"
    deliver(lambda: f"{result}{below}", result.to_json, target, what)


def _check_usable(result: "Fit | Fits") -> None:
    """Refuse what holds no law, before refits of it, and before it is written.

    Raises:
        Refusal: the reason.
    """
    fits = fits_of(result)
    if not any(fit.outcome.usable for fit in fits):
        raise Refusal((*fits[0].warnings, fits[0].outcome.message)[0])


def _refits(result: "Fit | Fits", num_resamples: int) -> Any:
    from farseer_jax import bootstrap

    fits = fits_of(result)
    if len(fits) > 1:
        raise Refusal(
            "--bootstrap refits one fit, and --response names several columns: leave one out"
        )
    return bootstrap(fits[0], num_resamples)
