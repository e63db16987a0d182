"""``farseer fit``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import build_method, method_name
from farseer_jax.cli._model_options import model_options
from farseer_jax.cli._options import command, json_option, option
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
    from farseer_jax.fitting.result import Fit
    from farseer_jax.runs.runs import Runs

_EPILOG = """\b
Examples:
  farseer fit runs.csv --loss bpc --max-N 5.4e9 --json fit.json
  farseer fit runs.csv --law chinchilla --objective huber --bootstrap 1000
  farseer fit runs.csv --law chinchilla --method variable-projection
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
@model_options(seed="--seed")
def fit(path: Path | None, target: str | None, num_resamples: int | None, **settings: Any) -> None:
    """Fit a scaling law to a table of training runs, and print it.

    RUNS is a CSV, TSV, JSON-lines (.jsonl) or Parquet file with one row per
    run: parameters N, training tokens D and final loss. Columns with usual
    names (N, params, tokens, val_loss, ...) are found; --N, --D and --loss name
    others.
    """
    check_source(path, settings)
    name = method_name(settings)
    if num_resamples is not None and target == STANDARD_OUTPUT:
        raise click.UsageError(
            f"--bootstrap prints below the fit, which --json {STANDARD_OUTPUT} does not print: "
            "leave one of them out, or use `farseer bootstrap`."
        )
    check_target(target, [path])
    runs = read_source(path, settings)
    set_up_jax()
    from farseer_jax import bootstrap, progress_bar

    with progress_bar():
        result = fit_runs(runs, name, settings)
        if not result.outcome.usable:  # before refits of it, and before it is written
            raise Refusal((*result.warnings, result.outcome.message)[0])
        refits = None if num_resamples is None else bootstrap(result, num_resamples)
    below = "" if refits is None else f"\n\n{refits}"
    deliver(lambda: f"{result}{below}", result.to_json, target, "Fit")


def fit_runs(runs: "Runs", method: str, settings: dict[str, Any]) -> "Fit":
    """Fit the law that the options name by the method of a name, with its options."""
    from farseer_jax import fit
    from farseer_jax.fitting.registry import LAWS

    law, domain = LAWS[settings["law"]], settings.get("monotone_over")
    if domain is None:  # commands that have no such option among them
        return fit(law, runs, build_method(method, settings))
    return fit(law, runs, build_method(method, settings), monotone_over=domain)
