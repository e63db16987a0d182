"""What a column holds: numbers or text, its range or labels, what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.number_texts import numbers_of

_MOST_LABELS: Final = 6
_MOST_LETTERS: Final = 24  # of a label
_MOST_IN_ALL: Final = 40  # letters of labels
_LEAST_NUMBERS: Final = 0.5  # share of numbers in a column of numbers with some text


class ColumnKind(Enum):
    """What a column holds."""

    NUMBERS = "numbers"
    NUMBERS_IN_TEXT = "numbers in text"
    MIXED = "numbers and text"
    TEXT = "text"
    FLAGS = "true or false"
    TIMES = "times"
    LISTS = "lists"
    EMPTY = "empty"


@dataclass(frozen=True)
class ColumnSummary:
    """A column of a table, as :func:`inspect_table` describes it.

    Attributes:
        name: of the column.
        kind: what it holds.
        num_missing: rows without a value.
        num_distinct: number of distinct values, without missing ones.
        low: smallest number; NaN without numbers.
        high: largest number.
        labels: the first distinct values that are not numbers.
        role: what it is used as: ``"N"``, ``"D"``, ``"loss"``, another input, ``"group"``;
            empty if it is not used.
        unit: factor of its values, such as 1e9 for billions.
        note: what it is, or could be, in words.
    """

    name: str
    kind: ColumnKind
    num_missing: int
    num_distinct: int
    low: float
    high: float
    labels: tuple[str, ...] = ()
    role: str = ""
    unit: float = 1.0
    note: str = ""

    @property
    def range_text(self) -> str:
        """The numbers from the smallest to the largest; empty without numbers."""
        if not np.isfinite(self.low):
            return ""
        low, high = number_text(self.low), number_text(self.high)
        return low if self.low == self.high else f"{low} to {high}"

    @property
    def values_text(self) -> str:
        """Its range, or its labels, in a few words."""
        labels = _fitting([_cut(label) for label in self.labels])
        more = ", …" if self.num_distinct > len(labels) else ""
        shown = ", ".join(labels)
        if self.kind is ColumnKind.MIXED:
            return f"{self.range_text}, and {shown}"
        return f"{shown}{more}" if self.labels else self.range_text


def summaries(columns: Mapping[str, NDArray[Any]]) -> list[ColumnSummary]:
    """What each column of a table holds.

    Args:
        columns: by name, ``(row,)`` each.

    Example:
        >>> table = {"size": np.array(["70M", "1B"], object), "loss": np.array([3.5, np.nan])}
        >>> for column in summaries(table):
        ...     print(column.name, column.kind.value, column.values_text, column.num_missing)
        size numbers in text 7e7 to 1e9 0
        loss numbers 3.5 1
    """
    return [_summary(name, np.asarray(values)) for name, values in columns.items()]


def number_text(value: float) -> str:
    """A short number: up to four digits, and an exponent without padding.

    Example:
        >>> number_text(2048), number_text(1999929344.0), number_text(0.696853615)
        ('2048', '2e9', '0.6969')
    """
    mantissa, _, exponent = f"{value:.4g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def _summary(name: str, values: NDArray[Any]) -> ColumnSummary:
    kind = values.dtype.kind
    if values.ndim != 1:
        return ColumnSummary(name, ColumnKind.LISTS, 0, len(values), np.nan, np.nan)
    if kind in "fiu":
        return _of_numbers(name, values)
    if kind == "b":
        labels = tuple(str(own) for own in np.unique(values))
        return ColumnSummary(name, ColumnKind.FLAGS, 0, len(labels), np.nan, np.nan, labels)
    if kind in "mM":
        return _of_times(name, values)
    return _of_objects(name, values.astype(object))


def _of_numbers(name: str, values: NDArray[Any]) -> ColumnSummary:
    import pandas as pd

    missing = int(np.isnan(values).sum()) if values.dtype.kind == "f" else 0
    if missing == len(values):
        return ColumnSummary(name, ColumnKind.EMPTY, missing, 0, np.nan, np.nan)
    distinct = len(pd.unique(values)) - (missing > 0)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    return ColumnSummary(name, ColumnKind.NUMBERS, missing, distinct, low, high)


def _of_times(name: str, values: NDArray[Any]) -> ColumnSummary:
    known = np.unique(values[~np.isnat(values)])
    kind = ColumnKind.TIMES if len(known) else ColumnKind.EMPTY
    ends = tuple(str(own)[:19] for own in known[[0, -1]]) if len(known) else ()
    return ColumnSummary(
        name, kind, int(np.isnat(values).sum()), len(known), np.nan, np.nan, ends[: len(known)]
    )


def _of_objects(name: str, values: NDArray[np.object_]) -> ColumnSummary:
    import pandas as pd

    try:
        codes, distinct = pd.factorize(values)
    except TypeError:  # lists and other values that cannot be compared
        return ColumnSummary(name, ColumnKind.LISTS, 0, len(values), np.nan, np.nan)
    own = np.asarray(distinct, dtype=object)
    counts = np.bincount(codes[codes >= 0], minlength=len(own))
    num_nan = int((codes < 0).sum())
    if all(isinstance(value, bool | np.bool_) for value in own) and len(own):
        labels = tuple(str(value) for value in own)
        return ColumnSummary(name, ColumnKind.FLAGS, num_nan, len(own), np.nan, np.nan, labels)
    read = numbers_of(own)
    is_number, is_text = np.isfinite(read.numbers), np.zeros(len(own), bool)
    is_text[read.not_numbers] = True
    lacking = ~is_number & ~is_text
    missing = num_nan + int(counts[lacking].sum())
    numbers = read.numbers[is_number]
    low, high = (float(numbers.min()), float(numbers.max())) if len(numbers) else (np.nan, np.nan)
    if not (is_number | is_text).any():
        return ColumnSummary(name, ColumnKind.EMPTY, missing, 0, np.nan, np.nan)
    num_distinct = int((~lacking).sum())
    if not is_text.any():
        return ColumnSummary(name, ColumnKind.NUMBERS_IN_TEXT, missing, num_distinct, low, high)
    if counts[is_number].sum() > _LEAST_NUMBERS * counts[~lacking].sum():
        labels = tuple(str(own[at]) for at in np.flatnonzero(is_text)[:_MOST_LABELS])
        return ColumnSummary(name, ColumnKind.MIXED, missing, num_distinct, low, high, labels)
    labels = tuple(str(own[at]) for at in np.flatnonzero(~lacking)[:_MOST_LABELS])
    return ColumnSummary(name, ColumnKind.TEXT, missing, num_distinct, np.nan, np.nan, labels)


def _fitting(labels: list[str]) -> list[str]:
    """The first labels, as many as fit on a line."""
    kept = labels[:1]
    for label in labels[1:]:
        if len(", ".join([*kept, label])) > _MOST_IN_ALL:
            break
        kept.append(label)
    return kept


def _cut(label: str) -> str:
    text = " ".join(label.split())
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
