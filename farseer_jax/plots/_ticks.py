"""Ticks of logarithmic axes, as many as the axes have room for.

Axes learn their size when they are drawn, so these ask then.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from farseer_jax.results.numbers import quantity_text

_SUBS = ((1.0, 2.0, 5.0), (1.0, 3.0))  # of each power of ten, densest first
_MOST_STEPS = 12  # decades between two ticks, at most
_MOST = 8  # labels, however long the axis
_MOST_3D = 5
_ROOM_3D = 0.9  # inches of the width of 3-D axes for each label of an axis
_WIDTH, _GAP = 0.62, 1.1  # of a letter, and between two labels; in sizes of their letters
_LINE = 1.9  # from one label of a vertical axis to the next, likewise
_BARE = 0.05  # decades
_LARGEST, _SMALLEST = 1e5, 1e-4  # that are written in full


def ticker(kind: type, *args: Any) -> Any:
    """One of the kinds below as a locator or a formatter of matplotlib."""
    return _with_base(kind)(*args)


@cache
def _with_base(kind: type) -> type:
    """Its base is joined late: matplotlib is only loaded for a figure."""
    from matplotlib.ticker import Formatter, Locator

    base = Locator if hasattr(kind, "tick_values") else Formatter

    def reduced(self: Any) -> tuple[Any, ...]:  # figures can be pickled: by the kind's own name
        return _empty, (kind,), self.__dict__

    return type(kind.__name__, (kind, base), {"__reduce__": reduced})


def _empty(kind: type) -> Any:
    made: Any = _with_base(kind)
    return made.__new__(made)


def log_places(low: float, high: float, room: float, most: int) -> np.ndarray:
    """Places within the limits, the most that fit, two where there are two.

    Args:
        low: limit, positive.
        high: likewise, above it.
        room: decades that one label takes.
        most: labels.
    """
    sparse = np.array([])
    for places in _choices(low, high):
        if len(places) < 2:
            break
        sparse = places
        if len(places) <= most and np.diff(np.log10(places)).min() >= room:
            return places
    if len(sparse):
        return sparse[[0, -1]]  # those of the fewest that are furthest apart
    from matplotlib.ticker import MaxNLocator

    num = int(np.clip(np.log10(high / low) / room, 1, 4))
    linear = np.asarray(MaxNLocator(num, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high))
    return linear[(linear >= low) & (linear <= high)]


def _choices(low: float, high: float) -> list[np.ndarray]:
    """Densest first: some multiples of each power of ten, the powers, every second of them, ..."""
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    slack = 1 + 1e-9
    found = [np.outer(powers, subs).ravel() for subs in (*_SUBS, (1.0,))]
    found = [places[(places >= low / slack) & (places <= high * slack)] for places in found]
    within = found[-1]
    # with as much left out at both ends
    starts = [(step, (len(within) - 1) % step // 2) for step in range(2, _MOST_STEPS + 1)]
    return found + [within[start::step] for step, start in starts if len(within) > step]


class LogTicks:
    """1, 2 and 5 of each power of ten, 1 and 3, or 1; or every second or third power of many."""

    axis: Any

    def __call__(self) -> Any:
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((vmin, vmax))
        if not 0 < low < high < np.inf:
            return np.array([])
        room = self._label(low, high) / self._length() * float(np.log10(high / low))
        return log_places(low, high, room, _MOST)

    def _length(self) -> float:
        """Of the axis, in points."""
        axes = self.axis.axes
        size = axes.bbox.width if self._is_across() else axes.bbox.height
        return float(max(size * 72 / axes.figure.dpi, 1.0))

    def _is_across(self) -> bool:
        return bool(self.axis.axis_name == "x")

    def _label(self, low: float, high: float) -> float:
        """What one takes along the axis, in points."""
        size = float(self.axis.get_major_ticks(1)[0].label1.get_size())
        if not self._is_across():
            return _LINE * size
        text = self.axis.get_major_formatter()
        likely = next(places for places in _choices(low, high) if len(places) <= 3 * _MOST)
        text.set_locs(likely.tolist())
        # of a power, "$10^{5}$", neither signs of TeX nor all of the exponent's width
        lengths = [len(_shown(text(value))) for value in likely]
        return (_WIDTH * max(lengths, default=4) + _GAP) * size


def _shown(text: str) -> str:
    return text.replace("\\times", "x").translate(dict.fromkeys(map(ord, "${}^")))


class SurfaceTicks:
    """The same of 3-D axes that are linear in log10, at most five.

    Args:
        bare: where no label stands, since another axis has its own there.
    """

    axis: Any

    def __init__(self, bare: float | None = None) -> None:
        self._bare = bare

    def __call__(self) -> Any:
        return self.tick_values(*self.axis.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        low, high = sorted((vmin, vmax))
        axes = self.axis.axes
        most = int(np.clip(axes.bbox.width / axes.figure.dpi / _ROOM_3D, 2, _MOST_3D))
        room = (high - low) / (most + 1)
        if self._bare is not None:
            low += _BARE * (abs(low - self._bare) < _BARE)
            high -= _BARE * (abs(high - self._bare) < _BARE)
        return np.log10(log_places(10.0**low, 10.0**high, room, most))


class Quantities:
    """500 M, 1 B; of axes in log10 as well."""

    def __init__(self, is_log10: bool = False) -> None:
        self._is_log10 = is_log10

    def __call__(self, x: float, pos: int | None = None) -> str:
        return quantity_text(10.0**x if self._is_log10 else x)


class Plain:
    """0.5 or 1,000; all of an axis as powers of ten where one has too many digits."""

    _values: Sequence[float] = ()

    def set_locs(self, locs: Sequence[float]) -> None:
        self._values = locs

    def __call__(self, x: float, pos: int | None = None) -> str:
        if _in_full([*self._values, x]):
            return f"{x:,.6g}"
        power = int(np.floor(np.log10(x) + 1e-9))
        digits = f"{x / 10.0**power:.3g}"
        times = "" if digits == "1" else f"{digits}\\times"
        return f"${times}10^{{{power}}}$"


def _in_full(values: Sequence[float]) -> bool:
    return all(_SMALLEST <= value <= _LARGEST for value in values)
