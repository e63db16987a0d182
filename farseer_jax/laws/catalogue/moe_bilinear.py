"""The bilinear law of routed models."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Count, Real
from farseer_jax.laws.effective.expert_parameters import ONE_EXPERT
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Law
from farseer_jax.types import Array


class MoEBilinear(Law):
    """``log10 L = a·log10 N + b·log10 X + c·log10 N·log10 X + d`` with X experts.

    Source: Clark et al., *Unified Scaling Laws for Routed Language Models*, arXiv 2202.01169, Eq.
    7. Logarithms are to base 10: c and d depend on it. N counts the parameters that a token uses
    (those of the dense model), and all runs have the same number of tokens. With c > 0, experts
    help larger models less. The law has no floor, and no limit to the gain from experts; in
    :class:`MoESaturating` that gain is limited.

    Attributes:
        a: exponent of N for one expert.
        b: exponent of the experts for ``N = 1``.
        c: change of either exponent with a factor 10 of the other input.
        d: log10 of the loss at ``N = 1``.

    Example:
        >>> from farseer_jax import MoEBilinear
        >>> law = MoEBilinear(a=-0.082, b=-0.108, c=0.009, d=1.104)
        >>> round(float(law(N=1.3e9, experts=1)), 3), round(float(law(N=1.3e9, experts=64)), 3)
        (2.273, 2.041)
    """

    name: ClassVar[str] = "moe-bilinear"
    formula: ClassVar[str] = "log10 L(N, X) = a·log10 N + b·log10 X + c·log10 N·log10 X + d"
    limits: ClassVar[tuple[InputLimit, ...]] = (ONE_EXPERT,)

    a: Real
    b: Real
    c: Real
    d: Real

    def loss(self, N: Any, experts: Count) -> Array:
        """Bilinear in the logarithms of both inputs."""
        log_N, log_X = jnp.log10(N), jnp.log10(experts)
        power = self.a * log_N + self.b * log_X + self.c * log_N * log_X + self.d
        # not 10 ** power: so traced, ln L is linear in a to d
        return jnp.exp(np.log(10.0) * power)
