"""What each column of a table is used as, and what the unused columns are or could be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from farseer_jax.inspection.column_summary import ColumnKind, ColumnSummary
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.column_names import name_and_unit
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.find_columns import usual_columns
from farseer_jax.runs.survey.implausible import UNIT_WORDS
from farseer_jax.runs.survey.other_meanings import meaning_of
from farseer_jax.runs.usual_names import LOSSES, MEANINGS, USUAL_NAMES, begins_with, squeezed

_ROLES: Final = ("N", "D", "loss")
_OF_NUMBERS: Final = (ColumnKind.NUMBERS, ColumnKind.NUMBERS_IN_TEXT, ColumnKind.MIXED)
_MOST_COLUMNS: Final = 40  # of the printed table
_MOST_LETTERS: Final = 36  # of a name
_ERRORS: Final = ("se", "stderr", "standarderror", "sem", "std", "stddev", "err")
_SOME_LOSS: Final = LOSSES - {"ce"}
_BOUNDS: Final = ("lo", "hi", "low", "high", "lo95", "hi95", "lower", "upper")


class TakenFor(NamedTuple):
    """What columns are used as.

    Attributes:
        inputs: the column of each input.
        shares: columns of a mixture.
        responses: columns of responses.
        groups: columns whose labels make groups.
        units: factors of inputs, None or 1 for none.
        label: column that names the runs, if there is one.
    """

    inputs: Mapping[str, str] = {}
    shares: Sequence[str] = ()
    responses: Sequence[str] = ()
    groups: Sequence[str] = ()
    units: Mapping[str, float | None] = {}
    label: str | None = None


def with_roles(columns: Sequence[ColumnSummary], taken: TakenFor) -> tuple[ColumnSummary, ...]:
    """The columns with their roles, units and notes.

    Args:
        columns: what they hold.
        taken: what they are used as.
    """
    roles = _roles(taken)
    names = [column.name for column in columns if column.kind in _OF_NUMBERS]
    could_be = _could_be(names, roles, taken)
    found = []
    for column in columns:
        role = roles.get(column.name, "")
        unit = taken.units.get(role) or 1.0
        note = _used_as(column.name, role, unit) if role else could_be.get(column.name, "")
        note = note or _other_note(column, taken)
        found.append(replace(column, role=role, unit=float(unit), note=note))
    return tuple(found)


def columns_table(columns: Sequence[ColumnSummary], num_rows: int) -> Table:
    """A line for each column: those that are used or could be first, if there are too many."""
    shown = sorted(range(len(columns)), key=lambda at: (not columns[at].role, not columns[at].note))
    order = [*sorted(shown[:_MOST_COLUMNS]), *shown[_MOST_COLUMNS:]]
    own = [columns[at] for at in order]
    missing = [column.num_missing for column in own]
    return Table(
        [
            Column("column", [c.name for c in own], _cut, left=True),
            Column("role", [c.role for c in own], None),
            Column("taken_for", [c.note for c in own], heading="is", left=True),
            Column("kind", [c.kind.value for c in own], heading="holds", left=True),
            Column("unit", [c.unit for c in own], None),
            Column("low", [c.low for c in own], None),
            Column("high", [c.high for c in own], None),
            Column("num_distinct", [c.num_distinct for c in own], _count, heading="distinct"),
            Column("num_missing", missing, _count if any(missing) else None, heading="missing"),
            Column(
                "values", [c.values_text for c in own], in_data=False, heading="values", left=True
            ),
        ],
        most=_MOST_COLUMNS,
        noun="columns",
    )


def _roles(taken: TakenFor) -> dict[str, str]:
    roles = {column: name for name, column in taken.inputs.items()}
    roles |= dict.fromkeys(taken.shares, "share")
    roles |= dict.fromkeys(taken.responses, "loss" if len(taken.responses) == 1 else "response")
    return {**dict.fromkeys(taken.groups, "group"), **roles}


def _used_as(column: str, role: str, unit: float) -> str:
    """A role in words: ``N, parameters, in billions``."""
    if role == "group":
        return "group"
    if role == "share":
        return "share of a mixture"
    words = MEANINGS.get(role, "")
    text = role if words in ("", role) else f"{role}: {words}"
    return f"{text}, in {UNIT_WORDS.get(unit, f'units of {unit:g}')}" if unit != 1.0 else text


def _could_be(names: Sequence[str], roles: Mapping[str, str], taken: TakenFor) -> dict[str, str]:
    """Columns that are not used, by the input that they could be."""
    free = [name for name in names if name not in roles]
    found: dict[str, str] = {}
    for role in _ROLES:
        best, others = usual_columns(role, free)
        near = [name for name in free if role != "loss" and begins_with(name, role)]
        for name in (*best, *others, *near):
            if meaning_of(name) is None:
                found.setdefault(name, f"could be {role}")
    if len(free) > _MANY:
        free = [name for name in free if squeezed(name) in _ALL_USUAL]
    for role in USUAL_NAMES:
        if role in _ROLES or role in taken.inputs or (len(role) == 1 and role.islower()):
            continue
        for name in usual_columns(role, free)[0]:
            if meaning_of(name) is None:
                found.setdefault(name, MEANINGS.get(role, role))
    return found


_MANY: Final = 500
_ALL_USUAL: Final = frozenset().union(*USUAL_NAMES.values())


def _other_note(column: ColumnSummary, taken: TakenFor) -> str:
    """What a column that is not an input is, by its name and by what it holds."""
    name = column.name
    if name == taken.label:
        return "names the runs"
    if is_seed(name):
        return "seed"
    meaning = meaning_of(name)
    if meaning is not None:
        return meaning
    if column.kind is ColumnKind.EMPTY:
        return "empty"
    own = squeezed(name)
    for response in taken.responses:
        rest = own.removeprefix(squeezed(response))
        if rest != own and rest in _ERRORS:
            return f"standard error of {response}"
        if rest != own and rest in _BOUNDS:
            return f"bound of {response}"
    words = name_and_unit(name).words
    if column.kind is ColumnKind.NUMBERS and len(words) > 1 and _SOME_LOSS & {words[0], words[-1]}:
        return "another loss"
    if column.kind is ColumnKind.NUMBERS and words and words[-1] in ("acc", "accuracy"):
        return "accuracy"
    return ""


def _count(value: int) -> str:
    return f"{value:,}" if value else "–"


def _cut(name: str) -> str:
    return name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
