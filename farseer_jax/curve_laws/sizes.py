"""Laws of loss curves for runs of several sizes: a law of one size whose terms depend on N."""

from typing import Any, ClassVar, Self

import jax.numpy as jnp

from farseer_jax.curve_laws.annealing import Annealing
from farseer_jax.curve_laws.changes import Change
from farseer_jax.curve_laws.functional_scaling import FunctionalScaling
from farseer_jax.curve_laws.law import CurveLaw, CurveScale, Prior
from farseer_jax.curve_laws.multi_power import MultiPower
from farseer_jax.laws.domains import Exponent, Positive, Real

_OF_SIZE = {
    "E": Prior(-0.5, 0.5),
    "size_term": Prior(-1.2, 1.0),
    "phi": Prior(-1.6, 0.5),
    "a": Prior(0.0, 0.1),
    "b": Prior(0.1, 0.1),
    "omega": Prior(0.0, 0.1),
}


class SizedCurveLaw(CurveLaw):
    """A law of curves for runs of several sizes N, built on a law for one size.

    The irreducible loss L0 becomes ``E + F·N^−φ``. The terms of the area and of the changes scale
    with N^a and N^b, and the weight of the warmup's area with N^ω.

    Attributes:
        base: the law for one size.
        coefficient: the name of its coefficient of the sum over changes.

    Example:
        >>> import farseer_jax as fj
        >>> fj.MultiPowerSize.inputs_of_curves(), fj.MultiPowerSize.base.name
        (('N',), 'multi-power')
    """

    base: ClassVar[type[CurveLaw]]
    coefficient: ClassVar[str]

    def at_size(self, N: Any) -> CurveLaw:
        """The law at one size."""
        own: Any = self
        base, changes = type(self).base, type(self).coefficient
        values = {name: getattr(self, name) for name in base.parameter_names() if name != "L0"}
        values["A"] = values["A"] * N**own.a
        values[changes] = values[changes] * N**own.b
        values["warmup_weight"] = values["warmup_weight"] * N**own.omega
        return base(L0=own.E + own.F * N**-own.phi, **values)

    def effect(self, change: Change) -> Any:
        """The effect in the law for one size."""
        return self.at_size(1.0).effect(change)

    def loss(self, area: Any, warmup_area: Any, annealed: Any, N: Any) -> Any:
        """The loss at the step."""
        return self.at_size(N).loss(area, warmup_area, annealed)

    @classmethod
    def of_searched(cls, numbers: Any, scale: CurveScale) -> Self:
        """The law with these searched parameters."""
        E, size_term, phi, a, b, omega, *rest = numbers
        E, size_term, phi = jnp.exp(E), jnp.exp(size_term), jnp.exp(phi)
        law = cls.base.of_searched([jnp.zeros_like(E), *rest], scale)
        values = {name: getattr(law, name) for name in cls.base.parameter_names() if name != "L0"}
        values["A"] = values["A"] * scale.N**-a
        values[cls.coefficient] = values[cls.coefficient] * scale.N**-b
        values["warmup_weight"] = values["warmup_weight"] * scale.N**-omega
        floor = {"E": E * scale.loss, "F": size_term * scale.loss * scale.N**phi}
        return cls(**floor, phi=phi, a=a, b=b, omega=omega, **values)


def _searched(base: type[CurveLaw]) -> dict[str, Prior]:
    return _OF_SIZE | {name: own for name, own in base.searched.items() if name != "L0"}


class MultiPowerSize(SizedCurveLaw):
    """:class:`MultiPower` for runs of several sizes N, in one fit.

    ``L = E + F·N^−φ + A·N^a·S^−α − B·N^b·Σ_k (η_{k−1}^q − η_k^q)·[1 − (1 +
    C·η_k^−γ·S_k)^−β]``, where the warmup's area is weighted by ``W·N^ω`` in S.

    Example:
        >>> import farseer_jax as fj
        >>> fj.MultiPowerSize.parameter_names()[:5]
        ('E', 'F', 'phi', 'a', 'b')
    """

    E: Positive
    F: Positive
    phi: Exponent
    a: Real
    b: Real
    omega: Real
    A: Positive
    alpha: Exponent
    B: Positive
    C: Positive
    beta: Exponent
    gamma: Exponent
    q: Exponent
    warmup_weight: Positive

    name = "multi-power-size"
    formula = (
        "E + F/N^phi + A·N^a·S^(-alpha) - B·N^b·Σ Δ(η_k^q)·[1 - (1 + C·η_k^(-gamma)·S_k)^(-beta)]"
    )
    base, coefficient = MultiPower, "B"
    counts_warmup = MultiPower.counts_warmup
    searched: ClassVar = _searched(MultiPower)


class AnnealingSize(SizedCurveLaw):
    """:class:`Annealing` for runs of several sizes N, in one fit.

    ``L = E + F·N^−φ + A·N^a·S^−α − C·N^b·S2``, where the warmup's area is weighted by
    ``W·N^ω`` in S.

    Example:
        >>> import farseer_jax as fj
        >>> fj.AnnealingSize.base.name
        'annealing'
    """

    E: Positive
    F: Positive
    phi: Exponent
    a: Real
    b: Real
    omega: Real
    A: Positive
    alpha: Exponent
    C: Positive
    tau: Positive
    warmup_weight: Positive

    name = "annealing-size"
    formula = (
        "E + F/N^phi + A·N^a·S^(-alpha) - C·N^b·Σ Δη_k·(1 - λ^(t-k+1))/(1 - λ), λ = exp(-1/tau)"
    )
    base, coefficient = Annealing, "C"
    counts_warmup = Annealing.counts_warmup
    searched: ClassVar = _searched(Annealing)


class FunctionalScalingSize(SizedCurveLaw):
    """:class:`FunctionalScaling` for runs of several sizes N, in one fit.

    ``L = E + F·N^−φ + A·N^a·S^−s − B·N^b·Σ_k (η_{k−1} − η_k)·(G + S(k)^−s)·[1 − (1 + C·S_k)^−κ]``,
    where the warmup's area is weighted by ``W·N^ω`` in S.

    Example:
        >>> import farseer_jax as fj
        >>> fj.FunctionalScalingSize.base.name
        'functional-scaling'
    """

    E: Positive
    F: Positive
    phi: Exponent
    a: Real
    b: Real
    omega: Real
    A: Positive
    s: Exponent
    B: Positive
    G: Positive
    C: Positive
    kappa: Exponent
    warmup_weight: Positive

    name = "functional-scaling-size"
    formula = "E + F/N^phi + A·N^a·S^(-s) - B·N^b·Σ Δη_k·(G + S(k)^(-s))·[1 - (1 + C·S_k)^(-kappa)]"
    base, coefficient = FunctionalScaling, "B"
    counts_warmup = FunctionalScaling.counts_warmup
    searched: ClassVar = _searched(FunctionalScaling)
