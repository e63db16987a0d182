"""The law of repeated data and excess parameters."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Exponent, Positive
from farseer_jax.laws.effective.repeated_tokens import UNIQUE_TOKENS, Multiples
from farseer_jax.laws.effective.saturating_worth import with_saturating_worth
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Center, Law, spread
from farseer_jax.runs.runs import Runs


class DataConstrained(Law):
    """``L(N, D, U) = E + A/N_eff^α + B/D_eff^β``: U unique tokens, seen D/U times.

    ``D_eff = U·(1 + R_D·(1 − e^(−(D/U − 1)/R_D)))``, and N_eff likewise with R_N beyond N_U, the
    compute-optimal size for one epoch of U tokens: ``N_U = G·(G·U)^(β/α)`` with
    ``G = (α·A/(β·B))^(1/(α+β))``. Tokens beyond the first epoch and parameters beyond N_U are worth
    less and less.

    Source: Muennighoff et al., *Scaling Data-Constrained Language Models*, arXiv 2305.16264, Eqs.
    4–6 and Appendix A; the published parameters, unrounded, from the authors' repository
    (huggingface/datablations). They fitted E, A, B and ``α = β`` to runs of one epoch, then R_D and
    R_N, by the Huber loss (δ = 1e-3) of log losses, and write that the predicted losses are less
    useful than the trends.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        B: coefficient of the data term.
        alpha: exponent of the size term.
        beta: exponent of the data term.
        R_D: epochs beyond the first after which a repetition is worth 1/e of a new token.
        R_N: multiples of N_U after which a further parameter is worth 1/e of a first one.

    Example:
        >>> from farseer_jax import DataConstrained
        >>> law = DataConstrained.published()
        >>> round(float(law(N=6.34e9, D=242e9, U=25e9)), 3)  # as in the authors' repository
        2.226
    """

    name: ClassVar[str] = "data-constrained"
    formula: ClassVar[str] = (
        "L(N, D, U) = E + A/N_eff^α + B/D_eff^β, D_eff = U·(1 + R_D·(1 − e^(−(D/U − 1)/R_D))), "
        "N_eff likewise beyond the compute-optimal N of U"
    )
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "Muennighoff et al.": {
            "E": float(np.exp(0.6254804)), "A": float(np.exp(6.255414)),
            "B": float(np.exp(7.3049974)), "alpha": 0.3526596, "beta": 0.3526596,
            "R_D": 15.387756, "R_N": 5.309743,
        }
    }  # fmt: skip
    published_objective: ClassVar[str] = "huber"
    limits: ClassVar[tuple[InputLimit, ...]] = (UNIQUE_TOKENS,)

    E: Positive
    A: Positive
    B: Positive
    alpha: Exponent
    beta: Exponent
    R_D: Multiples
    R_N: Multiples

    def loss(self, N: Any, D: Any, U: Any) -> Any:
        """Chinchilla's law of the effective parameters and tokens."""
        size = with_saturating_worth(N, self.optimal_size(U), self.R_N)
        tokens = with_saturating_worth(D, U, self.R_D)
        return self.E + self.A * size**-self.alpha + self.B * tokens**-self.beta

    def optimal_size(self, U: Any) -> Any:
        """The compute-optimal number of parameters for U tokens, each seen once."""
        log_G = jnp.log(self.alpha * self.A / (self.beta * self.B)) / (self.alpha + self.beta)
        ratio = self.beta / self.alpha
        return jnp.exp((1.0 + ratio) * log_G + ratio * jnp.log(U))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "DataConstrained":
        """Terms that add up to about the typical loss, with exponents that differ little.

        With exponents far apart, N_U would be far from the sizes of the runs.
        """
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        E, size = runs.loss.min() * spread(cube, 0, 0.2, 0.95), spread(cube, 1, 0.1, 0.9)
        rest = (typical - E) * np.exp(spread(cube, 2, -0.3, 0.3))
        alpha = spread(cube, 3, 0.1, 0.6)
        beta = alpha * np.exp(spread(cube, 4, -0.4, 0.4))
        A = size * rest * np.exp(alpha * np.log(center.N))
        B = (1.0 - size) * rest * np.exp(beta * np.log(center.D))
        return cls(E, A, B, alpha, beta, spread(cube, 5, 2.0, 40.0), spread(cube, 6, 2.0, 20.0))
