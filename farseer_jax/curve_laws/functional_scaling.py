"""The functional scaling law of loss curves (Li et al.)."""

from typing import Any, ClassVar, Self

from farseer_jax.curve_laws.changes import Change
from farseer_jax.curve_laws.law import (
    DROP,
    CurveLaw,
    CurveScale,
    Prior,
    exponentials,
    positive_power,
)
from farseer_jax.curve_laws.multi_power import followed
from farseer_jax.laws.domains import Exponent, Positive


class FunctionalScaling(CurveLaw):
    """``L = L0 + A·S^−s − B·Σ_k (η_{k−1} − η_k)·(G + S(k)^−s)·[1 − (1 + C·S_k)^−κ]``.

    S(t) is the intrinsic time, the sum of the learning rates up to step t, and S_k is the intrinsic
    time since step k. The loss follows a change by a power law in S_k, and the noise caused by a
    rate decreases along training as the loss does. This is the form for a fixed model of Li et al.,
    *Functional Scaling Laws in Kernel Regression* (arXiv:2509.19189), App. B.2, with
    ``κ = 1 − 1/β`` of the paper.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.FunctionalScaling(
        ...     L0=3.0, A=0.6, s=0.5, B=400.0, G=0.5, C=60.0, kappa=0.5, warmup_weight=1.0
        ... )
        >>> steady = fj.Schedule.constant(20_000, 3e-4)
        >>> law.losses(steady.with_decay(16_000, 4_000), [16_000, 20_000]).round(3)
        array([3.274, 3.192])
    """

    L0: Positive
    A: Positive
    s: Exponent
    B: Positive
    G: Positive
    C: Positive
    kappa: Exponent
    warmup_weight: Positive

    name = "functional-scaling"
    formula = "L0 + A·S^(-s) - B·Σ Δη_k·(G + S(k)^(-s))·[1 - (1 + C·S_k)^(-kappa)]"

    searched: ClassVar = {
        "L0": Prior(-0.1, 0.1),
        "reducible": Prior(-2.5, 1.0),
        "s": Prior(-0.8, 0.2),
        "drop": DROP,
        "G": Prior(-0.7, 1.0),
        "speed": Prior(-2.7, 0.7),
        "kappa": Prior(-1.0, 0.5),
        "warmup_weight": Prior(0.0, 0.7),
    }

    def effect(self, change: Change) -> Any:
        """``(G + S(k)^−s)·[1 − (1 + C·S_k)^−κ]``."""
        noise = self.G + positive_power(change.before, -self.s)
        return noise * followed(self.C * change.since, self.kappa)

    def loss(self, area: Any, warmup_area: Any, annealed: Any) -> Any:
        """The loss at the step."""
        area = area + (self.warmup_weight - 1.0) * warmup_area
        return self.L0 + self.A * area**-self.s - self.B * annealed

    @classmethod
    def of_searched(cls, numbers: Any, scale: CurveScale) -> Self:
        """The law with these searched parameters."""
        own = exponentials(cls, numbers)
        left, decayed = own["reducible"] * scale.loss, scale.area ** -own["s"]
        unit = scale.rate * decayed * (1.0 + own["G"])
        unit *= followed(own["speed"] * scale.tenth, own["kappa"])
        return cls(
            L0=own["L0"] * scale.loss,
            A=left / decayed,
            s=own["s"],
            B=own["drop"] * (own["L0"] * scale.loss + left) / unit,
            G=own["G"] * decayed,
            C=own["speed"] / scale.rate,
            kappa=own["kappa"],
            warmup_weight=own["warmup_weight"],
        )
