"""Rows of equal inputs, averaged: least squares needs only their mean and their sum of squares.

All rows i of a cell c have the same prediction ``p_c`` (the law and its correlated errors), so

    Σ_i w_i (y_i − p_c)² = w_c (ȳ_c − p_c)² + Σ_i w_i (y_i − ȳ_c)²,

with ``w_c = Σ w_i`` and the weighted mean ``ȳ_c``. The last sum does not depend on the prediction:
it affects only the estimate of the noise, as do the numbers of rows. Weights of outliers depend on
each row's residual ``y_i − p_c``: they are computed row by row, and the rows are averaged again
with the new weights. Nothing is approximated.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from farseer_jax.solvers.column_matrix import ROWS


class Averages(NamedTuple):
    """Cells in place of rows.

    Attributes:
        target: weighted means, ``(data_set, cell)``.
        weights: sums of weights, ``(data_set, cell)``.
        within: weighted sums of squares about the means, ``(data_set,)``.
    """

    target: np.ndarray
    weights: np.ndarray
    within: np.ndarray


class Replicates(NamedTuple):
    """Rows, and the cell of each.

    Attributes:
        cell: of each row, ``(row,)``.
        first: a row of each cell, ``(cell,)``.
        target: what was observed, ``(row,)``.
        weights: of the rows, ``(data_set, row)``.
    """

    cell: np.ndarray
    first: np.ndarray
    target: np.ndarray
    weights: np.ndarray

    def averaged(self, weights: np.ndarray) -> Averages:
        """The cells, with these weights of the rows.

        Args:
            weights: ``(data_set, row)``.
        """
        num = len(self.first)
        total, mean = np.empty((len(weights), num)), np.zeros((len(weights), num))
        within = np.empty(len(weights))
        for place, own in enumerate(weights):
            total[place] = np.bincount(self.cell, own, num)
            sums = np.bincount(self.cell, own * self.target, num)
            np.divide(sums, total[place], out=mean[place], where=total[place] > 0.0)
            within[place] = own @ (self.target - mean[place][self.cell]) ** 2
        return Averages(mean, total, within)

    def take(self, cells: np.ndarray) -> "tuple[Replicates, np.ndarray]":
        """The rows of some cells, and which rows they are.

        Args:
            cells: ascending.
        """
        place = np.full(len(self.first), -1)
        place[cells] = np.arange(len(cells))
        rows = np.flatnonzero(place[self.cell] >= 0)
        cell = place[self.cell[rows]]
        first = np.searchsorted(rows, self.first[cells])
        return Replicates(cell, first, self.target[rows], self.weights[:, rows]), rows


def replicates_of(
    inputs: Mapping[str, np.ndarray],
    along: np.ndarray,
    target: np.ndarray,
    weights: np.ndarray,
) -> Replicates | None:
    """The cells of rows with equal inputs, in the order of a coordinate.

    Args:
        inputs: ``(row,)`` each, or ``(row, share)``.
        along: the coordinate, ``(row,)``: a few neighbouring cells share its nodes.
        target: ``(row,)``.
        weights: ``(data_set, row)``.

    Returns:
        None where no inputs are equal and the rows are few: then each row is a cell.

    Example:
        >>> import numpy as np
        >>> N, loss = np.array([2e8, 1e8, 2e8]), np.array([3.0, 3.2, 3.1])
        >>> found = replicates_of({"N": N}, np.log(N), loss, np.ones((1, 3)))
        >>> found.cell, found.averaged(found.weights).target
        (array([1, 0, 1]), array([[3.2 , 3.05]]))
    """
    columns = [np.asarray(values, float).reshape(len(along), -1) for values in inputs.values()]
    keys = [own for values in columns for own in values.T]
    order = np.lexsort([*keys, along])
    new = np.zeros(len(along), dtype=bool)
    new[:1] = True
    for key in keys:
        own = key[order]
        new[1:] |= own[1:] != own[:-1]
    if new.all() and len(new) <= ROWS:
        return None
    cell = np.empty(len(along), dtype=np.int64)
    cell[order] = np.cumsum(new) - 1
    return Replicates(cell, order[new], np.asarray(target, dtype=float), weights)
