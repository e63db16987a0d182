"""Draws: the refits of a bootstrap, in memory or in a Parquet file."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.laws.law import Law
from farseer_jax.results.converter import converter, register, state_of
from farseer_jax.uncertainty.draws_manifest import file_of
from farseer_jax.uncertainty.draws_table import from_table


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
        """A row group at a time.

        Raises:
            ValueError: the draws are not those that were written.
        """
        left = self.num
        for table in file_of(self.path).tables():
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


def _to_plain(draws: Draws) -> Any:
    """All refits; draws in a file are read into memory."""
    return state_of(join(list(draws.batches())))


def _from_plain(content: Any) -> Draws:
    return MemoryDraws(converter().structure(content, BatchFit))


register(lambda kind: kind is Draws, _to_plain, _from_plain)
