"""Tables in files, whose content tells the format: text, JSON, Parquet, Excel, databases."""

from __future__ import annotations

import codecs
import json
import re
import shutil
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.database import database, fetched, literal, quoted, sentence
from farseer_jax.tables.delimited import dialect_of, read_delimited
from farseer_jax.tables.frames import columns_of_frame, columns_of_records
from farseer_jax.tables.number_texts import numbers_of

Found = dict[str, NDArray[Any]]

STANDARD_INPUT: Final = "-"
_HEAD_BYTES: Final = 1 << 16
_ENCODINGS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_COMPRESSIONS: Final = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bz2",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
}
_BLANKS: Final = re.compile(r"^[ \t]+$", re.MULTILINE)
_DUCKDB_MAGIC: Final = b"DUCK"  # from byte 8 on


def read_file(path: Path, table: str | None = None) -> Found:
    """The columns of a file, or of what standard input holds.

    Args:
        path: the file; ``-`` is standard input.
        table: sheet of an Excel file, table of a database, or a query in SQL.

    Raises:
        OSError, ValueError: the file cannot be read; the message names it.
    """
    name = "standard input" if str(path) == STANDARD_INPUT else str(path)
    try:
        with _on_disk(path) as file, _decompressed(file) as plain:
            return _read(plain, table)
    except (ValueError, EOFError, UnicodeError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{name}: {first}") from None


def _read(file: Path, table: str | None) -> Found:
    """The columns of a file that is not compressed."""
    with file.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    if not head.strip():
        raise ValueError("the file is empty")
    if head.startswith(b"PAR1"):
        return _read_parquet(file)
    if head.startswith(b"SQLite format 3"):
        return _read_sqlite(file, table)
    if head[8:12] == _DUCKDB_MAGIC:
        return _read_duckdb(file, table)
    if head.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _read_excel(file, table)
    if table is not None:
        raise ValueError("table= names a sheet of an Excel file or a table of a database only")
    with _as_utf8(file, head) as text:
        return _read_text(text)


def _read_text(file: Path) -> Found:
    """The columns of a file in UTF-8: JSON if it begins like that, else delimited text."""
    with file.open(encoding="utf-8") as stream:
        head = stream.read(_HEAD_BYTES)
    if head.lstrip()[:1] in ("{", "["):
        return _read_json(file)
    dialect = dialect_of(head)
    if dialect.delimiter == " " or dialect.comments or _BLANKS.search(head):
        with _temporary() as path:
            _copy_without_comments(file, path, dialect.delimiter)
            delimiter = "\t" if dialect.delimiter == " " else dialect.delimiter
            found = read_delimited(path, dialect._replace(delimiter=delimiter))
    else:
        found = read_delimited(file, dialect)
    if not len(next(iter(found.values()), ())):
        raise ValueError("the table has no rows, only a header; give at least one run")
    return _with_decimal_commas(found) if dialect.delimiter == ";" else found


def _with_decimal_commas(columns: Found) -> Found:
    """The columns of a table with semicolons, whose commas mark decimals unless points do."""
    if any(_has_fractions(values) for values in columns.values()):
        return columns
    read = {name: _as_decimal_commas(values) for name, values in columns.items()}
    return {name: columns[name] if own is None else own for name, own in read.items()}


def _has_fractions(values: NDArray[Any]) -> bool:
    if values.dtype.kind != "f":
        return False
    finite = values[np.isfinite(values)]
    return bool((finite != np.floor(finite)).any())


def _as_decimal_commas(values: NDArray[Any]) -> NDArray[Any] | None:
    if values.dtype.kind != "O" or not any("," in str(value) for value in values):
        return None
    found = numbers_of(values, decimal_comma=True)
    return None if len(found.not_numbers) else found.numbers


def _copy_without_comments(source: Path, target: Path, delimiter: str) -> None:
    """Copy a table with comments as empty lines, so that lines keep their numbers.

    White space between fields becomes a tab.
    """
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as copy:
        for line in lines:
            kept = "" if line.startswith("#") else line.rstrip("\n")
            copy.write(
                "\t".join(kept.split()) if delimiter == " " else kept if kept.strip() else ""
            )
            copy.write("\n")


def _read_json(file: Path) -> Found:
    """JSON: an array of objects, an object of columns, or an object per line."""
    text = file.read_text(encoding="utf-8")
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        first = text.lstrip().partition("\n")[0].strip()
        if not (first.startswith("{") and first.endswith("}")):
            raise ValueError(
                f"line {error.lineno} is not JSON: {error.msg} at column {error.colno}"
            ) from None
        return _columns_of_objects([*_json_lines(text)])
    except RecursionError as error:
        raise ValueError(f"cannot be read as JSON: {error}") from None
    if isinstance(content, list):
        return _columns_of_objects([*enumerate(content, start=1)])
    lists = all(isinstance(values, list) for values in content.values())
    if content and lists and len({len(values) for values in content.values()}) == 1:
        return columns_of_frame(content)
    if content and all(isinstance(values, dict) for values in content.values()):
        import pandas as pd  # {"N": {"0": 1e8, …}, …}, as pandas writes it by default

        return columns_of_frame(pd.DataFrame(content))
    return _columns_of_objects([(1, content)])


def _json_lines(text: str) -> Iterator[tuple[int, Any]]:
    """The objects of the lines that are not blank, with the numbers of the lines."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"line {number} is not JSON: {error.msg} at column {error.colno}"
            ) from None


def _columns_of_objects(records: list[tuple[int, Any]]) -> Found:
    for number, record in records:
        if not isinstance(record, dict):
            raise ValueError(
                f"object {number} is not a JSON object; each must be one run, such as "
                '{"N": 1e8, "D": 2e9, "loss": 3.4}'
            )
    if not records:
        raise ValueError("the table has no rows; give at least one run")
    return columns_of_records([record for _, record in records])


def _read_parquet(file: Path) -> Found:
    import duckdb

    with database() as connection:
        try:
            return fetched(connection, f"FROM read_parquet({literal(str(file))})")
        except duckdb.Error as error:
            raise ValueError(f"cannot be read as Parquet: {sentence(error)}") from None


def _read_duckdb(file: Path, table: str | None) -> Found:
    import duckdb

    try:
        with database(str(file)) as connection:
            names = [
                name for (name,) in connection.execute("SELECT name FROM (SHOW TABLES)").fetchall()
            ]
            return fetched(connection, _query(table, names))
    except duckdb.Error as error:
        raise ValueError(sentence(error)) from None


def _read_sqlite(file: Path, table: str | None) -> Found:
    import sqlite3

    import pandas as pd

    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        listed = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
        names = [name for (name,) in connection.execute(listed).fetchall()]
        return columns_of_frame(pd.read_sql_query(_query(table, names), connection))
    except (sqlite3.Error, pd.errors.DatabaseError) as error:
        raise ValueError(sentence(error)) from None
    finally:
        connection.close()


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


def _read_excel(file: Path, sheet: str | None) -> Found:
    """A sheet of an Excel file: the only one that is not empty, or the one that is named."""
    import pandas as pd

    try:
        sheets = pd.read_excel(file, sheet_name=None, engine="calamine")
    except ImportError:
        raise ValueError(
            "reading Excel files needs another package: pip install 'farseer-jax[excel]', or save "
            "the sheet as CSV"
        ) from None
    except Exception as error:  # calamine has errors of its own
        raise ValueError(f"cannot be read as an Excel file: {error}") from None
    filled = {str(name): own for name, own in sheets.items() if len(own)}
    if sheet is None and len(filled) == 1:
        return columns_of_frame(next(iter(filled.values())))
    if sheet in filled:
        return columns_of_frame(filled[sheet])
    listed = ", ".join(filled) or "none"
    what = "has the sheets" if sheet is None else f"has no sheet {sheet!r} with rows; it has"
    raise ValueError(f'the file {what} {listed}: name one, table="{next(iter(filled), "Sheet1")}"')


@contextmanager
def _on_disk(path: Path) -> Iterator[Path]:
    """The file itself; for standard input, a temporary file with its content."""
    if str(path) != STANDARD_INPUT:
        refuse_no_file(path)
        yield path
        return
    with _temporary() as copy:
        with copy.open("wb") as target:
            shutil.copyfileobj(sys.stdin.buffer, target)
        yield copy


def refuse_no_file(path: Path) -> None:
    """Refuse what cannot be opened as a file.

    Raises:
        OSError, ValueError: there is no such file, or it cannot be read.
    """
    try:
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if not path.is_file():
            raise ValueError("not a regular file; write the runs to a file first")
        path.open("rb").close()
    except PermissionError:
        raise PermissionError(f"{path}: permission to read it was denied") from None


@contextmanager
def _decompressed(file: Path) -> Iterator[Path]:
    """The file itself; if it is compressed, a temporary file with its content."""
    with file.open("rb") as stream:
        head = stream.read(8)
    compression = next((own for mark, own in _COMPRESSIONS.items() if head.startswith(mark)), None)
    name = _zipped_name(file) if head.startswith(b"PK\x03\x04") else None
    if compression is None and name is None:
        yield file
        return
    with _temporary() as copy:
        with copy.open("wb") as target:
            _decompress(file, name, compression, target)
        yield copy


def _decompress(file: Path, name: str | None, compression: str | None, target: IO[bytes]) -> None:
    """Copy what a compressed file, or a file of a zip archive, holds."""
    import pyarrow as pa

    try:
        if name is not None:
            with zipfile.ZipFile(file) as archive, archive.open(name) as member:
                shutil.copyfileobj(member, target)
        else:
            with pa.input_stream(str(file), compression=compression) as source:
                shutil.copyfileobj(source, target)
    except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, zlib.error) as error:
        raise ValueError(f"cannot be decompressed: {error}") from None


def _zipped_name(file: Path) -> str | None:
    """The single file of a zip archive; None for Excel, whose files are archives too.

    Raises:
        ValueError: the archive has several files.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
    except zipfile.BadZipFile as error:
        raise ValueError(f"cannot be decompressed: {error}") from None
    if "[Content_Types].xml" in names or "mimetype" in names:
        return None
    names = [name for name in names if not name.startswith("__MACOSX/")]
    if len(names) != 1:
        raise ValueError(
            f"the archive has {len(names)} files ({', '.join(names[:6])}): unpack it and name one"
        )
    return names[0]


@contextmanager
def _as_utf8(file: Path, head: bytes) -> Iterator[Path]:
    """The file itself if it is UTF-8, else a temporary file in UTF-8.

    Text without a byte order mark that is not UTF-8 is read as Windows-1252, as Excel writes it.
    """
    encoding = next((name for mark, name in _ENCODINGS if head.startswith(mark)), None)
    if encoding is None and _is_utf8(file):
        yield file
        return
    if encoding is None and b"\0" in head:
        raise ValueError("is a binary file of an unknown format")
    with _temporary() as copy:
        with (
            file.open(encoding=encoding or "cp1252", newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as target,
        ):
            shutil.copyfileobj(source, target)
        yield copy


def _is_utf8(file: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    with file.open("rb") as stream:
        try:
            while block := stream.read(1 << 20):
                if "\0" in decoder.decode(block):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


@contextmanager
def _temporary() -> Iterator[Path]:
    """A path of a file that is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="farseer_jax-") as folder:
        yield Path(folder, "table")
