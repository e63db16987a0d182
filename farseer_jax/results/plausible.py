"""Ranges that the names of fields promise: counts, levels, probabilities, ends of intervals."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from farseer_jax.results.agreement import AGREEMENT


def check_ranges(result: Any, where: str = "") -> None:
    """Refuse a result with a field outside the range that its name promises, also within parts.

    A ``num_…`` is not negative, a ``level`` lies between 0 and 1, a ``probability…``, ``p_value``
    or ``share…`` from 0 to 1, a ``standard_error`` or ``…_sd`` is not negative, and ``lower`` is
    at most ``upper``, as is ``N_lower`` at most ``N_upper``. Missing numbers (NaN) are allowed.

    Args:
        result: a dataclass, or a sequence or mapping of them.
        where: its place, for messages.

    Raises:
        ValueError: a field is outside its range; the message names it.
    """
    import equinox as eqx

    for name, value in parts_of(result):
        place = f"{where}.{name}".lstrip(".")
        if _is_number(value):
            for applies, holds, needs in _RULES:
                if applies(place) and not _all(value, holds):
                    raise ValueError(f"{place} must be {needs}")
            _check_ends(result, name, place)
        elif isinstance(value, eqx.Module):
            continue  # a law, whose parameters have names of their own
        elif dataclasses.is_dataclass(value) or isinstance(value, Mapping | tuple):
            check_ranges(value, place)


def parts_of(value: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass, or the entries of a mapping or sequence, each with its name."""
    if dataclasses.is_dataclass(value):
        return [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return [(str(name), own) for name, own in value.items()]
    return [(str(place), own) for place, own in enumerate(value)]


def _is_number(value: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.dtype.kind in "fiu"
    return isinstance(value, int | float) and not isinstance(value, bool)


def _all(value: Any, holds: Callable[[Any], Any]) -> bool:
    numbers = np.asarray(value, dtype=float)
    return bool((np.isnan(numbers) | holds(numbers)).all())


def _check_ends(result: Any, name: str, place: str) -> None:
    """Refuse intervals whose lower end lies above the upper one."""
    if not (name == "lower" or name.endswith("_lower")):
        return
    low, high = (_get(result, own) for own in (name, f"{name.removesuffix('lower')}upper"))
    if not _is_number(high):
        return
    if np.shape(low) != np.shape(high):
        raise ValueError(f"{place} and its upper ends have different shapes")
    if not _all(np.asarray(high, float) - np.asarray(low, float), lambda gap: gap >= 0.0):
        raise ValueError(f"{place} lies above its upper end")


def _last(place: str) -> str:
    return place.rpartition(".")[2]


def _get(result: Any, name: str) -> Any:
    return result.get(name) if isinstance(result, Mapping) else getattr(result, name, None)


_PROBABILITIES = ("probability", "p_value", "share")
_RULES: tuple[tuple[Callable[[str], bool], Callable[[Any], Any], str], ...] = (
    (lambda place: _last(place).startswith("num_"), lambda x: x >= 0.0, "0 or more"),
    (lambda place: place == "level", lambda x: (x > 0.0) & (x < 1.0), "between 0 and 1"),
    (
        lambda place: _last(place).startswith(_PROBABILITIES),
        lambda x: abs(x - 0.5) <= 0.5 + AGREEMENT,
        "from 0 to 1",
    ),
    (lambda place: place.endswith(("standard_error", "_sd")), lambda x: x >= 0.0, "0 or more"),
)
