"""The law in which the mixture divides the loss of N and D."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Along, Exponent, Mixture, Positive
from farseer_jax.laws.law import spread
from farseer_jax.laws.mixture_starts import positive_coefficients, share_powers
from farseer_jax.laws.size_and_data import PowerLawTerms
from farseer_jax.runs.runs import Runs
from farseer_jax.types import ArrayLike

_CONSTANT = 0.01  # an exponent by which a share's power hardly changes

_TURNS = 4  # of solving for the coefficients of one part of the law, then of the other


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
        """Power laws of N and D and sums of powers of the shares, solved for in turn.

        Shares change a loss by a small part, so most of the sum is a constant, which one share
        carries by an exponent near 0: each share in turn, as none gives way to another later.
        """
        shares = cls.columns(runs)["h"]
        num = shares.shape[1]
        g = spread(cube, slice(5, 5 + num), 0.3, 1.2)
        places = np.arange(len(cube))
        g[places, places % num] = _CONSTANT
        powers = share_powers(shares, g)
        alpha, beta = spread(cube, 1, 0.05, 0.5), spread(cube, 3, 0.2, 1.0)
        N, D = (runs.inputs[name] for name in ("N", "D"))
        N0, D0 = (np.exp(np.log(values).mean()) for values in (N, D))
        terms = np.stack(
            [np.ones((len(cube), len(N))), (N / N0) ** -alpha[:, None], (D / D0) ** -beta[:, None]],
            axis=-1,
        )
        factor = np.ones(terms.shape[:2])
        for _ in range(_TURNS):
            own = positive_coefficients(terms, runs.loss * factor)
            c = positive_coefficients(powers, np.sum(terms * own[:, None], -1) / runs.loss)
            factor = np.sum(powers * c[:, None], -1)
        total = c.sum(-1)
        E, A, B = own.T / total
        return cls(E, A * N0**alpha, alpha, B * D0**beta, beta, c / total[:, None], g)
