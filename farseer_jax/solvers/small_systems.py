"""Many small symmetric linear systems at once, in NumPy.

Every operation is elementwise over the batch, so that the digits of one system do not depend on how
many others are solved beside it.
"""

from typing import NamedTuple

import numpy as np


class Factors(NamedTuple):
    """``L D Lᵀ`` of a stack of symmetric matrices.

    Attributes:
        lower: unit lower triangles, ``(batch, k, k)``.
        pivots: ``(batch, k)``.
        positive: whether all pivots are, ``(batch,)``.
    """

    lower: np.ndarray
    pivots: np.ndarray
    positive: np.ndarray


def factorise(matrices: np.ndarray, smallest: float = 0.0) -> Factors:
    """Factorise symmetric matrices, ``(batch, k, k)``.

    Args:
        matrices: read only.
        smallest: pivots of this size or below count as not positive.
    """
    rest = matrices.copy()
    size = rest.shape[-1]
    lower = np.zeros_like(rest)
    pivots = np.empty(rest.shape[:-1])
    positive = np.ones(len(rest), dtype=bool)
    for k in range(size):
        pivot = rest[:, k, k]
        good = pivot > smallest  # False for NaN as well
        positive &= good
        pivots[:, k] = np.where(good, pivot, 1.0)
        column = rest[:, k:, k] / pivots[:, k, None]
        column[:, 0] = 1.0
        lower[:, k:, k] = column
        if k + 1 < size:
            rest[:, k + 1 :, k + 1 :] -= column[:, 1:, None] * rest[:, None, k + 1 :, k]
    return Factors(lower, pivots, positive)


def solve_factorised(factors: Factors, right: np.ndarray) -> np.ndarray:
    """Solutions for right-hand sides ``(batch, k)``; where a matrix is not positive, of no use."""
    lower, pivots, _ = factors
    result = right.copy()
    size = right.shape[-1]
    for k in range(size - 1):
        result[:, k + 1 :] -= lower[:, k + 1 :, k] * result[:, k, None]
    result /= pivots
    for k in range(size - 1, 0, -1):
        result[:, :k] -= lower[:, k, :k] * result[:, k, None]
    return result
