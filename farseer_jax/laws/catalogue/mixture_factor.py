"""The law in which the mixture divides the loss of N and D."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Exponent, Mixture, Positive
from farseer_jax.laws.law import spread
from farseer_jax.laws.mixture_starts import positive_coefficients, power_terms, share_powers
from farseer_jax.laws.size_and_data import PowerLawTerms
from farseer_jax.runs.runs import Runs
from farseer_jax.types import ArrayLike


class MixtureFactor(PowerLawTerms):
    """``L(N, D, h) = (E + A / N^α + B / D^β) / Σ_i c_i · h_i^g_i`` with ``Σ_i c_i = 1``.

    With seven shares it has 18 free parameters. Multiplying all c_i by a factor is the same as
    dividing E, A and B by it; the condition that the c_i sum to 1 makes them unique.

    Source: this library, for mixtures with the same relative effect on the loss at every N and D;
    the sum of powers is that of Shukor et al. 2025 (arXiv:2507.09404).

    Attributes:
        E: irreducible loss of a mixture for which the sum of powers is 1.
        A: coefficient of the size term.
        alpha: exponent of the size term.
        B: coefficient of the data term.
        beta: exponent of the data term.
        c: weight of each share; they sum to 1.
        g: exponent of each share; the smaller, the sooner its effect saturates.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.MixtureFactor.with_shares({"h": ("web", "code")})
        >>> law = Law(E=1.2, A=60.0, alpha=0.3, B=90.0, beta=0.3, c=[0.7, 0.3], g=[0.1, 0.2])
        >>> round(float(law(N=1e9, D=2e10, h=[0.8, 0.2])), 3)
        1.544
    """

    name: ClassVar[str] = "mixture-factor"
    formula: ClassVar[str] = "L(N, D, h) = (E + A/N^α + B/D^β) / Σ c_i·h_i^g_i, Σ c_i = 1"

    E: Positive
    A: Positive
    alpha: Exponent
    B: Positive
    beta: Exponent
    c: Annotated[Positive, Along("h", total=1)]
    g: Annotated[Exponent, Along("h")]

    def loss(self, N: ArrayLike, D: ArrayLike, h: Mixture) -> Any:
        """Falls with N, with D and with every share that contributes."""
        whole = self.E + self.A / N**self.alpha + self.B / D**self.beta
        return whole / jnp.sum(self.c * h**self.g, axis=-1)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "MixtureFactor":
        """Starts: floors and power laws of N and D; c from the ratios of these to the losses."""
        terms = power_terms(runs, ("N", "D"), cube)
        shares = cls.columns(runs)["h"]
        g = spread(cube, slice(5, 5 + shares.shape[1]), 0.02, 0.5)
        c = positive_coefficients(share_powers(shares, g), terms.total / runs.loss)
        factor, (A, B) = c.sum(-1), terms.coefficients
        alpha, beta = terms.exponents
        whole = [coefficient / factor for coefficient in (terms.E, A, B)]
        return cls(whole[0], whole[1], alpha, whole[2], beta, c / factor[:, None], g)
