"""DuckDB, which reads files and selects rows by SQL; its errors become sentences."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.column_names import distinct_names

if TYPE_CHECKING:
    import duckdb

_KIND: Final = re.compile(r"^\w[\w ]*Error: ")
_MEMORY: Final = ":memory:"
_LARGE: Final = 1 << 20  # bytes of a file
_OF_PATTERNS: Final = re.compile(r"[*?\[]")


@contextmanager
def database(path: str = _MEMORY) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a database of its own, in memory or read only.

    It installs and downloads nothing, and writes at most to the system's temporary folder. Queries
    on a file cannot read other files.

    Args:
        path: a DuckDB file.
    """
    with _connected(path) as connection:
        _show_no_progress(connection)
        if path != _MEMORY:
            connection.execute("SET enable_external_access = false")
        yield connection


@contextmanager
def file_reader(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads a file, by queries that no user wrote.

    Small files share a database in memory, as making one takes ten times as long as reading them.
    """
    if path.stat().st_size > _LARGE:
        with database() as connection:  # its memory is given back at the end
            yield connection
        return
    with _shared().cursor() as connection:
        _show_no_progress(connection)
        yield connection


@cache
def _shared() -> duckdb.DuckDBPyConnection:
    return _connected(_MEMORY, enable_external_file_cache=False)  # keeps nothing of what it read


# a forked process could not end: it would wait for the threads of a database that it does not have
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_shared.cache_clear)


def _connected(path: str, **options: bool) -> duckdb.DuckDBPyConnection:
    """Settings of a whole database."""
    import duckdb  # not at the top: most uses of the package do not read a file

    spilled = str(Path(tempfile.gettempdir(), "farseer_jax-duckdb"))
    fixed = {"autoinstall_known_extensions": False, "autoload_known_extensions": False}
    config: Any = {"temp_directory": spilled, **fixed, **options}
    return duckdb.connect(path, read_only=path != _MEMORY, config=config)


def _show_no_progress(connection: duckdb.DuckDBPyConnection) -> None:
    import duckdb

    with suppress(duckdb.Error):  # in a notebook it needs a package, and shows no bar without
        connection.execute("SET enable_progress_bar = false")


def fetched(
    connection: duckdb.DuckDBPyConnection, query: str, names: Sequence[str] = ()
) -> dict[str, NDArray[Any]]:
    """The columns of a query as arrays: NaN for missing numbers, objects with None for others.

    Args:
        connection: to a database.
        query: in SQL.
        names: of the columns, in order; needed where some differ by case only, which DuckDB would
            rename.

    Example:
        >>> with database() as connection:
        ...     fetched(connection, "SELECT 1 AS N, 2 AS n", ["N", "n"])
        {'N': array([1], dtype=int32), 'n': array([2], dtype=int32)}
    """
    described = connection.execute(f"DESCRIBE {query}").fetchall()
    aliases = [f"c{at}" for at in range(len(described))]
    selected = f"SELECT * FROM ({query}\n) AS t({', '.join(aliases)})"
    found = connection.execute(selected).fetchnumpy()
    titles = distinct_names(names or [name for name, *_ in described])
    return {name: plain(found[alias]) for name, alias in zip(titles, aliases, strict=True)}


def quoted(name: str) -> str:
    """A name within double quotes of SQL."""
    return name.replace('"', '""')


def literal(text: str) -> str:
    """A text in single quotes, for SQL."""
    return "'" + text.replace("'", "''") + "'"


def file_literal(path: Path) -> str:
    """The path of one file, for SQL: DuckDB would take ``*``, ``?`` and ``[`` for a pattern.

    Example:
        >>> print(file_literal(Path("runs[1].csv")))
        'runs[[]1].csv'
    """
    return literal(_OF_PATTERNS.sub(r"[\g<0>]", str(path)))


def sentence(error: BaseException) -> str:
    r"""The first line of an error of DuckDB, without its kind.

    Example:
        >>> sentence(ValueError("Parser Error: syntax error at end of input\n\nLINE 1: …"))
        'syntax error at end of input'
    """
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return _KIND.sub("", _KIND.sub("", first))


def plain(array: NDArray[Any]) -> NDArray[Any]:
    """An array of DuckDB without a mask: missing numbers are NaN, others None."""
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
