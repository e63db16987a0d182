"""The effective number of tokens when unique ones are repeated."""

from typing import Annotated, Any, ClassVar, TypeAlias

from farseer_jax.laws.domains import Leaf
from farseer_jax.laws.effective.saturating_worth import with_saturating_worth
from farseer_jax.laws.effective_inputs import EffectiveInput
from farseer_jax.laws.input_limits import InputLimit, at_most
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

Multiples: TypeAlias = Annotated[Leaf, Domain(1e-3, 1e4, start=(1.0, 40.0))]
UNIQUE_TOKENS = at_most(
    "U", "D", "U (unique tokens) must not be above D (all training tokens, including repetitions)"
)


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
    replaces: ClassVar[str] = "D"
    formula: ClassVar[str] = "U·(1 + R_D·(1 − e^(−(D/U − 1)/R_D)))"
    limits: ClassVar[tuple[InputLimit, ...]] = (UNIQUE_TOKENS,)

    R_D: Multiples

    def value(self, D: Any, U: Any) -> Array:
        """The effective number of tokens; D and U positive and broadcastable."""
        return with_saturating_worth(D, U, self.R_D)
