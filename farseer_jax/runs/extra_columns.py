"""Further columns of a table of runs, of any type: copied, compared, written to JSON."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.runs.checks import is_missing, unmasked

Column: TypeAlias = NDArray[Any]

_INFINITIES: Final = {"Infinity": math.inf, "-Infinity": -math.inf}  # JSON has no number for them


def extra_columns(
    columns: Mapping[str, ArrayLike], num_runs: int, taken: Collection[str] = ("N", "D", "loss")
) -> dict[str, Column]:
    """Copy further columns into read-only arrays.

    Args:
        columns: values by name.
        num_runs: how many values each must have.
        taken: names of the runs' own columns.

    Returns:
        Arrays of shape (run,).

    Raises:
        ValueError: a column has another length or shape, or the name of one of the runs' own.

    Example:
        >>> extra_columns({"arm": ["mla", "gqa"]}, 2)["arm"].tolist()
        ['mla', 'gqa']
    """
    arrays = {}
    for name, values in columns.items():
        if name in taken:
            raise ValueError(f"extra column {name!r}: runs have a column of this name; rename it")
        array = copied(values)
        if array.shape != (num_runs,):
            raise ValueError(
                f"extra column {name!r}: has shape {array.shape} for {num_runs} runs; "
                f"give one value per run"
            )
        array.setflags(write=False)
        arrays[name] = array
    return arrays


def same_column(first: Column, second: Column) -> bool:
    """Whether two columns hold the same values, whatever their types; missing equals missing.

    Args:
        first: one column.
        second: the other.

    Returns:
        True if all values are equal.

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
    """Write a column as a list that JSON keeps exactly.

    Args:
        column: values, shape (run,).

    Returns:
        Numbers, True/False and text as they are; None where a value is missing; text otherwise.

    Example:
        >>> to_json(np.array([0.1, np.nan, np.inf]))
        [0.1, None, 'Infinity']
    """
    if column.dtype.kind in "mM":  # whose tolist gives bare integers for some units
        return [None if text == "NaT" else text for text in column.astype(str).tolist()]
    return [json_value(value) for value in column.tolist()]


def from_json(values: Sequence[Any]) -> Column:
    """Build the column that `to_json` wrote.

    Args:
        values: what `to_json` gave.

    Returns:
        An array of shape (run,): of numbers, with NaN for None, where all others are numbers.

    Example:
        >>> from_json([0.1, None, "Infinity"])
        array([0.1, nan, inf])
    """
    numbers = [_INFINITIES.get(v, v) if isinstance(v, str) else v for v in values]
    return copied(numbers if all(v is None or _is_number(v) for v in numbers) else list(values))


def copied(values: Any) -> Column:
    """A copy as an array; of objects where NumPy would change what a value is.

    Args:
        values: one per run, of any type.

    Returns:
        A new array.

    Example:
        >>> copied([1.0, None, 2.0])
        array([ 1., nan,  2.])
    """
    if isinstance(values, np.ma.MaskedArray):  # asarray would uncover what is masked
        return unmasked(values)
    if not isinstance(values, list | tuple):
        return np.array(values)
    if all(value is None or _is_number(value) for value in values):
        return np.array([math.nan if value is None else value for value in values])
    if all(isinstance(v, str) for v in values) or all(isinstance(v, bool) for v in values):
        return np.array(values)
    objects = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # not objects[:] = values: that would unpack lists
        objects[row] = value
    return objects


def _is_number(value: object) -> bool:
    """Whether this is a number; True and False are none."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def json_value(value: Any) -> Any:
    """One value as JSON knows it."""
    if is_missing(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, np.generic):
        return json_value(value.item())
    return value if isinstance(value, bool | int | float | str) else str(value)
