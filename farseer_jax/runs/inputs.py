"""Inputs of a law as columns of a table: kinds, and the checks that each kind asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import (
    NOT_NEGATIVE,
    POSITIVE,
    REMEDY,
    WHOLE,
    Floats,
    Rule,
    checked_floats,
    is_missing,
    short,
    shown_rows,
)
from farseer_jax.runs.columns import Column, copied
from farseer_jax.runs.usual_names import MEANINGS, unit_option

Kind = Literal["positive", "real", "count", "mixture", "category"]
Kinds: TypeAlias = Mapping[str, Kind]
Shares: TypeAlias = Mapping[str, tuple[str, ...]]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_RULES: Final[dict[Kind, Rule | None]] = {"positive": POSITIVE, "real": None, "count": WHOLE}

# No table of language models stays below these: its column is in thousands, millions or billions.
_LARGEST_MUST_REACH: Final[dict[str, float]] = {"N": 1e5, "D": 1e7}

_SUM_TOLERANCE: Final = 1e-6  # of shares: sums of floats and of printed digits, not of other units
_MAX_NAMES_SHOWN: Final = 6


def as_kinds(
    names: Sequence[str] | Mapping[str, str], kinds: Mapping[str, str] | None = None
) -> dict[str, Kind]:
    """The kind of each input, ``"positive"`` where none is said.

    Args:
        names: the inputs, or a mapping of them to kinds.
        kinds: of some of the inputs.

    Returns:
        A kind for each name, in order.

    Raises:
        ValueError: a kind is unknown, or is of no input.

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
            raise ValueError(
                f"input {name!r}: unknown kind {kind!r}; choose from {', '.join(KINDS)}"
            )
    return {name: "positive" if kind is None else kind for name, kind in given.items()}


def checked_input(values: Any, label: str, kind: Kind, unit: float | None = None) -> NDArray[Any]:
    """Check one input by its kind, and copy it.

    Args:
        values: one per run; of a mixture, the column of each share by name.
        label: how messages call the column.
        kind: ``"positive"`` and ``"real"`` numbers are finite, a ``"count"`` is a whole number from
            1, shares of a ``"mixture"`` are not negative and sum to 1, a ``"category"`` is any
            label.
        unit: a factor of the values of numbers; None leaves them.

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
    return checked_floats(values, label, _RULES[kind], unit)


def checked_unit(name: str, unit: float | None) -> float | None:
    """The factor of an input, checked.

    Args:
        name: of the input.
        unit: the factor, None for none.

    Returns:
        The same.

    Raises:
        ValueError: it is not positive and finite.

    Example:
        >>> checked_unit("N", 1e9)
        1000000000.0
    """
    if unit is None or (isinstance(unit, Real) and 0.0 < unit < math.inf):
        return unit
    raise ValueError(f"{name}_unit={unit!r}: give a positive finite number, such as 1e9")


def refuse_wrong_units(
    inputs: Mapping[str, NDArray[Any]],
    labels: Mapping[str, str],
    units: Mapping[str, float | None],
) -> None:
    """Refuse N and D that look like thousands, millions or billions, where no unit is given.

    D without N is not checked: it may count examples, say.

    Args:
        inputs: checked inputs by name.
        labels: how messages call their columns.
        units: the factors that were given.

    Raises:
        ValueError: a column stays below what any table of language models reaches.

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
    """Refuse a category with one label: nothing can be learned of it.

    Args:
        inputs: checked inputs by name.
        kinds: their kinds.
        labels: how messages call their columns.
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
                f"{labels[name]}: has the one value {found[0]!r} in all runs{where}, so that no "
                "fit can tell what it does; use a law without this input, or add runs with another"
            )


def labels_of(column: Column) -> tuple[Any, ...]:
    """The different values of a category, in order of their first appearance.

    Args:
        column: of a category, shape (run,).

    Returns:
        Each value once.

    Example:
        >>> labels_of(np.array(["b", "a", "b"], dtype=object))
        ('b', 'a')
    """
    return tuple(dict.fromkeys(column.tolist()))


def _labels(values: Any, label: str) -> Column:
    """A category's values, none of them missing."""
    array = copied(values)
    if array.ndim != 1:
        raise ValueError(f"{label}: has shape {array.shape}; give one label per run")
    column = array.astype(object)
    # a NaN among numbers, and an empty text, stand for "not there" in tables
    gaps = [row for row, value in enumerate(column.tolist()) if is_missing(value) or value == ""]
    if gaps:
        raise ValueError(
            f"{label}: {shown_rows(gaps)} {'is' if len(gaps) == 1 else 'are'} missing; {REMEDY}"
        )
    try:
        hash(tuple(column.tolist()))
    except TypeError:
        raise ValueError(f"{label}: its values cannot be labels; give text or numbers") from None
    column.setflags(write=False)
    return column


def checked_shares(values: Mapping[str, Any], label: str) -> Floats:
    """The columns of a mixture, checked one by one, and then together.

    Args:
        values: each share's column, by name.
        label: how messages call them together.

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
        raise ValueError(f"{label}: give two or more shares of each run, as many of each")
    array = np.stack(list(columns.values()), axis=1)
    _refuse_wrong_sums(array.sum(axis=1), label)
    array.setflags(write=False)
    return array


def named_shares(name: str, values: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """The columns of a mixture by name.

    Args:
        name: of the mixture.
        values: a mapping of names to columns, or an array of shape (run, share).
        names: of the shares of an array; None numbers them from 1.

    Returns:
        Each share's values.

    Raises:
        ValueError: it is neither, or names and shares differ in number.

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
            f"input {name!r}: a mixture is an array of shape (run, share), or a mapping of the "
            "shares' names to columns"
        )
    names = [f"{name}_{at + 1}" for at in range(array.shape[1])] if names is None else names
    if len(names) != array.shape[1]:
        raise ValueError(f"shares: {name!r} has {array.shape[1]} shares, but {len(names)} names")
    return dict(zip(names, array.T, strict=True))


def _refuse_wrong_sums(sums: Floats, label: str) -> None:
    """Refuse shares that are not 1 in sum."""
    bad = np.flatnonzero(np.abs(sums - 1.0) > _SUM_TOLERANCE)
    if bad.size:
        some = ", ".join(f"{total:.7g}" for total in sums[bad[:3]]) + ", …" * (bad.size > 3)
        raise ValueError(
            f"{label}: {shown_rows(bad)} {'does' if bad.size == 1 else 'do'} not sum to 1 "
            f"({some}); name all shares of the mixture, as parts of 1 (rows are counted from 0, "
            "without the header)"
        )


def mixture_label(name: str, columns: Sequence[str]) -> str:
    """How messages call a mixture's columns.

    Args:
        name: of the input.
        columns: of its shares.

    Returns:
        The text.

    Example:
        >>> mixture_label("h", ["web", "code"])
        "columns 'web', 'code' (h)"
    """
    shown = ", ".join(repr(column) for column in columns[:_MAX_NAMES_SHOWN])
    left = len(columns) - _MAX_NAMES_SHOWN
    return f"columns {shown}{f' and {left} more' if left > 0 else ''} ({name})"


def _wrong_unit(name: str, label: str, largest: float) -> str:
    """What to say of a column that looks as if it were in millions or billions."""
    python, shell = unit_option(name)
    return (
        f"{label}: its largest value is {short(largest)}, too small for a number of "
        f"{MEANINGS[name]}. If the column is in billions, say {python}=1e9 (shell: "
        f"{shell} 1e9), in millions 1e6, in thousands 1e3; if these really are "
        f"{MEANINGS[name]}, say {python}=1 (shell: {shell} 1)"
    )
