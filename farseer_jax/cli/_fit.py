"""``farseer fit``."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._jax import set_up_jax
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
    from farseer_jax.methods._method import Method

MODEL = "Law and method"
END_TO_END = "Method least-squares"
METHOD = "Method piecewise"
DATA = "Data and output"

_READ = ("N", "D", "loss", *UNITS)

# as in the piecewise method's ranges, which are not imported for the help; a test compares
_DEFAULT_BOUNDS = {"farseer": (-0.5, 0.5), "chinchilla": (0.01, 1.0)}
# as in farseer_jax._registry and _objective, likewise
_LAWS = ("farseer", "chinchilla", "coupled", "kaplan")
_METHODS = ("piecewise", "least-squares")
_OBJECTIVES = (
    "squared", "huber", "absolute", "asymmetric", "squared-relative", "squared-absolute",
)  # fmt: skip
_MAX_STARTS = 1_000_000
_PIECEWISE_ONLY = ("criterion", "bounds", "candidates", "rounds", "min_pairs", "ratio")
_END_TO_END_ONLY = ("objective", "num_starts", "seed")
_MAX_CANDIDATES = 100_000  # a second, compiled as `_jax` has it

_EPILOG = """\b
Examples:
  farseer fit runs.csv --loss bpc --max-N 5.4e9 --json fit.json
  farseer fit runs.csv --law chinchilla --objective huber
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
    type=click.Choice(_LAWS),
    default="farseer",
    show_default=True,
    group=MODEL,
    help="The law to fit.",
)
@option(
    "--method",
    type=click.Choice(_METHODS),
    group=MODEL,
    help="How; piecewise for farseer unless given, least-squares (end to end) for others.",
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
    help="Random starts; 64 unless given.",
)
@option(
    "--seed",
    type=click.IntRange(0),
    metavar="NUMBER",
    group=END_TO_END,
    help="Seed of the starts; 0 unless given.",
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
    help="Search each exponent on a grid of so many, instead of refining.",
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
def fit(path: Path | None, example: bool, target: str | None, **settings: Any) -> None:
    """Fit a scaling law to a table of training runs, and print it.

    RUNS is a CSV, TSV, JSON-lines (.jsonl) or Parquet file with one row per
    run: parameters N, training tokens D and final loss. Columns with usual
    names (N, params, tokens, val_loss, ...) are found; --N, --D and --loss name
    others.
    """
    _check_source(path, example, settings)
    method_name = _method_name(settings)
    check_target(target, [path])
    runs = _runs(path, settings)
    set_up_jax()
    from farseer_jax import fit as fit_runs
    from farseer_jax._registry import LAWS

    method = _piecewise(settings) if method_name == "piecewise" else _least_squares(settings)
    result = fit_runs(LAWS[settings["law"]], runs, method)
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


def _method_name(settings: dict[str, Any]) -> str:
    """The method, and a refusal of options that belong to the other one."""
    law = settings["law"]
    method = settings["method"] or ("piecewise" if law == "farseer" else "least-squares")
    if method == "piecewise" and law not in _DEFAULT_BOUNDS:
        raise click.UsageError(
            f"--method piecewise fits the laws farseer and chinchilla only: leave it out with "
            f"--law {law}, which is fitted by least-squares."
        )
    others = _END_TO_END_ONLY if method == "piecewise" else _PIECEWISE_ONLY
    context = click.get_current_context()
    given = click.core.ParameterSource.COMMANDLINE
    named = [name for name in others if context.get_parameter_source(name) is given]
    if named:
        raise click.UsageError(
            f"--{named[0].replace('_', '-')} does not go with the method {method}: leave it out, "
            "or choose the other --method."
        )
    return method


def _least_squares(settings: dict[str, Any]) -> "Method":
    from farseer_jax import LeastSquares

    own = {name: settings[name] for name in _END_TO_END_ONLY if settings[name] is not None}
    return LeastSquares(**own)


def _piecewise(settings: dict[str, Any]) -> "Method":
    from farseer_jax import Grid, Piecewise, Refined

    low, high = settings["bounds"] or _DEFAULT_BOUNDS[settings["law"]]
    candidates = settings["candidates"]
    search: Refined | Grid | None = None
    if candidates is not None:
        search = Grid(low, high, candidates)
    elif settings["bounds"] is not None:
        search = Refined(low, high)
    own = {name: settings[name] for name in ("criterion", "rounds", "min_pairs", "ratio")}
    return Piecewise(search=search, **own)
