"""The effective number of parameters of a model that is too large for its unique tokens."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Leaf
from farseer_jax.laws.effective.repeated_tokens import Multiples
from farseer_jax.laws.effective.saturating_worth import with_saturating_worth
from farseer_jax.laws.effective_inputs import EffectiveInput
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array


class ExcessParameters(EffectiveInput):
    """``N_eff = N_U + N_U·R_N·(1 − e^(−(N/N_U − 1)/R_N))`` beyond ``N_U = 1e9·G·(U/1e9)^h``.

    N_U is the compute-optimal size for U unique tokens. Parameters beyond it are worth less and
    less. Muennighoff et al. (*Scaling Data-Constrained Language Models*, Eq. 6) derive N_U from the
    law itself (:class:`DataConstrained`). Here it is a fitted power law, which works with any law.

    Attributes:
        R_N: multiples of N_U after which a further parameter is worth 1/e of a first one.
        G: compute-optimal parameters per token for a billion unique tokens.
        h: exponent of the unique tokens.

    Example:
        >>> from farseer_jax import ExcessParameters
        >>> term = ExcessParameters(R_N=5.3, G=0.1, h=1.0)
        >>> [float(f"{term.value(N=N, U=1e9) / 1e8:.2f}") for N in (5e7, 1e8, 1e9)]
        [0.5, 1.0, 5.33]
    """

    name: ClassVar[str] = "excess-parameters"
    replaces: ClassVar[str] = "N"
    formula: ClassVar[str] = "N_U·(1 + R_N·(1 − e^(−(N/N_U − 1)/R_N))), N_U = 1e9·G·(U/1e9)^h"

    R_N: Multiples
    G: Annotated[Leaf, Domain(1e-3, 10.0, start=(0.01, 0.3))]
    h: Annotated[Leaf, Domain(0.0, 2.0, start=(0.5, 1.2))]

    def value(self, N: Any, U: Any) -> Array:
        """The effective number of parameters; N and U positive and broadcastable."""
        warranted = 1e9 * self.G * jnp.exp(self.h * jnp.log(U / 1e9))
        return with_saturating_worth(N, warranted, self.R_N)
