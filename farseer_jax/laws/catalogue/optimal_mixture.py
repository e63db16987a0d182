"""The law of optimal mixtures in which the mixture adds a term (Shukor et al.)."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Exponent, Mixture, Positive
from farseer_jax.laws.law import spread
from farseer_jax.laws.mixture_starts import (
    positive_coefficients,
    power_terms,
    share_powers,
    what_is_left,
)
from farseer_jax.laws.size_and_data import PowerLawTerms
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.types import ArrayLike


class OptimalMixture(PowerLawTerms):
    """``L(N, D, h) = E + 1 / Σ_i C_i · h_i^γ_i + A / N^α + B / D^β``.

    The best mixture for a target does not depend on N or D; in :class:`OptimalMixtureJoint` it
    does.

    Source: Shukor et al. 2025, *Scaling Laws for Optimal Data Mixtures* (arXiv:2507.09404), the
    additive law. The authors minimise Huber's objective with δ = 1e-3.

    Attributes:
        E: irreducible loss.
        C: contribution of each share.
        gamma: exponent of each share; the smaller, the sooner its effect saturates.
        A: coefficient of the size term.
        alpha: exponent of the size term.
        B: coefficient of the data term.
        beta: exponent of the data term.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.OptimalMixture.with_shares({"h": ("web", "code")})
        >>> law = Law(E=1.2, C=[2.0, 0.5], gamma=[0.5, 0.4], A=60.0, alpha=0.3, B=90.0, beta=0.3)
        >>> round(float(law(N=1e9, D=2e10, h=[0.8, 0.2])), 3)
        1.88
    """

    name: ClassVar[str] = "optimal-mixture"
    formula: ClassVar[str] = "L(N, D, h) = E + 1/Σ C_i·h_i^γ_i + A/N^α + B/D^β"
    published_objective: ClassVar[Objective | str] = "huber"

    E: Positive
    C: Annotated[Positive, Along("h")]
    gamma: Annotated[Exponent, Along("h")]
    A: Positive
    alpha: Exponent
    B: Positive
    beta: Exponent

    def loss(self, N: ArrayLike, D: ArrayLike, h: Mixture) -> Any:
        """Falls with N, with D and with every share that contributes."""
        mixture = 1.0 / jnp.sum(self.C * h**self.gamma, axis=-1)
        return self.E + mixture + self.A / N**self.alpha + self.B / D**self.beta

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "OptimalMixture":
        """Starts: floors and power laws of N and D; C from the rest of the losses."""
        terms = power_terms(runs, ("N", "D"), cube)
        shares = cls.columns(runs)["h"]
        gamma = spread(cube, slice(5, 5 + shares.shape[1]), 0.1, 1.0)
        C = positive_coefficients(share_powers(shares, gamma), 1.0 / what_is_left(runs, terms))
        (A, B), (alpha, beta) = terms.coefficients, terms.exponents
        return cls(terms.E, C, gamma, A, alpha, B, beta)
