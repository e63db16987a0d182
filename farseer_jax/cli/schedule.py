"""``farseer schedule``: the learning-rate schedule with the lowest final loss."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_factory import command
from farseer_jax.cli.curve_source import CURVES, check_csv, csv_option, inputs_of
from farseer_jax.cli.options import (
    FROM_0,
    FROM_1,
    POSITIVE,
    Group,
    NumberRange,
    WholeRange,
    level_option,
    option,
    reads,
)
from farseer_jax.cli.output import Output
from farseer_jax.cli.values import numbers_by_name
from farseer_jax.close_names import unknown_name

if TYPE_CHECKING:
    from farseer_jax import CurveFit

# Those of the library, which is not imported for the help; a test compares.
FAMILIES = ("wsd", "cosine", "linear", "multi-step", "free")


@reads("NAME", joined=True, names=FAMILIES)
def _families(text: str) -> list[str]:
    """Families of schedules, separated by commas."""
    found = [name.strip() for name in text.split(",")]
    for name in found:
        if name not in FAMILIES:
            raise click.BadParameter(f"{unknown_name('family of schedules', name, FAMILIES)}.")
    return found


_OPTIONS = Group(
    "Schedule",
    option("--steps", FROM_1, "Number of steps, including the warmup.", required=True),
    option("--peak", POSITIVE, "Peak learning rate; that of the curves unless given."),
    option(
        "--family",
        _families,
        f"Families to search: {', '.join(FAMILIES)}; all unless given.",
    ),
    option("--final", NumberRange(0), "Learning rate at the last step; searched unless given."),
    option(
        "--rise",
        FROM_0,
        "Steps of warmup; the most common among the curves unless given.",
    ),
    option("--given", numbers_by_name, "Input of the run, such as N=400M."),
    option("--knots", WholeRange(5, 1000), "Knots of the free schedule.", default=100),
    level_option(),
    csv_option("Write the schedule that the first line names as a table of step and lr."),
)


@command(
    CURVES,
    _OPTIONS,
    summary="The learning-rate schedule with the lowest final loss.",
    json="the schedules",
    delivers="Schedules",
    figure="plot_schedule",
    examples=[
        "farseer schedule history.csv --run run_id --steps 48000",
        "farseer schedule fit.json --steps 48000 --family wsd --final 3e-5",
        "farseer schedule fit.json --steps 48k --given N=1B --csv schedule.csv",
    ],
    check=check_csv,
)
def schedule(
    fit: "CurveFit",
    rise: int | None,
    given: dict[str, float] | None,
    csv: Path | None,
    **options: Any,
) -> Output:
    """Find the schedule with the lowest final loss, by a law of loss curves.

    TABLE, FIT.json and options are as for `farseer curves`. Prints the best
    schedule of each family and the best of all that do not increase after the
    warmup, with their losses and their differences from the best and from a
    cosine. The first line names the simplest of those that cannot be told from
    the best. The peak is not searched, because no law of curves can tell at
    which peak training diverges.
    """
    import pandas as pd

    import farseer_jax
    from farseer_jax.results.files import write_text

    inputs: Any = inputs_of(fit, given)
    found = farseer_jax.optimise_schedule(fit, warmup=rise, **inputs, **options)
    if csv is None:
        return Output(found)
    write_text(csv, pd.DataFrame(dict(found.to_columns())).to_csv(index=False))
    return Output(found, note=f"Schedule written to {csv}: {found.recommended.family}")
