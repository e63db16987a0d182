"""The multi-power law of loss curves (Luo et al.)."""

from typing import Any, ClassVar, Self

import jax.numpy as jnp

from farseer_jax.curve_laws.changes import Change
from farseer_jax.curve_laws.law import (
    DROP,
    CurveLaw,
    CurveScale,
    Prior,
    exponentials,
    positive_power,
    power_fall,
)
from farseer_jax.laws.domains import Exponent, Positive


class MultiPower(CurveLaw):
    """``L = L0 + A·S(t)^−α − B·Σ_k (η_{k−1}^q − η_k^q)·[1 − (1 + C·η_k^−γ·S_k(t))^−β]``.

    S(t) is the sum of the learning rates up to step t, in which those of the warmup are weighted
    by ``warmup_weight``, and S_k(t) is their sum from step k to t. The increase in the warmup is
    among the changes, so L0 is the limit for a rate that decays to 0. The published law has q = 1
    and a weight of 1; fitting both halves its errors on other schedules. Luo et al., *A Multi-Power
    Law for Loss Curve Prediction Across Learning Rate Schedules* (arXiv:2503.12811); the published
    parameters are those of the authors' repository.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.MultiPower.published("100M")
        >>> cosine = fj.Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2_160)
        >>> law.losses(cosine, [12_000, 24_000]).round(3)
        array([3.106, 2.989])
    """

    L0: Positive
    A: Positive
    alpha: Exponent
    B: Positive
    C: Positive
    beta: Exponent
    gamma: Exponent
    q: Exponent
    warmup_weight: Positive

    name = "multi-power"
    formula = "L0 + A·S^(-alpha) - B·Σ Δ(η_k^q)·[1 - (1 + C·η_k^(-gamma)·S_k)^(-beta)]"
    counts_warmup = True
    published_parameters: ClassVar = {
        name: dict(zip(("L0", "A", "alpha", "B", "C", "beta", "gamma"), values, strict=True))
        | {"q": 1.0, "warmup_weight": 1.0}
        for name, values in {
            "25M": (3.04, 0.525, 0.508, 363.788, 2.066, 0.583, 0.641),
            "100M": (2.651, 0.601, 0.453, 437.946, 2.132, 0.598, 0.655),
            "400M": (2.375, 0.654, 0.429, 523.425, 2.025, 0.594, 0.635),
        }.items()
    }

    searched: ClassVar = {
        "L0": Prior(-0.1, 0.1),
        "reducible": Prior(-2.5, 1.0),
        "alpha": Prior(-0.8, 0.2),
        "drop": DROP,
        "speed": Prior(-2.7, 0.7),
        "beta": Prior(-1.6, 0.4),
        "gamma": Prior(0.9, 0.2),
        "q": Prior(-0.1, 0.15),
        "warmup_weight": Prior(0.0, 0.7),
    }

    def effect(self, change: Change) -> Any:
        """``1 − (1 + C·η_k^−γ·S_k)^−β``, times the ratio of the decrease of η^q to that of η."""
        speed = self.C * positive_power(change.rate, -self.gamma)
        return power_fall(change, self.q) * followed(speed * change.since, self.beta)

    def loss(self, area: Any, warmup_area: Any, annealed: Any) -> Any:
        """The loss at the step."""
        area = area + (self.warmup_weight - 1.0) * warmup_area
        return self.L0 + self.A * area**-self.alpha - self.B * annealed

    @classmethod
    def of_searched(cls, numbers: Any, scale: CurveScale) -> Self:
        """The law with these searched parameters."""
        own = exponentials(cls, numbers, but="gamma")
        left, speed = own["reducible"] * scale.loss, own["speed"]
        unit = scale.rate ** own["q"] * followed(speed * scale.tenth, own["beta"])
        return cls(
            L0=own["L0"] * scale.loss,
            A=left * scale.area ** own["alpha"],
            alpha=own["alpha"],
            B=own["drop"] * (own["L0"] * scale.loss + left) / unit,
            C=speed * scale.rate ** (own["gamma"] - 1.0),
            beta=own["beta"],
            gamma=own["gamma"],
            q=own["q"],
            warmup_weight=own["warmup_weight"],
        )


def followed(progress: Any, exponent: Any) -> Any:
    """``1 − (1 + x)^−β``: the fraction of a change that the loss has followed."""
    return -jnp.expm1(-exponent * jnp.log1p(progress))
