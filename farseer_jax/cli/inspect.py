"""``farseer inspect``: what a table holds, and which laws, methods and commands suit it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.command_line import command_with, options_text, own_arguments
from farseer_jax.cli.errors import in_options
from farseer_jax.cli.options import Group, Settings, option
from farseer_jax.cli.output import Output
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    PREPARING,
    READING,
    RUNS,
    UNITS,
    check_runs,
    columns_of,
    preparing,
    units_of,
)
from farseer_jax.cli.values import columns

if TYPE_CHECKING:
    from farseer_jax import TableInspection
    from farseer_jax.results.table import Table

_COLUMNS = Group(
    READING,
    option("--N", "COLUMN", "Column with the parameters."),
    option("--D", "COLUMN", "Column with the training tokens."),
    option("--loss", "COLUMN", "Column with the final loss."),
    option("--input columns_of", columns, "Column of another input, such as P=parallel_size."),
)


@dataclass(frozen=True)
class _Text:
    """The text of an inspection, with commands of the shell instead of calls of the library."""

    inspection: "TableInspection"
    problems: list[str]
    ways: list[str]
    steps: list[tuple[str, str]]

    def text_parts(self) -> "Sequence[str | Table]":
        return self.inspection.described(self.problems, self.ways, self.steps)


def _read(settings: Settings) -> "TableInspection":
    import farseer_jax

    if settings["path"] is None:
        return farseer_jax.inspect_table(farseer_jax.example_runs())
    named = {name: own for name, own in columns_of(settings).items() if name not in ("N", "D")}
    return farseer_jax.inspect_table(
        settings["path"],
        N=settings["N"],
        D=settings["D"],
        loss=settings["loss"],
        columns_of=named,
        **{f"{name}_unit": unit for name, unit in units_of(settings).items()},
        **preparing(settings),
    )


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*PREPARING, _COLUMNS, UNITS],
        title=DATA,
        check=check_runs,
        read=_read,
        files=["path"],
    ),
    summary="What a table contains, and what to try next.",
    json="the description",
    delivers="Inspection",
    figure="plot_inspection",
    examples=[
        "farseer inspect runs.csv",
        "farseer inspect runs.csv --where \"arm = 'attn'\"",
        "farseer inspect wandb:entity/project",
    ],
)
def inspect(inspection: "TableInspection") -> Output:
    """Describe a table before anything is fitted.

    RUNS is as for `farseer fit`. Prints what each column holds and is used as,
    all problems of the table with the options that solve them, a plot of the
    runs over N and D, the laws and methods that can fit the table, what the
    others lack, and the commands to try next.
    """
    given = own_arguments(without=("--json", "--save", "--history"))
    own = [
        (step.purpose, command_with(step.command, given, step.options, step.settings))
        for step in inspection.steps
    ]
    steps = [(purpose, command) for purpose, command in own if command is not None]
    ways = [options_text(way.options) for way in inspection.ways]
    text = _Text(inspection, [in_options(own) for own in inspection.problems], ways, steps)
    return Output(inspection, text=text, more={"commands": [command for _, command in steps]})
