"""Selecting rows of a table: by a condition in SQL, or the last row of each run."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

import numpy as np

from farseer_jax.tables.columns import Columns
from farseer_jax.tables.database import database, sentence

_UNKNOWN = re.compile(r'column "([^"]+)" not found', re.IGNORECASE)


def where(columns: Columns, condition: str) -> Columns:
    """The rows that meet a condition in SQL, such as ``"arm = 'attn' and N > 1e8"``.

    Args:
        columns: of a table.
        condition: what follows WHERE in the SQL of DuckDB. Text stands in single quotes, names with
            other signs than letters and digits in double quotes. Missing numbers are NULL.

    Raises:
        ValueError: the condition cannot be read, names an unknown column, or no row meets it.

    Example:
        >>> table = Columns({"arm": np.array(["a", "b"], object), "N": np.array([1e8, 2e8])})
        >>> where(table, "arm = 'b'")["N"]
        array([2.e+08])
    """
    import duckdb
    import pandas as pd

    names = {name: values for name, values in columns.items() if values.ndim == 1}
    with database() as connection:
        connection.register("runs", pd.DataFrame({**names, _ROW: np.arange(columns.num_rows)}))
        connection.execute("SET enable_external_access = false")
        query = f'SELECT "{_ROW}" FROM runs WHERE ({condition}\n) ORDER BY "{_ROW}"'
        try:
            found = connection.execute(query).fetchnumpy()[_ROW]
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
        names: columns that identify a run, and after them the column whose largest value is the
            last, such as ``["run", "step"]``. With a single name the last row of each run counts.

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
    note = f"the last row{of} of each {', '.join(runs)}: {len(kept):,} of {columns.num_rows:,} rows"
    return columns.take(kept, note)


_ROW = "row_number_in_table"
_MAX_LABELS = 8


def _sentence(condition: str, error: Exception, names: list[str]) -> str:
    unknown = _UNKNOWN.search(str(error))
    if unknown is None:
        return (
            f"where: {condition!r} cannot be read as a condition in SQL, such as "
            f"\"arm = 'attn' and N > 1e8\": {sentence(error)}"
        )
    return (
        f"where: {_not_there(unknown[1], names)}; text stands in single quotes, a name with other "
        "signs than letters and digits in double quotes"
    )


def _not_there(name: str, names: list[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"there is no column {name!r} (the columns are {', '.join(map(repr, names[:40]))}){hint}"


def _labels_named(columns: Columns, condition: str) -> str:
    """The labels of a column of text in a condition that no row meets."""
    for name, values in columns.items():
        if values.dtype.kind in "OUS" and re.search(rf"\b{re.escape(name)}\b", condition):
            labels = list(dict.fromkeys(map(str, values.tolist())))
            if len(labels) <= _MAX_LABELS:
                return f"; column {name!r} has the values {', '.join(map(repr, labels))}"
    return ""
