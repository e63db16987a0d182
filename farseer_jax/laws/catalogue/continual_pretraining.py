"""Laws of continual pre-training on a mixture of a domain's and general data."""

from typing import Any, ClassVar

from farseer_jax.laws.domains import Exponent, Fraction, Positive
from farseer_jax.laws.law import Law
from farseer_jax.objectives import Objective
from farseer_jax.types import Array


class ContinualPretraining(Law):
    """``L = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ``: continual pre-training with a share r.

    r is the share of the corpus on which the loss is measured, from 0 to 1 of the data of continual
    pre-training: the share of the domain for the loss on the domain, and 1 minus it for the loss on
    general data. A larger share lowers the last term and raises the third. Fit one law for each
    domain: ``by="domain"``.

    Source: Que et al., *D-CPT Law: Domain-specific Continual Pre-Training Scaling Law for Large
    Language Models* (arXiv 2406.01375), the third (L3) of its five parameterisations. The authors
    minimise a Huber loss by L-BFGS; here it is of log residuals with δ = .001. We found no
    published parameters.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        B: coefficient of the data term.
        C: coefficient of the term of the share.
        alpha: exponent of N.
        beta: exponent of D.
        gamma: exponent of the share.
        eta: exponent of the share in the data term.
        epsilon: offset of the share, which keeps the loss finite at r = 0.

    Example:
        >>> from farseer_jax import ContinualPretraining
        >>> numbers = dict(E=1.2, A=120.0, B=300.0, C=0.2, alpha=0.3, beta=0.35)
        >>> law = ContinualPretraining(gamma=0.4, eta=0.2, epsilon=0.1, **numbers)
        >>> [round(float(law(N=1.8e9, D=1e10, r=r)), 3) for r in (0, 0.5, 1)]
        [1.903, 1.729, 1.688]
    """

    name: ClassVar[str] = "d-cpt"
    formula: ClassVar[str] = "L(N, D, r) = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ"
    published_objective: ClassVar[Objective | str] = "huber"

    E: Positive
    A: Positive
    B: Positive
    C: Positive
    alpha: Exponent
    beta: Exponent
    gamma: Exponent
    eta: Exponent
    epsilon: Positive

    def loss(self, N: Any, D: Any, r: Fraction) -> Array:
        """Falls with N and D, and with the share r of the corpus that is measured."""
        value: Array = (
            self.E
            + self.A / N**self.alpha
            + self.B * r**self.eta / D**self.beta
            + self.C / (r + self.epsilon) ** self.gamma
        )
        return value


class CrossDomainContinualPretraining(ContinualPretraining):
    """``L = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ + F/K^μ``: one law for several domains.

    K is a domain's learnability, which the authors call its domain-specific learnable coefficient:
    ``K = w1/k1 + w2·k2`` of the domain's loss k1 before continual pre-training and of the rate k2
    at which it falls initially, both from a short run. A new domain needs only its K; the
    parameters come from other domains. If K does not vary, E and F are not determined.

    Source: Que et al., *D-CPT Law* (arXiv 2406.01375), its cross-domain law.

    Attributes:
        F: coefficient of the term of K.
        mu: exponent of K.

    The other parameters are those of :class:`ContinualPretraining`.

    Example:
        >>> from farseer_jax import CrossDomainContinualPretraining
        >>> numbers = dict(E=0.8, A=120.0, B=300.0, C=0.2, alpha=0.3, beta=0.35, F=0.5, mu=0.6)
        >>> law = CrossDomainContinualPretraining(gamma=0.4, eta=0.2, epsilon=0.1, **numbers)
        >>> [round(float(law(N=1.8e9, D=1e10, r=0.5, K=K)), 3) for K in (0.5, 2)]
        [2.087, 1.659]
    """

    name: ClassVar[str] = "cross-domain-d-cpt"
    formula: ClassVar[str] = "L(N, D, r, K) = E + A/N^α + B·r^η/D^β + C/(r + ε)^γ + F/K^μ"

    F: Positive
    mu: Exponent

    def loss(self, N: Any, D: Any, r: Fraction, K: Any) -> Array:  # type: ignore[override]
        """Falls with K as well."""
        return super().loss(N, D, r) + self.F / K**self.mu
