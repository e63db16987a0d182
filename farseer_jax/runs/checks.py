"""Checks of the columns of a table of runs; messages name the column, the rows and the remedy.

Only `farseer_jax.runs.runs` calls these: kernels get numbers that need no check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.runs.columns import MEANINGS, ROLES, Role

Floats: TypeAlias = NDArray[np.float64]

# No table of language models stays below these: its column is in thousands, millions or billions.
_LARGEST_MUST_REACH: Final[dict[Role, float]] = {"N": 1e5, "D": 1e7}

_MAX_ROWS_SHOWN: Final = 10
_MAX_VALUES_SHOWN: Final = 3
_MAX_LETTERS_SHOWN: Final = 30
_REMEDY: Final = (
    "correct these rows or leave them out (rows are counted from 0, without the header)"
)


def checked_columns(
    columns: Mapping[Role, ArrayLike],
    *,
    names: Mapping[Role, str] | None = None,
    units: Mapping[Role, float | None] | None = None,
) -> tuple[Floats, Floats, Floats]:
    """Check the columns N, D and loss of a table, and copy them.

    Args:
        columns: the values of ``"N"``, ``"D"`` and ``"loss"``, one per run.
        names: what the columns are called in their table, for messages.
        units: the factors of ``"N"`` and ``"D"``; None refuses values that look like billions.

    Returns:
        N, D and loss: read-only float64, shape (run,).

    Raises:
        ValueError: something is wrong; the message names the column, the rows and the remedy.

    Example:
        >>> checked_columns({"N": [1, 2], "D": [4e10, 8e10], "loss": [3, 2]}, units={"N": 1e9})
        (array([1.e+09, 2.e+09]), array([4.e+10, 8.e+10]), array([3., 2.]))
    """
    units = units or {}
    labels = {role: _label(role, (names or {}).get(role, role)) for role in ROLES}
    checked = {
        role: positive_floats(columns[role], labels[role], _unit(role, units.get(role)))
        for role in ROLES
    }
    lengths = {role: column.size for role, column in checked.items()}
    if len(set(lengths.values())) > 1:
        counts = ", ".join(f"{labels[role]} has {lengths[role]}" for role in ROLES)
        raise ValueError(f"columns of unequal length: {counts} values; give one of each per run")
    if not lengths["N"]:
        raise ValueError(
            "the table has no rows: columns N, D and loss are empty; give at least one run"
        )
    for role, least in _LARGEST_MUST_REACH.items():
        if units.get(role) is None and checked[role].max() < least:
            raise ValueError(_wrong_unit(role, labels[role], float(checked[role].max())))
    return checked["N"], checked["D"], checked["loss"]


def positive_floats(values: Any, column: str, unit: float | None = None) -> Floats:
    """Convert a column to positive finite float64 numbers, or say what is wrong with it.

    Args:
        values: numbers, or text that spells numbers (``"1e9"``), one per run.
        column: how messages call the column.
        unit: a factor for all values; None leaves them.

    Returns:
        A new read-only contiguous array, shape (run,).

    Raises:
        ValueError: not one-dimensional, not numbers, or rows that are missing, NaN, infinite, zero
            or negative.

    Example:
        >>> positive_floats(["1e9", 2, 10**20], "column 'D'")
        array([1.e+09, 2.e+00, 1.e+20])
        >>> positive_floats([1.0, 0.0], "column 'D'")
        Traceback (most recent call last):
            ...
        ValueError: column 'D': row 1 is not positive (0.0); correct these rows or leave them out \
(rows are counted from 0, without the header)
    """
    floats = _floats(values, column)
    _refuse_bad_rows(floats, column)
    if unit is not None:
        with np.errstate(over="ignore", under="ignore"):  # the check below says it better
            floats *= unit
        _refuse_bad_rows(floats, f"{column} times its unit {unit:g}")
    floats.setflags(write=False)
    return floats


def check_level(level: float) -> None:
    """Refuse what is no probability strictly between 0 and 1.

    Raises:
        ValueError: the level is none.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, such as 0.9; got {level!r}")


def shown_rows(rows: Iterable[int]) -> str:
    """Write row numbers for a message: the first ten, and how many more.

    Args:
        rows: positions, counted from 0.

    Returns:
        ``"row 3"``, ``"rows 3, 17"`` or ``"rows 0, 1, … and 37 more"``.

    Example:
        >>> shown_rows(range(47))
        'rows 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 37 more'
    """
    rows = [int(row) for row in rows]
    text = ", ".join(map(str, rows[:_MAX_ROWS_SHOWN]))
    left = len(rows) - _MAX_ROWS_SHOWN
    text = f"{text} and {left} more" if left > 0 else text
    return f"row {text}" if len(rows) == 1 else f"rows {text}"


def short(value: float) -> str:
    """Write a number with three digits, and its exponent as one types it.

    Args:
        value: any number.

    Returns:
        The text.

    Example:
        >>> short(99_620_352.0)
        '9.96e7'
    """
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


def is_missing(value: object) -> bool:
    """Whether a single value stands for "not there": None, NaN, NaT or pandas' NA.

    Args:
        value: any object.

    Returns:
        True for a missing value.

    Example:
        >>> [is_missing(value) for value in (None, float("nan"), 0.0, "")]
        [True, True, False, False]
    """
    if isinstance(value, float | np.floating):
        return math.isnan(value)
    return value is None or type(value).__name__ in ("NAType", "NaTType")


def unmasked(values: np.ma.MaskedArray[Any, Any]) -> NDArray[Any]:
    """Replace what is masked by None.

    Args:
        values: a masked array.

    Returns:
        An array of objects, of the same shape.

    Example:
        >>> unmasked(np.ma.masked_array([1.0, 2.0], mask=[False, True]))
        array([1.0, None], dtype=object)
    """
    objects = np.array(values.data, dtype=object)
    objects[np.ma.getmaskarray(values)] = None
    return objects


def _unit(role: Role, unit: float | None) -> float | None:
    """The factor of a column, checked."""
    if unit is None or (unit > 0.0 and unit < math.inf):
        return unit
    raise ValueError(f"{role}_unit={unit!r}: give a positive finite number, such as 1e9")


def _wrong_unit(role: Role, label: str, largest: float) -> str:
    """What to say of a column that looks as if it were in millions or billions."""
    return (
        f"{label}: its largest value is {short(largest)}, too small for a number of "
        f"{MEANINGS[role]}. If the column is in billions, say {role}_unit=1e9 (shell: "
        f"--{role}-unit 1e9), in millions 1e6, in thousands 1e3; if these really are "
        f"{MEANINGS[role]}, say {role}_unit=1 (shell: --{role}-unit 1)"
    )


def _label(role: Role, name: str) -> str:
    """How messages call a column."""
    return f"column {name!r}" if name == role else f"column {name!r} ({role})"


def _floats(values: Any, column: str) -> Floats:
    """The values as a new one-dimensional float64 array."""
    array = _array(values, column)
    if array.ndim != 1:
        raise ValueError(
            f"{column}: has shape {array.shape}; give one number per run, in one dimension"
        )
    if array.dtype.kind in "fiu":
        return array.astype(np.float64, order="C")
    if array.dtype.kind in "OUS":
        return _parsed(array, column)
    kind = "True/False" if array.dtype.kind == "b" else str(array.dtype)
    raise ValueError(f"{column}: holds {kind} values, not numbers; give numbers, or another column")


def _array(values: Any, column: str) -> NDArray[Any]:
    """The values as an array, without a conversion that would hide something wrong."""
    if isinstance(values, np.ma.MaskedArray):  # asarray would uncover what is masked
        return unmasked(values)
    is_sequence = isinstance(values, list | tuple)
    if is_sequence and any(isinstance(value, bool) for value in values):  # asarray makes it 1.0
        return np.array(values, dtype=object)
    try:
        return np.asarray(values)
    except ValueError:  # "inhomogeneous shape"
        raise ValueError(
            f"{column}: its values differ in length; give one number per run, in one dimension"
        ) from None


def _parsed(array: NDArray[Any], column: str) -> Floats:
    """The numbers that Python objects or text stand for."""
    objects = array.tolist()
    numbers = [_number(value) for value in objects]
    bad = [row for row, number in enumerate(numbers) if number is None]
    if bad:
        what = "is not a number" if len(bad) == 1 else "are not numbers"
        examples = _examples(_quoted(objects[row]) for row in bad[:_MAX_ROWS_SHOWN])
        raise ValueError(f"{column}: {shown_rows(bad)} {what} ({examples}); {_REMEDY}")
    return np.array(numbers, dtype=np.float64)


def _number(value: Any) -> float | None:
    """The number that one object stands for; NaN where it is missing, None if it is none."""
    if is_missing(value) or (isinstance(value, str | bytes) and not value.strip()):
        return math.nan
    if isinstance(value, bool | np.bool_ | complex | np.complexfloating):
        return None
    try:
        return float(value)
    except OverflowError:  # an int beyond 1e308
        return math.inf if value > 0 else -math.inf
    except (TypeError, ValueError):
        return None


def _refuse_bad_rows(floats: Floats, column: str) -> None:
    """Refuse NaN, infinity, zero and negative numbers; say in which rows."""
    # One minimum and one maximum suffice: a NaN comes out of both, and fails both comparisons.
    if not floats.size or (floats.min() > 0.0 and floats.max() < math.inf):
        return
    kinds = (
        (np.isnan(floats), "missing or NaN"),
        (np.isinf(floats), "infinite"),
        (np.isfinite(floats) & (floats <= 0.0), "not positive"),
    )
    problems = []
    for bad, what in kinds:
        rows = np.flatnonzero(bad)
        if rows.size:
            values = f" ({_examples(map(str, floats[rows].tolist()))})" if what[0] == "n" else ""
            verb = "is" if rows.size == 1 else "are"
            problems.append(f"{shown_rows(rows)} {verb} {what}{values}")
    raise ValueError(f"{column}: {'; '.join(problems)}; {_REMEDY}")


def _examples(texts: Iterable[str]) -> str:
    """The first few of the texts."""
    texts = list(texts)
    return ", ".join(texts[:_MAX_VALUES_SHOWN]) + (", …" if len(texts) > _MAX_VALUES_SHOWN else "")


def _quoted(value: object) -> str:
    """One value as a short literal."""
    text = repr(value)
    return text if len(text) <= _MAX_LETTERS_SHOWN else text[:_MAX_LETTERS_SHOWN] + "…"
