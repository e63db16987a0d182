"""Tables of delimited text: any delimiter, comments, quotes; read by DuckDB."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.column_names import distinct_names
from farseer_jax.tables.database import file_literal, file_reader, literal, plain, sentence
from farseer_jax.tables.number_texts import number_of

_DELIMITERS: Final = (",", ";", "\t", "|")
_MISSING: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A")
_FLAGS: Final = {"true": True, "false": False}
_HEAD_LINES: Final = 50
_MAX_LINE_BYTES: Final = 1 << 24
_MAX_TEXT_SHOWN: Final = 80
_BAD_LINE: Final = re.compile(
    r"CSV Error on Line: (\d+)\s+Original Line: ?(.*?)\s*\n(.*)", re.DOTALL
)
_RAGGED: Final = "Expected Number of Columns"
_TOLD: Final = re.compile(r"sep=(.)")  # by Excel
_COMMENT: Final = re.compile(r"#+\s*")
_SPACED: Final = re.compile(r'"(?:[^"]|"")*"|\S+')


class Dialect(NamedTuple):
    """How a table of text is written.

    Attributes:
        delimiter: between fields; a space for any white space.
        names: of the columns.
        skip: lines before the first row.
        comments: whether some of the first lines are comments.
    """

    delimiter: str
    names: list[str]
    skip: int
    comments: bool = False


def dialect_of(head: str) -> Dialect:
    r"""The dialect of a table, by its first lines.

    A title above the names, and names that ``numpy.savetxt`` writes as a comment, are recognised;
    columns without names are numbered.

    Args:
        head: the beginning of a file; its last line may be incomplete.

    Example:
        >>> dialect_of("# of 2024\nparams;loss\n1;3,4\n")
        Dialect(delimiter=';', names=['params', 'loss'], skip=2, comments=True)
    """
    lines = re.split(r"\r\n|\r|\n", head)
    told = _TOLD.fullmatch(lines[0])
    own = [
        at
        for at, line in enumerate(lines)
        if line.strip() and not line.startswith("#") and not (told and at == 0)
    ]
    has_comments = any(line.startswith("#") for line in lines)
    if not own:
        return Dialect(",", [], 0, has_comments)
    delimiter = told[1] if told else _delimiter([lines[at] for at in own[:_HEAD_LINES]])
    own = own[num_titles(_fields([lines[at]], delimiter)[0] for at in own) :]
    names, num_lines = _fields([lines[at] for at in own], delimiter)
    below = _fields([lines[at] for at in own[num_lines:]], delimiter)[0]
    skip = own[0] + num_lines
    if not _are_names(names, below):
        skip = own[0]
        above = [line for line in lines[:skip] if line.startswith("#")]
        commented = _commented(above[-1], delimiter) if above else []
        numbered = [str(at) for at in range(len(names))]
        names = commented if len(commented) == len(names) else numbered
    names = [name or f"column_{at}" for at, name in enumerate(names)]
    return Dialect(delimiter, distinct_names(names), skip, has_comments)


def read_delimited(
    path: Path, dialect: Dialect, *, as_text: bool = False
) -> dict[str, NDArray[Any]]:
    """The columns of a table of text in UTF-8, without comments, with the names in its dialect.

    A column holds whole numbers, floats, or True and False if all its values are such, else text.

    Args:
        path: the file.
        dialect: of the file.
        as_text: whether all columns are read as text.

    Raises:
        ValueError: a line has more or fewer fields than there are names, or is too long.
    """
    import duckdb

    how = (
        f"delim={literal(dialect.delimiter)}, quote='\"', escape='\"', comment='', header=false, "
        f"skip={dialect.skip}, null_padding=false, strict_mode=true, "
        f"hive_partitioning=false, maximum_line_size={_MAX_LINE_BYTES}, "
        f"nullstr=[{', '.join(map(literal, _MISSING))}]"
    )
    own = [f"c{at}" for at in range(len(dialect.names))]  # DuckDB's names ignore case
    typed = (
        f"names=[{', '.join(map(literal, own))}], sample_size=-1, "
        "auto_type_candidates=['BIGINT', 'DOUBLE', 'VARCHAR']"
    )
    texts = f"auto_detect=false, columns={{{', '.join(f'{name}: VARCHAR' for name in own)}}}"
    texts = texts.replace("VARCHAR", "'VARCHAR'")
    message = _RAGGED  # a query that reads more columns than there are names does not fail
    with file_reader(path) as connection:
        for columns in (texts,) if as_text else (typed, texts):
            try:
                query = f"FROM read_csv({file_literal(path)}, {how}, {columns})"
                found = [
                    plain(values) for values in connection.execute(query).fetchnumpy().values()
                ]
            except duckdb.Error as error:
                message = str(error)  # with all columns as text it says which line is wrong
                continue
            if not any(map(_has_values, found[len(own) :])):
                found = found if as_text else [*map(_flags, found)]
                return dict(zip(dialect.names, found, strict=False))
    raise ValueError(_ragged_line(path, dialect) if _RAGGED in message else _bad_line(message))


def white_space_fields(line: str) -> list[str]:
    """The fields of a line with white space between them; in quotes they may have some.

    Example:
        >>> white_space_fields(' a  "b c" 1')
        ['a', '"b c"', '1']
    """
    return _SPACED.findall(line)


def _has_values(values: NDArray[Any]) -> bool:
    return values.dtype.kind != "O" or any(value is not None for value in values)


def _flags(values: NDArray[Any]) -> NDArray[Any]:
    """A column of True and False as such, also with missing values."""
    if values.dtype.kind != "O" or not len(values):
        return values
    read = [
        _FLAGS.get(value.lower()) if value is not None else None for value in values[:_HEAD_LINES]
    ]
    if None in [r for r, v in zip(read, values, strict=False) if v is not None] or set(read) == {
        None
    }:
        return values
    found = {value: _FLAGS.get(value.lower()) for value in {*values.tolist()} - {None}}
    if None in found.values():
        return values
    flags = [found.get(value) for value in values.tolist()]
    return np.array(flags, dtype=object if None in flags else bool)


def _bad_line(message: str) -> str:
    """The message on a line, or a file, that cannot be read."""
    found = _BAD_LINE.search(message)
    if found is None:
        return sentence(ValueError(message))
    line, text, reason = found.groups()
    shown = _shown(text)
    if "unterminated quote" in reason:
        return (
            f"line {line} has a quote that is not closed, or text after a closing quote: {shown}; "
            "correct it"
        )
    if "Maximum line size" in reason:
        return f"line {line} is longer than {_MAX_LINE_BYTES >> 20} MB; correct it"
    return f"line {line} cannot be read: {shown}"


def _ragged_line(path: Path, dialect: Dialect) -> str:
    """The message on the first line with more or fewer fields than there are names."""
    expected = len(dialect.names)
    with path.open(encoding="utf-8", newline="") as lines:
        for _ in range(dialect.skip):
            next(lines, "")
        rows = csv.reader(lines, delimiter=dialect.delimiter)
        for row in rows:
            if row and len(row) != expected:
                line = dialect.skip + rows.line_num - "".join(row).count("\n")
                return (
                    f"line {line} has {len(row)} field{'s'[: len(row) != 1]} where the header has "
                    f"{expected}: {_shown(dialect.delimiter.join(row))}; correct it, or quote "
                    "fields that hold the delimiter"
                )
    return "some lines have more or fewer fields than the header; correct them"


def _shown(text: str) -> str:
    """The beginning of a line, for a message."""
    text = " ".join(text.split())
    return f"{text[:_MAX_TEXT_SHOWN]!r}{'…'[: len(text) > _MAX_TEXT_SHOWN]}"


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter with which most lines have the same number of fields; a space for any."""
    complete = lines[:-1] if len(lines) > 2 else lines  # the last may be cut off
    best, highest = ",", (0.0, 1)
    for candidate in _DELIMITERS:
        counts = [len(fields) for fields in csv.reader(complete, delimiter=candidate) if fields]
        score = _agreement(counts)
        if score > highest:
            best, highest = candidate, score
    if highest[0]:
        return best
    words = [len(white_space_fields(line)) for line in complete]
    return " " if _agreement(words)[0] and words[0] == Counter(words).most_common(1)[0][0] else ","


def _agreement(counts: Sequence[int]) -> tuple[float, int]:
    """The share of the lines with the commonest number of fields, and this number."""
    most, lines = Counter(counts).most_common(1)[0]
    share = lines / len(counts)
    return (share, most) if most > 1 and share >= 0.5 else (0.0, 1)


def _fields(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    """The fields of the first row, and the number of its lines: a quoted field may have breaks."""
    if not lines:
        return [], 0
    if delimiter == " ":
        return [field.strip('"') for field in white_space_fields(lines[0])], 1
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    return [field.strip() for field in next(reader)], reader.line_num


def _commented(line: str, delimiter: str) -> list[str]:
    """The fields of a comment; its sign may itself be the name of the first."""
    first, *others = _fields([_COMMENT.sub("", line, count=1)], delimiter)[0]
    return [first or "#", *others]


def num_titles(rows: Iterable[Sequence[str]]) -> int:
    """How many rows stand above the names of columns, with a text in the first cell only.

    Example:
        >>> num_titles([["Runs of March", ""], ["by hand", ""], ["N", "loss"], ["1e8", "3.4"]])
        2
    """
    for at, row in enumerate(rows):
        if sum(map(bool, row)) != 1 or not row[0]:
            return 0 if sum(map(bool, row)) < 2 or any(map(_is_number, row)) else at
    return 0


def _are_names(first: Sequence[str], below: Sequence[str]) -> bool:
    """Whether the first row has the names of columns, and not values as the row below it."""
    numbered = [str(at) for at in range(len(first))]  # by pandas, with an index or without
    if not any(map(_is_number, first)) or [*first] in (numbered, ["", *numbered[:-1]]):
        return True
    return any(
        name and not _is_number(name) and _is_number(value)
        for name, value in zip(first, below, strict=False)
    )


def _is_number(text: str) -> bool:
    return any(number_of(text, comma) is not None for comma in (False, True))
