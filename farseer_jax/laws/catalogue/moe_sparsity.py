"""The law of mixtures of experts with their sparsity as an input."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from farseer_jax.laws.domains import Exponent, Fraction, Leaf, Positive
from farseer_jax.laws.input_limits import InputLimit
from farseer_jax.laws.law import Law
from farseer_jax.solvers.random_starts import Domain

_SHARE = InputLimit(
    ("S",),
    lambda S: S < 1.0,
    "S (the fraction of experts that a token does not use) must be below 1",
)


class MoESparsity(Law):
    """``L(N, D, S) = e + a/N^α + b/D^β + c/(1−S)^λ + d/((1−S)^δ·N^γ)``.

    Source: Abnar et al., *Parameters vs FLOPs: Scaling Laws for Optimal Sparsity for
    Mixture-of-Experts Language Models*, arXiv 2501.12370, Eq. 6 and Table 3; Huber loss (δ = 1e-3)
    of log losses. N counts all parameters and S is the fraction of experts that a token does not
    use, 0 for a dense model. The published λ is negative, so that ``c/(1−S)^λ`` falls with S; here
    λ may have either sign.

    Attributes:
        e: irreducible loss.
        a: coefficient of the size term.
        alpha: exponent of N.
        b: coefficient of the data term.
        beta: exponent of D.
        c: coefficient of the sparsity term.
        lambda_: its exponent of the active fraction ``1 − S``.
        d: coefficient of the term of active fraction and size.
        delta: its exponent of the active fraction.
        gamma: its exponent of N.

    Example:
        >>> from farseer_jax import MoESparsity
        >>> sizes = dict(e=0.94, a=16612.50, alpha=0.5962, b=5455.67, beta=0.3954)
        >>> shares = dict(c=0.4598, lambda_=-0.1666, d=17.26, delta=0.1603, gamma=0.1595)
        >>> law = MoESparsity(**sizes, **shares)  # as published
        >>> round(float(law(N=1e9, D=1e11, S=0.0)), 3), round(float(law(N=1e9, D=1e11, S=0.9)), 3)
        (2.349, 2.485)
    """

    name: ClassVar[str] = "moe-sparsity"
    formula: ClassVar[str] = "L(N, D, S) = e + a/N^α + b/D^β + c/(1−S)^λ + d/((1−S)^δ·N^γ)"
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "Abnar et al.": {
            "e": 0.94, "a": 16612.50, "alpha": 0.5962, "b": 5455.67, "beta": 0.3954,
            "c": 0.4598, "lambda_": -0.1666, "d": 17.26, "delta": 0.1603, "gamma": 0.1595,
        }
    }  # fmt: skip
    published_objective: ClassVar[str] = "huber"
    limits: ClassVar[tuple[InputLimit, ...]] = (_SHARE,)

    e: Positive
    a: Positive
    alpha: Annotated[Leaf, Domain(lower=0.0, start=(0.25, 1.0))]
    b: Positive
    beta: Exponent
    c: Positive
    lambda_: Annotated[Leaf, Domain(start=(-0.5, 0.1))]
    d: Positive
    delta: Exponent
    gamma: Annotated[Leaf, Domain(lower=0.0, start=(0.05, 0.25))]

    def loss(self, N: Any, D: Any, S: Fraction) -> Any:
        """Falls with N and D; with S it may do either."""
        active = 1.0 - S
        sparse = self.c / active**self.lambda_ + self.d / (active**self.delta * N**self.gamma)
        return self.e + self.a / N**self.alpha + self.b / D**self.beta + sparse
