"""Columns of records: one mapping of names to values per row, not all with the same names."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Integral, Real
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Columns: TypeAlias = dict[str, NDArray[Any]]

PLAIN: Final = frozenset({float, int, str, bool, type(None)})  # types of nearly all values

# JSON has no such numbers, and loggers write them as text
_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}
_WRAPPED: Final = {"value", "desc"}  # {"lr": {"value": 0.1, "desc": null}}, as in config.yaml
_INT64: Final = np.iinfo(np.int64)


def columns_of(records: Sequence[Mapping[str, object]]) -> Columns:
    """Turn records into columns, in the order in which their names first occur.

    Args:
        records: one per row; a name that a record lacks, or None, is a missing value.

    Returns:
        Arrays of shape (row,): of numbers, with NaN where they are missing (whole numbers without
        missing values stay whole); of truth values; or of text, with None where it is missing.

    Example:
        >>> columns_of([{"loss": 3.1, "arm": "a"}, {"arm": None}])
        {'loss': array([3.1, nan]), 'arm': array(['a', None], dtype=object)}
    """
    names = dict.fromkeys(name for record in records for name in record)
    return {name: _column([record.get(name) for record in records]) for name in names}


def concatenated(tables: Sequence[Columns], num_rows: Sequence[int]) -> Columns:
    """Concatenate tables; a column that a table lacks is missing in its rows.

    Args:
        tables: columns by name.
        num_rows: how many rows each has, as a table may have rows without columns.

    Returns:
        Arrays of shape (all rows,).

    Example:
        >>> concatenated([{"a": np.array([1.0])}, {"b": np.array(["x"])}], [1, 1])
        {'a': array([ 1., nan]), 'b': array([None, 'x'], dtype=object)}
    """
    names = dict.fromkeys(name for table in tables for name in table)
    return {
        name: _joined([table.get(name) for table in tables], num_rows, sum(num_rows))
        for name in names
    }


def repeated(columns: Columns, counts: Sequence[int]) -> Columns:
    """Repeat each row, such as the settings of a run for each of its steps.

    Example:
        >>> repeated({"lr": np.array([0.1, 0.2])}, [1, 2])
        {'lr': array([0.1, 0.2, 0.2])}
    """
    return {name: np.repeat(values, counts) for name, values in columns.items()}


def flattened(settings: Mapping[Any, object], prefix: str = "") -> dict[str, object]:
    """Name nested settings by their path with dots; lists become JSON text.

    Args:
        settings: nested mappings.
        prefix: what all names begin with.

    Returns:
        Numbers, truth values, text and None by name.

    Example:
        >>> flattened({"model": {"width": 64, "heads": [4, 8]}, "lr": 0.1}, "config.")
        {'config.model.width': 64, 'config.model.heads': '[4, 8]', 'config.lr': 0.1}
    """
    return dict(_flat(settings, prefix))


def unwrapped(settings: Mapping[Any, Any]) -> dict[Any, Any]:
    """Settings as values where W&B's own files wrap them, at any depth.

    Example:
        >>> unwrapped({"lr": {"value": 0.1, "desc": None}, "model": {"width": {"value": 64}}})
        {'lr': 0.1, 'model': {'width': 64}}
    """
    return {name: _unwrapped(value) for name, value in settings.items()}


def _unwrapped(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return value["value"] if "value" in value and set(value) <= _WRAPPED else unwrapped(value)


def _flat(settings: Mapping[Any, object], prefix: str) -> Iterator[tuple[str, object]]:
    """Names and values, depth first."""
    for key, value in settings.items():
        if type(value) in PLAIN:
            yield f"{prefix}{key}", value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, str | Real | np.bool_):
            yield f"{prefix}{key}", value
        elif isinstance(value, Iterable):
            yield f"{prefix}{key}", json.dumps(list(value), default=str)
        else:
            yield f"{prefix}{key}", str(value)


def _column(values: list[object]) -> NDArray[Any]:
    """Values of one name as an array of the simplest type that holds them."""
    types = set(map(type, values)) - {type(None)}
    if types <= {float, int}:  # nearly all columns, and quickly
        is_whole = types == {int} and None not in values
        with suppress(OverflowError):
            return np.array(values, dtype=np.int64 if is_whole else np.float64)  # None is NaN
    if types == {str} and _NOT_FINITE.keys().isdisjoint(values):
        return np.array(values, dtype=object)
    present = [value for value in values if value is not None]
    if all(isinstance(value, bool | np.bool_) for value in present) and present:
        whole = len(present) == len(values)
        return np.array(values, dtype=bool if whole else object)
    if all(_is_number(value) or _is_not_finite(value) for value in present):
        if len(present) == len(values) and all(_fits_int64(value) for value in present):
            return np.array(values, dtype=np.int64)
        return np.array([_as_float(value) for value in values], dtype=np.float64)
    texts = [None if value is None else str(value) for value in values]
    return np.array(texts, dtype=object)


def _joined(
    parts: Sequence[NDArray[Any] | None], num_rows: Sequence[int], total: int
) -> NDArray[Any]:
    """One column of all tables; None where a table lacks it."""
    found = [part for part in parts if part is not None]
    kinds = {part.dtype.kind for part in found}
    if len(kinds) == 1 and len(found) == len(parts):
        return np.concatenate(found)
    is_number = kinds <= set("iuf")
    joined = np.full(total, math.nan if is_number else None, dtype=float if is_number else object)
    start = 0
    for part, count in zip(parts, num_rows, strict=True):
        if part is not None:
            joined[start : start + count] = part if is_number else _objects(part)
        start += count
    return joined if is_number else _column(joined.tolist())


def _objects(column: NDArray[Any]) -> NDArray[Any]:
    """The values of a column as objects, with None for NaN."""
    objects = column.astype(object)
    if column.dtype.kind == "f":
        objects[np.isnan(column)] = None
    return objects


def _is_number(value: object) -> bool:
    """Whether it is a number, which a truth value is not."""
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def _is_not_finite(value: object) -> bool:
    """Whether it is one of the numbers that are written as text."""
    return isinstance(value, str) and value in _NOT_FINITE


def _fits_int64(value: object) -> bool:
    """Whether it is a whole number that NumPy holds exactly."""
    return isinstance(value, Integral) and _INT64.min <= int(value) <= _INT64.max


def _as_float(value: Any) -> float:
    """The number, also one too large for float64; NaN where it is missing."""
    if value is None:
        return math.nan
    try:
        return float(_NOT_FINITE.get(value, value) if isinstance(value, str) else value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
