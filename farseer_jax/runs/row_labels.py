"""What a row of a table is called: by its own label where there is one, else by its number."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Columns that label runs, in any spelling of their words.
_LABELS = ("run_id", "run", "id", "name", "run_name", "exp_name", "experiment", "row")


_NUMBERS = "row"  # the column of a selection's own numbers


def label_column(columns: Mapping[str, NDArray[Any]]) -> str | None:
    """The column of text or whole numbers that labels the rows, each differently; None without.

    Args:
        columns: columns of a table, ``(row,)`` each.

    Example:
        >>> label_column({"N": np.array([1e8, 2e8]), "run_id": np.array(["a", "b"], object)})
        'run_id'
    """
    spelled = {str(name).lower().replace("-", "_").replace(" ", "_"): name for name in columns}
    for usual in _LABELS:
        name = spelled.get(usual)
        if name is None:
            continue
        values = np.asarray(columns[name])
        if values.dtype.kind in "OUSTiu" and len({*values.tolist()}) == len(values):
            return name
    return None


def row_name(columns: Mapping[str, NDArray[Any]], row: int) -> str:
    """``"run_id 'a'"``, or ``"row 3"``, counted from 0.

    Args:
        columns: columns of a table, such as ``Runs.extra``.
        row: its position.

    Example:
        >>> row_name({"run_id": np.array(["a", "b"], object)}, 1), row_name({}, 1)
        ("run_id 'b'", 'row 1')
    """
    column = label_column(columns)
    if column is None:
        return f"row {row}"
    value = columns[column][row]
    return f"{column} {str(value)!r}" if isinstance(value, str) else f"{column} {value}"


def drop_argument(columns: Mapping[str, NDArray[Any]], row: int) -> str | int:
    """The label of a row, or its position in a table whose rows have none but their numbers.

    Args:
        columns: columns of a table, such as ``Runs.extra``.
        row: its position.

    Example:
        >>> drop_argument({"run_id": np.array(["a", "b"], object)}, 1), drop_argument({}, 1)
        ('b', 1)
    """
    column = label_column(columns)
    return row if column in (None, _NUMBERS) else str(columns[column][row])


def dropped_rows(
    columns: Mapping[str, NDArray[Any]], num_rows: int, drop: str | int | Sequence[str | int]
) -> NDArray[np.bool_]:
    """True for each row that is to be left out, ``(row,)``.

    Args:
        columns: columns of a table, ``(row,)`` each.
        num_rows: its number of rows.
        drop: labels, or numbers counted from 0; a label goes before a number.

    Raises:
        ValueError: there is no such row.

    Example:
        >>> dropped_rows({"run_id": np.array(["a", "b"], object)}, 2, "b")
        array([False,  True])
    """
    asked = [drop] if isinstance(drop, str | int) else [*drop]
    column, dropped = label_column(columns), np.zeros(num_rows, dtype=bool)
    labels = [] if column is None else [str(value) for value in columns[column].tolist()]
    places = {label: row for row, label in enumerate(labels)}
    for own in map(str, asked):
        by_number = own.isdecimal() and column != _NUMBERS
        row = places.get(own, int(own) if by_number else num_rows)
        if row >= num_rows:
            rows = f"the rows 0 to {num_rows - 1}"
            first = f"the column {column!r} ({labels[0]!r}, …), nor in " if column else ""
            if column == _NUMBERS:
                first, rows = "", f"the rows {labels[0]} to {labels[-1]}"
            raise ValueError(f"drop: there is no run {own!r} in {first}{rows}")
        dropped[row] = True
    return dropped


def refuse_none(keep: NDArray[np.bool_]) -> None:
    """Refuse to leave out all runs.

    Raises:
        ValueError: no run is left.
    """
    if not keep.any():
        raise ValueError("drop: no run is left; leave out fewer")
