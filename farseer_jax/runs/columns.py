"""Columns of any table as NumPy arrays: extracted, copied, compared, written to JSON."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.runs.checks import unmasked
from farseer_jax.tables.number_texts import is_missing

Column: TypeAlias = NDArray[Any]
T = TypeVar("T")

ROLES: Final = ("N", "D", "loss")

_INFINITIES: Final = {"Infinity": math.inf, "-Infinity": -math.inf}  # JSON has no such numbers


def table_columns(table: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Extract the columns of a pandas, polars or pyarrow table as NumPy arrays.

    Args:
        table: any table in memory that narwhals can read.

    Returns:
        Values by name, in the order of the table; missing whole numbers become NaN.

    Raises:
        TypeError: not such a table (a polars LazyFrame must be collected first).
        ValueError: two columns have the same name.

    Example:
        >>> import pandas as pd
        >>> table_columns(pd.DataFrame({"N": [1, 2], "arm": ["a", "b"]}))["N"]
        array([1, 2])
    """
    import narwhals as nw  # not at the top: NumPy input does not need it

    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        remedy = ": call .collect() on it first" if hasattr(table, "collect") else ""
        kind = f"{type(table).__module__}.{type(table).__name__}"
        raise TypeError(
            f"expected a pandas, polars or pyarrow table in memory, got a {kind}{remedy}"
        ) from None
    except nw.exceptions.DuplicateError:
        is_pyarrow = hasattr(table, "column_names")
        names = table.column_names if is_pyarrow else table.columns
        refuse_repeated_names([str(name) for name in names])
        raise  # narwhals reports a repeated name that the table does not show
    refuse_repeated_names([str(name) for name in frame.columns])
    return {str(series.name): series.to_numpy() for series in frame.iter_columns()}


def refuse_repeated_names(names: Sequence[str]) -> None:
    """Refuse a table in which two columns have the same name.

    Args:
        names: the names of all columns of the table.

    Raises:
        ValueError: a name occurs twice.

    Example:
        >>> refuse_repeated_names(["N", "D", "N"])
        Traceback (most recent call last):
            ...
        ValueError: columns with the same name: 'N' 2 times; give every column a different name
    """
    repeated = [f"{name!r} {count} times" for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise ValueError(
            f"columns with the same name: {', '.join(repeated)}; give every column a different name"
        )


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
    return copied(numbers if all(v is None or _is_number(v) for v in numbers) else list(values))


def copied(values: Any) -> Column:
    """Copy values of any type, one per run, to an array; of objects if NumPy would change them.

    Example:
        >>> copied([1.0, None, 2.0])
        array([ 1., nan,  2.])
    """
    if isinstance(values, np.ma.MaskedArray):  # asarray would drop the mask
        return unmasked(values)
    if not isinstance(values, list | tuple):
        return np.array(values)
    if all(value is None or _is_number(value) for value in values):
        return np.array([math.nan if value is None else value for value in values])
    if all(isinstance(v, str) for v in values) or all(isinstance(v, bool) for v in values):
        return np.array(values)
    objects = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # objects[:] = values would unpack lists
        objects[row] = value
    return objects


def _is_number(value: object) -> bool:
    """Whether this is a number; True and False are not."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def json_value(value: Any) -> Any:
    """One value as JSON can represent it."""
    if is_missing(value):
        return None
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, np.generic):
        return json_value(value.item())
    return value if isinstance(value, bool | int | float | str) else str(value)
