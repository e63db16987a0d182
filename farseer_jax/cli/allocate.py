"""``farseer allocate``: how to split compute between parameters and tokens."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import (
    POSITIVE,
    Group,
    NumberRange,
    Settings,
    check_goes_with,
    named,
    option,
    refit_options,
    spelled,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.runs import (
    EXAMPLE,
    OF_TABLES,
    RECIPE_GROUPS,
    SELECTING_BY_ANY,
    read_recipe,
    runs_argument,
)
from farseer_jax.cli.tasks import is_result, read_fit
from farseer_jax.cli.values import amounts, positives

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.compute_optimal import FLOPs
    from farseer_jax.runs.runs import Runs

_FACTORS = (1.0, 10.0, 100.0, 1000.0)  # of the largest compute of the runs
_PAPER = "paper"  # names the paper's table instead of a file

_BUDGETS = Group(
    "Budgets",
    option(
        "--compute",
        amounts,
        "Budgets such as 1e21,1e23, or range such as 1e20:1e26: one budget per factor of ten, or "
        "NUMBER budgets (may be repeated); from the largest compute of the runs to 1000 times it "
        "unless given.",
        metavar="FLOPS|LOW:HIGH[:NUMBER]",
    ),
    option(
        "--loss",
        positives,
        "Loss to reach at the least compute, instead of budgets, such as 0.45 or 0.42,0.45 (may be "
        "repeated).",
    ),
)
_FLOPS = Group(
    "FLOPs of training",
    option(
        "--architecture",
        f"FILE|{_PAPER}",
        "CSV with columns N, num_layers and width, to count attention and the output layer too; "
        f"{_PAPER} is Table 4 of the paper. 6 N D unless given.",
    ),
    option(
        "--sequence-length",
        NumberRange(1),
        "Tokens of a sequence, with --architecture; 2048 unless given.",
    ),
    option(
        "--vocabulary",
        NumberRange(0),
        "Size of the vocabulary, with --architecture, if N does not count the output layer; the "
        f"paper's for {_PAPER}, else 0 unless given.",
    ),
)
_LIMITS = Group(
    "Inference and limits",
    option(
        "--tokens-served",
        POSITIVE,
        "Tokens of inference, 2 N FLOPs each, to pay from the budget too.",
    ),
    option("--max-D", POSITIVE, "Most tokens available."),
    option("--max-N", POSITIVE, "Most parameters allowed."),
)
_INTERVALS = Group(
    "Intervals",
    *refit_options(
        "With FIT.json: add intervals from this many refits of its runs, such as 1000.",
        "Seed of the refits.",
    ),
)
_OF_RUNS = (
    "example", "N", "D", "response", "N_unit", "D_unit", "min_of", "max_of", *OF_TABLES
)  # fmt: skip
_SOURCE = runs_argument("RUNS|FIT.json|--example")


def _is_fit(settings: Settings) -> bool:
    path = settings["path"]
    return isinstance(path, Path) and is_result(path)


def _check_source(settings: Settings) -> None:
    if (settings["path"] is None) != settings["example"]:
        raise click.UsageError(
            "Name one of: a file of runs, a fit (FIT.json) or --example, such as runs.csv."
        )
    if _is_fit(settings):
        for name in _OF_RUNS:
            if named(name):
                raise click.UsageError(f"{spelled(name)} is for RUNS: leave it out with a fit.")
        check_goes_with("bootstrap", ("level", "seed"), settings)
        return
    for name in ("bootstrap", "seed"):
        if named(name):
            raise click.UsageError(
                f"{spelled(name)} is for FIT.json: a forecast of RUNS has intervals; leave it out."
            )
    for name in ("N", "D", "response", "N_unit", "D_unit", *OF_TABLES):
        if settings["example"] and named(name):
            raise click.UsageError(
                f"{spelled(name)} is for the columns of a file: leave it out with --example."
            )


def _read(settings: Settings) -> "Fit | Runs":
    """The fit of a file, or runs."""
    if _is_fit(settings):
        return read_fit(settings["path"])
    runs = read_recipe(settings)
    return runs.select(at_least=settings["min_of"], at_most=settings["max_of"])


def _check(settings: Settings) -> None:
    if settings["compute"] and settings["loss"]:
        raise click.UsageError(
            "--compute does not go with --loss: give either budgets, such as --compute 1e20:1e26, "
            "or losses to reach."
        )
    check_goes_with("architecture", ("sequence_length", "vocabulary"), settings)


@command(
    Source(
        arguments=[_SOURCE],
        options=[EXAMPLE],
        groups=[*RECIPE_GROUPS, SELECTING_BY_ANY],
        check=_check_source,
        read=_read,
        files=["path"],
    ),
    _BUDGETS,
    _FLOPS,
    _LIMITS,
    _INTERVALS,
    summary="How to split compute between parameters and tokens.",
    json="the allocations",
    delivers="Allocations",
    figure="plot_allocation",
    examples=[
        "farseer allocate runs.csv",
        "farseer allocate runs.csv --compute 1e20:1e24",
        "farseer allocate runs.csv --compute 1e23 --tokens-served 10T --max-D 15T",
        "farseer allocate fit.json --loss 0.45 --architecture paper --bootstrap 1000",
    ],
    check=_check,
)
def allocate(
    source: "Fit | Runs",
    compute: list[float] | None,
    loss: list[float] | None,
    architecture: str | None,
    sequence_length: float | None,
    vocabulary: float | None,
    bootstrap: int | None,
    level: float,
    seed: int,
    **limits: Any,
) -> Output:
    """Split budgets of compute so that the loss is lowest.

    RUNS are forecast, and the intervals are the forecast's; FIT.json is a fit
    written by `farseer fit --json FIT.json`, whose law is taken for true.
    Prints N, D, D/N and the loss at each budget, how they grow with compute,
    what 20 tokens per parameter would lose, and whether N, D and D/N lie
    within the runs.
    """
    import numpy as np

    import farseer_jax

    if not (compute or loss):
        compute = _beyond(source.runs if isinstance(source, farseer_jax.Fit) else source)
    flops = _flops(architecture, sequence_length or 2048, vocabulary)
    by: Any = source
    has_intervals = not isinstance(source, farseer_jax.Fit) or bootstrap is not None
    if not isinstance(source, farseer_jax.Fit):
        by = farseer_jax.forecast(source, usual=False)
    elif bootstrap is not None:
        by = farseer_jax.bootstrap(source, bootstrap, seed=seed)
    found = farseer_jax.allocate(
        by,
        compute,
        loss=loss,
        flops=flops,
        level=level if has_intervals else None,
        **limits,
    )
    if not np.isfinite(found.N).any():
        raise Refusal(found.warnings[0])
    return Output(found, warnings=source.warnings if isinstance(source, farseer_jax.Fit) else ())


def _beyond(runs: "Runs") -> list[float]:
    """Budgets from the largest compute of the runs on, rounded to two digits."""
    largest = float(f"{float((6.0 * runs.N * runs.D).max()):.1e}")
    return [largest * factor for factor in _FACTORS]


def _flops(name: str | None, length: float, vocabulary: float | None) -> "FLOPs | None":
    """The function of training FLOPs that the options mean; None for 6 N D.

    Raises:
        Refusal: the file is not a table of architectures.
    """
    if name is None:
        return None
    from farseer_jax import TransformerFLOPs

    if name == _PAPER:
        own = {} if vocabulary is None else {"vocabulary": vocabulary}
        return TransformerFLOPs.paper(length, **own)
    if not Path(name).exists():
        raise Refusal(f"--architecture {name}: no such file")
    import pandas as pd

    try:
        return TransformerFLOPs.from_table(pd.read_csv(name), length, vocabulary or 0)
    except (OSError, ValueError) as error:
        raise Refusal(f"--architecture {name}: {error}") from None
