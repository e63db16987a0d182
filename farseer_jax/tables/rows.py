"""Selecting rows of a table: by a condition in SQL, or the last row of each run."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import did_you_mean
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.database import database, quoted, sentence
from farseer_jax.tables.number_texts import is_missing

_UNKNOWN: Final = re.compile(
    r'column "([^"]+)" not found|Referenced table "([^"]+)" not found', re.IGNORECASE
)
_KEYWORD: Final = re.compile(r'syntax error at or near "(\w+)"')
_OTHER_TYPE: Final = re.compile(r"Cannot compare values of type VARCHAR|Could not convert string")
_LITERAL: Final = re.compile(r"'(?:[^']|'')*'")
_EXAMPLE: Final = "\"arm = 'attn' and N > 1e8\""
_QUOTES: Final = (
    "put text in single quotes, and names with characters other than letters, digits and _ in "
    "double quotes"
)
_MAX_LABELS: Final = 8


def where(columns: Columns, condition: str) -> Columns:
    """The rows that meet a condition in SQL, such as ``"arm = 'attn' and N > 1e8"``.

    Args:
        columns: of a table.
        condition: what follows WHERE in DuckDB's SQL. Put text in single quotes, and names with
            characters other than letters, digits and ``_`` in double quotes. Missing numbers are
            NULL.

    Raises:
        ValueError: the condition cannot be read, names an unknown column, or no row meets it.

    Example:
        >>> table = Columns({"arm": np.array(["a", "b"], object), "N": np.array([1e8, 2e8])})
        >>> where(table, "arm = 'b'")["N"]
        array([2.e+08])
    """
    import duckdb
    import pandas as pd

    if not condition.strip():
        raise ValueError(f"where: expected a condition in SQL, such as {_EXAMPLE}, got none")
    _refuse_same_letters(condition, list(columns))
    row = "row"
    while row in map(str.lower, columns):
        row += "_"
    own = {name: _for_sql(values) for name, values in columns.items() if values.ndim == 1}
    with database() as connection:
        connection.register("runs", pd.DataFrame({**own, row: np.arange(columns.num_rows)}))
        connection.execute("SET enable_external_access = false")
        query = f'SELECT "{quoted(row)}" FROM runs WHERE ({condition}\n) ORDER BY "{quoted(row)}"'
        try:
            found = connection.execute(query).fetchnumpy()[row]
            duckdb.SQLExpression(condition)  # refuses "true) UNION ALL SELECT (0", and the like
        except duckdb.Error as error:
            raise ValueError(_sentence(condition, error, list(columns))) from None
    kept = np.asarray(found, dtype=np.intp)
    if not len(kept):
        raise ValueError(f"where: no row meets {condition!r}{_labels_named(columns, condition)}")
    num_left = columns.num_rows - len(kept)
    note = f"{len(kept):,} of {columns.num_rows:,} rows meet {condition}"
    return columns.take(kept, note) if num_left else columns


def last_by(columns: Columns, names: Sequence[str]) -> Columns:
    """The last row of each run, such as its last checkpoint.

    Args:
        columns: of a table.
        names: columns that identify a run, then the column whose largest value is kept, such as
            ``["run", "step"]``. With a single name, the last row of each run is kept.

    Raises:
        ValueError: there is no such column, or the last of several is not a number.

    Example:
        >>> table = Columns({"run": np.array(["a", "a", "b"], object), "step": np.array([2, 1, 5])})
        >>> last_by(table, ["run", "step"])["step"]
        array([2, 5])
    """
    from farseer_jax.tables.number_texts import numbers_of

    for name in names:
        if name not in columns:
            raise ValueError(f"last_by: {_not_there(name, list(columns))}")
    *runs, order = names if len(names) > 1 else (*names, "")
    steps = np.arange(columns.num_rows, dtype=float)
    if order:
        steps = numbers_of(columns[order]).numbers
        if not np.isfinite(steps).any():
            raise ValueError(
                f"last_by: column {order!r} holds no numbers, so no row is the last: name the "
                "columns of a run first, then that of the steps, such as run,step"
            )
    import pandas as pd

    in_order = np.lexsort((np.arange(len(steps)), np.where(np.isnan(steps), -np.inf, steps)))
    keys = pd.DataFrame({name: columns[name][in_order] for name in runs}, index=in_order)
    kept = np.sort(keys.drop_duplicates(keep="last").index.to_numpy()).astype(np.intp)
    of = f" by {order}" if order else ""
    note = f"the last row of each {', '.join(runs)}{of}: {len(kept):,} of {columns.num_rows:,} rows"
    return columns.take(kept, note)


def _for_sql(values: NDArray[Any]) -> Any:
    """A column for DuckDB, which reads values that it does not know as text."""
    import pandas as pd

    if values.dtype == np.longdouble:
        return values.astype(np.float64)
    if values.dtype.kind in "biufmMUS":
        return values
    return pd.Series(values.astype(object), dtype=object)  # pandas would make periods of periods


def _refuse_same_letters(condition: str, names: list[str]) -> None:
    """Refuse a name that SQL, which ignores case, would confuse with another.

    Raises:
        ValueError: the condition has such a name.
    """
    for name in names:
        same = [other for other in names if other.lower() == name.lower()]
        if len(same) > 1 and _mentions(condition, name):
            raise ValueError(
                f"where: columns {' and '.join(map(repr, same))} differ by case only, which SQL "
                "ignores: rename one of them, or derive a column from it"
            )


def _mentions(condition: str, name: str) -> bool:
    names_only = _LITERAL.sub("''", condition)
    return bool(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", names_only, re.IGNORECASE))


def _sentence(condition: str, error: Exception, names: list[str]) -> str:
    """The message on a condition that cannot be read."""
    message = str(error)
    unknown = _UNKNOWN.search(message)
    if unknown is not None:
        return f"where: {_not_there(unknown[1] or unknown[2], names)}; {_QUOTES}"
    keyword, hint = _KEYWORD.search(message), ""
    if keyword is not None and keyword[1] in names:
        hint = f'; {keyword[1]} is a word of SQL: write the column as "{keyword[1]}"'
    elif _OTHER_TYPE.search(message):
        hint = (
            "; text is compared as it is written, size = '7B'; to compare its number, derive a "
            'column first, derive="number = size"'
        )
    return (
        f"where: {condition!r} cannot be read as a condition in SQL, such as {_EXAMPLE}: "
        f"{sentence(error)}{hint}"
    )


def _not_there(name: str, names: list[str]) -> str:
    listed = ", ".join(map(repr, names[:40]))
    return f"there is no column {name!r} (the columns are {listed}){did_you_mean(name, names)}"


def _labels_named(columns: Columns, condition: str) -> str:
    """The values of the columns in a condition that no row meets."""
    texts = [
        f"column {name!r} {held}"
        for name, values in columns.items()
        if _mentions(condition, name) and (held := _held(values))
    ]
    return "".join(f"; {text}" for text in texts)


def _held(values: NDArray[Any]) -> str:
    """The labels of a column, or the range of its numbers; nothing if there are too many."""
    if values.dtype.kind in "fiu":
        known = values[np.isfinite(values)]
        return f"is from {known.min():g} to {known.max():g}" if len(known) else "has no numbers"
    labels = list(dict.fromkeys(str(own) for own in values.tolist() if not is_missing(own)))
    return f"has the values {', '.join(map(repr, labels))}" if len(labels) <= _MAX_LABELS else ""
