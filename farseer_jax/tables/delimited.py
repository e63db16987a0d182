"""Tables of delimited text: any delimiter, comments, quotes; read by DuckDB."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from numpy.typing import NDArray

from farseer_jax.tables.column_names import distinct_names
from farseer_jax.tables.database import database, fetched, literal, sentence
from farseer_jax.tables.number_texts import number_of

_DELIMITERS: Final = (",", ";", "\t", "|")
_MISSING: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A")
_HEAD_LINES: Final = 50
_MAX_LINE_BYTES: Final = 1 << 24
_BAD_LINE: Final = re.compile(
    r"CSV Error on Line: (\d+)\s+Original Line: (.*?)\s*\n.*?Expected Number of Columns: (\d+) "
    r"Found: (\d+)",
    re.DOTALL,
)


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

    Args:
        head: the beginning of a file; its last line may be incomplete.

    Example:
        >>> dialect_of("# of 2024\nparams;loss\n1;3,4\n")
        Dialect(delimiter=';', names=['params', 'loss'], skip=2, comments=True)
    """
    lines = head.splitlines()
    told = re.fullmatch(r"sep=(.)", lines[0].strip()) if lines else None  # of Excel
    start = 1 if told else 0
    comments = [line for line in lines[start:] if line.startswith("#")]
    while start < len(lines) and (not lines[start].strip() or lines[start].startswith("#")):
        start += 1
    own = [line for line in lines[start:] if line.strip() and not line.startswith("#")]
    if not own:  # all lines begin with #: the names may do so too
        return (
            dialect_of("\n".join(line.lstrip("# ") for line in lines))
            if comments
            else Dialect(",", [], 0)
        )
    delimiter = told[1] if told else _delimiter(own[:_HEAD_LINES])
    names, num_lines = _fields(own, delimiter)
    if _counts(names) or not any(_is_number(name) for name in names):
        return Dialect(delimiter, _distinct(names), start + num_lines, bool(comments))
    if comments:  # numpy.savetxt writes names as a comment
        above, _ = _fields([comments[-1].lstrip("# ")], delimiter)
        if len(above) == len(names):
            return Dialect(delimiter, _distinct(above), start, True)
    return Dialect(delimiter, [str(at) for at in range(len(names))], start, bool(comments))


def read_delimited(path: Path, dialect: Dialect) -> dict[str, NDArray[Any]]:
    """The columns of a table of text in UTF-8, without comments, with the names in its dialect.

    Args:
        path: the file.
        dialect: of the file.

    Raises:
        ValueError: a line has more or fewer fields than there are names, or is too long.
    """
    import duckdb

    how = (
        f"delim={literal(dialect.delimiter)}, quote='\"', escape='\"', comment='', header=false, "
        f"skip={dialect.skip}, null_padding=false, strict_mode=true, "
        f"maximum_line_size={_MAX_LINE_BYTES}, nullstr=[{', '.join(map(literal, _MISSING))}]"
    )
    file = literal(str(path))
    names = ", ".join(map(literal, dialect.names))
    texts = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in dialect.names)
    with database() as connection:
        try:
            return fetched(
                connection, f"FROM read_csv({file}, {how}, names=[{names}], sample_size=-1)"
            )
        except duckdb.Error:  # with every column as text, it says which line is wrong
            try:
                return fetched(
                    connection,
                    f"FROM read_csv({file}, {how}, auto_detect=false, columns={{{texts}}})",
                )
            except duckdb.Error as error:
                raise ValueError(_bad_line(str(error)) or sentence(error)) from None


def _bad_line(message: str) -> str | None:
    """The sentence on a line with too many or too few fields; None for another error."""
    found = _BAD_LINE.search(message)
    if found is None:
        return None
    line, text, expected, fields = found.groups()
    has = f"{fields} field{'s'[: fields != '1']}"
    return (
        f"line {line} has {has} where the header has {expected}: {text[:80]!r}; correct it, or "
        "quote fields that hold the delimiter"
    )


def _delimiter(lines: Sequence[str]) -> str:
    """The delimiter with which most fields are the same number in every line."""
    scores = {}
    for candidate in _DELIMITERS:
        counts = [len(fields) for fields in csv.reader(lines, delimiter=candidate) if fields]
        complete = counts[:-1] if len(counts) > 2 else counts  # the last may be cut off
        same = sum(count == counts[0] for count in complete) / len(complete)
        scores[candidate] = (counts[0] > 1 and same > 0.5, counts[0])
    best = max(scores, key=lambda candidate: scores[candidate])
    if scores[best][1] > 1:
        return best
    words = {len(line.split()) for line in lines[:-1] or lines}
    return " " if len(words) == 1 and words != {1} else ","


def _fields(lines: Sequence[str], delimiter: str) -> tuple[list[str], int]:
    """The fields of the first row, and the number of its lines: a quoted field may have breaks."""
    if delimiter == " ":
        return lines[0].split(), 1
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=delimiter)
    return [field.strip() for field in next(reader)], reader.line_num


def _distinct(names: Sequence[str]) -> list[str]:
    return distinct_names([name or f"column_{at}" for at, name in enumerate(names)])


def _counts(names: Sequence[str]) -> bool:
    """Whether names count the columns from 0, as pandas names those of an array."""
    own = [name for name in names if name]
    return len(own) > 1 and own == [str(at) for at in range(len(own))]


def _is_number(text: str) -> bool:
    return bool(text) and number_of(text) is not None
