"""Runs as a table of sizes and D, and pairs of its cells that lie one step apart."""

from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs

# Largest difference of ln D at which D of different sizes are the same: tables round their tokens.
_SAME_D = 0.01
# Largest relative error of a pair's ln ratio. In a grid with some half steps, as in the paper, a
# larger one would pair a run with its half step where the whole step is missing.
_RATIO_MARGIN = 0.25


class Cells(NamedTuple):
    """Losses by size and D.

    Attributes:
        log_N: ln N of the sizes, ascending, ``(size,)``.
        log_D: ln D of the columns, ascending, ``(column,)``.
        log_D_of_cell: mean ln D of the runs of a cell, ``(size, column)``; NaN without runs.
        loss: mean loss of the distinct runs of a cell, ``(size, column)``; NaN without runs.
    """

    log_N: np.ndarray
    log_D: np.ndarray
    log_D_of_cell: np.ndarray
    loss: np.ndarray


class Pairs(NamedTuple):
    """Pairs of cells one step apart; all arrays ``(pair,)``.

    Attributes:
        size: index of its (smaller) size.
        column: index of its (smaller) D.
        log_N: mean ln N of the pair.
        log_D: mean ln D of the pair.
        difference: decrease of the loss over the step.
        log_ratio: ln ratio of the variable that steps.
    """

    size: np.ndarray
    column: np.ndarray
    log_N: np.ndarray
    log_D: np.ndarray
    difference: np.ndarray
    log_ratio: np.ndarray


def cells_of(runs: Runs) -> Cells:
    """Runs as a table; copies count once, repeats are averaged."""
    distinct = np.unique(np.stack([runs.N, runs.D, runs.loss], axis=1), axis=0)
    N, D, loss = distinct.T
    sizes, size = np.unique(N, return_inverse=True)
    column = _columns(np.log(D))
    shape = (len(sizes), int(column.max()) + 1)
    count, total_log_D, total_loss = (np.zeros(shape) for _ in range(3))
    np.add.at(count, (size, column), 1.0)
    np.add.at(total_log_D, (size, column), np.log(D))
    np.add.at(total_loss, (size, column), loss)
    filled = np.where(count > 0, count, np.nan)
    return Cells(
        log_N=np.log(sizes),
        log_D=total_log_D.sum(axis=0) / count.sum(axis=0),
        log_D_of_cell=total_log_D / filled,
        loss=total_loss / filled,
    )


def _columns(log_D: np.ndarray) -> np.ndarray:
    """Column of each D: from the smallest on, all within the tolerance of the first share one."""
    values, index = np.unique(log_D, return_inverse=True)
    column = np.zeros(len(values), dtype=int)
    first = values[0]
    for i in range(1, len(values)):  # at most one step per run
        is_new = values[i] - first > _SAME_D
        first = values[i] if is_new else first
        column[i] = column[i - 1] + is_new
    return column[index]


def typical_ratio_of_D(cells: Cells) -> float:
    """The median step between neighbouring D of one size, in ln D; NaN if no size has two D."""
    steps = [np.diff(row[np.isfinite(row)]) for row in cells.log_D_of_cell]
    every = np.concatenate(steps)
    return float(np.median(every)) if every.size else np.nan


def ratio_of_N_near(cells: Cells, log_ratio: float) -> float:
    """The step between sizes, one or several apart, that is nearest to that of D, in ln N."""
    num_sizes = len(cells.log_N)
    if num_sizes < 2:
        return np.nan
    every = [
        float(np.median(cells.log_N[apart:] - cells.log_N[:-apart]))
        for apart in range(1, num_sizes)
    ]
    target = log_ratio if np.isfinite(log_ratio) else every[0]
    return min(every, key=lambda step: abs(step - target))


def pairs_along_D(cells: Cells, log_ratio: tuple[float, float, float]) -> Pairs:
    """``L(N, D) − L(N, λD)`` of every cell that has a partner."""
    size, first, second = _partners(cells.log_D_of_cell, log_ratio)
    log_D = cells.log_D_of_cell
    lower, upper = log_D[size, first], log_D[size, second]
    difference = cells.loss[size, first] - cells.loss[size, second]
    return Pairs(size, first, cells.log_N[size], (lower + upper) / 2, difference, upper - lower)


def pairs_along_N(cells: Cells, log_ratio: tuple[float, float, float]) -> Pairs:
    """``L(N, D) − L(λN, D)`` of every cell that has a partner."""
    log_N = np.where(np.isfinite(cells.loss), cells.log_N[:, None], np.nan).T
    column, first, second = _partners(log_N, log_ratio)
    lower, upper = cells.log_N[first], cells.log_N[second]
    difference = cells.loss[first, column] - cells.loss[second, column]
    return Pairs(first, column, (lower + upper) / 2, cells.log_D[column], difference, upper - lower)


def _partners(
    coordinate: np.ndarray, log_ratio: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, and two positions in it, of each cell and its partner: the one nearest to a step apart.

    Args:
        coordinate: ``(row, cell)``, ascending; NaN for an empty cell.
        log_ratio: the target step, and the smallest and the largest step allowed.
    """
    target, least, most = log_ratio
    step = coordinate[:, None, :] - coordinate[:, :, None]
    miss = np.where((step >= least) & (step <= most), np.abs(step - target), np.inf)
    partner = miss.argmin(axis=2)
    row, first = np.nonzero(np.isfinite(miss.min(axis=2)))
    return row, first, partner[row, first]


def bounds_of(log_ratio: float) -> tuple[float, float, float]:
    """A step, and the smallest and the largest step that may take its place."""
    return log_ratio, (1 - _RATIO_MARGIN) * log_ratio, (1 + _RATIO_MARGIN) * log_ratio
