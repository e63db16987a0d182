"""The runs over two of their inputs, drawn with characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import Floats

_MOST_ROWS: Final = 26
_CELLS: Final = 56  # letters beside the labels
_SHADES: Final = "░▒▓█"
_SAME_SIZE: Final = 0.01  # sizes that differ by less share a row
_SAME_STEP: Final = 0.02  # of ln x, below which values are one
_WIDE: Final = 3.0  # ratio of largest to smallest from which on an axis is logarithmic
_LETTERS: Final = 8  # of the labels of rows
_CLEARER: Final = 1.05  # more cells, for which columns are made narrower
_MOST_COUNTED: Final = 20_000  # runs from which the columns are made


@dataclass(frozen=True, eq=False)
class RunGrid:
    """Runs counted in cells of two inputs, with the mean response of each cell.

    Attributes:
        y: the input along rows, usually ``"N"``.
        x: the input along columns, usually ``"D"``.
        response: name of the response.
        y_values: value of each row, ascending, ``(row,)``.
        x_values: value of each column, ascending, ``(column,)``.
        counts: runs in each cell, ``(row, column)``.
        mean: mean response in each cell, NaN where there is none, ``(row, column)``.
    """

    y: str
    x: str
    response: str
    y_values: Floats
    x_values: Floats
    counts: NDArray[np.intp]
    mean: Floats

    def __str__(self) -> str:
        """The grid as text, at most 76 characters wide."""
        width = 2 if 2 * len(self.x_values) <= _CELLS else 1
        labels = [quantity_text(value) for value in self.y_values]
        totals, quarters = self.counts.sum(axis=1), self._quarters()
        lines = [self._heading()]
        for row in range(len(labels))[::-1]:
            cells = "".join(
                self._cell(row, column, width, quarters) for column in range(len(self.x_values))
            )
            lines.append(f"{labels[row]:>{_LETTERS}} │{cells}│ {totals[row]:,}")
        lines += self._axis(width)
        return "\n".join(lines)

    def _heading(self) -> str:
        title = f"{self.y:>{_LETTERS}}   {self.response} by {self.y} and {self.x}"
        finite = self.mean[np.isfinite(self.mean)]
        if not len(finite):
            return f"{title}: runs in each cell (+ more than 9)"
        low, high = f"{finite.min():.4g}", f"{finite.max():.4g}"
        most = int(self.counts.max())
        more = f"; up to {most:,} runs in a cell" if most > 1 else ""
        return f"{title}, in quartiles from ░ {low} to █ {high}{more}"

    def _quarters(self) -> Floats:
        """Quartiles of the responses, which separate the four shades."""
        finite = self.mean[np.isfinite(self.mean)]
        return np.quantile(finite, (0.25, 0.5, 0.75)) if len(finite) else finite

    def _cell(self, row: int, column: int, width: int, quarters: Floats) -> str:
        if not self.counts[row, column]:
            return " " * width
        value = self.mean[row, column]
        if np.isnan(value):
            count = int(self.counts[row, column])
            return (str(count) if count <= 9 else "+").ljust(width)
        return _SHADES[int(np.searchsorted(quarters, value))] * width

    def _axis(self, width: int) -> list[str]:
        """The line below the cells, and the values at its ends and in the middle."""
        num, indent = len(self.x_values), " " * (_LETTERS + 1)
        line, texts = ["─"] * (num * width), [" "] * (num * width + 2 * _LETTERS)
        free = 0
        for at in dict.fromkeys((0, num - 1, num // 2, num // 4, (3 * num) // 4)):
            text = quantity_text(self.x_values[at])
            start = at * width if at < num - 1 else max(num * width - len(text), free)
            around = texts[max(start - 2, 0) : start + len(text) + 2]
            if any(letter != " " for letter in around):
                continue
            line[at * width] = "┴" if at else "─"
            texts[start : start + len(text)] = text
            free = max(free, len(text) + 2)
        return [
            f"{indent}└{''.join(line)}┘",
            f"{indent} {''.join(texts).rstrip()}  {self.x}",
        ]


def run_grid(
    y: tuple[str, Floats], x: tuple[str, Floats], response: tuple[str, Floats | None]
) -> RunGrid | None:
    """Count runs by two inputs; None if both have a single value.

    Args:
        y: name and values of the input along rows, ``(run,)``.
        x: name and values of the input along columns, ``(run,)``.
        response: name and values of the response, ``(run,)``, if it is known.

    Example:
        >>> sizes, tokens = np.meshgrid([1e8, 4e8], [1e9, 2e9, 4e9], indexing="ij")
        >>> loss = 1.7 + (1e6 / sizes.ravel()) ** 0.3 + (1e7 / tokens.ravel()) ** 0.3
        >>> print(run_grid(("N", sizes.ravel()), ("D", tokens.ravel()), ("loss", loss)))
               N   loss by N and D, in quartiles from ░ 2.031 to █ 2.202
           400 M │▒▒░░░░│ 3
           100 M │████▒▒│ 3
                 └────┴─┘
                  1 B  4 B  D
    """
    names, losses = (y[0], x[0]), response[1]
    known = np.isfinite(y[1]) & np.isfinite(x[1])
    own_y, own_x = y[1][known], x[1][known]
    if len(own_y) < 2 or (np.ptp(own_y) == 0.0 and np.ptp(own_x) == 0.0):
        return None
    rows, y_values = _rows(own_y)
    columns, x_values = _bins(own_x, rows, _CELLS)
    shape = (len(y_values), len(x_values))
    cells = rows * shape[1] + columns
    counts = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
    mean = np.full(shape, np.nan)
    if losses is not None:
        loss = losses[known]
        finite = np.isfinite(loss)
        num = np.bincount(cells[finite], minlength=mean.size)
        total = np.bincount(cells[finite], loss[finite], minlength=mean.size)
        some = np.flatnonzero(num)
        mean.flat[some] = total[some] / num[some]
    return RunGrid(*names, response[0], y_values, x_values, counts, mean)


def _rows(values: Floats) -> tuple[NDArray[np.intp], Floats]:
    """The row of each value: a row for each size, or bins if there are many."""
    distinct = np.unique(values)
    if len(distinct) <= 1:
        return np.zeros(len(values), dtype=np.intp), distinct
    steps = np.diff(distinct) > _SAME_SIZE * np.abs(distinct[:-1])
    number = np.concatenate([[0], np.cumsum(steps)])
    if number[-1] < _MOST_ROWS:
        first = distinct[np.concatenate([[True], steps])]
        return number[np.searchsorted(distinct, values)], first
    return _even_bins(values, _MOST_ROWS)


def _bins(values: Floats, rows: NDArray[np.intp], most: int) -> tuple[NDArray[np.intp], Floats]:
    """Bins as wide as the usual step of values within a row, at most ``most``."""
    if np.ptp(values) == 0.0:
        return np.zeros(len(values), dtype=np.intp), values[:1]
    scaled = _scaled(values)
    order = np.lexsort((scaled, rows))
    steps = np.diff(scaled[order])
    steps = steps[(np.diff(rows[order]) == 0) & (steps > _SAME_STEP * min(1.0, np.ptp(scaled)))]
    step = float(np.median(steps)) if len(steps) else float(np.ptp(scaled)) / most
    num = int(np.clip(round(np.ptp(scaled) / step) + 1, 2, most))
    some = np.linspace(0, len(values) - 1, min(len(values), _MOST_COUNTED)).astype(np.intp)
    occupied = [
        _num_occupied(rows[some], _even_bins(values[some], own)[0]) for own in range(num, most + 1)
    ]
    is_better = occupied[0] * _CLEARER < max(occupied)  # neighbours fell into one cell
    return _even_bins(values, num + (int(np.argmax(occupied)) if is_better else 0))


def _num_occupied(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> int:
    return len(np.unique(rows * (int(columns.max()) + 1) + columns))


def _even_bins(values: Floats, num: int) -> tuple[NDArray[np.intp], Floats]:
    """Bins whose centres lie evenly from the smallest value to the largest."""
    scaled = _scaled(values)
    low, high = scaled.min(), scaled.max()
    places = np.rint((scaled - low) / (high - low) * (num - 1)).astype(np.intp)
    centres = np.linspace(low, high, num)
    return places, np.exp(centres) if _is_wide(values) else centres


def _scaled(values: Floats) -> Floats:
    return np.log(values) if _is_wide(values) else values


def _is_wide(values: Floats) -> bool:
    """Whether an axis is logarithmic."""
    low, high = float(values.min()), float(values.max())
    return low > 0.0 and high > _WIDE * low
