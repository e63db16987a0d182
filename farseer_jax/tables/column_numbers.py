"""The numbers in a column of any type."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import REMEDY, shown_rows

_MAX_VALUES_SHOWN: Final = 3


def column_numbers(values: Any, name: str, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """The numbers of a column to compute with: NaN where missing, True is 1 and False 0.

    Args:
        values: numbers, True and False, or text that spells numbers, ``(row,)``.
        name: of the column, for messages.
        rows: the number of each row, for messages, ``(row,)``.

    Raises:
        ValueError: not one value per row, or values that are not numbers.

    Example:
        >>> column_numbers(["1e9", None, True], "x", np.arange(3))
        array([1.e+09,    nan, 1.e+00])
    """
    if isinstance(values, list | tuple):  # asarray would make text of mixed values
        values = np.array(values, dtype=object)
    array = np.asanyarray(values)
    if array.shape != rows.shape:
        raise ValueError(
            f"column {name!r}: expected one value for each of the {len(rows)} rows, got shape "
            f"{array.shape}"
        )
    if isinstance(array, np.ma.MaskedArray):
        objects = array.data.astype(object)
        objects[np.ma.getmaskarray(array)] = None
        array = objects
    if array.dtype.kind in "biuf":
        return array.astype(np.float64)
    if array.dtype.kind not in "OUST":
        raise ValueError(f"column {name!r}: expected numbers, got {array.dtype} values")
    objects = array.astype(object)
    flags = np.array([isinstance(value, bool | np.bool_) for value in objects.tolist()], bool)
    objects[flags] = objects[flags].astype(np.float64)
    return _of_objects(objects, name, rows)


def _of_objects(
    array: NDArray[np.object_], name: str, rows: NDArray[np.intp]
) -> NDArray[np.float64]:
    is_bool = [isinstance(value, bool | np.bool_) for value in array.tolist()]
    found = numbers_of([int(v) if b else v for v, b in zip(array.tolist(), is_bool, strict=True)])
    bad = found.not_numbers
    if bad.size:
        what = "is not a number" if bad.size == 1 else "are not numbers"
        texts = [f"{array[row]!r:.30}" for row in bad[:_MAX_VALUES_SHOWN]]
        texts += ["…"] * (bad.size > _MAX_VALUES_SHOWN)
        raise ValueError(
            f"column {name!r}: {shown_rows(rows[bad])} {what} ({', '.join(texts)}); {REMEDY}"
        )
    return found.numbers
