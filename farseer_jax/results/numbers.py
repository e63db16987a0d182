"""Numbers as people of this field write them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

_LARGE_LOSS = 1e5  # no loss of a run: a law that has run away
_LARGE_SHARE = 10.0
_PREFIXES = ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"))


def quantity_text(value: float) -> str:
    """A count of parameters or tokens: 6.37 B, 512 B, 201 M."""
    for unit, prefix in _PREFIXES:
        # 999.6 B is shown as 1 T, not as 1e+03 B
        if value >= 0.9995 * unit:
            return f"{float(f'{value / unit:.3g}'):g}{prefix}"
    return f"{value:.3g}"


def loss_text(value: float) -> str:
    """A loss, to the digits that runs repeat to; one that no run has, by its power of ten."""
    return f"{value:.3e}" if abs(value) > _LARGE_LOSS else f"{value:.5f}"


def some_of(num: int, total: int, noun: str, one: str, many: str) -> str:
    """The subject and verb of a sentence about some of many: 1 of 4 optima lies, 2 of 4 lie."""
    return f"{num:,} of {total:,} {noun} {one if num == 1 else many}"


def percent_text(value: float, sign: str = "") -> str:
    """A share or a change, with a dash for one that does not exist; ``"+"`` signs a change.

    From ten times on the digits say nothing, and there may be hundreds of them.
    """
    if not np.isfinite(value):
        return "–"
    if abs(value) > _LARGE_SHARE:
        beyond, bound = (">", _LARGE_SHARE) if value > 0 else ("<", -_LARGE_SHARE)
        return f"{beyond} {bound:{sign}.0%}"
    return f"{value:{sign}.3%}"


def number_text(value: float, digits: int = 6) -> str:
    """Any number, with a dash for one that does not exist."""
    return "–" if np.isnan(value) else f"{value:.{digits}g}"


def or_null(value: Any) -> Any:
    """What JSON knows: a number that is not finite is None, in arrays, lists and mappings too."""
    if isinstance(value, Mapping):
        return {name: or_null(own) for name, own in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return or_null(value.tolist())
    if isinstance(value, list | tuple):
        return [or_null(own) for own in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def json_numbers(column: ArrayLike) -> list[Any]:
    """Numbers that JSON knows, and labels: what does not exist is null."""
    values: list[Any] = or_null(np.asarray(column))
    return values
