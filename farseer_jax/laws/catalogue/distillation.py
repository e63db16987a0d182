"""The law of distilled models."""

from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Leaf, Positive
from farseer_jax.laws.law import Law
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

_Exponent = Annotated[Leaf, Domain(lower=0.0, start=(0.15, 0.7))]


class Distillation(Law):
    """``L_S = L_T + L_T^−c0·(1 + (L_T/(L̃_S·d1))^(1/f1))^(−c1·f1)·(A/N^α + B/D^β)^γ``.

    L_S is the loss of a student with N parameters, distilled on D tokens from a teacher with the
    loss L_T. L̃_S, the input ``supervised_loss``, is the loss of the same student after supervised
    training on as many tokens: measured, or predicted by a law fitted to supervised runs, for which
    the authors use the form of :class:`Coupled`. Once the teacher's loss is below about ``d1·L̃_S``,
    a better teacher does not help and can harm: the capacity gap.

    Source: Busbridge et al., *Distillation Scaling Laws*, arXiv 2502.08606, Eq. 8, where A to
    γ are primed. Published parameters and the authors' objective are not included, because we could
    not check them.

    Attributes:
        c0: exponent of the teacher's loss.
        c1: additional exponent for teachers whose loss is above the break.
        d1: ratio of the teacher's loss to the supervised one at the break.
        f1: width of the break.
        A: coefficient of the student's size.
        B: coefficient of its tokens.
        alpha: exponent of its size.
        beta: exponent of its tokens.
        gamma: outer exponent.

    Example:
        >>> from farseer_jax import Distillation
        >>> sizes = dict(A=3000.0, B=20000.0, alpha=0.35, beta=0.45, gamma=0.6)
        >>> law = Distillation(c0=1.5, c1=20.0, d1=1.2, f1=0.1, **sizes)
        >>> point = dict(N=5e8, D=2e10, supervised_loss=2.6)
        >>> [round(float(law(teacher_loss=L, **point)), 3) for L in (2.2, 2.6)]
        [2.777, 2.953]
    """

    name: ClassVar[str] = "distillation"
    formula: ClassVar[str] = (
        "L_S = L_T + L_T^−c0·(1 + (L_T/(L̃_S·d1))^(1/f1))^(−c1·f1)·(A/N^α + B/D^β)^γ"
    )

    c0: Annotated[Leaf, Domain(start=(0.5, 3.5))]
    c1: Annotated[Leaf, Domain(0.0, 1e4, start=(1.0, 60.0))]
    d1: Annotated[Leaf, Domain(0.1, 10.0, start=(0.9, 1.5))]
    f1: Annotated[Leaf, Domain(1e-3, 10.0, start=(0.03, 0.3))]
    A: Positive
    B: Positive
    alpha: _Exponent
    beta: _Exponent
    gamma: Annotated[Leaf, Domain(lower=0.0, start=(0.2, 1.0))]

    def loss(self, N: Any, D: Any, teacher_loss: Any, supervised_loss: Any) -> Array:
        """The teacher's loss, and the excess loss of the student."""
        log_ratio = jnp.log(teacher_loss) - jnp.log(supervised_loss) - jnp.log(self.d1)
        # ln(1 + r^(1/f)) without overflow: the break is sharp where f is small
        gap = jnp.logaddexp(0.0, log_ratio / self.f1)
        log_share = -self.c0 * jnp.log(teacher_loss) - self.c1 * self.f1 * gap
        terms = self.A * N**-self.alpha + self.B * D**-self.beta
        return teacher_loss + jnp.exp(log_share) * terms**self.gamma
