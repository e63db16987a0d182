"""The law of learning-rate annealing (Tissue et al.)."""

from typing import Any, ClassVar, Self

import jax.numpy as jnp

from farseer_jax.curve_laws.changes import Change
from farseer_jax.curve_laws.law import DROP, CurveLaw, CurveScale, Prior, exponentials
from farseer_jax.laws.domains import Exponent, Positive


class Annealing(CurveLaw):
    """``L = L0 + A·S(t)^−α − C·S2(t)``, ``S2 = Σ_{i≤t} Σ_{k≤i} (η_{k−1} − η_k)·λ^(i−k)``.

    S(t) is the sum of the learning rates up to step t. The sum over i is geometric, so ``S2 = Σ_k
    (η_{k−1} − η_k)·(1 − λ^(t−k+1)) / (1 − λ)``; here ``λ = e^(−1/τ)``, where τ is the number of
    steps over which a drop of the rate takes effect. Tissue, Wang and Wang, *Scaling Law with
    Learning Rate Annealing* (arXiv:2408.11029), with λ = 0.999. The learning rates of the warmup
    are weighted by ``warmup_weight`` in S.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.Annealing(L0=3.0, A=0.6, alpha=0.5, C=0.3, tau=1000.0, warmup_weight=1.0)
        >>> steady = fj.Schedule.constant(20_000, 3e-4)
        >>> law.losses(steady.with_decay(16_000, 4_000), [16_000, 20_000]).round(3)
        array([3.274, 3.19 ])
    """

    L0: Positive
    A: Positive
    alpha: Exponent
    C: Positive
    tau: Positive
    warmup_weight: Positive

    name = "annealing"
    formula = "L0 + A·S^(-alpha) - C·Σ Δη_k·(1 - λ^(t-k+1))/(1 - λ), λ = exp(-1/tau)"

    searched: ClassVar = {
        "L0": Prior(-0.1, 0.1),
        "reducible": Prior(-2.5, 1.0),
        "alpha": Prior(-0.8, 0.2),
        "drop": DROP,
        "tau": Prior(7.0, 1.0),
        "warmup_weight": Prior(0.0, 0.7),
    }

    def effect(self, change: Change) -> Any:
        """``(1 − λ^(t−k+1)) / (1 − λ)``."""
        rate = 1.0 / self.tau
        return jnp.expm1(-(change.age + 1.0) * rate) / jnp.expm1(-rate)

    def loss(self, area: Any, warmup_area: Any, annealed: Any) -> Any:
        """The loss at the step."""
        area = area + (self.warmup_weight - 1.0) * warmup_area
        return self.L0 + self.A * area**-self.alpha - self.C * annealed

    @classmethod
    def of_searched(cls, numbers: Any, scale: CurveScale) -> Self:
        """The law with these searched parameters."""
        own = exponentials(cls, numbers)
        left, tau = own["reducible"] * scale.loss, own["tau"]
        unit = scale.rate * -jnp.expm1(-scale.tenth / tau) / -jnp.expm1(-1.0 / tau)
        return cls(
            L0=own["L0"] * scale.loss,
            A=left * scale.area ** own["alpha"],
            alpha=own["alpha"],
            C=own["drop"] * (own["L0"] * scale.loss + left) / unit,
            tau=tau,
            warmup_weight=own["warmup_weight"],
        )
