"""Inputs of a law as columns of a table: their kinds, and the checks for each kind."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from farseer_jax.close_names import unknown_name
from farseer_jax.runs.checks import (
    FRACTION,
    NOT_NEGATIVE,
    POSITIVE,
    WHOLE,
    Floats,
    Rule,
    checked_floats,
    refuse_missing_labels,
    short,
)
from farseer_jax.runs.columns import Column
from farseer_jax.runs.usual_names import MEANINGS, unit_option
from farseer_jax.tables.frames import copied
from farseer_jax.tables.row_numbers import shortened, shown_rows

Kind = Literal["positive", "real", "count", "fraction", "mixture", "category"]
Kinds: TypeAlias = Mapping[str, Kind]
Shares: TypeAlias = Mapping[str, tuple[str, ...]]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
NUMBERS: Final[tuple[Kind, ...]] = ("positive", "count", "real", "fraction")
LOGARITHMIC: Final[tuple[Kind, ...]] = ("positive", "count")  # their logarithms are compared

KIND_RULES: Final[dict[Kind, Rule | None]] = {
    "positive": POSITIVE,
    "real": None,
    "count": WHOLE,
    "fraction": FRACTION,
}

# A column that stays below these is in thousands, millions or billions: language models are larger.
_LARGEST_MUST_REACH: Final[dict[str, float]] = {"N": 1e5, "D": 1e7}

SUM_TOLERANCE: Final = 0.015  # of shares: rounded to two digits, but not in per cent
_MAX_NAMES_SHOWN: Final = 6


def as_kinds(
    names: Sequence[str] | Mapping[str, str], kinds: Mapping[str, str] | None = None
) -> dict[str, Kind]:
    """The kind of each input; ``"positive"`` by default.

    Args:
        names: the inputs, or a mapping of inputs to kinds.
        kinds: kinds of some of the inputs.

    Returns:
        A kind for each name, in order.

    Raises:
        ValueError: an unknown kind, or a kind of an unknown input.

    Example:
        >>> as_kinds(["N", "h"], {"h": "mixture"})
        {'N': 'positive', 'h': 'mixture'}
    """
    given: dict[str, Any] = dict(names) if isinstance(names, Mapping) else dict.fromkeys(names)
    for name, kind in (kinds or {}).items():
        if name not in given:
            raise ValueError(
                f"kinds: unknown input {name!r}; the inputs are {', '.join(given) or 'none'}"
            )
        given[name] = kind
    for name, kind in given.items():
        if kind is not None and kind not in KINDS:
            raise ValueError(f"input {name!r}: {unknown_name('kind', kind, KINDS)}")
    return {name: "positive" if kind is None else kind for name, kind in given.items()}


def checked_input(values: Any, label: str, kind: Kind, unit: float | None = None) -> NDArray[Any]:
    """Check one input by its kind, and copy it.

    Args:
        values: one per run; for a mixture, the column of each share by name.
        label: name of the column for messages.
        kind: ``"positive"`` and ``"real"`` numbers are finite, a ``"count"`` is a whole number from
            1, a ``"fraction"`` is from 0 to 1, the shares of a ``"mixture"`` are not negative and
            sum to 1, a ``"category"`` is any label.
        unit: a factor for numbers, or None.

    Returns:
        A new read-only array: float64, or objects for a category.

    Raises:
        ValueError: something is wrong; the message names the column, the rows and the remedy.

    Example:
        >>> checked_input([1, 2.5], "column 'P'", "count")
        Traceback (most recent call last):
            ...
        ValueError: column 'P': row 1 is not a positive whole number (2.5); correct these rows or \
leave them out (rows are counted from 0, without the header)
    """
    if kind == "category":
        return _labels(values, label)
    if kind == "mixture":
        return checked_shares(values, label)
    return checked_floats(values, label, KIND_RULES[kind], unit)


def checked_unit(name: str, unit: float | None) -> float | None:
    """Check the unit of an input: a factor for its values, or None.

    Raises:
        ValueError: not positive and finite.

    Example:
        >>> checked_unit("N", 1e9)
        1000000000.0
    """
    if unit is None or (isinstance(unit, Real) and 0.0 < unit < math.inf):
        return unit
    raise ValueError(f"{name}_unit must be positive and finite, such as 1e9, got {unit!r}")


def refuse_wrong_units(
    inputs: Mapping[str, NDArray[Any]],
    labels: Mapping[str, str],
    units: Mapping[str, float | None],
) -> None:
    """Refuse N and D that look like thousands, millions or billions, unless a unit is given.

    D without N is not checked: it may count examples, say.

    Args:
        inputs: checked inputs by name.
        labels: names of their columns for messages.
        units: the factors that were given.

    Raises:
        ValueError: all values of a column are too small for language models.

    Example:
        >>> refuse_wrong_units({"N": np.array([1e8])}, {"N": "column 'N'"}, {})
    """
    if "N" not in inputs:
        return
    for name, least in _LARGEST_MUST_REACH.items():
        values = inputs.get(name)
        if values is None or units.get(name) is not None or values.dtype != np.float64:
            continue
        if (largest := float(values.max())) < least:
            raise ValueError(_wrong_unit(name, labels[name], largest))


def refuse_single_labels(
    inputs: Mapping[str, NDArray[Any]], kinds: Kinds, labels: Mapping[str, str], where: str = ""
) -> None:
    """Refuse a category with a single label: its effect cannot be fitted.

    Args:
        inputs: checked inputs by name.
        kinds: their kinds.
        labels: names of their columns for messages.
        where: which runs these are, for the message, after a space.

    Raises:
        ValueError: there is such a category.

    Example:
        >>> column = np.array(["a", "b"], dtype=object)
        >>> refuse_single_labels({"arm": column}, {"arm": "category"}, {"arm": "column 'arm'"})
    """
    for name, kind in kinds.items():
        if kind == "category" and len(found := labels_of(inputs[name])) == 1:
            raise ValueError(
                f"{labels[name]}: has the same value {found[0]!r} in all runs{where}, so its "
                "effect cannot be fitted; use a law without this input, or add runs with another"
            )


def labels_of(column: Column) -> tuple[Any, ...]:
    """The distinct values of a category, shape (run,), in order of first appearance.

    Example:
        >>> labels_of(np.array(["b", "a", "b"], dtype=object))
        ('b', 'a')
    """
    return tuple(dict.fromkeys(column.tolist()))


def _labels(values: Any, label: str) -> Column:
    """The values of a category, with none missing."""
    array = copied(values)
    if array.ndim != 1:
        raise ValueError(f"{label}: expected one label per run, got shape {array.shape}")
    column = array.astype(object)
    refuse_missing_labels(column.tolist(), label)
    try:
        hash(tuple(column.tolist()))
    except TypeError:
        raise ValueError(f"{label}: its values cannot be labels; give text or numbers") from None
    column.setflags(write=False)
    return column


def checked_shares(values: Mapping[str, Any], label: str) -> Floats:
    """Check the columns of a mixture, one by one and then together.

    Args:
        values: each share's column, by name.
        label: name of all of them for messages.

    Returns:
        A new read-only array, shape (run, share).

    Raises:
        ValueError: as for :func:`checked_input`.

    Example:
        >>> checked_shares({"web": [0.5, 1.0], "code": [0.5, 0.0]}, "columns 'web', 'code' (h)")
        array([[0.5, 0.5],
               [1. , 0. ]])
    """
    columns = {
        name: checked_floats(column, f"column {name!r}", NOT_NEGATIVE)
        for name, column in values.items()
    }
    if len({len(column) for column in columns.values()}) != 1 or len(columns) < 2:
        raise ValueError(f"{label}: expected two or more shares, in columns of one length")
    array = np.stack(list(columns.values()), axis=1)
    _refuse_wrong_sums(array.sum(axis=1), label)
    array.setflags(write=False)
    return array


def named_shares(name: str, values: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """The columns of a mixture by name.

    Args:
        name: name of the mixture.
        values: a mapping of names to columns, or an array of shape (run, share).
        names: names of the shares of an array; None numbers them from 1.

    Raises:
        ValueError: ``values`` is neither, or names and shares differ in number.

    Example:
        >>> named_shares("h", [[0.5, 0.5], [1.0, 0.0]], None)
        {'h_1': array([0.5, 1. ]), 'h_2': array([0.5, 0. ])}
    """
    if isinstance(values, Mapping):
        return dict(values)
    try:
        array = np.asarray(values)
    except ValueError:  # "inhomogeneous shape"
        array = np.zeros(0)
    if array.ndim != 2:
        raise ValueError(
            f"input {name!r}: expected an array of shape (run, share), or a mapping of names of "
            "shares to columns"
        )
    names = [f"{name}_{at + 1}" for at in range(array.shape[1])] if names is None else names
    if len(names) != array.shape[1]:
        raise ValueError(f"shares: expected {array.shape[1]} names for {name!r}, got {len(names)}")
    return dict(zip(names, array.T, strict=True))


def _refuse_wrong_sums(sums: Floats, label: str) -> None:
    """Refuse shares that do not sum to 1."""
    bad = np.flatnonzero(np.abs(sums - 1.0) > SUM_TOLERANCE)
    if bad.size:
        some = ", ".join(f"{total:.7g}" for total in sums[bad[:3]]) + ", …" * (bad.size > 3)
        raise ValueError(
            f"{label}: {shown_rows(bad)} {'does' if bad.size == 1 else 'do'} not sum to 1 "
            f"({some}); name all shares of the mixture, as fractions of 1 (rows are counted from "
            "0, without the header)"
        )


def mixture_label(name: str, columns: Sequence[str]) -> str:
    """The columns of a mixture, for messages.

    Example:
        >>> mixture_label("h", ["web", "code"])
        "columns 'web', 'code' (h)"
    """
    return f"columns {shortened([repr(column) for column in columns], _MAX_NAMES_SHOWN)} ({name})"


def _wrong_unit(name: str, label: str, largest: float) -> str:
    """The message about a column that seems to be in millions or billions."""
    python, shell = unit_option(name)
    return (
        f"{label}: its largest value is {short(largest)}, too small for a number of "
        f"{MEANINGS[name]}. If the column is in billions, give {python}=1e9 (shell: "
        f"{shell} 1e9), in millions 1e6, in thousands 1e3; if these really are "
        f"{MEANINGS[name]}, give {python}=1 (shell: {shell} 1)"
    )
