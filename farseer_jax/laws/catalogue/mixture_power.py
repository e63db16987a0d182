"""Laws of mixtures with one exponent for all shares, with and without N."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Exponent, Leaf, Mixture, Positive
from farseer_jax.laws.law import Law, spread
from farseer_jax.laws.mixture_starts import (
    positive_coefficients,
    power_terms,
    share_powers,
    what_is_left,
)
from farseer_jax.laws.size_and_data import PowerLawTerms
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import ArrayLike


class MixturePower(Law):
    """``L(h) = E + 1 / Σ_i C_i · (h_i + e)^g``, for one model size and budget.

    The mixture term of :class:`OptimalMixture` with one exponent for all shares: in tables of few
    mixtures, or with shares of 0, an exponent for each share is not determined. The offset e keeps
    the loss finite where the only shares that contribute are 0.

    Source: this library's, after Shukor et al. 2025 (arXiv:2507.09404).

    Attributes:
        E: floor of the target's loss.
        C: what a share contributes, of each share.
        g: how fast contributions saturate.
        e: what other data are worth, as a share.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.MixturePower.with_shares({"h": ("web", "code")})
        >>> round(float(Law(E=2.0, C=[2.0, 0.5], g=0.5, e=0.0)(h=[0.8, 0.2])), 3)
        2.497
    """

    name: ClassVar[str] = "mixture-power"
    formula: ClassVar[str] = "L(h) = E + 1/Σ C_i·(h_i + e)^g"

    E: Positive
    C: Annotated[Positive, Along("h")]
    g: Exponent
    e: Annotated[Leaf, Domain(0.0, 0.1)]

    def loss(self, h: Mixture) -> Any:
        """Falls with every share that contributes."""
        return self.E + 1.0 / jnp.sum(self.C * (h + self.e) ** self.g, axis=-1)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "MixturePower":
        """Floors below the losses; C from what these leave."""
        terms, g = power_terms(runs, (), cube), spread(cube, 1, 0.05, 0.8)
        C = _coefficients(cls.columns(runs)["h"], g, what_is_left(runs, terms))
        return cls(terms.E, C, g, 0.03 * spread(cube, 2, 0.0, 1.0) ** 2)


class MixturePowerSize(PowerLawTerms):
    """``L(N, h) = E + A / N^α + 1 / Σ_i C_i · h_i^g``, for one number of tokens or of tokens per N.

    One law for all sizes has several times as many runs for the mixture's parameters as one for
    each size.

    Source: this library's, after Shukor et al. 2025 (arXiv:2507.09404).

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        alpha: exponent of the size term.
        C: what a share contributes, of each share.
        g: how fast contributions saturate.

    Example:
        >>> import farseer_jax as fj
        >>> Law = fj.MixturePowerSize.with_shares({"h": ("web", "code")})
        >>> law = Law(E=1.5, A=250.0, alpha=0.3, C=[2.0, 0.5], g=0.5)
        >>> round(float(law(N=1e9, h=[0.8, 0.2])), 3)
        2.496
    """

    name: ClassVar[str] = "mixture-power-size"
    formula: ClassVar[str] = "L(N, h) = E + A/N^α + 1/Σ C_i·h_i^g"

    E: Positive
    A: Positive
    alpha: Exponent
    C: Annotated[Positive, Along("h")]
    g: Exponent

    def loss(self, N: ArrayLike, h: Mixture) -> Any:
        """Falls with N and with every share that contributes."""
        return self.E + self.A / N**self.alpha + 1.0 / jnp.sum(self.C * h**self.g, axis=-1)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "MixturePowerSize":
        """Floors and power laws of N; C from what these leave of the losses."""
        terms = power_terms(runs, ("N",), cube)
        g = spread(cube, 3, 0.05, 0.8)
        C = _coefficients(cls.columns(runs)["h"], g, what_is_left(runs, terms))
        return cls(terms.E, terms.coefficients[0], terms.exponents[0], C, g)


def _coefficients(shares: np.ndarray, g: np.ndarray, left: np.ndarray) -> np.ndarray:
    exponents = np.repeat(g[:, None], shares.shape[1], axis=1)
    return positive_coefficients(share_powers(shares, exponents), 1.0 / left)
