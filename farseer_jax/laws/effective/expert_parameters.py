"""The effective number of parameters of a mixture of experts."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Count, Leaf
from farseer_jax.laws.effective_inputs import EffectiveInput
from farseer_jax.laws.input_limits import InputLimit, at_least
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

ONE_EXPERT = at_least("experts", 1.0, "experts must be 1 or more (1: a dense model)")


class ExpertParameters(EffectiveInput):
    """``N_eff = N·X^(m − n·ln(N/1e9))``: the size of the equivalent dense model.

    The *effective parameter count* of Clark et al., *Unified Scaling Laws for Routed Language
    Models*, arXiv 2202.01169, Eq. 11, without saturation: under their bilinear law
    (:class:`MoEBilinear`) a model with X experts reaches the loss of a dense one with this size,
    ``m = (b + c·log10 1e9)/a`` and ``n = −c/(a·ln 10)``. As an effective input it works with any
    law, including laws with tokens and a floor.

    Attributes:
        m: exponent of the experts for a billion parameters.
        n: its decrease per factor e of N.

    Example:
        >>> from farseer_jax import ExpertParameters
        >>> term = ExpertParameters(m=0.35, n=0.05)
        >>> [float(f"{term.value(N=N, experts=64) / N:.2f}") for N in (1e8, 1e9, 1e10)]
        [6.92, 4.29, 2.66]
    """

    name: ClassVar[str] = "expert-parameters"
    replaces: ClassVar[str] = "N"
    formula: ClassVar[str] = "N·X^(m − n·ln(N/1e9)), X experts"
    limits: ClassVar[tuple[InputLimit, ...]] = (ONE_EXPERT,)

    m: Annotated[Leaf, Domain(start=(0.0, 0.6))]
    n: Annotated[Leaf, Domain(start=(-0.1, 0.1))]

    def value(self, N: Any, experts: Count) -> Array:
        """The effective number of parameters; N and experts positive and broadcastable."""
        return N * jnp.exp((self.m - self.n * jnp.log(N / 1e9)) * jnp.log(experts))
