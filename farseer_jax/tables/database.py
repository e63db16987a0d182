"""DuckDB, which reads files and selects rows by SQL; its errors become sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import duckdb

_NUMBERS: Final = re.compile(r"DECIMAL|HUGEINT|UHUGEINT")
_KIND: Final = re.compile(r"^\w[\w ]*Error: ")


@contextmanager
def database(path: str = ":memory:") -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database, in memory or read only; it installs nothing.

    Args:
        path: a DuckDB file.
    """
    import duckdb  # not at the top: most uses of the package do not read a file

    in_memory = path == ":memory:"
    with duckdb.connect(path, read_only=not in_memory) as connection:
        connection.execute("SET autoinstall_known_extensions = false")
        connection.execute("SET autoload_known_extensions = false")
        yield connection


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, values: list[Any] | None = None
) -> dict[str, NDArray[Any]]:
    """The columns of a query as arrays: float64 with NaN for missing numbers, or objects with None.

    Args:
        connection: to a database.
        query: in SQL.
        values: of its parameters.
    """
    described = connection.execute(f"DESCRIBE {query}", values).fetchall()
    names = [
        f'CAST("{quoted(name)}" AS DOUBLE) AS "{quoted(name)}"'
        if _NUMBERS.match(kind)
        else f'"{quoted(name)}"'
        for name, kind, *_ in described
    ]
    selected = f"SELECT {', '.join(names)} FROM ({query})"
    found = connection.execute(selected, values).fetchnumpy()
    return {name: _plain(array) for name, array in found.items()}


def quoted(name: str) -> str:
    """A name within double quotes of SQL."""
    return name.replace('"', '""')


def literal(text: str) -> str:
    """A text in single quotes, for SQL."""
    return "'" + text.replace("'", "''") + "'"


def sentence(error: Exception) -> str:
    r"""The first line of an error of DuckDB, without its kind.

    Example:
        >>> sentence(ValueError("Parser Error: syntax error at end of input\n\nLINE 1: …"))
        'syntax error at end of input'
    """
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return _KIND.sub("", _KIND.sub("", first))


def _plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array without a mask."""
    if not isinstance(array, np.ma.MaskedArray):
        array = np.asarray(array)
        return array.astype(object) if array.dtype.kind in "US" else array
    mask = np.ma.getmaskarray(array)
    if not mask.any():
        return np.asarray(array.data)
    if array.dtype.kind in "fiu":
        numbers = array.data.astype(np.float64)
        numbers[mask] = np.nan
        return numbers
    if array.dtype.kind in "mM":
        times = array.data.copy()
        times[mask] = "NaT"
        return times
    objects = np.array(array.data, dtype=object)
    objects[mask] = None
    return objects
