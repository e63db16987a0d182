"""Tables with decimal commas, decided for the whole table."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.number_texts import number_of, numbers_of

_THOUSANDS: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")


def with_decimal_commas(
    columns: dict[str, NDArray[Any]],
    as_texts: Callable[[], Mapping[str, NDArray[Any]]],
    *,
    expected: bool,
) -> dict[str, NDArray[Any]]:
    """The columns of a file, as numbers if its commas are decimal commas.

    They are if a column shows it (``3,41``, ``0,412``, ``1.234,5``) and no other shows the
    contrary (``1,234,567``). Points then separate thousands.

    Args:
        columns: of a file, in which columns with commas are text.
        as_texts: reads the same columns as text.
        expected: whether ambiguous commas (``3,412``) are decimal commas, as in a table with
            semicolons between fields.
    """
    commas = {name: own for name, own in columns.items() if _has_commas(own)}
    shown = [_marks(values) for values in commas.values()]
    decimals, thousands = any(own[0] for own in shown), any(own[1] for own in shown)
    if not commas or thousands or not (decimals or expected):
        return columns
    with_points = [name for name, own in columns.items() if _has_fractions(own)]
    if with_points and not decimals:
        return columns
    found = {name: _read(own) for name, own in columns.items() if own.dtype.kind == "O"}
    if with_points:
        texts = as_texts()
        found |= {name: _read(texts[name]) for name in with_points if _in_groups(texts[name])}
    return columns | {name: own for name, own in found.items() if own is not None}


def _texts(values: NDArray[Any]) -> list[str]:
    """The distinct texts of a column."""
    if values.dtype.kind != "O":
        return []
    return [*dict.fromkeys(value for value in values.tolist() if isinstance(value, str))]


def _has_commas(values: NDArray[Any]) -> bool:
    return any("," in text for text in _texts(values))


def _marks(values: NDArray[Any]) -> tuple[bool, bool]:
    """Whether a column of numbers shows that commas mark decimals, or that they mark thousands."""
    read = [
        (number_of(text, True) is not None, number_of(text, False) is not None)
        for text in _texts(values)
        if "," in text
    ]
    are_numbers = all(comma or point for comma, point in read)
    decimals = are_numbers and any(comma and not point for comma, point in read)
    return decimals, are_numbers and any(point and not comma for comma, point in read)


def _has_fractions(values: NDArray[Any]) -> bool:
    finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values[:0]
    return bool((finite != np.floor(finite)).any())


def _in_groups(values: NDArray[Any]) -> bool:
    """Whether all points of a column are where thousands separators would be."""
    return all(_THOUSANDS.fullmatch(text.strip()) for text in _with_points(_texts(values)))


def _with_points(texts: Iterable[str]) -> list[str]:
    return [text for text in texts if "." in text]


def _read(values: NDArray[Any]) -> NDArray[Any] | None:
    """A column of text as numbers; None if it holds something else, or no marks."""
    if not any("," in text or "." in text for text in _texts(values)):
        return None
    found = numbers_of(values, decimal_comma=True)
    return None if len(found.not_numbers) else found.numbers
