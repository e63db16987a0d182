"""The law of parallel streams (ParScale)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Count, Exponent, Positive
from farseer_jax.laws.law import Law
from farseer_jax.types import Array


class ParScale(Law):
    """``L(N, P) = E + (A / (N·(k·ln P + 1)))^α``: P streams act like ``k·ln P + 1`` times N.

    Source: Chen et al., *Parallel Scaling Law for Language Models*, arXiv 2505.10475, Eq. 5. N
    excludes embeddings and includes the parameters that the streams add; the number of tokens is
    the same in all runs.

    The published parameters, ``Pile`` and ``Stack``, were fitted to runs of up to 8 streams by the
    Huber loss (δ = 1e-3) of the log losses.

    Attributes:
        E: irreducible loss.
        A: scale of the size term, in parameters.
        k: gain per factor e of streams.
        alpha: exponent of the size term.

    Example:
        >>> from farseer_jax import ParScale
        >>> law = ParScale(E=1.2888, A=1.973e8, k=0.3345, alpha=0.1963)  # the Pile, as published
        >>> round(float(law(N=1.09e9, P=1)), 3), round(float(law(N=1.09e9, P=4)), 3)
        (2.004, 1.952)
    """

    name: ClassVar[str] = "parscale"
    formula: ClassVar[str] = "L(N, P) = E + (A / (N·(k·ln P + 1)))^α"
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "Pile": {"E": 1.2888, "A": 1.973e8, "k": 0.3345, "alpha": 0.1963},
        "Stack": {"E": 0.6912, "A": 1.131e7, "k": 0.3935, "alpha": 0.1894},
    }
    published_objective: ClassVar[str] = "huber"

    E: Positive
    A: Positive
    k: Positive
    alpha: Exponent

    def loss(self, N: Any, P: Count) -> Array:
        """Falls with N and with P."""
        return self.E + (self.A / (N * (self.k * jnp.log(P) + 1.0))) ** self.alpha
