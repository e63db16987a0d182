"""Ticks and labels of logarithmic axes: as many as fit, N and D in millions and billions.

Based on matplotlib's locator and formatters; in addition, ticks between powers of ten are labelled
where there is room, which is known only when the axes are drawn.
"""

from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import (
    FuncFormatter,
    LogFormatterSciNotation,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.usual_names import MEANINGS

_SUBS = ((1.0, 2.0, 5.0), (1.0, 3.0))  # multiples of each power of ten, densest first
_FEW = 5  # factor between the limits below which ticks are evenly spaced
_MOST = 8  # labels, however long the axis
_ROOM = 1.15  # a label and the gap after it, in units of `Axis.get_tick_space`
_SMALLEST, _LARGEST = 1e-4, 1e4  # numbers that are written in full
_LABELS = {"N": "parameters N", "D": "tokens D", "C": "compute 6ND, FLOPs"}
_COUNTS = ("N", "D", "U")  # shown in millions and billions


def log_ticks(low: float, high: float, space: int) -> np.ndarray:
    """The most ticks within the limits that fit, and at least two if possible.

    Args:
        low: lower limit, positive.
        high: upper limit.
        space: number of labels that fit along the axis.

    Example:
        >>> log_ticks(1.0, 10.0, 4).tolist(), log_ticks(1.0, 1e6, 4).tolist()
        ([1.0, 2.0, 5.0, 10.0], [1.0, 100.0, 10000.0, 1000000.0])
    """

    def within(locator: Any) -> np.ndarray:
        places = np.asarray(locator.tick_values(low, high))
        return places[(places >= low * (1 - 1e-9)) & (places <= high * (1 + 1e-9))]

    most = int(np.clip(space, 2, _MOST))
    if high < _FEW * low:
        return within(MaxNLocator(min(most, 5), steps=[1, 2, 2.5, 5, 10]))
    room = _ROOM / space * float(np.log10(high / low))  # decades
    found = [within(LogLocator(subs=subs, numticks=_MOST)) for subs in _SUBS]
    for places in found:
        if 1 < len(places) <= most and np.diff(np.log10(places)).min() >= room:
            return places
    if len(powers := within(LogLocator(numticks=most))) > 1:
        return powers
    return found[0][[0, -1]]  # as far apart as 1, 2 and 5 can be


class RoomyLogLocator(LogLocator):
    """Major ticks by :func:`log_ticks`, of the axis as it is drawn."""

    def tick_values(self, vmin: float, vmax: float) -> Any:
        """Places within the limits."""
        low, high = sorted((vmin, vmax))
        if self.axis is None or not 0 < low < high < np.inf:
            return super().tick_values(vmin, vmax)
        return log_ticks(low, high, max(self.axis.get_tick_space(), 1))


class PlainFormatter(LogFormatterSciNotation):
    """0.5 or 1,000; powers of ten for the whole axis if one number has too many digits."""

    def __init__(self) -> None:
        super().__init__(minor_thresholds=(np.inf, np.inf))  # label every tick

    def format_ticks(self, values: list[float]) -> list[str]:
        """Labels in one common format."""
        if all(_SMALLEST <= value <= _LARGEST for value in values):
            return [f"{value:,.6g}" for value in values]
        return super().format_ticks(values)


def quantity_tick(value: float, _: int | None = None) -> str:
    """Labels such as 500 M or 1 B."""
    return quantity_text(value)


def log10_tick(value: float, _: int | None = None) -> str:
    """Labels such as 500 M or 1 B on an axis of log10."""
    return quantity_text(10.0**value)


def count_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis of parameters or tokens, such as 2 B."""
    _set_ticks(axis, FuncFormatter(quantity_tick))


def plain_ticks(axis: Axis) -> None:
    """Ticks of a logarithmic axis of other numbers, in one format."""
    _set_ticks(axis, PlainFormatter())


def _set_ticks(axis: Axis, formatter: Any) -> None:
    axis.set_major_locator(RoomyLogLocator())
    axis.set_major_formatter(formatter)
    axis.set_minor_formatter(NullFormatter())


def is_number(values: np.ndarray) -> bool:
    """Whether a column holds numbers, not labels."""
    return np.asarray(values).dtype.kind in "biuf"


def is_log(values: np.ndarray) -> bool:
    """Whether values suit a logarithmic axis: positive, and ranging over more than a factor 3."""
    values = np.asarray(values)
    return is_number(values) and bool(values.min() > 0 and values.max() > 3 * values.min())


def input_label(name: str) -> str:
    """The label of an axis: ``parameters N``, ``unique tokens U``, or the name alone."""
    if name in _LABELS:
        return _LABELS[name]
    return f"{MEANINGS[name]} {name}" if name in MEANINGS else name


def input_ticks(axis: Axis, name: str) -> None:
    """Ticks of a logarithmic axis of an input."""
    (count_ticks if name in _COUNTS else plain_ticks)(axis)


def input_axis(
    axes: Axes, which: Literal["x", "y"], name: str, values: np.ndarray | None = None
) -> None:
    """Label an axis of an input; logarithmic for N, D and C, or if the values suit."""
    axes.set(**{f"{which}label": input_label(name)})
    if name in _LABELS or (values is not None and is_log(values)):
        axes.set(**{f"{which}scale": "log"})
        input_ticks(axes.xaxis if which == "x" else axes.yaxis, name)


def map_axes(axes: Axes) -> None:
    """Axes of a map of N and D."""
    input_axis(axes, "x", "N")
    input_axis(axes, "y", "D")
    axes.grid(visible=False)
