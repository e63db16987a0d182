"""Loss spikes and divergence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.curve_noise import curve_noise

Floats = NDArray[np.float64]

_HALF: Final = 4  # rows on each side of one that determine its usual loss
_LARGE: Final = 6.0  # standard deviations above it
_LEAST: Final = 2e-3  # of ln loss: smaller spikes are harmless
_DIVERGED: Final = 0.25  # of ln loss above the lowest before, until the end
_FEWEST: Final = 3  # rows at the end that show it
_RISE: Final = 0.02  # of ln loss within a few rows: the beginning of a divergence
_MOST_RISING: Final = 8  # rows before it
_FEWEST_ROWS: Final = 12


def spikes(steps: NDArray[Any], losses: Floats) -> NDArray[np.bool_]:
    """Rows whose loss is far above that of their neighbours, ``(point,)``.

    Args:
        steps: increasing, from 1, ``(point,)``.
        losses: the loss at each, ``(point,)``.

    Example:
        >>> steps = np.arange(1, 21)
        >>> losses = 4.0 * steps**-0.1
        >>> losses[9] *= 1.2
        >>> np.flatnonzero(spikes(steps, losses))
        array([9])
    """
    if len(losses) < _FEWEST_ROWS:
        return np.zeros(len(losses), dtype=bool)
    values = np.log(losses)
    above = values - _usual(values)
    noise = curve_noise(steps, losses).noise or 0.0
    return above > max(_LARGE * noise, _LEAST)


def _usual(values: Floats) -> Floats:
    """The running median; beyond its ends the curve is continued by point reflection."""
    before = 2.0 * values[0] - values[_HALF:0:-1]
    after = 2.0 * values[-1] - values[-2 : -_HALF - 2 : -1]
    padded = np.concatenate([before, values, after])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HALF + 1)
    return np.asarray(np.median(windows, axis=1))


def diverged_from(losses: Floats) -> int:
    """The first row after which the loss stays far above its minimum until the end.

    One or two rows at the end count if they are higher still.

    Args:
        losses: in the order of the steps, ``(point,)``.

    Returns:
        Its position; the number of rows if the run did not diverge.

    Example:
        >>> diverged_from(np.array([4.0, 3.5, 3.2, 3.1, 6.0, 7.0, 7.5]))
        4
    """
    values = np.log(losses)
    low = np.minimum.accumulate(values) + _DIVERGED
    last_good = np.flatnonzero(values <= low)
    first = int(last_good[-1]) + 1
    is_far = len(values) > first and values[first:].min() > low[first - 1] + _DIVERGED
    return first if len(values) - first >= _FEWEST or is_far else len(values)


def before_rise(steps: NDArray[Any], losses: Floats) -> int:
    """How many rows there are without those that already rise before a divergence.

    Args:
        steps: those before it, increasing, from 1, ``(point,)``.
        losses: the loss at each, ``(point,)``.

    Example:
        >>> losses = np.r_[4.0 * np.arange(1, 21) ** -0.1, 3.2, 3.6]
        >>> before_rise(np.arange(1, 23), losses)
        20
    """
    values = np.log(losses)
    least = max(_LARGE * (curve_noise(steps, losses).noise or 0.0), _RISE)
    num = len(values)
    while num > _FEWEST and num > len(values) - _MOST_RISING:
        if values[num - 1] - values[max(num - 1 - _HALF, 0) : num - 1].min() <= least:
            break
        num -= 1
    return num
