"""Columns of tables in memory: pandas, polars, pyarrow, mappings, lists of records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.column_names import distinct_names
from farseer_jax.tables.number_texts import is_missing


def columns_of_frame(table: Any) -> dict[str, NDArray[Any]]:
    """The columns of a table in memory as arrays.

    Named levels of a pandas index are columns too, as after ``groupby(["N", "D"]).mean()``.

    Args:
        table: of pandas, polars or pyarrow; a mapping of names to columns; or a list of records.

    Returns:
        Values by name, in the order of the table; missing whole numbers are NaN. Names are text;
        those that occur several times are numbered, ``"loss (1)"``.

    Raises:
        TypeError: not such a table (a polars LazyFrame must be collected first).

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"N": [1, 1, 2], "loss": [3.0, 4.0, 5.0]})
        >>> columns_of_frame(frame.groupby("N").mean())
        {'N': array([1, 2]), 'loss': array([3.5, 5. ])}
    """
    if isinstance(table, Mapping):
        names = distinct_names(list(table))
        return dict(zip(names, map(copied, table.values()), strict=True))
    if isinstance(table, list | tuple) and table and all(isinstance(row, Mapping) for row in table):
        return columns_of_records(table)
    if _is_pandas(table):
        return _columns_of_pandas(table)
    return _columns_of_others(table)


def columns_of_records(records: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Records, such as objects of JSON, as columns; nested names are joined by dots.

    Example:
        >>> columns_of_records([{"N": 1, "eval": {"loss": 3}}, {"N": 2}])
        {'N': array([1, 2]), 'eval.loss': array([ 3., nan])}
    """
    import pandas as pd

    frame = pd.json_normalize([*records])
    return {
        str(name): copied([None if is_missing(value) else value for value in frame[name].tolist()])
        for name in frame.columns
    }


def copied(values: Any) -> NDArray[Any]:
    """Copy values of any type, one per row, to an array; of objects if NumPy would change them.

    Example:
        >>> copied([1.0, None, 2.0])
        array([ 1., nan,  2.])
    """
    if isinstance(values, np.ma.MaskedArray):  # asarray would drop the mask
        return unmasked(values)
    if not isinstance(values, list | tuple):
        return np.array(values)
    if all(value is None or is_number(value) for value in values):
        return np.array([np.nan if value is None else value for value in values])
    if all(isinstance(v, str) for v in values) or all(isinstance(v, bool) for v in values):
        return np.array(values)
    objects = np.empty(len(values), dtype=object)
    for row, value in enumerate(values):  # objects[:] = values would unpack lists
        objects[row] = value
    return objects


def unmasked(values: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    """Replace masked values by None, in an array of objects.

    Example:
        >>> unmasked(np.ma.masked_array([1.0, 2.0], mask=[False, True]))
        array([1.0, None], dtype=object)
    """
    objects = np.array(values.data, dtype=object)
    objects[np.ma.getmaskarray(values)] = None
    return objects


def is_number(value: object) -> bool:
    """Whether this is a number; True and False are not."""
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)


def _is_pandas(table: Any) -> bool:
    return type(table).__module__.startswith("pandas") and hasattr(table, "columns")


def _columns_of_pandas(frame: Any) -> dict[str, NDArray[Any]]:
    if any(name is not None for name in frame.index.names):
        named = [name for name in frame.index.names if name is not None]
        frame = frame.reset_index([name for name in named if name not in [*frame.columns]])
    names = distinct_names([*frame.columns])
    columns = _columns_of_others(frame.set_axis(names, axis=1))
    return {name: _with_none(values) for name, values in columns.items()}


def _with_none(values: NDArray[Any]) -> NDArray[Any]:
    """Objects with None for missing ones, which pandas marks in several ways."""
    import pandas as pd

    if values.dtype.kind != "O" or not (missing := pd.isna(values)).any():
        return values
    values = values.copy()
    values[missing] = None
    return values


def _columns_of_others(table: Any) -> dict[str, NDArray[Any]]:
    import narwhals as nw  # not at the top: NumPy input does not need it

    if type(table).__module__.startswith("pyarrow") and hasattr(table, "rename_columns"):
        table = table.rename_columns(distinct_names(table.column_names))
    try:
        frame = nw.from_native(table, eager_only=True)
    except TypeError:
        remedy = ": call .collect() on it first" if hasattr(table, "collect") else ""
        kind = f"{type(table).__module__}.{type(table).__name__}"
        raise TypeError(
            "expected a pandas, polars or pyarrow table in memory, or a mapping of names to "
            f"columns, got a {kind}{remedy}"
        ) from None
    return {str(series.name): series.to_numpy() for series in frame.iter_columns()}
