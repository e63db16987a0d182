"""Draws: the refits of a bootstrap, in memory or in a Parquet file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.laws.law import Law
from farseer_jax.laws.parameter_columns import column_names, numbers_by_column
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.converter import converter, register, state_of

if TYPE_CHECKING:
    import pyarrow as pa


Range = tuple[int, int]  # of resamples, the end excluded


class Draws(Protocol):
    """Refits in the order of their resamples."""

    def __len__(self) -> int: ...

    def batches(self) -> Iterator[BatchFit]:
        """All refits, in batches of bounded size."""
        ...


@dataclass(frozen=True, eq=False)
class MemoryDraws:
    """Draws in memory.

    Attributes:
        batch: all refits.
    """

    batch: BatchFit

    def __len__(self) -> int:
        return len(self.batch)

    def batches(self) -> Iterator[BatchFit]:
        """One batch."""
        yield self.batch


@dataclass(frozen=True, eq=False)
class FileDraws:
    """Draws in a Parquet file.

    Attributes:
        path: the file.
        num: how many of its draws to read, from the first.
        template: a law of their class.
    """

    path: Path
    num: int
    template: Law

    def __len__(self) -> int:
        return self.num

    def batches(self) -> Iterator[BatchFit]:
        """A row group at a time."""
        left = self.num
        for table in row_groups(self.path):
            if left <= 0:
                return
            table = table.slice(0, left)
            left -= table.num_rows
            yield from_table(table, self.template)


def join(batches: Sequence[BatchFit]) -> BatchFit:
    """Concatenate batches."""
    laws = [batch.law for batch in batches]
    return BatchFit(
        jax.tree.map(lambda *leaves: np.concatenate(leaves), *laws),
        np.concatenate([batch.outcome_code for batch in batches]),
        np.concatenate([batch.mean_relative_error for batch in batches]),
    )


def row_groups(path: Path) -> "Iterator[pa.Table]":
    """The content of a Parquet file, one row group at a time."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)


def to_table(batch: BatchFit, first: int) -> "pa.Table":
    """One row per refit: its position, outcome, error, and parameters by name."""
    import pyarrow as pa

    names = [outcome.name for outcome in Outcome]
    place_of = {outcome.code: place for place, outcome in enumerate(Outcome)}
    places = np.array([place_of[code] for code in batch.outcome_code.tolist()], dtype=np.int32)
    columns = {
        "resample": first + np.arange(len(batch)),
        "outcome": pa.DictionaryArray.from_arrays(places, names),
        "mean_relative_error": batch.mean_relative_error,
        **numbers_by_column(batch.law),
    }
    return pa.table(columns)


def from_table(table: "pa.Table", template: Law) -> BatchFit:
    """The inverse of :func:`to_table`."""
    structure = jax.tree.structure(template)
    leaves = [
        table[names].to_numpy()
        if isinstance(names, str)
        else np.stack([table[name].to_numpy() for name in names], axis=1)
        for names in column_names(template)
    ]
    code_of = {outcome.name: outcome.code for outcome in Outcome}
    return BatchFit(
        law=jax.tree.unflatten(structure, leaves),
        outcome_code=np.array([code_of[name] for name in table["outcome"].to_pylist()]),
        mean_relative_error=table["mean_relative_error"].to_numpy(),
    )


def _to_plain(draws: Draws) -> Any:
    """All refits; draws in a file are read into memory."""
    return state_of(join(list(draws.batches())))


def _from_plain(content: Any) -> Draws:
    return MemoryDraws(converter().structure(content, BatchFit))


register(lambda kind: kind is Draws, _to_plain, _from_plain)
