"""``farseer fit``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._jax import set_up_jax
from farseer_jax.cli._methods import LAWS, OPTIONS, build_method, method_name
from farseer_jax.cli._options import (
    BOUNDS,
    HELP_NAMES,
    READING,
    UNITS,
    Command,
    json_option,
    option,
    selection_options,
    unit_options,
)
from farseer_jax.cli._output import check_target, deliver
from farseer_jax.cli._values import ratio, rounds

if TYPE_CHECKING:
    from farseer_jax._runs import Runs

MODEL = "Law and method"
END_TO_END = "Methods that fit all parameters at once"
METHOD = "Method piecewise"
ISOFLOP = "Method isoflop"
DATA = "Data and output"

_READ = ("N", "D", "loss", *UNITS)

_OBJECTIVES = (  # as in farseer_jax._objective, which is not imported for the help; a test compares
    "squared", "huber", "absolute", "asymmetric", "squared-relative", "squared-absolute",
)  # fmt: skip
_OPTIMISERS = ("lbfgs", "adam")  # likewise
_MAX_STARTS = 10_000_000
_MAX_CANDIDATES = 100_000  # a second, compiled as `_jax` has it

_EPILOG = """\b
Examples:
  farseer fit runs.csv --loss bpc --max-N 5.4e9 --json fit.json
  farseer fit runs.csv --law chinchilla --objective huber
  farseer fit runs.csv --law chinchilla --method variable-projection
"""


@click.command(
    "fit",
    cls=Command,
    context_settings=HELP_NAMES,
    short_help="Fit a scaling law to a table of runs.",
    epilog=_EPILOG,
)
@click.argument("path", metavar="RUNS|--example", required=False, type=click.Path(path_type=Path))
@option("--example", is_flag=True, group=DATA, help="Fit made-up runs instead of a file.")
@json_option("the fit", DATA)
@option("--N", "N", metavar="COLUMN", group=READING, help="Column with the parameters.")
@option("--D", "D", metavar="COLUMN", group=READING, help="Column with the training tokens.")
@option("--loss", metavar="COLUMN", group=READING, help="Column with the final loss.")
@unit_options
@selection_options
@option(
    "--law",
    type=click.Choice(LAWS),
    default="farseer",
    show_default=True,
    group=MODEL,
    help="The law to fit.",
)
@option(
    "--method",
    type=click.Choice(tuple(OPTIONS)),
    metavar="NAME",
    group=MODEL,
    help=f"How: {', '.join(OPTIONS)}; piecewise for farseer unless given, least-squares for "
    "others. Piecewise fits farseer and chinchilla, the last two chinchilla only.",
)
@option(
    "--objective",
    type=click.Choice(_OBJECTIVES),
    metavar="NAME",
    group=END_TO_END,
    help=f"What to minimise: {', '.join(_OBJECTIVES)}; the first unless given.",
)
@option(
    "--num-starts",
    type=click.IntRange(1, _MAX_STARTS),
    metavar="NUMBER",
    group=END_TO_END,
    help="Random starts; 64 unless given, 30,000 for restarts.",
)
@option(
    "--seed",
    type=click.IntRange(0),
    metavar="NUMBER",
    group=END_TO_END,
    help="Seed of the starts; 0 unless given.",
)
@option(
    "--optimiser",
    type=click.Choice(_OPTIMISERS),
    group=END_TO_END,
    help="Of restarts; lbfgs unless given.",
)
@option(
    "--num-steps",
    type=click.IntRange(1),
    metavar="NUMBER",
    group=END_TO_END,
    help="Steps of each of the restarts; 2,000 unless given.",
)
@option(
    "--criterion",
    type=click.Choice(["squared", "relative"]),
    default="squared",
    show_default=True,
    group=METHOD,
    help="Errors to minimise: squared as in the paper, relative as in its code.",
)
@option(
    "--bounds",
    type=float,
    nargs=2,
    metavar="LOW HIGH",
    group=METHOD,
    help="Where the exponents are searched; -0.5 0.5 (farseer) or 0.01 1 (chinchilla) unless "
    "given.",
)
@option(
    "--candidates",
    type=click.IntRange(3, _MAX_CANDIDATES),
    metavar="NUMBER",
    group=METHOD,
    help="Search each exponent on a grid of so many, instead of refining; with "
    "variable-projection the grid to begin with, 32 unless given.",
)
@option(
    "--rounds",
    type=rounds,
    metavar="NUMBER|joint",
    default="2",
    show_default=True,
    group=METHOD,
    help="Rounds of Stage 2; joint goes to the minimum itself, and predicts worse.",
)
@option(
    "--min-pairs",
    type=click.IntRange(2),
    metavar="NUMBER",
    default=3,
    show_default=True,
    group=METHOD,
    help="Pairs of runs that a size needs to take part.",
)
@option(
    "--ratio",
    type=ratio,
    metavar="NUMBER|LOW:HIGH",
    group=METHOD,
    help="Steps of D that form a pair, 1.41 or 1.35:1.45; found in the runs unless given.",
)
@option(
    "--budgets",
    metavar="COLUMN",
    group=ISOFLOP,
    help="Column with the compute budget of each run; 6 N D unless given.",
)
@option(
    "--width",
    type=float,
    metavar="NUMBER",
    group=ISOFLOP,
    help="Bins of ln compute, such as 0.35, for runs without clear budgets.",
)
def fit(path: Path | None, example: bool, target: str | None, **settings: Any) -> None:
    """Fit a scaling law to a table of training runs, and print it.

    RUNS is a CSV, TSV, JSON-lines (.jsonl) or Parquet file with one row per
    run: parameters N, training tokens D and final loss. Columns with usual
    names (N, params, tokens, val_loss, ...) are found; --N, --D and --loss name
    others.
    """
    _check_source(path, example, settings)
    name = method_name(settings)
    check_target(target, [path])
    runs = _runs(path, settings)
    set_up_jax()
    from farseer_jax import fit as fit_runs
    from farseer_jax import progress_bar
    from farseer_jax._registry import LAWS as LAW_CLASSES

    with progress_bar():
        result = fit_runs(LAW_CLASSES[settings["law"]], runs, build_method(name, settings))
    deliver(lambda: str(result), result.to_json, target, "Fit")


def _check_source(path: Path | None, example: bool, settings: dict[str, Any]) -> None:
    if path is None and not example:
        raise click.UsageError("Missing argument 'RUNS': name a file of runs, or say --example.")
    if path is not None and example:
        raise click.UsageError("--example fits made-up runs: leave RUNS out, or --example.")
    named = [name for name in _READ if settings[name] is not None]
    if example and named:
        raise click.UsageError(
            f"--{named[0].replace('_', '-')} is about the columns of a file: leave it out "
            "with --example."
        )


def _runs(path: Path | None, settings: dict[str, Any]) -> "Runs":
    bounds = {name: settings[name] for name in BOUNDS}
    if path is None:
        set_up_jax()
        from farseer_jax import example_runs

        return example_runs().select(**bounds)
    from farseer_jax import read_runs  # without JAX: mistakes in the file are told at once

    reading = {name: settings[name] for name in _READ}
    return read_runs(path, **reading).select(**bounds)
