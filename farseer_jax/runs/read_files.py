"""Reading runs from a file: CSV, TSV, JSON lines or Parquet."""

from __future__ import annotations

import codecs
import io
import itertools
import json
from collections.abc import Callable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, Final

from numpy.typing import NDArray

from farseer_jax.runs.columns import copied, table_columns
from farseer_jax.runs.runs import Runs

MAX_ROWS: Final = 1_000_000

_MAX_LINE_BYTES: Final = 1 << 24
_HEAD_BYTES: Final = 1 << 16
_BOM: Final = codecs.BOM_UTF8
_COMPRESSIONS: Final = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd", ".lz4": "lz4"}


def read_runs(
    path: str | PathLike[str],
    *,
    N: str | None = None,
    D: str | None = None,
    loss: str | None = None,
    N_unit: float | None = None,
    D_unit: float | None = None,
    **options: Any,
) -> Runs:
    r"""Read training runs from a file, one row per run.

    The suffix determines the format: ``.csv``, ``.tsv``, ``.jsonl`` or ``.ndjson`` (one JSON object
    per line), each also compressed (``.csv.gz``, ``.bz2``, ``.zst``, ``.lz4``), or ``.parquet``.
    Text is UTF-8, with or without a byte order mark. At most 1,000,000 rows are read.

    Args:
        path: the file.
        N: the column with the number of parameters; None finds it by its name.
        D: the column with the number of training tokens; None finds it by its name.
        loss: the column with the loss; None finds it by its name.
        N_unit: parameters per unit of the column N (1e9 for billions); see `Runs`.
        D_unit: tokens per unit of the column D; see `Runs`.
        **options: ``inputs``, ``columns_of``, ``response``, ``link``, ``weights``,
            ``standard_error`` and ``copies`` of `Runs.from_dataframe`.

    Returns:
        The runs. All other columns are in ``extra``.

    Raises:
        FileNotFoundError: there is no such file.
        IsADirectoryError: the path is a directory.
        PermissionError: the file cannot be read.
        ValueError: the file is empty, malformed, too long or not in the format of its suffix, or
            its columns are invalid (see `Runs.from_dataframe`). Every message names the file.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "runs.csv")
        ...     _ = path.write_text("params,tokens,loss\n1e8,1e9,3.6\n4e8,2e9,3.1\n")
        ...     print(read_runs(path))
        runs  2
        N     2 sizes, 1e8 to 4e8
        D     1e9 to 2e9
        loss  3.1 to 3.6
    """
    table = read_table(path := Path(path))
    try:
        return Runs.from_dataframe(table, N, D, loss, N_unit, D_unit, **options)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_table(path: str | PathLike[str]) -> dict[str, NDArray[Any]]:
    """Read the columns of a file, which need not be runs, as :func:`read_runs` does.

    Args:
        path: the file.

    Returns:
        The columns by name; missing numbers are NaN.

    Raises:
        OSError, ValueError: as for :func:`read_runs`.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "points.jsonl")
        ...     _ = path.write_text('{"N": 1e9, "D": 2e10}')
        ...     read_table(path)
        {'N': array([1.e+09]), 'D': array([2.e+10])}
    """
    path = Path(path)
    _refuse_no_file(path)
    table = _table(path)
    if isinstance(table, dict):
        return {name: copied(values) for name, values in table.items()}
    try:
        return table_columns(table)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def _refuse_no_file(path: Path) -> None:
    """Refuse what cannot be opened as a file."""
    try:
        if path.is_dir():
            raise IsADirectoryError(f"{path}: is a directory; give the path of a file")
        if not path.exists():
            raise FileNotFoundError(f"{path}: no such file")
        if not path.is_file():
            raise ValueError(f"{path}: not a regular file; write the runs to a file first")
        path.open("rb").close()
    except PermissionError:
        raise PermissionError(f"{path}: permission to read it was denied") from None


def _table(path: Path) -> Any:
    """The columns of a file; errors of libraries become one line with the path."""
    import pyarrow as pa  # not at the top: most uses of the package do not read a file

    read = _reader(path)
    if not path.stat().st_size:
        raise ValueError(f"{path}: the file is empty")
    try:
        return read(path)
    except (pa.ArrowException, OSError, EOFError, UnicodeDecodeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: cannot be read in the format of its suffix: {reason}") from None


def _reader(path: Path) -> Callable[[Path], Any]:
    """The function that reads files of this suffix."""
    readers = {
        ".csv": lambda path: _read_delimited(path, ","),
        ".tsv": lambda path: _read_delimited(path, "\t"),
        ".jsonl": _read_json_lines,
        ".ndjson": _read_json_lines,
    }
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] == ".parquet":
        return _read_parquet
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    if suffixes and suffixes[-1] in readers:
        return readers[suffixes[-1]]
    raise ValueError(
        f"{path}: unknown suffix {path.suffix!r}; runs are read from .csv, .tsv, .jsonl, .ndjson "
        f"(each also with .gz, .bz2, .zst or .lz4 after it) and .parquet"
    )


def _read_delimited(path: Path, delimiter: str) -> Any:
    """A CSV or TSV file as a pyarrow table.

    Two passes: the first reads one block at a time, so that a file that is too long is refused in
    little memory; the second infers the type of each column from all rows, where pyarrow's
    streaming reader uses only the first block.
    """
    import pyarrow as pa
    from pyarrow import csv

    head = _text_head(path)
    if len(head.strip().splitlines()) == 1 and len(head) < _HEAD_BYTES:
        raise ValueError(f"{path}: the table has no rows, only a header; give at least one run")
    bad_rows = _BadRows(path)
    serial = csv.ReadOptions(use_threads=False)  # threads would lose the row numbers
    parse = csv.ParseOptions(
        delimiter=delimiter, newlines_in_values=True, invalid_row_handler=bad_rows
    )
    try:
        with _opened(path) as stream:
            names = csv.open_csv(stream, serial, parse).schema.names
        bad_rows.num_blank = 0
        texts = csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()))
        with _opened(path) as stream:
            num_rows = 0
            for batch in csv.open_csv(stream, serial, parse, texts):
                num_rows += batch.num_rows
                _refuse_too_long(path, num_rows)
        with _opened(path) as stream:
            return csv.read_csv(stream, serial, parse)
    except pa.ArrowInvalid:
        if bad_rows.message:
            raise ValueError(bad_rows.message) from None
        raise


class _BadRows:
    """Skips blank lines of a CSV file, and keeps the message about a malformed row."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_blank = 0
        self.message: str | None = None

    def __call__(self, row: Any) -> str:
        if not row.text.strip():
            self.num_blank += 1
            return "skip"
        position = row.number - 2 - self.num_blank  # pyarrow counts from 1, including the header
        self.message = (
            f"{self.path}: row {position} has {row.actual_columns} fields where the header has "
            f"{row.expected_columns}: {row.text[:80]!r}; correct it, or quote fields that hold "
            f"the delimiter (rows are counted from 0, without the header)"
        )
        return "error"


def _read_parquet(path: Path) -> Any:
    """A Parquet file as a pyarrow table."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        _refuse_too_long(path, file.metadata.num_rows)
        return file.read()


def _read_json_lines(path: Path) -> dict[str, list[Any]]:
    """A file of one JSON object per line, as columns; None where an object lacks a key.

    Read by the standard library, not pyarrow.json, which fixes each column's type by the first
    block, refuses the NaN that Python and pandas write, and does not report the malformed line.
    """
    _text_head(path)
    with _opened(path) as stream:
        for number, _ in enumerate(_json_lines(path, stream), start=1):
            _refuse_too_long(path, number)
    columns: dict[str, list[Any]] = {}
    with _opened(path) as stream:
        for row, (number, line) in enumerate(_json_lines(path, stream)):
            record = _json_object(path, number, line)
            for name in record:
                columns.setdefault(name, [None] * row)
            for name, values in columns.items():
                values.append(record.get(name))
    return columns


def _json_lines(path: Path, stream: io.BufferedReader) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, numbered from 1."""
    for number in itertools.count(1):
        line = stream.readline(_MAX_LINE_BYTES)
        if not line:
            return
        if len(line) == _MAX_LINE_BYTES:
            raise ValueError(
                f"{path}: line {number} is longer than 16 MB; each line must be one run"
            )
        if line.strip():
            yield number, line.removeprefix(_BOM) if number == 1 else line


def _json_object(path: Path, number: int, line: bytes) -> dict[str, Any]:
    """One line as a JSON object."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(
            f"{path}: line {number} is not JSON: {error.msg} at column {error.colno}"
        ) from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: line {number} cannot be read as JSON: {error}") from None
    if not isinstance(record, dict):
        raise ValueError(
            f"{path}: line {number} is not a JSON object; each line must be one run, such as "
            f'{{"N": 1e8, "D": 2e9, "loss": 3.4}}'
        )
    return record


def _text_head(path: Path) -> bytes:
    """The beginning of a text file, which must be UTF-8."""
    with _opened(path) as stream:
        head = stream.read(_HEAD_BYTES)
    if not head.removeprefix(_BOM).strip():
        raise ValueError(f"{path}: the file is empty")
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(head)  # may end within a character
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: is not UTF-8 text (byte {error.start}); save it as UTF-8, or give the file "
            f"the suffix of its format"
        ) from None
    if "\0" in text:
        raise ValueError(f"{path}: is a binary file; give it the suffix of its format")
    return head


def _refuse_too_long(path: Path, num_rows: int) -> None:
    """Refuse a file with more rows than any table of training runs has."""
    if num_rows > MAX_ROWS:
        raise ValueError(
            f"{path}: has more than {MAX_ROWS:,} rows; each row must be one training run (its "
            f"final loss, not its loss curve): select or aggregate the rows first"
        )


def _opened(path: Path) -> io.BufferedReader:
    """Open a file for reading bytes, decompressed according to its suffix."""
    import pyarrow as pa

    compression = _COMPRESSIONS.get(path.suffix.lower())
    return io.BufferedReader(pa.input_stream(str(path), compression=compression))
