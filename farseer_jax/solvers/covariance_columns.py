"""A covariance as a few columns: an incomplete Cholesky factorisation, and its values elsewhere."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

Covariance: TypeAlias = Callable[[Any, Any], np.ndarray]

_LEAST_SHARE = 1e-6  # of the largest variance: what columns leave out
# Beyond so many columns, what they leave out counts as noise: fewer where there are many points.
_MOST_COLUMNS, _LEAST_COLUMNS, _MOST_CELLS = 300, 64, 200_000


def incomplete_cholesky(
    points: Any, covariance: Covariance, variance: np.ndarray, known: np.ndarray
) -> tuple[list[int], np.ndarray]:
    """An incomplete Cholesky factorisation of what known columns leave of a covariance.

    Args:
        points: the points; ``take`` gives some of them.
        covariance: between two sets of them.
        variance: its diagonal, ``(point,)``.
        known: columns that explain a part of it, ``(point, column)``.

    Returns:
        The pivots, largest variance left first, and the factor, ``(point, pivot)``.
    """
    left = np.maximum(variance - (known**2).sum(1), 0.0)
    least = _LEAST_SHARE * max(float(variance.max()), 1e-300)
    most = int(np.clip(_MOST_CELLS // len(left), _LEAST_COLUMNS, _MOST_COLUMNS))
    most = min(len(left), most)
    factor, chosen = np.empty((most, len(left))), list[int]()
    while len(chosen) < most:
        place = int(left.argmax())
        if left[place] <= least:
            break
        row = covariance(points.take([place]), points)[0] - known @ known[place]
        before = factor[: len(chosen)]
        row = (row - before[:, place] @ before) / np.sqrt(left[place])
        factor[len(chosen)] = row
        left = np.maximum(left - row**2, 0.0)
        left[place] = 0.0
        chosen.append(place)
    return chosen, factor[: len(chosen)].T


def cholesky_factor(covariance: np.ndarray) -> np.ndarray:
    """The lower Cholesky factor, with enough on the diagonal for rounding."""
    if not len(covariance):
        return covariance
    rounding = 1e-13 * len(covariance) * np.diag(covariance)
    return np.linalg.cholesky(covariance + np.diag(rounding))


def projected(factor: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """``(factor⁻¹ · covariance)ᵀ``, ``(point, column)``."""
    from scipy.linalg import solve_triangular

    if not len(factor):
        return np.zeros((covariance.shape[1], 0))
    return np.asarray(solve_triangular(factor, covariance, lower=True)).T
