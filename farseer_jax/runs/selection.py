"""Selecting runs of a table."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.close_names import did_you_mean
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.table import range_text


class Bound(NamedTuple):
    """A bound on the values of a column.

    Attributes:
        text: its name for messages, such as ``"min_N"``.
        column: name of the column.
        value: the bound (inclusive).
        is_least: True for a lower bound, False for an upper one.
    """

    text: str
    column: str
    value: float
    is_least: bool


def selected(
    columns: Mapping[str, Floats], bounds: list[Bound], mask: ArrayLike | None
) -> NDArray[np.bool_]:
    """True for each run within all bounds and the mask, ``(run,)``.

    Args:
        columns: numeric columns, ``(run,)`` each; at least one.
        bounds: bounds on these columns.
        mask: True for each run to keep, ``(run,)``.

    Raises:
        ValueError: a bound is on an unknown column, no run is left, or the mask is invalid.
    """
    num_runs = len(next(iter(columns.values())))
    keep = np.ones(num_runs, dtype=bool) if mask is None else _checked(mask, num_runs)
    for bound in bounds:
        if bound.column not in columns:
            raise ValueError(
                f"{bound.text}: the runs have no numeric column {bound.column!r}; choose from "
                f"{', '.join(columns)}{did_you_mean(bound.column, columns)}"
            )
        values = columns[bound.column]
        keep &= values >= bound.value if bound.is_least else values <= bound.value
    if not keep.any():
        conditions = [f"{bound.text}={bound.value:g}" for bound in bounds]
        conditions += [] if mask is None else ["this mask"]
        named = {bound.column: None for bound in bounds}
        shown = [name for name in columns if name in ("N", "D") or name in named]
        ranges = " and ".join(f"{name} from {range_text(columns[name])}" for name in shown)
        have = f": the {num_runs} runs have {ranges}" if ranges else ""
        raise ValueError(f"no run is left with {', '.join(conditions)}{have}; widen the selection")
    return keep


def without_copies(*columns: NDArray[Any]) -> NDArray[np.bool_]:
    """True for each run that is not an exact copy of an earlier one, ``(run,)``.

    Args:
        columns: what identifies a run: numbers, shares ``(run, share)``, or labels.
    """
    codes = [code for column in columns for code in _codes(column)]
    _, first = np.unique(np.stack(codes, axis=1), axis=0, return_index=True)
    keep = np.zeros(len(columns[0]), dtype=bool)
    keep[first] = True
    return keep


def _codes(column: NDArray[Any]) -> list[Floats]:
    """Numbers that are equal exactly where the values are."""
    if column.dtype.kind in "biuf":
        return [*np.asarray(column, dtype=np.float64).reshape(len(column), -1).T]
    places: dict[Any, int] = {}
    return [np.array([float(places.setdefault(v, len(places))) for v in column.tolist()])]


def _checked(mask: ArrayLike, num_runs: int) -> NDArray[np.bool_]:
    """A copy of a selection mask."""
    array = np.array(mask)
    if array.dtype != np.bool_ or array.shape != (num_runs,):
        raise ValueError(
            f"mask: expected True or False for each of the {num_runs} runs, got type "
            f"{array.dtype} and shape {array.shape}"
        )
    return array
