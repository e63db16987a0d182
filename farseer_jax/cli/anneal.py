"""``farseer anneal``: the losses that runs would have reached if annealed earlier."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.curve_source import CURVES_AND_TOKENS, check_csv, csv_option
from farseer_jax.cli.options import FROM_1, Choice, Group, NumberRange, level_option, option, reads
from farseer_jax.cli.output import Output
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax import CurveFit

# Those of the library, which is not imported for the help; a test compares.
SHAPES = ("linear", "cosine", "exponential", "sqrt")
ROWS = ("doubling", "last")


@reads("NUMBER|INPUT")
def _tokens(text: str) -> float | str:
    """A positive number, or the name of an input."""
    number = number_of(text)
    if number is None:
        return text
    if number <= 0:
        raise click.BadParameter(f"expected a positive number or an input, got {text!r}.")
    return number


_OPTIONS = Group(
    "Anneals",
    option(
        "--over",
        NumberRange(0, min_open=True),
        "Length of an anneal: a number of steps or, below 1, a fraction of the steps before it.",
        default=0.2,
    ),
    option(
        "--shape",
        Choice(SHAPES),
        f"Shape of the decay: {', '.join(SHAPES)}.",
        default=SHAPES[0],
    ),
    option("--final", NumberRange(0), "Learning rate at the last step.", default=0.0),
    option(
        "--same-steps",
        help="Anneals end at the logged steps instead of beginning there.",
        is_flag=True,
    ),
    option("--num-anneals", FROM_1, "Number of anneals of each curve.", default=16),
    option(
        "--first-step",
        FROM_1,
        "First step at which an anneal may begin; three times the warmup unless given.",
    ),
    option(
        "--tokens-per-step",
        _tokens,
        "Batch size in tokens, such as 500k, or the input that holds it: adds the tokens D of each "
        "row; also needed if TABLE counts tokens.",
    ),
    level_option(),
    csv_option("Write the losses as a table of runs, which `farseer fit` reads."),
    option(
        "--rows",
        Choice(ROWS),
        "Rows of each run in --csv: the last and one for each halving of its steps (doubling), or "
        "only the last.",
        default=ROWS[0],
    ),
)


@command(
    CURVES_AND_TOKENS,
    _OPTIONS,
    summary="Losses that runs would have reached if annealed.",
    json="the losses",
    delivers="Annealed losses",
    figure="plot_annealed",
    examples=[
        "farseer anneal history.csv --run run_id --over 20%",
        "farseer anneal fit.json --over 2000 --shape sqrt --final 3e-5",
        "farseer anneal fit.json --tokens-per-step 500k --csv annealed.csv",
    ],
    check=check_csv,
)
def anneal(
    fit: "CurveFit", num_anneals: int, csv: Path | None, rows: Any, **options: Any
) -> Output:
    """Predict the losses that runs would have reached if annealed earlier.

    TABLE, FIT.json and options are as for `farseer curves`. Checkpoints of a
    run with a constant learning rate thus represent shorter runs, and --csv
    writes them as a table of runs with standard errors. Rows of one run are not
    independent runs, so the table has few of each.
    """
    import farseer_jax

    found = farseer_jax.anneal_curves(fit, points=num_anneals, **options)
    if csv is None:
        return Output(found)
    found.to_csv(csv, rows=rows)
    notes = "; ".join(found.to_columns(rows).notes)
    return Output(found, note=f"Table written to {csv}: {notes}")
