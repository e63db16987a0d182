"""Tables in files: text, JSON, Parquet, Excel or databases, detected from the content."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from farseer_jax.tables.decimal_commas import with_decimal_commas
from farseer_jax.tables.delimited import (
    Dialect,
    dialect_of,
    num_titles,
    read_delimited,
    white_space_fields,
)
from farseer_jax.tables.frames import columns_of_frame
from farseer_jax.tables.raw_files import (
    HEAD_BYTES,
    STANDARD_INPUT,
    ZIP,
    as_utf8,
    decompressed,
    on_disk,
    temporary,
)

_EXCEL: Final = (ZIP, b"\xd0\xcf\x11\xe0")
_BLANKS: Final = re.compile(r"^[ \t]+$", re.MULTILINE)
_HEAD_ROWS: Final = 50
_DUCKDB: Final = b"DUCK"  # from byte 8 on


def read_file(path: Path, table: str | None = None) -> dict[str, NDArray[Any]]:
    """The columns of a file, or of standard input.

    Args:
        path: the file; ``-`` is standard input.
        table: sheet of an Excel file, table of a database, or a query in SQL.

    Raises:
        OSError, ValueError: the file cannot be read; the message names it.
    """
    name = "standard input" if str(path) == STANDARD_INPUT else str(path)
    try:
        with on_disk(path) as file, decompressed(file) as plain:
            return _read(plain, table)
    except (ValueError, EOFError) as error:
        first = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{name}: {first}") from None


def _read(file: Path, table: str | None) -> dict[str, NDArray[Any]]:
    """The columns of a file that is not compressed."""
    with file.open("rb") as stream:
        head = stream.read(16)
    if head[8:12] == _DUCKDB or head.startswith((b"PAR1", b"SQLite format 3")):
        from farseer_jax.tables import database_files as read

        if head.startswith(b"PAR1"):
            return read.read_parquet(file)
        return (read.read_duckdb if head[8:12] == _DUCKDB else read.read_sqlite)(file, table)
    if head.startswith(_EXCEL):
        return _read_excel(file, table)
    if table is not None:
        raise ValueError(
            "table= names a sheet of an Excel file or a table of a database; this file has neither"
        )
    with as_utf8(file) as text:
        return _read_text(text)


def _read_text(file: Path) -> dict[str, NDArray[Any]]:
    """The columns of a file in UTF-8: JSON if it begins like that, else delimited text."""
    with file.open(encoding="utf-8", newline="") as stream:
        head = stream.read(HEAD_BYTES)
        whole = not stream.read(1)
    start = head.lstrip()
    if not start and whole:
        raise ValueError("the file is empty")
    if start[:1] in ("{", "["):
        from farseer_jax.tables.json_tables import read_json

        return read_json(file)
    dialect = dialect_of(head)
    mixed_ends = 0 < head.count("\r\n") < head.count("\n")
    if not (dialect.delimiter == " " or dialect.comments or mixed_ends or _BLANKS.search(head)):
        try:
            return _read_delimited(file, dialect)
        except ValueError:  # it may have comments or blank lines further below
            pass
    with temporary() as path:
        _copy_cleaned(file, path, dialect.delimiter)
        delimiter = "\t" if dialect.delimiter == " " else dialect.delimiter
        return _read_delimited(path, dialect._replace(delimiter=delimiter))


def _read_delimited(file: Path, dialect: Dialect) -> dict[str, NDArray[Any]]:
    found = read_delimited(file, dialect)
    if not len(next(iter(found.values()), ())):
        raise ValueError(
            "the table has no rows, only a header; give at least one run"
            + (" (lines that begin with # are comments)" if dialect.comments else "")
        )
    return with_decimal_commas(
        found,
        lambda: read_delimited(file, dialect, as_text=True),
        expected=dialect.delimiter == ";",
    )


def _copy_cleaned(source: Path, target: Path, delimiter: str) -> None:
    """Copy a table with comments as empty lines, so that lines keep their numbers.

    White space between fields becomes a tab, and all lines end alike.
    """
    in_quotes = False
    with source.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as copy:
        for line in lines:
            kept = line.rstrip("\n")
            if not in_quotes and (kept.startswith("#") or not kept.strip()):
                kept = ""
            in_quotes ^= bool(kept.count('"') % 2)
            copy.write("\t".join(white_space_fields(kept)) if delimiter == " " else kept)
            copy.write("\n")


def _read_excel(file: Path, sheet: str | None) -> dict[str, NDArray[Any]]:
    """A sheet of an Excel file: the only one that is not empty, or the one that is named."""
    import pandas as pd

    try:
        with pd.ExcelFile(file, engine="calamine") as book:
            sheets = {name: _sheet(book, name) for name in book.sheet_names}
    except ImportError:
        raise ValueError(
            "reading Excel files needs another package: pip install 'farseer-jax[excel]', or save "
            "the sheet as CSV"
        ) from None
    except Exception as error:  # calamine raises its own error types
        raise ValueError(f"cannot be read as an Excel file: {error}") from None
    filled = {str(name): own for name, own in sheets.items() if len(own)}
    if sheet is None and len(filled) == 1:
        return columns_of_frame(next(iter(filled.values())))
    if sheet in filled:
        return columns_of_frame(filled[sheet])
    if not filled:
        raise ValueError("the file has no sheet with rows below a header; give at least one run")
    what = "has the sheets" if sheet is None else f"has no sheet {sheet!r} with rows; it has"
    raise ValueError(f'the file {what} {", ".join(filled)}: name one, table="{next(iter(filled))}"')


def _sheet(book: Any, name: str | int) -> Any:
    """A sheet as a table of pandas, whose names stand below a title and empty rows."""
    import pandas as pd

    head = pd.read_excel(book, sheet_name=name, header=None, nrows=_HEAD_ROWS)
    rows = head.astype(object).where(head.notna(), "").astype(str).to_numpy().tolist()
    filled = [at for at, row in enumerate(rows) if any(row)]
    above = filled[num_titles(rows[at] for at in filled)] if filled else 0
    return pd.read_excel(book, sheet_name=name, skiprows=above)
