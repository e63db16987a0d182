"""Weights of residuals that are correlated: ``(W⁻¹ + C · Cᵀ)⁻¹`` for a few columns C."""

import numpy as np


class CorrelatedWeights:
    """``P = (W⁻¹ + C · Cᵀ)⁻¹ = W − G · Gᵀ``, with ``G = W C R⁻¹`` and ``Rᵀ R = I + Cᵀ W C``.

    With it, coefficients of the columns C that have standard normal priors are eliminated from
    least squares: ``min_u ½ (r − C u)ᵀ W (r − C u) + ½ uᵀ u = ½ rᵀ P r`` (Woodbury's identity).

    Args:
        weights: ``(data_set, run)``, not negative.
        factor: G, ``(data_set, run, column)``.
        log_determinant: ``ln det (I + Cᵀ W C)``, ``(data_set,)``.
    """

    def __init__(
        self, weights: np.ndarray, factor: np.ndarray, log_determinant: np.ndarray
    ) -> None:
        self.weights, self.factor, self.log_determinant = weights, factor, log_determinant

    @classmethod
    def of(cls, weights: np.ndarray, columns: np.ndarray) -> "CorrelatedWeights":
        """The weights of residuals.

        Args:
            weights: ``(data_set, run)``.
            columns: ``(run, column)`` or ``(data_set, run, column)``.
        """
        weighted = weights[:, :, None] * columns
        matrix = np.matmul(np.swapaxes(columns, -1, -2), weighted) + np.eye(columns.shape[-1])
        lower = np.linalg.cholesky(matrix)
        # at least 1 on the diagonal: the inverse loses no digits that count
        factor = np.matmul(weighted, np.swapaxes(np.linalg.inv(lower), 1, 2))
        diagonal = np.diagonal(lower, axis1=1, axis2=2)
        return cls(weights, factor, 2.0 * np.log(diagonal).sum(-1))

    def take(self, rows: np.ndarray) -> "CorrelatedWeights":
        """Those of some data sets; where there is one, it serves all."""
        if len(self.weights) == 1:
            return self
        return CorrelatedWeights(self.weights[rows], self.factor[rows], self.log_determinant[rows])

    def times(self, residuals: np.ndarray) -> np.ndarray:
        """``P · r`` of each data set, ``(data_set, run)``."""
        inner = np.matmul(residuals[:, None, :], self.factor)  # (set, 1, column)
        return self.weights * residuals - np.matmul(self.factor, np.swapaxes(inner, 1, 2))[..., 0]

    def product(self, jacobian: np.ndarray) -> np.ndarray:
        """``J · P · Jᵀ``, ``(data_set, row, row)``, of a Jacobian ``(data_set, row, run)``."""
        white = np.matmul(jacobian * self.weights[:, None], np.swapaxes(jacobian, 1, 2))
        inner = np.matmul(jacobian, self.factor)
        return white - np.matmul(inner, np.swapaxes(inner, 1, 2))
