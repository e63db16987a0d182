"""Rows of N or D in another unit than the others, as the losses tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from farseer_jax.runs.checks import Floats

UNITS: Final = (1e9, 1e6, 1e12, 1e3)
BETTER: Final = 3.0  # variance about a power law by that with the other unit
FEWEST: Final = 8  # runs to compare them
_FEWEST_REPEATED: Final = 6  # runs, where a value times the unit is another value of the column
_SMALL_GAP: Final = 2.5  # where losses tell too that the unit is another
_MOST_CUTS: Final = 5
_SAME: Final = 1e-6  # relative


def split(values: Floats) -> tuple[Floats, Floats]:
    """Distinct values below and above the largest gap between them; empty without a gap."""
    ordered = np.unique(values)
    if len(ordered) < 2:
        return ordered[:0], ordered
    at = int(np.argmax(ordered[1:] / ordered[:-1])) + 1
    return ordered[:at], ordered[at:]


def unit_between(low: Floats, high: Floats) -> float:
    """The unit of small values, by their distance from the others."""
    middle = np.log(np.median(high) / np.median(low))
    return min(UNITS, key=lambda own: float(abs(np.log(own) - middle)))


def split_by_loss(values: Floats, others: Sequence[Floats]) -> tuple[Floats, Floats]:
    """Distinct values below and above a gap, if the loss tells that they differ in units.

    With the small values in another unit, the losses must be much nearer to a power law, and the
    two ranges must overlap, or each small value be one of the others.

    Args:
        values: of N or D, ``(row,)``; positive.
        others: the loss, and the other of N and D, ``(row,)`` each.
    """
    ordered = np.unique(values)
    nothing = ordered[:0], ordered
    if (
        len(others) != 2
        or len(values) < _FEWEST_REPEATED
        or any((own <= 0.0).any() for own in others)
    ):
        return nothing
    gaps = ordered[1:] / ordered[:-1]
    best, least = nothing, np.inf
    for at in np.argsort(gaps)[: -_MOST_CUTS - 1 : -1] + 1:
        low, high = ordered[:at], ordered[at:]
        unit = unit_between(low, high)
        if gaps[at - 1] < _SMALL_GAP:
            continue
        repeats = _are_among(unit * low, high)
        overlap = low[-1] * unit > high[0] and low[0] * unit < high[-1] and len(values) >= FEWEST
        if not (overlap or repeats):
            continue
        scaled = np.where(values <= low[-1], unit * values, values)
        plain, own = (variance(each, others, bent=not repeats) for each in (values, scaled))
        if own < min(plain / BETTER, least):
            best, least = (low, high), own
    return best


def _are_among(values: Floats, others: Floats) -> bool:
    """Whether each value is one of the others, which are sorted, up to rounding."""
    above = np.searchsorted(others, values).clip(1, len(others) - 1) if len(others) > 1 else 0
    off = np.minimum(abs(np.log(values / others[above])), abs(np.log(values / others[above - 1])))
    return bool((off < _SAME).all())


def variance(values: Floats, others: Sequence[Floats], *, bent: bool = True) -> float:
    """What a power law of N and D, bent if there are many runs, leaves of the logs of losses."""
    loss = np.log(others[0])
    logs = [np.log(own) - np.log(own).mean() for own in (values, others[1])]
    bends = [own**2 for own in logs] if bent and len(loss) >= 2 * FEWEST else []
    design = np.stack([np.ones(len(loss)), *logs, *bends], axis=1)
    slopes = np.linalg.lstsq(design, loss, rcond=None)[0]
    return float(((loss - design @ slopes) ** 2).sum())
