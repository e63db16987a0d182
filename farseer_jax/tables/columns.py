"""Columns of a table by name, with notes on how they were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Columns(Mapping[str, NDArray[Any]]):
    """The columns of a table, as :func:`read_table` returns them.

    Attributes:
        values_by_name: the columns by name, ``(row,)`` each.
        source: the file or folder that they come from; empty for a table in memory.
        rows: number of each row in its source, counted from 0, ``(row,)``; None for all rows.
        notes: sentences on what was derived, selected and left out.
        drop_missing: whether rows without a usable number in a required column are left out
            instead of refused.
        as_is: whether a column whose values contradict its use is noted instead of refused.
        is_told: whether the notes have been shown.

    Example:
        >>> columns = Columns({"N": np.array([1e8, 2e8])})
        >>> list(columns), columns.num_rows
        (['N'], 2)
    """

    values_by_name: Mapping[str, NDArray[Any]]
    source: str = ""
    rows: NDArray[np.intp] | None = field(default=None, repr=False)
    notes: tuple[str, ...] = ()
    drop_missing: bool = False
    as_is: bool = False
    is_told: bool = False

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.values_by_name[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.values_by_name)

    def __len__(self) -> int:
        return len(self.values_by_name)

    @property
    def num_rows(self) -> int:
        """The number of rows; 0 without columns."""
        return len(next(iter(self.values_by_name.values()), ()))

    def row_numbers(self) -> NDArray[np.intp]:
        """The number of each row in its source, counted from 0, ``(row,)``."""
        return np.arange(self.num_rows) if self.rows is None else self.rows

    def take(self, rows: NDArray[Any], *notes: str) -> Columns:
        """Some of the rows, by positions or by a mask, with notes on the others."""
        return replace(
            self,
            values_by_name={name: values[rows] for name, values in self.items()},
            rows=self.row_numbers()[rows],
            notes=(*self.notes, *notes),
        )

    def with_columns(self, columns: Mapping[str, NDArray[Any]], notes: Sequence[str]) -> Columns:
        """The same rows with further columns, or with other values of some."""
        return replace(
            self, values_by_name={**self.values_by_name, **columns}, notes=(*self.notes, *notes)
        )

    def told(self) -> Columns:
        """The same columns, with their notes marked as shown."""
        return replace(self, notes=(), is_told=True)

    def with_options(self, *, drop_missing: bool, as_is: bool) -> Columns:
        """The same columns with other options."""
        return replace(self, drop_missing=drop_missing, as_is=as_is)
