"""Inputs of curves: quantities that are constant along each run, such as N or the batch size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import did_you_mean
from farseer_jax.runs.column_names import roles_of
from farseer_jax.runs.copies import is_seed
from farseer_jax.runs.survey.marked_rows import last_word
from farseer_jax.runs.survey.named_units import unit_of_column
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import shortened

_MOST_COLUMNS: Final = 12  # of a table that somebody made for curves; logs of trackers have more
_PER_DEVICE: Final = "trainbatchsize"  # Hugging Face: without accumulation and other devices
_ROLES: Final = ("N", "N_active", "B", "U", "V", "width", "experts", "P")


class CurveInputs(NamedTuple):
    """Inputs of curves.

    Attributes:
        values: by name, ``(run,)`` each.
        columns: the columns that they were read from.
        notes: sentences on units.
    """

    values: dict[str, NDArray[np.float64]]
    columns: dict[str, str]
    notes: tuple[str, ...]


def found_inputs(
    columns: Columns,
    inputs: str | Sequence[str] | Mapping[str, str] | None,
    codes: NDArray[np.intp],
    taken: Sequence[str],
) -> CurveInputs:
    """Find the inputs of each run.

    Args:
        columns: of the table.
        inputs: names of inputs or of columns, or columns by name; None finds columns with usual
            names and, in tables of few columns, other numbers that differ between runs.
        codes: the number of each row's run, ``(row,)``.
        taken: columns that hold something else.

    Raises:
        ValueError: there is no such column, or it varies within a run.
    """
    if inputs is None:
        sources = _usual(columns, codes, taken)
    elif isinstance(inputs, Mapping):
        sources = {name: _named(columns, name, own) for name, own in inputs.items()}
    else:
        names = [own.strip() for own in inputs.split(",")] if isinstance(inputs, str) else inputs
        sources = {name: _named(columns, name, name) for name in names}
    found, notes = {}, []
    for name, column in sources.items():
        values = values_of_runs(columns[column], codes)
        if values is None:
            raise ValueError(
                f"inputs: column {column!r} varies within a run; an input must be constant "
                "along a run"
            )
        if not np.isfinite(values).all():
            raise ValueError(f"inputs: column {column!r} has no number for some of the runs")
        unit = unit_of_column(name, column, values) if name in _ROLES else None
        found[name] = values * (unit or 1.0)
        if unit is not None:
            notes.append(f"{name} is column {column!r} times {unit:g}")
    return CurveInputs(found, sources, tuple(notes))


def _named(columns: Columns, name: str, column: str) -> str:
    """The column of an input: the one with this name, or the only one with a usual name."""
    if column in columns:
        return column
    usual = [own for own in columns if name in roles_of(own)]
    if len(usual) == 1:
        return usual[0]
    what = f"; {' and '.join(map(repr, usual))} may be it" if usual else ""
    raise ValueError(
        f"inputs: the table has no column {column!r}{what or did_you_mean(column, columns)}; it "
        f"has {shortened(list(columns), 12)}"
    )


def _usual(columns: Columns, codes: NDArray[np.intp], taken: Sequence[str]) -> dict[str, str]:
    """Columns by the input that they hold."""
    candidates = {}
    for column in columns:
        is_other = is_seed(column) or last_word(column) == _PER_DEVICE
        if column in taken or columns[column].ndim != 1 or is_other:
            continue
        values = values_of_runs(columns[column], codes)
        if values is not None and np.isfinite(values).all():
            candidates[column] = values
    roles: dict[str, list[str]] = {}
    for column in candidates:
        for role in roles_of(column)[:1]:
            roles.setdefault(role, []).append(column)
    found = {role: own[0] for role, own in roles.items() if role in _ROLES and len(own) == 1}
    if len(columns) <= _MOST_COLUMNS:
        others = {column for column, values in candidates.items() if np.ptp(values) > 0}
        found |= {column: column for column in candidates if column in others - {*found.values()}}
    return found


def values_of_runs(values: NDArray[Any], codes: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """The number of each run, ``(run,)``; None if it varies within one, or is not a number.

    Args:
        values: of a column, ``(row,)``.
        codes: the number of each row's run, ``(row,)``.
    """
    column = numbers_of(values)
    if column.not_numbers.size or values.dtype.kind == "b":
        return None
    num = int(codes.max()) + 1
    known = np.isfinite(column.numbers)
    low, high = np.full(num, np.inf), np.full(num, -np.inf)
    np.minimum.at(low, codes[known], column.numbers[known])
    np.maximum.at(high, codes[known], column.numbers[known])
    if (high > low).any():
        return None
    return np.where(np.isfinite(high), high, np.nan)
