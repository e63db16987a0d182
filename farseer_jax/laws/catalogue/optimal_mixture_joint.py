"""The law of optimal mixtures in which the mixture changes all terms (Shukor et al.)."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Exponent, Mixture, Positive
from farseer_jax.laws.law import Law, spread
from farseer_jax.laws.mixture_starts import (
    positive_coefficients,
    power_terms,
    share_powers,
    what_is_left,
)
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.types import ArrayLike


class OptimalMixtureJoint(Law):
    """``L(N, D, h) = E + 1 / Σ C_i · h_i^γ_i + (Σ a_i · h_i)^p / N^α + (Σ b_i · h_i)^q / D^β``.

    The best mixture for a target depends on N and D. With equal a_i and equal b_i it is the law
    :class:`OptimalMixture`.

    Source: Shukor et al. 2025, *Scaling Laws for Optimal Data Mixtures* (arXiv:2507.09404), the
    joint law, where a, p, b and q are called C^A, γ^A, C^B and γ^B. The authors minimise Huber's
    objective with δ = 1e-3.

    Attributes:
        E: irreducible loss.
        C: contribution of each share to the additive term.
        gamma: exponent of each share; the smaller, the sooner its effect saturates.
        a: contribution of each share to the size term.
        p: exponent of the size term's mixture.
        alpha: exponent of the size term.
        b: contribution of each share to the data term.
        q: exponent of the data term's mixture.
        beta: exponent of the data term.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.OptimalMixtureJoint.with_shares({"h": ("web", "code")})
        >>> law = Law(
        ...     E=1.2, C=[2.0, 0.5], gamma=[0.5, 0.4], a=[60.0, 60.0], p=1.0, alpha=0.3,
        ...     b=[90.0, 90.0], q=1.0, beta=0.3,
        ... )  # fmt: skip
        >>> round(float(law(N=1e9, D=2e10, h=[0.8, 0.2])), 3)
        1.88
    """

    name: ClassVar[str] = "optimal-mixture-joint"
    formula: ClassVar[str] = (
        "L(N, D, h) = E + 1/Σ C_i·h_i^γ_i + (Σ a_i·h_i)^p/N^α + (Σ b_i·h_i)^q/D^β"
    )
    published_objective: ClassVar[Objective | str] = "huber"

    E: Positive
    C: Annotated[Positive, Along("h")]
    gamma: Annotated[Exponent, Along("h")]
    a: Annotated[Positive, Along("h")]
    p: Exponent
    alpha: Exponent
    b: Annotated[Positive, Along("h")]
    q: Exponent
    beta: Exponent

    def loss(self, N: ArrayLike, D: ArrayLike, h: Mixture) -> Any:
        """Falls with N, with D and with every share that contributes to the additive term."""
        mixture = 1.0 / jnp.sum(self.C * h**self.gamma, axis=-1)
        size = jnp.sum(self.a * h, axis=-1) ** self.p / N**self.alpha
        return self.E + mixture + size + jnp.sum(self.b * h, axis=-1) ** self.q / D**self.beta

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "OptimalMixtureJoint":
        """Starts of the additive law; size and data terms differ little between shares."""
        terms = power_terms(runs, ("N", "D"), cube)
        shares = cls.columns(runs)["h"]
        num = shares.shape[1]
        gamma, spreads = spread(cube, slice(5, 5 + num), 0.1, 1.0), []
        C = positive_coefficients(share_powers(shares, gamma), 1.0 / what_is_left(runs, terms))
        for place, coefficient in enumerate(terms.coefficients):
            first = 5 + num + place * (num + 1)
            power = spread(cube, first, 0.3, 1.5)
            factors = np.exp(spread(cube, slice(first + 1, first + 1 + num), -0.5, 0.5))
            spreads += [factors * coefficient[:, None] ** (1.0 / power[:, None]), power]
        (a, p, b, q), (alpha, beta) = spreads, terms.exponents
        return cls(E=terms.E, C=C, gamma=gamma, a=a, p=p, alpha=alpha, b=b, q=q, beta=beta)
