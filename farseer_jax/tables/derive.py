"""Columns computed from others by formulas: ``D = tokens_per_param*N``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import closest
from farseer_jax.expressions.assignment import Assignment, parse_assignment
from farseer_jax.expressions.missing import missing_rows
from farseer_jax.expressions.names import name_text, quoted
from farseer_jax.tables.column_numbers import column_numbers
from farseer_jax.tables.row_numbers import REMEDY, shortened, shown_rows

Columns: TypeAlias = Mapping[str, NDArray[Any]]
Meanings: TypeAlias = Callable[[str, Columns], Any] | Mapping[str, Any]

_MAX_NAMES_SHOWN: Final = 40


class Derived(NamedTuple):
    """A table with columns computed by formulas, as :func:`derived` returns it.

    Attributes:
        columns: all columns by name, ``(row,)`` each; the new ones last, those replaced in their
            place.
        notes: for each formula a sentence on what was done.
    """

    columns: dict[str, NDArray[Any]]
    notes: tuple[str, ...]


def derived(
    columns: Columns,
    formulas: str | Sequence[str],
    meanings: Meanings | None = None,
    rows: NDArray[np.intp] | None = None,
) -> Derived:
    """Compute columns from others.

    Args:
        columns: the table, by name, ``(row,)`` each.
        formulas: ``"NAME = FORMULA"``, each of which may use the results of those before it. The
            name may be that of a column, which is then replaced. Names in the formula are columns;
            names with characters other than letters, digits and ``_`` are quoted:
            ``"train/loss"``.
        meanings: values of names that are not columns, such as N for ``n_params``: numbers by
            name, or a function of the name and the columns so far that returns None for an
            unknown name.
        rows: the number of each row in messages; None counts from 0.

    Returns:
        The columns, in float64 where they were computed, and a sentence for each formula. A result
        is missing (NaN) where a column that it depends on is; a column in the branch of ``where``
        that is not taken may be missing.

    Raises:
        TypeError: a formula is not text.
        ValueError: formulas cannot be read; or else, in one message, all unknown names, columns
            that are not numbers, and rows whose result is infinite or undefined.

    Example:
        >>> table = {"N": np.array([1e8, 4e8]), "tokens_per_param": np.array([20, 40])}
        >>> table, notes = derived(table, ["D = tokens_per_param * N", "C = 6*N*D"])
        >>> table["D"], notes[0]
        (array([2.0e+09, 1.6e+10]), 'D = tokens_per_param*N')
    """
    if not columns:
        raise ValueError("the table has no columns to compute from")
    assignments = _parsed([formulas] if isinstance(formulas, str) else formulas, columns)
    table = {name: np.asanyarray(values) for name, values in columns.items()}
    numbers = np.arange(len(next(iter(table.values())))) if rows is None else np.asarray(rows)
    notes, problems, failed = [], _Problems(), set[str]()
    for text, assignment in assignments:
        names = assignment.expression.names
        values = {name: _meaning(name, table, meanings) for name in names if name not in failed}
        unknown = [name for name, found in values.items() if found is None]
        told = dict.fromkeys(_unknown(name, text, table) for name in unknown)
        problems.unknown += [f"formula {text!r}: {what}" for what in told]
        if unknown or len(values) < len(names):
            failed.add(assignment.name)
            continue
        try:
            table[assignment.name], note = _computed(assignment, table, values, numbers)
        except ValueError as error:
            problems.bad_rows.append(str(error))
            failed.add(assignment.name)
        else:
            notes.append(note)
            failed.discard(assignment.name)
    problems.refuse(columns)
    return Derived(table, tuple(notes))


@dataclass
class _Problems:
    """All problems of the formulas, reported at once."""

    unknown: list[str] = field(default_factory=list)
    bad_rows: list[str] = field(default_factory=list)

    def refuse(self, columns: Columns) -> None:
        """Raise one error with all problems, if there are any."""
        listed = shortened([repr(name) for name in columns], _MAX_NAMES_SHOWN)
        known = [f"the columns are {listed}"] if self.unknown else []
        if sentences := [*self.unknown, *known, *dict.fromkeys(self.bad_rows)]:
            raise ValueError("; ".join(sentences))


def _meaning(name: str, table: Columns, meanings: Meanings | None) -> Any:
    """The values of a column, or else what the name stands for; None if it is unknown."""
    if name in table:
        return table[name]
    return meanings(name, table) if callable(meanings) else (meanings or {}).get(name)


def _computed(
    assignment: Assignment, table: Columns, found: Mapping[str, Any], rows: NDArray[np.intp]
) -> tuple[NDArray[np.float64], str]:
    """The values of a formula, and its note."""
    values = {name: column_numbers(array, name, rows) for name, array in found.items()}
    result = np.empty(rows.shape)
    result[:] = assignment.expression.evaluate(values)
    missing = np.empty(rows.shape, bool)
    missing[:] = missing_rows(assignment.expression, values)
    result[missing] = np.nan
    infinite = np.zeros(rows.shape, bool)
    for column in values.values():
        infinite |= np.isinf(column)
    bad = np.flatnonzero(~np.isfinite(result) & ~missing & ~infinite)
    if bad.size:
        raise ValueError(f"{assignment}: {_bad_rows(bad, result, values, rows)}; {REMEDY}")
    return result, _note(assignment, table, values, missing, rows)


def _bad_rows(
    bad: NDArray[np.intp],
    found: NDArray[np.float64],
    values: Mapping[str, NDArray[np.float64]],
    rows: NDArray[np.intp],
) -> str:
    """Which rows are infinite or undefined, and from what numbers the first is."""
    first = bad[0]
    what = "undefined" if np.isnan(found[first]) else "infinite"
    if np.unique(np.isnan(found[bad])).size > 1:
        what = "infinite or undefined"
    origin = ", ".join(f"{name_text(name)} = {column[first]:g}" for name, column in values.items())
    where = "" if not origin else f" (where {origin})" if bad.size == 1 else f" (first {origin})"
    return f"{shown_rows(rows[bad])} {'is' if bad.size == 1 else 'are'} {what}{where}"


def _note(
    assignment: Assignment,
    table: Columns,
    values: Mapping[str, NDArray[np.float64]],
    missing: NDArray[np.bool_],
    rows: NDArray[np.intp],
) -> str:
    """The note on a formula."""
    note = str(assignment)
    if assignment.name in table:
        note += f", which replaces the column {assignment.name!r}"
    if missing.any():
        lacking = [name_text(name) for name in values if np.isnan(values[name][missing]).any()]
        note += f"; missing in {shown_rows(rows[missing])}, where {' or '.join(lacking)} is missing"
    return note


def _parsed(texts: Sequence[str], columns: Columns) -> list[tuple[str, Assignment]]:
    """Each formula with what was read, or one error on all that cannot be read."""
    assignments, problems = [], []
    for text in texts:
        try:
            assignments.append((text, parse_assignment(text)))
        except ValueError as error:
            problem = f"formula {text!r}: {error}"
            names = [quoted(name) for name in _unquoted_columns(text, columns)]
            if names and names[0] not in problem:
                problem += f"; the column name needs quotes: write {names[0]}"
            problems.append(problem)
    if problems:
        raise ValueError("; ".join(problems))
    return assignments


def _unknown(name: str, text: str, columns: Columns) -> str:
    """The message on an unknown name."""
    for column in _unquoted_columns(text, columns):
        if name in _plain(column):
            return f"the column name needs quotes: write {quoted(column)}"
    close = closest(name, columns)
    hint = f" (did you mean {name_text(close)}?)" if close else ""
    return f"unknown name {name_text(name)}{hint}"


def _unquoted_columns(text: str, columns: Columns) -> list[str]:
    """Columns in a formula that lack the quotes they need, longest first."""
    bare = _plain(re.sub(r'"[^"]*"|`[^`]*`', " ", text))
    found = [
        column
        for column in columns
        if column.strip() and name_text(column) != column
        if re.search(rf"(?<!\w){re.escape(_plain(column))}(?!\w)", bare)
    ]
    return sorted(found, key=len, reverse=True)


def _plain(text: str) -> str:
    """The text as formulas spell unquoted names."""
    return unicodedata.normalize("NFKC", text)
