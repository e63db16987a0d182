"""Checks of a column's numbers; messages name the column, the rows and the remedy.

They run once, where data enter the library: kernels do not check.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from numbers import Real
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.frames import unmasked
from farseer_jax.tables.number_texts import is_missing, number_of, numbers_of
from farseer_jax.tables.row_numbers import MAX_ROWS_SHOWN, REMEDY, shown_rows

Floats: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = Sequence[int] | NDArray[np.intp]

_MAX_VALUES_SHOWN: Final = 3
_MAX_LETTERS_SHOWN: Final = 30


class Rule(NamedTuple):
    """A rule that the finite numbers of a column must satisfy.

    Attributes:
        is_bad: True for each number that violates the rule.
        what: what such a number is, to follow "is" or "are" in a message.
    """

    is_bad: Callable[[Floats], NDArray[np.bool_]]
    what: str


POSITIVE: Final = Rule(lambda values: values <= 0.0, "not positive")
NOT_NEGATIVE: Final = Rule(lambda values: values < 0.0, "negative")
FRACTION: Final = Rule(lambda values: (values < 0.0) | (values > 1.0), "not from 0 to 1")
WHOLE: Final = Rule(
    lambda values: (values < 1.0) | (values != np.floor(values)), "not a positive whole number"
)


def checked_floats(
    values: Any, column: str, rule: Rule | None = None, unit: float | None = None
) -> Floats:
    """Convert a column to finite float64 numbers that satisfy a rule.

    Args:
        values: numbers, or text that spells numbers (``"7B"``, ``"201,228,288"``), one per run.
        column: name of the column for messages, such as ``"column 'D'"``.
        rule: the rule; None allows any finite number.
        unit: a factor for all values, or None.

    Returns:
        A new read-only contiguous array, shape (run,).

    Raises:
        ValueError: not one-dimensional, not numbers, or rows that are missing, NaN, infinite, or
            violate the rule.

    Example:
        >>> checked_floats(["7B", 2, 10**20], "column 'D'", POSITIVE)
        array([7.e+09, 2.e+00, 1.e+20])
        >>> checked_floats([1.0, 0.0], "column 'D'", POSITIVE)
        Traceback (most recent call last):
            ...
        ValueError: column 'D': row 1 is not positive (0.0); correct these rows or leave them out \
(rows are counted from 0, without the header)
    """
    floats = floats_of(values, column)
    refuse_bad_rows(floats, column, rule)
    if unit is not None:
        with np.errstate(over="ignore", under="ignore"):  # the check below gives a better message
            floats *= unit
        refuse_bad_rows(floats, f"{column} times its unit {unit:g}", rule)
    floats.setflags(write=False)
    return floats


def check_level(level: float) -> None:
    """Refuse a level that is not strictly between 0 and 1.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(level, Real) or not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, such as 0.9; got {level!r}")


def short(value: float) -> str:
    """Write a number with three digits, and its exponent without padding.

    Example:
        >>> short(99_620_352.0)
        '9.96e7'
    """
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def refuse_missing_labels(values: Sequence[Any], column: str) -> None:
    """Refuse missing labels: None, NaN (among numbers) and empty text.

    Raises:
        ValueError: a label is missing; the message gives the rows.
    """
    gaps = [row for row, value in enumerate(values) if is_missing(value) or value == ""]
    if gaps:
        verb = "is" if len(gaps) == 1 else "are"
        raise ValueError(f"{column}: {shown_rows(gaps)} {verb} missing; {REMEDY}")


def floats_of(values: Any, column: str) -> Floats:
    """Convert values to a new float64 array, shape (run,); NaN where a value is missing.

    Text is read as `farseer_jax.tables.number_texts.numbers_of` does.

    Args:
        values: as for :func:`checked_floats`.
        column: as for :func:`checked_floats`.

    Raises:
        ValueError: not one-dimensional, not numbers, or numbers that can be read in two ways.

    Example:
        >>> floats_of([1, None, "1.5k"], "column 'x'")
        array([1.0e+00,     nan, 1.5e+03])
    """
    array = _array(values, column)
    if array.ndim != 1:
        raise ValueError(
            f"{column}: expected one number per run, in one dimension, got shape {array.shape}"
        )
    if array.dtype.kind in "fiu":
        return array.astype(np.float64, order="C")
    if array.dtype.kind in "OUS":
        return _parsed(array, column)
    kind = "True/False" if array.dtype.kind == "b" else str(array.dtype)
    raise ValueError(
        f"{column}: expected numbers, got {kind} values; give numbers, or another column"
    )


def _array(values: Any, column: str) -> NDArray[Any]:
    """The values as an array, without conversions that would hide invalid values."""
    if isinstance(values, np.ma.MaskedArray):  # asarray would drop the mask
        return unmasked(values)
    is_sequence = isinstance(values, list | tuple)
    if is_sequence and any(isinstance(value, bool) for value in values):  # asarray makes it 1.0
        return np.array(values, dtype=object)
    try:
        return np.asarray(values)
    except ValueError:  # "inhomogeneous shape"
        raise ValueError(
            f"{column}: expected one number per run, in one dimension, got unequal lengths"
        ) from None


def _parsed(array: NDArray[Any], column: str) -> Floats:
    """Python objects or text as numbers."""
    found = numbers_of(array)
    bad, unsure = found.not_numbers, found.ambiguous
    if bad.size:
        what = "is not a number" if bad.size == 1 else "are not numbers"
        examples = _examples(_quoted(value) for value in array[bad[:MAX_ROWS_SHOWN]].tolist())
        raise ValueError(f"{column}: {shown_rows(bad)} {what} ({examples}); {REMEDY}")
    if unsure.size:
        text = str(array[unsure[0]])
        readings = " or ".join(f"{number_of(text, comma):.12g}" for comma in (False, True))
        raise ValueError(
            f"{column}: {shown_rows(unsure)} can be read in two ways ({text!r} is {readings}): "
            "write these numbers without thousands separators and with a decimal point"
        )
    return found.numbers


def refuse_bad_rows(
    floats: Floats, column: str, rule: Rule | None = None, rows: Rows | None = None
) -> None:
    """Refuse NaN, infinity and numbers that violate a rule.

    Args:
        floats: the numbers, shape (run,).
        column: name of the column for messages.
        rule: the rule, or None.
        rows: row numbers in the table, shape (run,); None counts from 0.

    Raises:
        ValueError: there are such rows; the message lists them.

    Example:
        >>> refuse_bad_rows(np.array([1.0, -1.0]), "column 'x'")
    """
    finite = np.isfinite(floats)
    kinds = [(np.isnan(floats), "missing or NaN", False), (np.isinf(floats), "infinite", False)]
    if rule is not None:
        kinds += [(finite & rule.is_bad(floats), rule.what, True)]
    problems = []
    for bad, what, shows_values in kinds:
        places = np.flatnonzero(bad)
        if places.size:
            examples = _examples(map(str, floats[places].tolist()))
            values = f" ({examples})" if shows_values else ""
            shown = shown_rows(places if rows is None else np.asarray(rows)[places])
            problems.append(f"{shown} {'is' if places.size == 1 else 'are'} {what}{values}")
    if problems:
        raise ValueError(f"{column}: {'; '.join(problems)}; {REMEDY}")


def _examples(texts: Iterable[str]) -> str:
    """The first few of the texts."""
    texts = list(texts)
    return ", ".join(texts[:_MAX_VALUES_SHOWN]) + (", …" if len(texts) > _MAX_VALUES_SHOWN else "")


def _quoted(value: object) -> str:
    """One value as a short literal."""
    text = repr(value)
    return text if len(text) <= _MAX_LETTERS_SHOWN else text[:_MAX_LETTERS_SHOWN] + "…"


Range = tuple[float, float]


def as_range(name: str, ends: Any) -> Range:
    """Convert the two ends of a range to numbers.

    Raises:
        ValueError: not two positive, finite numbers in ascending order.
    """
    try:
        low, high = (float(end) for end in ends)
    except (TypeError, ValueError):
        low, high = math.nan, math.nan
    if not 0.0 < low < high < math.inf:
        raise ValueError(
            f"{name}: expected a range (low, high), positive, finite and ascending, such as "
            f"{_EXAMPLES[name]}; got {ends!r}"
        )
    return low, high


_EXAMPLES = {"N": "(2e8, 1e12)", "D": "(1e9, 1e14)"}
