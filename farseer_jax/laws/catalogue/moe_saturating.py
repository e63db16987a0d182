"""The law of routed models whose gain from experts saturates."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.effective_experts import (
    EffectiveOfOne,
    MostEffective,
    effective_experts,
)
from farseer_jax.laws.domains import Count, Real
from farseer_jax.laws.effective.expert_parameters import ONE_EXPERT
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Law
from farseer_jax.types import Array


class MoESaturating(Law):
    """``log10 L = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d``, Ê effective experts.

    Source: Clark et al., *Unified Scaling Laws for Routed Language Models*, arXiv 2202.01169, Eq. 1
    and Table 3, fitted by least squares on the log losses of runs of 130 B tokens each. Logarithms
    are to base 10. ``1/Ê = 1/(X − 1 + 1/(1/E_start − 1/E_max)) + 1/E_max`` rises from E_start for
    one expert (above 1, the overhead of routing with few experts) to E_max. N counts the parameters
    that a token uses (those of the dense model).

    The published parameters are those of three routing methods: ``S-Base``, ``RL-R`` and ``Hash``.

    Attributes:
        a: exponent of N for ``Ê = 1``.
        b: exponent of Ê for ``N = 1``.
        c: change of either exponent with a factor 10 of the other; positive: experts help larger
            models less.
        d: log10 of the loss at ``N = Ê = 1``.
        E_start: Ê of one expert.
        E_max: limit of Ê.

    Example:
        >>> from farseer_jax import MoESaturating
        >>> numbers = dict(a=-0.082, b=-0.108, c=0.009, d=1.104, E_start=1.847, E_max=314.478)
        >>> law = MoESaturating(**numbers)  # S-Base, as published
        >>> round(float(law(N=1.3e9, experts=1)), 3), round(float(law(N=1.3e9, experts=64)), 3)
        (2.237, 2.05)
    """

    name: ClassVar[str] = "moe-saturating"
    formula: ClassVar[str] = (
        "log10 L(N, X) = a·log10 N + b·log10 Ê + c·log10 N·log10 Ê + d, "
        "1/Ê = 1/(X − 1 + 1/(1/E_start − 1/E_max)) + 1/E_max"
    )
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "S-Base": {
            "a": -0.082, "b": -0.108, "c": 0.009, "d": 1.104, "E_start": 1.847, "E_max": 314.478,
        },
        "RL-R": {
            "a": -0.083, "b": -0.126, "c": 0.012, "d": 1.111, "E_start": 1.880, "E_max": 469.982,
        },
        "Hash": {
            "a": -0.087, "b": -0.136, "c": 0.012, "d": 1.157, "E_start": 4.175, "E_max": 477.741,
        },
    }  # fmt: skip
    limits: ClassVar[tuple[InputLimit, ...]] = (ONE_EXPERT,)

    a: Real
    b: Real
    c: Real
    d: Real
    E_start: EffectiveOfOne
    E_max: MostEffective

    def loss(self, N: Any, experts: Count) -> Array:
        """Bilinear in the logarithms of N and Ê."""
        log_N = jnp.log10(N)
        log_X = jnp.log10(effective_experts(experts, self.E_start, self.E_max))
        power = self.a * log_N + self.b * log_X + self.c * log_N * log_X + self.d
        # not 10 ** power: so traced, ln L is linear in a to d
        return jnp.exp(np.log(10.0) * power)
