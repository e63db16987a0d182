"""Parquet files of draws: each row group has a digest, which is checked when it is read.

The whole file and its parts are alike: a header in the metadata says which bootstrap the draws
belong to, and the range and the SHA-256 of each row group.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.digest import KEY, digest_of
from farseer_jax.uncertainty.draws_table import OUTCOME, OUTCOMES, RESAMPLE, Range, schema_of

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 16_384  # per row group: the file depends on its draws, not on how they were made
_HEADER = b"farseer_jax.draws"
# Statistics are what a reader may go by without reading the draws.
_WRITING: dict[str, Any] = {"compression": "zstd", "write_statistics": False}
OF_A_PART = "remove this part, and resume"
OF_THE_WHOLE = "remove the file, and make it again: the same call gives the same draws"


class RowGroup(NamedTuple):
    """The resamples of a row group, the end excluded, and the digest of its columns."""

    start: int
    stop: int
    digest: str


@dataclass(frozen=True)
class DrawsParquet:
    """A file of draws, or a part of one.

    Attributes:
        path: the file.
        bootstrap: digest of the bootstrap that its draws must belong to.
        columns: the columns of the parameters.
        range: the resamples that a part has by its name; None for the whole file.
    """

    path: Path
    bootstrap: str
    columns: Sequence[str]
    range: Range | None = None

    def row_groups(self) -> list[RowGroup]:
        """What the header says, compared with the footer; draws are not read.

        Raises:
            ValueError: the file is damaged, or belongs to another bootstrap.
        """
        with self._opened() as file:
            return self._row_groups(file)

    def tables(self) -> "Iterator[pa.Table]":
        """The draws, one row group at a time.

        Raises:
            ValueError: the file is damaged, or belongs to another bootstrap.
        """
        with self._opened() as file:
            for place, own in enumerate(self._row_groups(file)):
                yield self._checked(file, place, own)

    def checked(self) -> "Iterator[tuple[RowGroup, pa.Table | ValueError]]":
        """Each row group, with its draws or with what is wrong with it.

        Raises:
            ValueError: the file cannot be read at all.
        """
        with self._opened() as file:
            for place, own in enumerate(self._row_groups(file)):
                try:
                    yield own, self._checked(file, place, own)
                except ValueError as error:
                    yield own, error

    @contextmanager
    def _opened(self) -> "Iterator[pq.ParquetFile]":
        with opened(self.path, self.remedy) as file:
            yield file

    def _row_groups(self, file: "pq.ParquetFile") -> list[RowGroup]:
        header = self._header(file)
        if header.get("bootstrap") != self.bootstrap:
            raise self._fault("has draws of another bootstrap")
        if difference := _difference(file.schema_arrow, schema_of(self.columns)):
            raise self._fault(difference)
        groups = self._groups_of(header)
        self._check_ranges(groups)
        rows = [file.metadata.row_group(place).num_rows for place in range(file.num_row_groups)]
        if rows != [own.stop - own.start for own in groups]:
            raise self._fault(
                f"has {sum(rows):,} draws in row groups of {_few(rows)}, but by its header "
                f"{sum(own.stop - own.start for own in groups):,}"
            )
        return groups

    def _header(self, file: "pq.ParquetFile") -> dict[str, Any]:
        text = (file.metadata.metadata or {}).get(_HEADER)
        if text is None:
            raise self._fault("has no draws header")
        try:
            header: dict[str, Any] = json.loads(text)
            is_as_written = header[KEY] == digest_of(header)
        except (ValueError, KeyError, TypeError, RecursionError):
            raise self._fault("has a damaged draws header") from None
        if not is_as_written:
            raise self._fault("has a draws header that does not match its digest")
        return header

    def _groups_of(self, header: dict[str, Any]) -> list[RowGroup]:
        try:
            groups = [RowGroup(*own) for own in header["row_groups"]]
        except (KeyError, TypeError):
            groups = None
        kinds = [int, int, str]
        if groups is None or any([*map(type, own)] != kinds for own in groups):
            raise self._fault("has a damaged draws header")
        return groups

    def _check_ranges(self, groups: Sequence[RowGroup]) -> None:
        first, last = (0, None) if self.range is None else self.range
        at = first
        for own in groups:
            if own.start != at or own.stop <= at:
                raise self._fault(
                    f"has draws {own.start} to {own.stop - 1} where {at} was expected"
                )
            at = own.stop
        if last is not None and at != last:
            raise self._fault(f"has draws {first} to {at - 1}, but by its name to {last - 1}")

    def _checked(self, file: "pq.ParquetFile", place: int, own: RowGroup) -> "pa.Table":
        import pyarrow as pa

        where = f"rows {own.start} to {own.stop - 1}: "
        try:
            table = file.read_row_group(place)
        except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
            raise self._fault(f"{where}cannot be read ({_first_line(error)})") from None
        found = table[RESAMPLE].to_numpy()
        wrong = np.flatnonzero(found != np.arange(own.start, own.stop))
        if len(wrong):
            at = own.start + wrong[0]
            raise self._fault(f"{where}expected resample {at}, got {found[wrong[0]]}")
        try:
            unknown = {*table[OUTCOME].unique().to_pylist()} - {*OUTCOMES}
        except UnicodeDecodeError:
            unknown = {"not text"}
        if unknown:
            raise self._fault(f"{where}unknown outcome {min(map(str, unknown))!r}")
        table = with_outcomes(table)
        if digest_of_draws(table, self.bootstrap) != own.digest:
            raise self._fault(f"{where}the draws do not match their digest: they were changed")
        return table

    @property
    def remedy(self) -> str:
        """What to do if it is damaged."""
        return OF_THE_WHOLE if self.range is None else OF_A_PART

    def _fault(self, what: str) -> ValueError:
        colon = "," if what.startswith("rows ") else ""
        return ValueError(f"{self.path}{colon} {what}: {self.remedy}")


@contextmanager
def opened(path: Path, remedy: str) -> "Iterator[pq.ParquetFile]":
    """A Parquet file.

    Raises:
        ValueError: it is not one.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is not a valid Parquet file ({_first_line(error)}): {remedy}"
        ) from None
    with file:
        try:
            yield file
        except UnicodeDecodeError:  # names of columns, as Arrow reads them
            raise ValueError(f"{path} has a column name that is not UTF-8: {remedy}") from None


def part_content(table: "pa.Table", bootstrap: str) -> "pa.Table":
    """A table of draws with its header, to be written in row groups of :data:`ROWS`."""
    pieces = [table.slice(at, ROWS) for at in range(0, table.num_rows, ROWS)]
    groups = [_row_group(piece, bootstrap) for piece in pieces]
    return table.replace_schema_metadata(_header_of(groups, bootstrap))


def write_part(table: "pa.Table", path: Path) -> None:
    """Write a table made by :func:`part_content`."""
    import pyarrow.parquet as pq

    schema = table.schema.remove_metadata()  # Arrow would write it twice
    with pq.ParquetWriter(path, schema, **_WRITING) as writer:
        writer.write_table(table.cast(schema), row_group_size=ROWS)
        writer.add_key_value_metadata(table.schema.metadata)


def write_whole(
    path: Path,
    tables: "Iterable[pa.Table]",
    columns: Sequence[str],
    bootstrap: str,
    metadata: Mapping[bytes, bytes],
) -> None:
    """Write tables of draws, which follow each other, as one file."""
    import pyarrow.parquet as pq

    schema = schema_of(columns)
    groups = []
    with pq.ParquetWriter(path, schema, **_WRITING) as writer:
        for table in _in_row_groups(tables):
            groups.append(_row_group(table, bootstrap))
            writer.write_table(table, row_group_size=ROWS)
        writer.add_key_value_metadata({**metadata, **_header_of(groups, bootstrap)})


def with_outcomes(table: "pa.Table") -> "pa.Table":
    """A table whose outcomes are encoded by the same dictionary, wherever they were written."""
    import pyarrow as pa
    import pyarrow.compute as pc

    names = table[OUTCOME].cast(pa.string())
    places = pc.index_in(names, value_set=pa.array(OUTCOMES)).combine_chunks()
    encoded = pa.DictionaryArray.from_arrays(places, OUTCOMES)
    at = table.schema.get_field_index(OUTCOME)
    return table.set_column(at, table.schema.field(at), encoded)


def digest_of_draws(table: "pa.Table", bootstrap: str) -> str:
    """SHA-256 of the names, types and values of all columns, and of the bootstrap's digest."""
    kinds = [[field.name, str(field.type)] for field in table.schema]
    found = hashlib.sha256(json.dumps([bootstrap, kinds]).encode())
    for name in table.column_names:
        values = _outcomes(table) if name == OUTCOME else table[name].to_numpy()
        found.update(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes())
    return f"sha256:{found.hexdigest()}"


def _outcomes(table: "pa.Table") -> np.ndarray:
    """The codes of the outcomes: the place of a name may change with the library."""
    codes = np.array([outcome.code for outcome in Outcome], dtype=np.int64)
    places: np.ndarray = table[OUTCOME].combine_chunks().indices.to_numpy()
    return codes[places]


def _row_group(table: "pa.Table", bootstrap: str) -> RowGroup:
    start = table[RESAMPLE][0].as_py()
    return RowGroup(start, start + table.num_rows, digest_of_draws(table, bootstrap))


def _header_of(groups: Sequence[RowGroup], bootstrap: str) -> dict[bytes, bytes]:
    header: dict[str, Any] = {"bootstrap": bootstrap, "row_groups": [list(own) for own in groups]}
    return {_HEADER: json.dumps({**header, KEY: digest_of(header)}).encode()}


def _in_row_groups(tables: "Iterable[pa.Table]") -> "Iterator[pa.Table]":
    """The same rows in tables of :data:`ROWS`; the last may be shorter."""
    import pyarrow as pa

    held: list[pa.Table] = []
    num = 0
    for table in tables:
        held.append(table)
        num += table.num_rows
        if num < ROWS:
            continue
        joined = pa.concat_tables(held).combine_chunks()
        while num >= ROWS:
            yield joined.slice(0, ROWS)
            joined = joined.slice(ROWS)
            num -= ROWS
        held = [joined]
    if num:
        yield pa.concat_tables(held).combine_chunks()


def _difference(found: "pa.Schema", expected: "pa.Schema") -> str | None:
    """How columns differ from the expected ones, in words; None if they do not."""
    if found.names != expected.names:
        missing = [name for name in expected.names if name not in found.names]
        extra = [name for name in found.names if name not in expected.names]
        if missing:
            return f"has no column {missing[0]!r}"
        if extra:
            return f"has an unexpected column {extra[0]!r}"
        return f"has the columns {', '.join(found.names)}, expected {', '.join(expected.names)}"
    for own, other in zip(found, expected, strict=True):
        if own.type != other.type:
            return f"column {own.name!r} has the type {own.type}, expected {other.type}"
        if own.nullable:
            return f"column {own.name!r} may have missing values"
    return None


def _few(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers[:3])) + (", …" if len(numbers) > 3 else "")


def _first_line(error: Exception) -> str:
    return str(error).split("\n")[0]
