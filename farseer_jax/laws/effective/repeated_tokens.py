"""The effective number of tokens when unique ones are repeated."""

from typing import Annotated, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Leaf
from farseer_jax.laws.effective_inputs import EffectiveInput
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array


class RepeatedTokens(EffectiveInput):
    """``D_eff = U + U·R_D·(1 − e^(−(D/U − 1)/R_D))``: repeated tokens are worth less and less.

    Source: Muennighoff et al., *Scaling Data-Constrained Language Models* (2023), Eq. 5.

    Attributes:
        R_D: epochs beyond the first after which a repetition is worth 1/e of a new token.

    Example:
        >>> from farseer_jax import RepeatedTokens
        >>> round(float(RepeatedTokens(R_D=15.0).value(D=4e9, U=1e9)) / 1e9, 2)
        3.72
    """

    name: ClassVar[str] = "repeated-tokens"
    formula: ClassVar[str] = "U·(1 + R_D·(1 − e^(−(D/U − 1)/R_D)))"

    R_D: Annotated[Leaf, Domain(lower=0.0, start=(1.0, 40.0))]

    def value(self, D: Array, U: Array) -> Array:
        """The effective number of tokens; D and U positive and broadcastable."""
        repeated = jnp.maximum(D / U - 1.0, 0.0)
        return jnp.minimum(D, U) * (1.0 - self.R_D * jnp.expm1(-repeated / self.R_D))
