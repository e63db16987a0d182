"""The Chinchilla law (paper Eq. 2)."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Positive, Real
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import as_floats, leaf_like
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array, ArrayLike


class Chinchilla(OneDataTerm):
    """``L(N, D) = E + A / N^α + B / D^β``.

    Source: Hoffmann et al., *Training Compute-Optimal Large Language Models*, Eq. 2; Besiroglu et
    al., *Chinchilla Scaling: A replication attempt*, for the parameters of a corrected fit.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        B: coefficient of the data term.
        alpha: exponent of the size term.
        beta: exponent of the data term.

    Example:
        >>> from farseer_jax import Chinchilla
        >>> law = Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)  # as published
        >>> round(float(law(70e9, 1.4e12)), 3)
        1.937
    """

    name: ClassVar[str] = "chinchilla"
    formula: ClassVar[str] = "L(N, D) = E + A/N^α + B/D^β"
    published_objective: ClassVar[str] = "huber"
    published_parameters: ClassVar[dict[str, dict[str, float]]] = {
        "Hoffmann et al.": {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28},
        "Besiroglu et al.": {
            "E": 1.8172,
            "A": 482.01,
            "B": 2085.43,
            "alpha": 0.3478,
            "beta": 0.3658,
        },
    }

    E: Positive
    A: Positive
    B: Positive
    alpha: Real
    beta: Real

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The log of the loss with unlimited data, and the two parameters of the data term."""
        E, A, B, alpha, beta = (
            leaf_like(leaf, N) for leaf in (self.E, self.A, self.B, self.alpha, self.beta)
        )
        return log(E + jnp.exp(jnp.log(A) - alpha * jnp.log(N))), jnp.log(B), beta

    @classmethod
    def linear(cls) -> tuple[str, ...]:
        """E, A and B."""
        return ("E", "A", "B") if cls.is_separable() else super().linear()

    def terms(self, N: ArrayLike, D: ArrayLike) -> tuple[Array, ...]:
        """``1``, ``N^−α`` and ``D^−β``."""
        if not type(self).is_separable():
            return super().terms(N, D)
        N, D = as_floats(N, D)
        alpha, beta = leaf_like(self.alpha, N), leaf_like(self.beta, N)
        return jnp.ones_like(N), jnp.exp(-alpha * jnp.log(N)), jnp.exp(-beta * jnp.log(D))

    def warnings(self) -> list[str]:
        """Terms that a closed-form fit sets to 0, since their coefficient would be negative."""
        if float(self.A) == 0.0:
            return [
                "A is fixed at 0: beyond the data term, the loss does not decrease with N, so the "
                "runs do not determine α."
            ]
        if float(self.E) == 0.0:
            return [
                "E is fixed at 0: the best power law would make it negative, so the runs do not "
                "show an irreducible loss."
            ]
        return []

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace A and B by the terms at the centre of the runs."""
        matrix = np.eye(5)
        assert center is not None
        matrix[1, 3], matrix[2, 4] = -np.log(center.N), -np.log(center.D)
        return matrix

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "Chinchilla":
        """Terms that add up to about the typical loss, with exponents in the usual range."""
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        alpha, beta = spread(cube, 3, 0.05, 0.9), spread(cube, 4, 0.05, 0.9)
        E = runs.loss.min() * spread(cube, 0, 0.1, 0.98)
        A = typical * np.exp(spread(cube, 1, -5.0, -0.5) + alpha * np.log(center.N))
        B = typical * np.exp(spread(cube, 2, -5.0, -0.5) + beta * np.log(center.D))
        return cls(E, A, B, alpha, beta)
