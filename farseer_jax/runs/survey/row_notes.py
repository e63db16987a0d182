"""Notes on rows of a table, which hold no longer once other rows are selected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.tables.row_numbers import shown_rows

_OF_ROWS: Final = re.compile(r"left out: |[\d,]+ of [\d,]+ rows meet |the last row\b")
_WITHOUT_LOSS: Final = re.compile(r"left out: .*: missing\)$")


def notes_of_columns(notes: Iterable[str]) -> tuple[str, ...]:
    """The notes that hold for any rows of a table: what was derived and taken for what.

    Args:
        notes: sentences on how a table was read.

    Example:
        >>> notes_of_columns(["20 of 25 rows meet N > 1e8", "N is column 'params'"])
        ("N is column 'params'",)
    """
    return tuple(note for note in notes if not _OF_ROWS.match(note))


def notes_of_group(
    notes: Iterable[str], response: str, loss: Floats, rows: NDArray[np.intp]
) -> tuple[str, ...]:
    """The notes with, of the rows without a response, only those of a group.

    Args:
        notes: sentences on how a table was read.
        response: column of the response.
        loss: its values in the group, ``(row,)``; NaN where missing.
        rows: numbers of the group's rows, ``(row,)``.
    """
    kept = tuple(note for note in notes if not _WITHOUT_LOSS.match(note))
    lacking = rows[np.isnan(loss)]
    if not len(lacking):
        return kept
    return (*kept, f"left out: {shown_rows(lacking)} (column {response!r}: missing)")
