"""The law of sparsity and active parameters of upcycled mixtures of experts."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Leaf, Positive
from farseer_jax.laws.input_limits import InputLimit, at_least
from farseer_jax.laws.law import Law
from farseer_jax.solvers.random_starts import Domain

_EXPANSION = at_least(
    "expansion",
    1.0,
    "expansion (total divided by active parameters) must be 1 or more (1: a dense model)",
)


class MoEUpcycling(Law):
    """``L(P, N) = A·P^−a·N^(−b + c·ln P) + E``: P = total/active parameters, N active.

    Source: Liew, Kato and Takase, *Scaling Laws for Upcycling Mixture-of-Experts Language Models*,
    arXiv 2502.03009, the law of sparsity and active parameters, there with ``A = e^d1`` and
    ``E = e^d3``, for fixed numbers of tokens before and after the conversion of a dense model
    to a mixture of experts: fit each pair of these numbers as a group. We found no published
    parameters.

    Attributes:
        A: coefficient, at one active parameter of a dense model.
        a: exponent of P at ``N = 1``.
        b: exponent of N for ``P = 1``.
        c: change of either exponent per factor e of the other input.
        E: irreducible loss.

    Example:
        >>> from farseer_jax import MoEUpcycling
        >>> law = MoEUpcycling(A=30.0, a=0.2, b=0.2, c=0.008, E=2.0)
        >>> round(float(law(expansion=8, N_active=1e8)), 3)
        2.675
    """

    name: ClassVar[str] = "moe-upcycling"
    formula: ClassVar[str] = "L(P, N) = A·P^−a·N^(−b + c·ln P) + E, P = total/active, N active"
    limits: ClassVar[tuple[InputLimit, ...]] = (_EXPANSION,)

    A: Positive
    a: Annotated[Leaf, Domain(start=(-0.5, 0.5))]
    b: Annotated[Leaf, Domain(start=(0.05, 0.6))]
    c: Annotated[Leaf, Domain(start=(-0.03, 0.03))]
    E: Positive

    def loss(self, expansion: Any, N_active: Any) -> Any:
        """A power law in either input, with an interaction."""
        log_P, log_N = jnp.log(expansion), jnp.log(N_active)
        power = jnp.exp(-self.a * log_P - self.b * log_N + self.c * log_P * log_N)
        return self.A * power + self.E
