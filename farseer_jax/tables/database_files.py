"""Tables in Parquet, and in databases of DuckDB and SQLite: by name, or by a query in SQL."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from farseer_jax.tables.database import (
    database,
    fetched,
    file_literal,
    file_reader,
    quoted,
    sentence,
)
from farseer_jax.tables.frames import columns_of_frame

_READS: Final = {
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_READ,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
}


def read_parquet(file: Path) -> dict[str, NDArray[Any]]:
    """The columns of a Parquet file.

    Raises:
        ValueError: the file cannot be read, or has no rows.
    """
    import duckdb
    import pyarrow as pa
    from pyarrow import parquet

    with file_reader(file) as connection:
        try:
            names = parquet.read_schema(file).names
            source = f"read_parquet({file_literal(file)}, hive_partitioning=false)"
            found = fetched(connection, f"FROM {source}", names)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise ValueError(f"cannot be read as Parquet: {sentence(error)}") from None
    return _with_rows(found)


def read_duckdb(file: Path, table: str | None) -> dict[str, NDArray[Any]]:
    """The columns of a table of a DuckDB database, or of a query.

    Raises:
        ValueError: no table is named and there are several, there is none of that name, or the
            SQL is wrong.
    """
    import duckdb

    try:
        with database(str(file)) as connection:
            rows = connection.execute("SELECT name FROM (SHOW TABLES)").fetchall()
            return _with_rows(fetched(connection, _query(table, [name for (name,) in rows])))
    except duckdb.Error as error:
        raise ValueError(_of_query(error, table)) from None


def read_sqlite(file: Path, table: str | None) -> dict[str, NDArray[Any]]:
    """The columns of a table of a SQLite database, or of a query.

    Raises:
        ValueError: no table is named and there are several, there is none of that name, or the
            SQL is wrong.
    """
    import pandas as pd

    # SQLite would write a file beside a database with a log of writes, even to read it
    how = "mode=ro" if Path(f"{file}-wal").exists() else "mode=ro&immutable=1"
    listed = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
    try:
        address = f"{file.resolve().as_uri()}?{how}"
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            names = [name for (name,) in connection.execute(listed).fetchall()]
            query = _query(table, names)
            connection.set_authorizer(_only_reads)
            frame = pd.read_sql_query(query, connection)
    except (sqlite3.Error, pd.errors.DatabaseError, TypeError) as error:  # TypeError: no result
        raise ValueError(_of_query(error.__cause__ or error, table)) from None
    return _with_rows(columns_of_frame(frame))


def _only_reads(action: int, *_: object) -> int:
    """Deny a query of SQLite all that does not read, such as VACUUM INTO and ATTACH."""
    return sqlite3.SQLITE_OK if action in _READS else sqlite3.SQLITE_DENY


def _query(table: str | None, names: list[str]) -> str:
    """The query for a table of a database, for its only table, or the query that is given."""
    if table is None:
        if len(names) != 1:
            listed, example = ", ".join(names) or "none", (names or ["runs"])[0]
            raise ValueError(
                f'the database has the tables {listed}: name one, table="{example}", or give a '
                'query, table="SELECT …"'
            )
        table = names[0]
    if table in names:
        return f'SELECT * FROM "{quoted(table)}"'
    if len(table.split()) > 1:
        return table.rstrip("; \n")
    raise ValueError(f"the database has no table {table!r}; its tables are {', '.join(names)}")


def _of_query(error: BaseException, table: str | None) -> str:
    """The sentence on what is wrong with a database, or with a query."""
    if isinstance(error, TypeError):
        return f"table={table!r} gives no rows: expected a query, SELECT …"
    if table is None:
        return f"the database cannot be read: {sentence(error)}"
    return f"table={table!r} cannot be read: {sentence(error)}"


def _with_rows(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    if not len(next(iter(columns.values()), ())):
        raise ValueError("the table has no rows; give at least one run")
    return columns
