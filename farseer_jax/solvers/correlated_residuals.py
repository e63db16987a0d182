"""Weights of residuals that are correlated: ``(W⁻¹ + C · Cᵀ)⁻¹`` for a few columns C."""

import numpy as np

from farseer_jax.solvers.column_matrix import ColumnMatrix


class CorrelatedWeights:
    """``P = (W⁻¹ + C · Cᵀ)⁻¹ = W − W C M⁻¹ Cᵀ W``, with ``M = I + Cᵀ W C = R · Rᵀ``.

    With it, coefficients u of the columns C that have standard normal priors are eliminated from
    least squares: ``min_u ½ (r − C u)ᵀ W (r − C u) + ½ uᵀ u = ½ rᵀ P r`` (Woodbury's identity). The
    minimum is at ``u = M⁻¹ Cᵀ W r``, their covariance is ``M⁻¹``, and ``P r = W (r − C u)``.
    Nothing here has more numbers than C and the residuals.

    Args:
        weights: ``(data_set, run)``, not negative.
        columns: C.
        inverse: ``R⁻¹``, ``(data_set, column, column)``.
        log_determinant: ``ln det M``, ``(data_set,)``.
    """

    def __init__(
        self,
        weights: np.ndarray,
        columns: ColumnMatrix,
        inverse: np.ndarray,
        log_determinant: np.ndarray,
    ) -> None:
        self.weights, self.columns = weights, columns
        self.inverse, self.log_determinant = inverse, log_determinant

    @classmethod
    def of(cls, weights: np.ndarray, columns: "np.ndarray | ColumnMatrix") -> "CorrelatedWeights":
        """The weights of residuals.

        Args:
            weights: ``(data_set, run)``.
            columns: ``(run, column)`` or ``(data_set, run, column)``.
        """
        own = ColumnMatrix.of(columns)
        lower = np.linalg.cholesky(own.gram(weights) + np.eye(own.num_columns))
        # at least 1 on the diagonal: the inverse loses no digits that count
        diagonal = np.diagonal(lower, axis1=1, axis2=2)
        return cls(weights, own, np.linalg.inv(lower), 2.0 * np.log(diagonal).sum(-1))

    def take(self, rows: np.ndarray) -> "CorrelatedWeights":
        """Those of some data sets; where there is one, it serves all."""
        if len(self.weights) == 1:
            return self
        columns = self.columns.take_sets(rows)
        return CorrelatedWeights(
            self.weights[rows], columns, self.inverse[rows], self.log_determinant[rows]
        )

    @property
    def covariance(self) -> np.ndarray:
        """``M⁻¹``: of the coefficients given the law, ``(data_set, column, column)``."""
        return np.matmul(np.swapaxes(self.inverse, 1, 2), self.inverse)

    def whitened(self, sums: np.ndarray) -> np.ndarray:
        """``sums · R⁻ᵀ`` of sums ``J W C``: its square is what the columns explain.

        Args:
            sums: ``(data_set, vector, column)``.
        """
        return np.matmul(sums, np.swapaxes(self.inverse, 1, 2))

    def coefficients(self, sums: np.ndarray) -> np.ndarray:
        """``sums · M⁻¹``: the coefficients that fit, ``(data_set, vector, column)``.

        Args:
            sums: ``J W C`` of vectors J, likewise.
        """
        return np.matmul(self.whitened(sums), self.inverse)

    def times(self, residuals: np.ndarray) -> np.ndarray:
        """``P · r`` of each data set, ``(data_set, run)``."""
        weighted = self.weights * residuals
        fitted = self.coefficients(self.columns.inner(weighted[:, None, :]))[:, 0]
        return weighted - self.weights * self.columns.outer(fitted)

    def product(self, jacobian: np.ndarray) -> np.ndarray:
        """``J · P · Jᵀ``, ``(data_set, row, row)``, of a Jacobian ``(data_set, row, run)``."""
        weighted = jacobian * self.weights[:, None]
        inner = self.whitened(self.columns.inner(weighted))
        white = np.matmul(weighted, np.swapaxes(jacobian, 1, 2))
        return white - np.matmul(inner, np.swapaxes(inner, 1, 2))
