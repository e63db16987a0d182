"""Jumps of a logged learning rate, and the steps at which they occur."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_LARGE: Final = 0.02  # of the peak: a change between two logged steps that may be a jump
_SUDDEN: Final = 5.0  # times the neighbouring changes
_STAIR: Final = 3.0  # half units of the last digit; rounding makes stairs of two
_FEWEST: Final = 4  # logged rates needed to tell a jump from a decay
_REGULAR: Final = 0.8  # of the distances of logged steps that are the usual one
_OFF_CADENCE: Final = (0.75, 0.97)  # of the usual distance: less is a row off the cadence


class Jump(NamedTuple):
    """A jump between two logged steps.

    Attributes:
        row: position of the logged step before it.
        before: this step.
        after: the next logged step.
        step: the first step assumed to have the new rate.
        is_known: whether the log determines this step.
    """

    row: int
    before: int
    after: int
    step: int
    is_known: bool

    @property
    def note(self) -> str:
        """A sentence on the assumed step of the jump; empty if the log determines it."""
        if self.is_known:
            return ""
        return (
            f"the learning rate jumps between the logged steps {self.before:,} and "
            f"{self.after:,}: it is assumed to jump at step {self.step:,}, the roundest number "
            "between them"
        )


def found_jumps(
    at: NDArray[np.float64],
    rates: NDArray[np.float64],
    warmup: int,
    errors: NDArray[np.float64] | float = 0.0,
) -> tuple[Jump, ...]:
    """Sudden, large changes of a logged rate.

    A row logged off the usual cadence, as when training is resumed, has the new rate first.
    Otherwise the jump is assumed at the roundest step between two logged ones.

    Args:
        at: the logged steps, ``(point,)``.
        rates: their rates, ``(point,)``.
        warmup: number of warmup steps, in which there are no jumps.
        errors: the possible rounding error of each rate, ``(point,)``; rounding makes stairs.

    Example:
        >>> at, rates = np.array([0.0, 90, 180, 270]), np.array([3.0, 3.0, 1.0, 1.0])
        >>> found_jumps(at, rates, 0)
        (Jump(row=1, before=90, after=180, step=100, is_known=False),)
    """
    distances = np.diff(at)
    if len(at) < _FEWEST:
        return ()
    changes = np.abs(np.diff(rates)) / distances
    beside = np.maximum(np.r_[0.0, changes[:-1]], np.r_[changes[1:], 0.0])
    is_jump = (changes > _SUDDEN * beside) & (at[:-1] >= warmup)
    is_jump &= np.abs(np.diff(rates)) > _LARGE * rates.max()
    half_units = np.broadcast_to(errors, rates.shape)
    is_jump &= np.abs(np.diff(rates)) > _STAIR * np.maximum(half_units[1:], half_units[:-1])
    is_jump[-1] = False  # it may be the beginning of a decay
    usual = float(np.median(distances))
    is_regular = bool(np.mean(np.abs(distances / usual - 1.0) < 0.01) > _REGULAR)
    found = []
    for row in np.flatnonzero(is_jump).tolist():
        before, after = int(at[row]), int(at[row + 1])
        is_known = after - before == 1 or after - before < _OFF_CADENCE[is_regular] * usual
        step = after if is_known else roundest(before + 1, after)
        found.append(Jump(row, before, after, step, is_known))
    return tuple(found)


def roundest(first: int, last: int) -> int:
    """The step within bounds with the most trailing zeros; of several, the one nearest the middle.

    Example:
        >>> roundest(7937, 8064), roundest(17, 23)
        (8000, 20)
    """
    unit = 10 ** len(str(last))
    while last // unit * unit < max(first, 1):
        unit //= 10
    middle = round((first + last) / 2 / unit) * unit
    return min(max(middle, -(-first // unit) * unit), last // unit * unit)
