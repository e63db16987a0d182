"""The law of fine-grained mixtures of experts."""

from collections.abc import Mapping
from typing import Any, ClassVar

from farseer_jax.laws.domains import Exponent, Positive
from farseer_jax.laws.law import Law
from farseer_jax.objectives import Objective


class MoEGranularity(Law):
    """``L(N, D, G) = c + (g/G^γ + a)/N^α + b/D^β``.

    Source: Krajewski, Ludziejewski et al., *Scaling Laws for Fine-Grained Mixture of Experts*,
    arXiv 2402.07871, Eq. 9 and Table 1. G is the granularity: the width of a dense feed-forward
    layer divided by that of an expert. In all runs the experts together have 64 times the size of
    that layer.

    The published parameters are ``MoE``, and ``dense`` for models without experts, which have no
    granularity (``g = 0``). The authors minimised the Huber loss with δ = 0.1.

    Attributes:
        c: irreducible loss.
        g: coefficient of the size term that falls with granularity.
        gamma: exponent of the granularity.
        a: coefficient of the size term for fine experts.
        alpha: exponent of N.
        b: coefficient of the data term.
        beta: exponent of D.

    Example:
        >>> from farseer_jax import MoEGranularity
        >>> numbers = dict(c=0.47, g=2.1, gamma=0.58, a=18.1, alpha=0.115, b=30.8, beta=0.147)
        >>> law = MoEGranularity(**numbers)  # as published
        >>> round(float(law(N=1e9, D=3e10, G=1)), 3), round(float(law(N=1e9, D=3e10, G=16)), 3)
        (3.222, 3.067)
    """

    name: ClassVar[str] = "moe-granularity"
    formula: ClassVar[str] = "L(N, D, G) = c + (g/G^γ + a)/N^α + b/D^β"
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "MoE": {
            "c": 0.47, "g": 2.1, "gamma": 0.58, "a": 18.1, "alpha": 0.115, "b": 30.8, "beta": 0.147,
        },
        "dense": {
            "c": 0.47, "g": 0.0, "gamma": 0.58, "a": 16.3, "alpha": 0.126, "b": 26.7, "beta": 0.127,
        },
    }  # fmt: skip
    published_objective: ClassVar[Objective] = Objective(delta=0.1)

    c: Positive
    g: Positive
    gamma: Exponent
    a: Positive
    alpha: Exponent
    b: Positive
    beta: Exponent

    def loss(self, N: Any, D: Any, G: Any) -> Any:
        """Falls with all three inputs."""
        size = (self.g / G**self.gamma + self.a) / N**self.alpha
        return self.c + size + self.b / D**self.beta
