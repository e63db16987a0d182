"""Columns of inputs and responses as numbers, and their rows that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats, Rule
from farseer_jax.runs.groups_and_responses import Binding, Found
from farseer_jax.runs.inputs import KIND_RULES, NUMBERS
from farseer_jax.runs.table_problems import Problem
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.number_texts import numbers_of
from farseer_jax.tables.row_numbers import REMEDY, shown_rows

DROP: Final = ({"drop_missing": True},)
_MAX_TEXTS: Final = 3
_HALF: Final = 0.5
_OVERFLOW: Final = -1e17  # of integers of 64 bits


class CheckedNumbers(NamedTuple):
    """A column of numbers, its unusable rows by reason, and the rows left out."""

    name: str
    label: str
    numbers: Floats
    bad: dict[str, NDArray[np.bool_]]
    texts: tuple[str, ...]
    lacking: NDArray[np.bool_]

    @property
    def is_bad(self) -> NDArray[np.bool_]:
        """Whether a row cannot be used, ``(row,)``."""
        return np.logical_or.reduce([np.zeros(len(self.numbers), bool), *self.bad.values()])


def number_columns(columns: Columns, binding: Binding, found: Found) -> list[CheckedNumbers]:
    """All columns that must hold numbers."""
    read = []
    for name, own in found.inputs.items():
        kind = binding.kinds[name]
        if kind in NUMBERS:
            label = f"column {own!r}" if own == name else f"column {own!r} ({name})"
            read.append(_column(columns, str(own), label, KIND_RULES[kind], is_loss=False))
    for own in found.responses:
        label = found.label(own)
        rule = Rule(binding.link.check, f"not {binding.link.requirement}")
        read.append(_column(columns, own, label, rule, is_loss=True, may_lack=binding.leave_out))
    return read


def _column(
    columns: Columns,
    name: str,
    label: str,
    rule: Rule | None,
    *,
    is_loss: bool,
    may_lack: bool = False,
) -> CheckedNumbers:
    values = columns[name]
    read = numbers_of(values)
    if len(read.ambiguous):  # 3,412: a loss is not in thousands, a number of parameters is
        read = numbers_of(values, decimal_comma=is_loss)
    numbers = read.numbers
    is_text = np.zeros(len(numbers), dtype=bool)
    is_text[read.not_numbers] = True
    missing = np.isnan(numbers) & ~is_text
    bad = {
        "not a number": is_text,
        "missing or NaN": missing & (not may_lack or bool(missing.all())),
        "infinite": np.isinf(numbers),
    }
    if rule is not None:
        known = np.isfinite(numbers)
        bad[rule.what] = np.zeros(len(numbers), dtype=bool)
        bad[rule.what][known] = rule.is_bad(numbers[known])
    texts = tuple(str(values[row]) for row in read.not_numbers[: _MAX_TEXTS + 1])
    lacking = missing if may_lack and not missing.all() else missing & False
    return CheckedNumbers(name, label, numbers, bad, texts, lacking)


def bad_rows(column: CheckedNumbers, columns: Columns) -> Problem | None:
    """The unusable rows of a column; no option helps if they are the majority."""
    rows = columns.row_numbers()
    parts = []
    for what, bad in column.bad.items():
        if not bad.any():
            continue
        one = bad.sum() == 1
        verb = "is" if one else "are"
        plural = {"not a number": "not numbers"}.get(what, what)
        examples = _examples(column, what, bad)
        parts.append(f"{shown_rows(rows[bad])} {verb} {what if one else plural}{examples}")
    if not parts:
        return None
    is_overflow = bool((column.numbers < _OVERFLOW).any())
    if is_overflow:
        parts.append("such numbers come from integers that overflowed 2^63: compute them as floats")
    remedy = DROP if column.is_bad.mean() <= _HALF and not is_overflow else ()
    return Problem(f"{column.label}: {'; '.join(parts)}; {REMEDY}", remedy)


def _examples(column: CheckedNumbers, what: str, bad: NDArray[np.bool_]) -> str:
    if what in ("missing or NaN", "infinite"):
        return ""
    found = (
        [*map(repr, column.texts)]
        if what == "not a number"
        else [str(value) for value in column.numbers[bad][: _MAX_TEXTS + 1]]
    )
    return f" ({', '.join(found[:_MAX_TEXTS])}{', …' if len(found) > _MAX_TEXTS else ''})"


def left_out(read: Sequence[CheckedNumbers], columns: Columns) -> str:
    """The rows that are left out, by column and what they hold."""
    rows = columns.row_numbers()
    parts = []
    for column in read:
        for what, bad in column.bad.items():
            if bad.any():
                examples = _examples(column, what, bad)
                parts.append(f"{shown_rows(rows[bad])} ({column.label}: {what}{examples})")
    return "; ".join(parts)


def lacking_rows(column: CheckedNumbers, kept: NDArray[np.bool_], columns: Columns) -> str:
    """A note on rows without a response, which its fit leaves out."""
    rows = columns.row_numbers()[column.lacking & kept]
    return f"left out: {shown_rows(rows)} ({column.label}: missing)"
