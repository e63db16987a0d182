"""Columns of any table as NumPy arrays: extracted, copied, compared, written to JSON."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.tables.frames import copied, is_number
from farseer_jax.tables.number_texts import is_missing

Column: TypeAlias = NDArray[Any]
T = TypeVar("T")

ROLES: Final = ("N", "D", "loss")

_INFINITIES: Final = {"Infinity": math.inf, "-Infinity": -math.inf}  # JSON has no such numbers


def without_roles(columns: Mapping[str, T], taken: Collection[str] = ROLES) -> dict[str, T]:
    """Rename columns that have the name of one of the runs' own columns.

    Args:
        columns: the other columns of a table, by name.
        taken: names of the runs' own columns.

    Returns:
        The same columns; N, for example, becomes ``N_other``.

    Example:
        >>> without_roles({"N": 1, "lr": 2})
        {'N_other': 1, 'lr': 2}
    """
    renamed: dict[str, T] = {}
    for name, values in columns.items():
        new = name
        while new in taken or (new != name and (new in columns or new in renamed)):
            new += "_other"
        renamed[new] = values
    return renamed


def extra_columns(
    columns: Mapping[str, ArrayLike], num_runs: int, taken: Collection[str] = ROLES
) -> dict[str, Column]:
    """Copy further columns into read-only arrays.

    Args:
        columns: values by name.
        num_runs: how many values each must have.
        taken: names of the runs' own columns.

    Returns:
        Arrays of shape (run,).

    Raises:
        ValueError: a column has the wrong length or shape, or a name that is taken.

    Example:
        >>> extra_columns({"arm": ["mla", "gqa"]}, 2)["arm"].tolist()
        ['mla', 'gqa']
    """
    arrays = {}
    for name, values in columns.items():
        if name in taken:
            raise ValueError(
                f"extra column {name!r}: the runs have a column of this name; rename it"
            )
        array = copied(values)
        if array.shape != (num_runs,):
            raise ValueError(
                f"extra column {name!r}: expected one value for each of the {num_runs} runs, got "
                f"shape {array.shape}"
            )
        array.setflags(write=False)
        arrays[name] = array
    return arrays


def same_column(first: Column, second: Column) -> bool:
    """Whether two columns hold the same values, whatever their types; missing equals missing.

    Example:
        >>> same_column(np.array([1.0, np.nan]), np.array([1, None], dtype=object))
        True
    """
    if first.shape != second.shape:
        return False
    if first.dtype.kind in "biufUSM" and second.dtype.kind == first.dtype.kind:
        return np.array_equal(first, second, equal_nan=first.dtype.kind in "fM")
    pairs = zip(first.tolist(), second.tolist(), strict=True)
    return all((is_missing(a) and is_missing(b)) or bool(np.all(a == b)) for a, b in pairs)


def to_json(column: Column) -> list[Any]:
    """Write a column as a list that JSON preserves exactly.

    Args:
        column: values, shape (run,).

    Returns:
        Numbers, True/False and text unchanged; None for a missing value; text for all else.

    Example:
        >>> to_json(np.array([0.1, np.nan, np.inf]))
        [0.1, None, 'Infinity']
    """
    if column.dtype.kind in "mM":  # tolist gives bare integers for some units
        return [None if text == "NaT" else text for text in column.astype(str).tolist()]
    return [json_value(value) for value in column.tolist()]


def from_json(values: Sequence[Any]) -> Column:
    """Build the column that `to_json` wrote.

    Args:
        values: what `to_json` gave.

    Returns:
        An array of shape (run,); of numbers, with NaN for None, if all other values are numbers.

    Example:
        >>> from_json([0.1, None, "Infinity"])
        array([0.1, nan, inf])
    """
    numbers = [_INFINITIES.get(v, v) if isinstance(v, str) else v for v in values]
    return copied(numbers if all(v is None or is_number(v) for v in numbers) else list(values))


def json_value(value: Any) -> Any:
    """One value as JSON can represent it."""
    if is_missing(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, np.generic):
        return json_value(value.item())
    return value if isinstance(value, bool | int | float | str) else str(value)
