"""A law with an outer exponent for its size and data terms together."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Positive, Real
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import Separable
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import leaf_like
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array


class Coupled(Separable):
    """``L(N, D) = E + (A / N^α + B / D^β)^k``; ``k = 1`` is the Chinchilla law.

    Source: *Skaling*, arXiv 2608.07222. One more parameter than Chinchilla couples the two
    terms: the gain from a larger model depends on how long it is trained.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        B: coefficient of the data term.
        alpha: exponent of the size term.
        beta: exponent of the data term.
        k: outer exponent.

    Example:
        >>> from farseer_jax import Chinchilla, Coupled
        >>> numbers = dict(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> float(Coupled(k=1.0, **numbers)(1e9, 2e10) / Chinchilla(**numbers)(1e9, 2e10))
        1.0
    """

    name: ClassVar[str] = "coupled"
    formula: ClassVar[str] = "L(N, D) = E + (A/N^α + B/D^β)^k"

    E: Positive
    A: Positive
    B: Positive
    alpha: Real
    beta: Real
    k: Positive

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The size term, and the other parameters."""
        E, A, B, alpha, beta, k = (
            leaf_like(leaf, N) for leaf in (self.E, self.A, self.B, self.alpha, self.beta, self.k)
        )
        return E, jnp.exp(jnp.log(A) - alpha * jnp.log(N)), jnp.log(B), beta, k

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from the curves of :meth:`of_size`."""
        E, size_term, log_B, beta, k = curves
        return log(E + jnp.exp(k * log(size_term + jnp.exp(log_B - beta * log_D))))

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace A and B by the terms at the centre of the runs."""
        matrix = np.eye(6)
        assert center is not None
        matrix[1, 3], matrix[2, 4] = -np.log(center.N), -np.log(center.D)
        return matrix

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "Coupled":
        """Terms that add up to about the typical loss, with k around 1."""
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        k = np.exp(spread(cube, 5, -1.0, 1.0))
        alpha, beta = spread(cube, 3, 0.05, 0.9) / k, spread(cube, 4, 0.05, 0.9) / k
        E = runs.loss.min() * spread(cube, 0, 0.1, 0.98)
        level_A, level_B = (
            (np.log(typical) + spread(cube, column, -5.0, -0.5)) / k for column in (1, 2)
        )
        A = np.exp(level_A + alpha * np.log(center.N))
        B = np.exp(level_B + beta * np.log(center.D))
        return cls(E, A, B, alpha, beta, k)
