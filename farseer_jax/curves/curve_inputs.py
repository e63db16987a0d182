"""Inputs of curves: quantities that are constant along each run, such as N or the batch size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
_MOST_NAMES: Final = 4  # of runs, in a sentence
_PER_DEVICE: Final = "trainbatchsize"  # Hugging Face: without accumulation and other devices
_ROLES: Final = ("N", "N_active", "B", "U", "V", "width", "experts", "P")


class CurveInputs(NamedTuple):
    """Inputs of curves.

    Attributes:
        values: by name, ``(run,)`` each.
        columns: the columns that they were read from.
        notes: sentences on units, and on columns of usual names that are no inputs.
    """

    values: dict[str, NDArray[np.float64]]
    columns: dict[str, str]
    notes: tuple[str, ...]


def found_inputs(
    columns: Columns,
    inputs: str | Sequence[str] | Mapping[str, str] | None,
    codes: NDArray[np.intp],
    taken: Sequence[str],
    names: Sequence[str],
) -> CurveInputs:
    """Find the inputs of each run.

    Args:
        columns: of the table.
        inputs: names of inputs or of columns, or columns by name; None finds columns with usual
            names and, in tables of few columns, other numbers that differ between runs.
        codes: the number of each row's run, ``(row,)``.
        taken: columns that hold something else.
        names: of the runs.

    Raises:
        ValueError: the column is missing, or it varies within a run.
    """
    notes: list[str] = []
    if inputs is None:
        sources = _usual(columns, codes, taken, names)
        notes += _unused(columns, codes, taken, names, sources)
    elif isinstance(inputs, Mapping):
        sources = {name: _named(columns, name, own) for name, own in inputs.items()}
    else:
        asked = [own.strip() for own in inputs.split(",")] if isinstance(inputs, str) else inputs
        sources = {name: _named(columns, name, name) for name in asked}
    found = {}
    for name, column in sources.items():
        if fault := _fault(columns[column], codes, names):
            raise ValueError(
                f"inputs: column {column!r} {fault}; an input must be constant along a run"
            )
        values = _range_of_runs(columns[column], codes)[1]
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


def _usual(
    columns: Columns, codes: NDArray[np.intp], taken: Sequence[str], names: Sequence[str]
) -> dict[str, str]:
    """Columns by the input that they hold."""
    candidates = {}
    for column in columns:
        if column in taken or is_seed(column) or _is_per_device(column):
            continue
        if not _fault(columns[column], codes, names):
            candidates[column] = _range_of_runs(columns[column], codes)[1]
    roles: dict[str, list[str]] = {}
    for column in candidates:
        for role in roles_of(column)[:1]:
            roles.setdefault(role, []).append(column)
    found = {role: own[0] for role, own in roles.items() if role in _ROLES and len(own) == 1}
    if len(columns) <= _MOST_COLUMNS:
        others = {column for column, values in candidates.items() if np.ptp(values) > 0}
        found |= {column: column for column in candidates if column in others - {*found.values()}}
    return found


def _unused(
    columns: Columns,
    codes: NDArray[np.intp],
    taken: Sequence[str],
    names: Sequence[str],
    used: Mapping[str, str],
) -> Iterator[str]:
    """Sentences on columns that are named as an input is, and are none."""
    sound: dict[str, list[str]] = {}
    for column in columns:
        for role in roles_of(column)[:1]:
            if role not in _ROLES or role in used or column in taken or _is_per_device(column):
                continue
            if fault := _fault(columns[column], codes, names):
                yield f"column {column!r} {fault}, and is not taken for {role}"
            else:
                sound.setdefault(role, []).append(column)
    for role, own in sound.items():
        may_be = " and ".join(map(repr, own))
        yield f"columns {may_be} may each be {role}, and none is taken for it; name one (inputs=)"


def _is_per_device(column: str) -> bool:
    return last_word(column) == _PER_DEVICE


def _fault(values: NDArray[Any], codes: NDArray[np.intp], names: Sequence[str]) -> str:
    """Why a column has no number of each run; empty if it has."""
    if values.ndim != 1 or values.dtype.kind == "b" or numbers_of(values).not_numbers.size:
        return "does not hold numbers"
    low, high = _range_of_runs(values, codes)
    if (varies := high > low).any():
        row = int(np.flatnonzero(varies)[0])
        run = f"run {names[row]!r}" if len(names) > 1 else "a run"
        return f"varies within {run}, from {low[row]:.6g} to {high[row]:.6g}"
    lacking = [own for own, value in zip(names, high, strict=True) if not np.isfinite(value)]
    if not lacking:
        return ""
    if len(lacking) == len(names):
        return "holds no number"
    return f"has no number for run{'s'[: len(lacking) > 1]} {shortened(lacking, _MOST_NAMES)}"


def values_of_runs(values: NDArray[Any], codes: NDArray[np.intp]) -> NDArray[np.float64] | None:
    """The number of each run, ``(run,)``; None if it varies within one, or is not a number.

    Args:
        values: of a column, ``(row,)``.
        codes: the number of each row's run, ``(row,)``.
    """
    if values.dtype.kind == "b" or numbers_of(values).not_numbers.size:
        return None
    low, high = _range_of_runs(values, codes)
    return None if (high > low).any() else np.where(np.isfinite(high), high, np.nan)


def _range_of_runs(
    values: NDArray[Any], codes: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and the greatest number of each run, ``(run,)``; infinite without any."""
    numbers = numbers_of(values).numbers
    known = np.isfinite(numbers)
    num = int(codes.max()) + 1
    low, high = np.full(num, np.inf), np.full(num, -np.inf)
    np.minimum.at(low, codes[known], numbers[known])
    np.maximum.at(high, codes[known], numbers[known])
    return low, high
