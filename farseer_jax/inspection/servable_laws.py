"""Which laws of the catalogue can fit a table, and which inputs the others lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from farseer_jax.choosing.candidates import (
    Candidate,
    NotServed,
    laws_of_losses,
    served_laws,
)
from farseer_jax.choosing.mixture_columns import MIXTURE
from farseer_jax.choosing.table_reading import TableReading, read_columns
from farseer_jax.laws.law import Law
from farseer_jax.results.numbers import some_of
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.usual_names import named
from farseer_jax.tables.columns import Columns

_MOST_LAWS: Final = 72  # letters of names in a line
_MOST_LINES: Final = 6
_FIRST: Final = ("N", "D")  # in lists of inputs
_WORDS: Final = {MIXTURE: "h (shares of a mixture)", "x": "x (any column)"}


@dataclass(frozen=True)
class ServableLaw:
    """A law of the catalogue, and whether a table has its inputs.

    Attributes:
        law: its name.
        columns: the column of each input that the table has; of a mixture ``"h"``.
        lacks: inputs without a column.
        num_parameters: number of its parameters; 0 if that depends on the table, or inputs are
            missing.
    """

    law: str
    columns: Mapping[str, str]
    lacks: tuple[str, ...]
    num_parameters: int


def reading_of(columns: Columns, named_columns: Mapping[str, str]) -> TableReading | None:
    """How the columns of a table are read when no law is named.

    None if they are refused and no input is known.

    Args:
        columns: the table, or some of its rows.
        named_columns: the column of each input that is known already.
    """
    try:
        return read_columns(columns, named=named_columns)
    except ValueError:  # such as for too few runs to choose a law by
        inputs = tuple(named_columns.values())
        return TableReading((), (), inputs) if inputs else None


def servable_laws(
    reading: TableReading, columns_of: Mapping[str, str]
) -> tuple[list[ServableLaw], list[Candidate]]:
    """All laws of the catalogue; those that can fit the table come first.

    Args:
        reading: what the columns are.
        columns_of: the column of each input that is known already.

    Returns:
        The laws, and the candidates that can fit the table.
    """
    candidates, others = served_laws(reading, columns_of, laws_of_losses())
    found: dict[str, ServableLaw] = {}
    for candidate in candidates:
        name = candidate.law.name
        found.setdefault(
            name, ServableLaw(name, candidate.columns, (), _num_parameters(candidate.law))
        )
    return [*found.values(), *map(_lacking, others)], candidates


def _lacking(other: NotServed) -> ServableLaw:
    return ServableLaw(other.name, {}, other.lacks, 0)


def _num_parameters(law: type[Law]) -> int:
    """The number of parameters; 0 for a law of a mixture, which has some for each share."""
    return 0 if "mixture" in law.inputs().values() else len(law.parameter_names())


def laws_table(laws: Sequence[ServableLaw], num_runs: int) -> Table | None:
    """The laws that can fit a table, by their inputs; None if there are none."""
    by_inputs: dict[str, list[ServableLaw]] = {}
    for law in laws:
        if not law.lacks:
            by_inputs.setdefault(_inputs_text(law.columns), []).append(law)
    if not by_inputs:
        return None
    lines = sorted(by_inputs.items(), key=lambda item: item[0].count(","))
    return Table(
        [
            Column("inputs", [inputs for inputs, _ in lines], left=True),
            Column("laws", [_names(own) for _, own in lines], left=True),
            Column("parameters", [_parameters(own, num_runs) for _, own in lines], left=True),
        ],
        most=_MOST_LINES,
        noun="sets of inputs",
    )


def lacking_table(laws: Sequence[ServableLaw]) -> Table | None:
    """The laws that cannot fit a table, by the inputs that it lacks; None if there are none."""
    by_lack: dict[tuple[str, ...], list[ServableLaw]] = {}
    for law in laws:
        if law.lacks:
            by_lack.setdefault(law.lacks, []).append(law)
    if not by_lack:
        return None
    lines = sorted(by_lack.items(), key=lambda item: len(item[0]))
    return Table(
        [
            Column("lacks", [_lack_text(own) for own, _ in lines], heading="missing", left=True),
            Column("laws", [_names(own) for _, own in lines], left=True),
        ],
        most=_MOST_LINES,
        noun="sets of inputs",
    )


def _lack_text(names: Sequence[str]) -> str:
    return ", ".join(_WORDS.get(name) or named(name) for name in names)


def _inputs_text(columns: Mapping[str, str]) -> str:
    return ", ".join(
        name if name in (column, MIXTURE) else f"{name} ({column})"
        for name, column in sorted(columns.items(), key=lambda own: _place(own[0]))
    )


def _place(name: str) -> tuple[int, str]:
    """Where an input stands in a list: N and D first."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST), name)


def _names(laws: Sequence[ServableLaw]) -> str:
    """The names of laws, shortened to a line."""
    names = sorted((law.law for law in laws), key=lambda name: ("(" in name, "+" in name))
    shown = [names[0]]
    for name in names[1:]:
        if len(", ".join([*shown, name])) > _MOST_LAWS:
            break
        shown.append(name)
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _parameters(laws: Sequence[ServableLaw], num_runs: int) -> str:
    """How many parameters the laws have, and how many of them have more than there are runs."""
    numbers = [law.num_parameters for law in laws if law.num_parameters]
    if not numbers:
        return "some for each share"
    low, high = min(numbers), max(numbers)
    text = f"{low}" if low == high else f"{low} to {high}"
    many = sum(number > num_runs for number in numbers)
    if not many or not num_runs:  # none where the table is not read
        return text
    if many == len(numbers):
        return f"{text}, more than the {num_runs} runs"
    return f"{text}; {some_of(many, len(numbers), 'laws', 'has', 'have')} more than there are runs"
