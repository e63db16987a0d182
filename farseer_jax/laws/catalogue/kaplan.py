"""The Kaplan law (paper Eq. 1)."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Positive
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import Separable
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import leaf_like
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array


class Kaplan(Separable):
    """``L(N, D) = ((Nc / N)^(αN / αD) + Dc / D)^αD``: no irreducible loss.

    Source: Kaplan et al., *Scaling Laws for Neural Language Models*, Eq. 1.5.

    Attributes:
        N_c: scale of the size term, in the unit of N.
        D_c: scale of the data term, in tokens.
        alpha_N: exponent of the loss with unlimited data.
        alpha_D: exponent of the loss with an unlimited model.

    Example:
        >>> from farseer_jax import Kaplan
        >>> law = Kaplan(N_c=6.4e13, D_c=1.8e13, alpha_N=0.076, alpha_D=0.103)  # as published
        >>> round(float(law(1e9, 1e11)), 2)
        2.33
    """

    name: ClassVar[str] = "kaplan"
    formula: ClassVar[str] = "L(N, D) = ((Nc/N)^(αN/αD) + Dc/D)^αD"
    published_parameters: ClassVar[dict[str, dict[str, float]]] = {
        "Kaplan et al.": {"N_c": 6.4e13, "D_c": 1.8e13, "alpha_N": 0.076, "alpha_D": 0.103},
    }

    N_c: Positive
    D_c: Positive
    alpha_N: Positive
    alpha_D: Positive

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The size term, and the parameters of the data term."""
        N_c, D_c, alpha_N, alpha_D = (
            leaf_like(leaf, N) for leaf in (self.N_c, self.D_c, self.alpha_N, self.alpha_D)
        )
        size_term = jnp.exp(alpha_N / alpha_D * (jnp.log(N_c) - jnp.log(N)))
        return size_term, jnp.log(D_c), alpha_D

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from the curves of :meth:`of_size`."""
        size_term, log_D_c, alpha_D = curves
        return alpha_D * log(size_term + jnp.exp(log_D_c - log_D))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "Kaplan":
        """Terms that add up to the typical loss at the centre of the runs."""
        center, log_typical = Center.of(runs), float(np.log(runs.loss).mean())
        alpha_N = np.exp(spread(cube, 2, np.log(0.02), np.log(0.5)))
        alpha_D = np.exp(spread(cube, 3, np.log(0.02), np.log(0.5)))
        share = spread(cube, 0, 0.02, 0.98)  # of the size term in L^(1/αD)
        total = log_typical / alpha_D
        log_N_c = np.log(center.N) + (np.log(share) + total) * alpha_D / alpha_N
        log_D_c = np.log(center.D) + np.log1p(-share) + total
        return cls(np.exp(log_N_c), np.exp(log_D_c), alpha_N, alpha_D)
