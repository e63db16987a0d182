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

    The mixture term of :class:`OptimalMixture` with one exponent for all shares: few mixtures, or
    mixtures with shares of 0, do not determine an exponent for each share. The offset e keeps the
    loss finite where all shares that contribute are 0.

    Source: this library, after Shukor et al. 2025 (arXiv:2507.09404).

    Attributes:
        E: floor of the target's loss.
        C: contribution of each share.
        g: exponent of the shares; the smaller, the sooner their effect saturates.
        e: offset of the shares, for the effect of other data.

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
        """Starts: floors below the losses; C from the losses above them."""
        terms, g = power_terms(runs, (), cube), spread(cube, 1, 0.05, 0.8)
        C = _coefficients(cls.columns(runs)["h"], g, what_is_left(runs, terms))
        return cls(terms.E, C, g, 0.03 * spread(cube, 2, 0.0, 1.0) ** 2)


class MixturePowerSize(PowerLawTerms):
    """``L(N, h) = E + A / N^α + 1 / Σ_i C_i · h_i^g``, for runs of equal D or D/N.

    A law for all sizes has several times as many runs to determine the mixture's parameters as a
    law for each size.

    Source: this library, after Shukor et al. 2025 (arXiv:2507.09404).

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        alpha: exponent of the size term.
        C: contribution of each share.
        g: exponent of the shares; the smaller, the sooner their effect saturates.

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
        """Starts: floors and power laws of N; C from the rest of the losses."""
        terms = power_terms(runs, ("N",), cube)
        g = spread(cube, 3, 0.05, 0.8)
        C = _coefficients(cls.columns(runs)["h"], g, what_is_left(runs, terms))
        return cls(terms.E, terms.coefficients[0], terms.exponents[0], C, g)


def _coefficients(shares: np.ndarray, g: np.ndarray, left: np.ndarray) -> np.ndarray:
    exponents = np.repeat(g[:, None], shares.shape[1], axis=1)
    return positive_coefficients(share_powers(shares, exponents), 1.0 / left)
