"""Columns of correlated errors at many runs, in blocks of rows.

Some columns are dense. Those of sizes need not be: the effect of a size is interpolated between
those of the two nearest nodes, so that a row has two numbers that are not 0, and a block of rows in
the order of the sizes touches few nodes.
"""

from typing import NamedTuple

import numpy as np

from farseer_jax.runtime.memory import even_slices
from farseer_jax.runtime.threads import in_threads

ROWS = 16_384  # of a block


class NodeColumns(NamedTuple):
    """Columns ``S · mix`` whose rows of S are 0 but at a node and the next one.

    Attributes:
        place: the first of the two nodes, ``(row,)``.
        share: what the two have in the row, ``(row, 2)``.
        mix: ``(node, column)``.
    """

    place: np.ndarray
    share: np.ndarray
    mix: np.ndarray

    def take(self, rows: slice | np.ndarray) -> "NodeColumns":
        """Some of the rows."""
        return NodeColumns(self.place[rows], self.share[rows], self.mix)

    def to_array(self) -> np.ndarray:
        """``(row, column)``."""
        first, second = self.share[:, :1], self.share[:, 1:]
        after = np.minimum(self.place + 1, len(self.mix) - 1)
        return np.asarray(first * self.mix[self.place] + second * self.mix[after])


class ColumnMatrix:
    """The columns C of correlated errors, those of nodes first.

    Args:
        dense: ``(row, column)``, or ``(data_set, row, column)`` where data sets differ.
        nodes: further columns, which come first; only where data sets share ``dense``.
    """

    def __init__(self, dense: np.ndarray, nodes: NodeColumns | None = None) -> None:
        self.dense, self.nodes = dense, nodes

    @classmethod
    def of(cls, columns: "np.ndarray | ColumnMatrix") -> "ColumnMatrix":
        """The columns themselves, or an array of them."""
        return columns if isinstance(columns, ColumnMatrix) else cls(columns)

    @property
    def num_rows(self) -> int:
        """How many rows there are."""
        return self.dense.shape[-2]

    @property
    def num_columns(self) -> int:
        """How many columns there are."""
        own = 0 if self.nodes is None else self.nodes.mix.shape[1]
        return own + self.dense.shape[-1]

    @property
    def is_shared(self) -> bool:
        """Whether all data sets have the same columns."""
        return self.dense.ndim == 2

    def take_sets(self, sets: np.ndarray) -> "ColumnMatrix":
        """The columns of some data sets."""
        return self if self.is_shared else ColumnMatrix(self.dense[sets])

    def take(self, rows: slice | np.ndarray) -> "ColumnMatrix":
        """Some of the rows."""
        nodes = None if self.nodes is None else self.nodes.take(rows)
        return ColumnMatrix(self.dense[..., rows, :], nodes)

    def to_array(self) -> np.ndarray:
        """All columns as one array."""
        if self.nodes is None:
            return self.dense
        return np.concatenate([self.nodes.to_array(), self.dense], axis=1)

    def gram(self, weights: np.ndarray) -> np.ndarray:
        """``Cᵀ W C`` of each data set, ``(data_set, column, column)``.

        Args:
            weights: ``(data_set, row)``.
        """
        if not self.is_shared:
            return np.matmul(np.swapaxes(self.dense, 1, 2), weights[:, :, None] * self.dense)
        sums = in_threads(self._gram, weights) if self.num_rows > ROWS else map(self._gram, weights)
        total = np.stack(list(sums))
        left = self._mixed(total)
        return np.swapaxes(self._mixed(np.swapaxes(left, 1, 2)), 1, 2)

    def _gram(self, weights: np.ndarray) -> np.ndarray:
        """``Cᵀ W C`` of one data set, at nodes and dense columns."""
        num = self._num_places - self.dense.shape[1]
        total = np.zeros((self._num_places, self._num_places))
        for rows in row_blocks(self.num_rows):
            own = weights[rows]
            if not own.any():
                continue
            root, places = np.sqrt(own)[:, None], np.arange(num, self._num_places)
            rooted = self.dense[rows] * root
            if self.nodes is not None:
                at_nodes, first = self._node_block(rows)
                rooted = np.concatenate([at_nodes * root, rooted], axis=1)
                places = np.concatenate([first + np.arange(at_nodes.shape[1]), places])
            total[np.ix_(places, places)] += rooted.T @ rooted  # NumPy computes half of it
        return total

    def inner(self, values: np.ndarray) -> np.ndarray:
        """``values · C``, ``(data_set, vector, column)``.

        Args:
            values: ``(data_set, vector, row)``.
        """
        if self.nodes is None:
            return np.matmul(values, self.dense)
        total = np.zeros((*values.shape[:2], self._num_places))
        num = len(self.nodes.mix)
        for rows in row_blocks(self.num_rows):
            some = values[..., rows]
            total[..., num:] += np.matmul(some, self.dense[rows])
            at_nodes, first = self._node_block(rows)
            total[..., first : first + at_nodes.shape[1]] += np.matmul(some, at_nodes)
        return self._mixed(total)

    def outer(self, coefficients: np.ndarray) -> np.ndarray:
        """``C · coefficients``, ``(data_set, row)``.

        Args:
            coefficients: ``(data_set, column)``.
        """
        if self.nodes is None:
            return np.matmul(self.dense, coefficients[:, :, None])[..., 0]
        num = self.nodes.mix.shape[1]
        at_nodes = np.concatenate(
            [coefficients[:, :num] @ self.nodes.mix.T, coefficients[:, num:]], axis=1
        )
        found = np.empty((len(coefficients), self.num_rows))
        nodes = len(self.nodes.mix)
        for rows in row_blocks(self.num_rows):
            block, first = self._node_block(rows)
            found[:, rows] = at_nodes[:, nodes:] @ self.dense[rows].T
            found[:, rows] += at_nodes[:, first : first + block.shape[1]] @ block.T
        return found

    @property
    def _num_places(self) -> int:
        own = 0 if self.nodes is None else len(self.nodes.mix)
        return own + self.dense.shape[-1]

    def _node_block(self, rows: slice) -> tuple[np.ndarray, int]:
        """The rows of S of a block, at the nodes that it touches, and the first of these."""
        assert self.nodes is not None
        place, share = self.nodes.place[rows], self.nodes.share[rows]
        first = int(place.min())
        last = min(int(place.max()) + 1, len(self.nodes.mix) - 1)
        block = np.zeros((len(place), last - first + 1))
        row, second = np.arange(len(place)), np.minimum(place + 1, last) - first
        block[row, second] = share[:, 1]
        block[row, place - first] = share[:, 0]  # where there is no next node, its share is 0
        return block, first

    def _mixed(self, values: np.ndarray) -> np.ndarray:
        """Sums at nodes and dense columns, on the last axis, as sums of the columns."""
        if self.nodes is None:
            return values
        num = len(self.nodes.mix)
        return np.concatenate([values[..., :num] @ self.nodes.mix, values[..., num:]], axis=-1)


def row_blocks(num_rows: int) -> list[slice]:
    """Slices of the rows, of nearly equal length."""
    return even_slices(num_rows, max(1, -(-num_rows // ROWS)))
