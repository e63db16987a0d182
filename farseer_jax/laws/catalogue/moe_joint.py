"""The joint law of dense models and mixtures of experts."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.catalogue.effective_experts import (
    EffectiveOfOne,
    MostEffective,
    effective_experts,
)
from farseer_jax.laws.domains import Count, Leaf, Positive
from farseer_jax.laws.effective.expert_parameters import ONE_EXPERT
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Law
from farseer_jax.objectives import Objective
from farseer_jax.solvers.random_starts import Domain

# starts where Chinchilla's exponents lie, with little or no effect of the experts
_Falling = Annotated[Leaf, Domain(start=(-0.5, -0.1))]
_Change = Annotated[Leaf, Domain(start=(-0.02, 0.02))]
_Power = Annotated[Leaf, Domain(start=(-0.5, 0.5))]


class MoEJoint(Law):
    """``L(N, D, X) = c + a·Ê^δ·N^(α + γ·ln Ê) + b·Ê^ω·D^(β + ζ·ln Ê)``, N the active parameters.

    Source: Ludziejewski et al., *Joint MoE Scaling Laws: Mixture of Experts Can Be Memory
    Efficient*, arXiv 2502.05172, Eq. 6 and Table 3. Ê is the effective number of experts,
    ``1/Ê = 1/(X − 1 + 1/(1/E_start − 1/E_max)) + 1/E_max``. Active parameters include the
    embeddings, and α and β are negative. For each number of experts it is Chinchilla's law.

    The authors minimised the Huber loss (δ = 0.01) of log losses, with lower weights for runs
    of poor quality.

    Attributes:
        c: irreducible loss.
        a: coefficient of the size term.
        alpha: exponent of N for ``Ê = 1``.
        gamma: its change per factor e of Ê.
        delta: exponent of Ê in the size term.
        b: coefficient of the data term.
        beta: exponent of D for ``Ê = 1``.
        zeta: its change per factor e of Ê.
        omega: exponent of Ê in the data term.
        E_start: Ê of one expert, a dense model.
        E_max: limit of Ê.

    Example:
        >>> from farseer_jax import MoEJoint
        >>> size = dict(a=35.91, alpha=-0.1889, delta=-0.2285, gamma=0.0098)
        >>> data = dict(b=35.98, beta=-0.1775, omega=0.5529, zeta=-0.0259)
        >>> law = MoEJoint(c=1.3637, E_start=2.0732, E_max=290.4521, **size, **data)  # as published
        >>> [round(float(law(N_active=1e9, D=2e10, experts=x)), 3) for x in (1, 8, 32)]
        [2.578, 2.509, 2.455]
    """

    name: ClassVar[str] = "moe-joint"
    formula: ClassVar[str] = (
        "L(N, D, X) = c + a·Ê^δ·N^(α + γ·ln Ê) + b·Ê^ω·D^(β + ζ·ln Ê), N active, "
        "1/Ê = 1/(X − 1 + 1/(1/E_start − 1/E_max)) + 1/E_max"
    )
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "Ludziejewski et al.": {
            "c": 1.3637, "a": 35.91, "alpha": -0.1889, "gamma": 0.0098, "delta": -0.2285,
            "b": 35.98, "beta": -0.1775, "zeta": -0.0259, "omega": 0.5529,
            "E_start": 2.0732, "E_max": 290.4521,
        }
    }  # fmt: skip
    published_objective: ClassVar[Objective] = Objective(delta=0.01)
    limits: ClassVar[tuple[InputLimit, ...]] = (ONE_EXPERT,)

    c: Positive
    a: Positive
    alpha: _Falling
    gamma: _Change
    delta: _Power
    b: Positive
    beta: _Falling
    zeta: _Change
    omega: _Power
    E_start: EffectiveOfOne
    E_max: MostEffective

    def loss(self, N_active: Any, D: Any, experts: Count) -> Any:
        """Chinchilla's law, whose coefficients and exponents follow the experts."""
        log_X = jnp.log(effective_experts(experts, self.E_start, self.E_max))
        size = self.delta * log_X + (self.alpha + self.gamma * log_X) * jnp.log(N_active)
        data = self.omega * log_X + (self.beta + self.zeta * log_X) * jnp.log(D)
        return self.c + self.a * jnp.exp(size) + self.b * jnp.exp(data)
