"""Power laws of the best learning rate and batch size."""

from collections.abc import Mapping
from typing import Any, ClassVar

from farseer_jax.laws.domains import Positive, Real
from farseer_jax.laws.law import Law
from farseer_jax.types import Array


class OptimalHyperparameter(Law):
    """``y(N, D) = c · N^a · D^b``: the best learning rate, or the best batch size in tokens.

    Fit it to the best runs of a sweep, one for each N and D, with the hyperparameter as the
    response (``response="lr"``). Residuals are in its logarithm, like the authors'.

    Source: Li et al., *Predictable Scale: Part I, Step Law* (arXiv 2503.04715), Eq. 1: N without
    embeddings, D in tokens, ``lr* = 1.79·N^(−.713)·D^(.307)`` and ``B* = .58·D^(.571)`` tokens.
    Between grid points of a factor √2, an argmin is uncertain by about that factor.

    Attributes:
        c: the hyperparameter at N = D = 1.
        a: exponent of N.
        b: exponent of D.

    Example:
        >>> from farseer_jax import OptimalHyperparameter
        >>> lr = OptimalHyperparameter.published("step-law learning rate")
        >>> batch = OptimalHyperparameter.published("step-law batch size")
        >>> f"{float(lr(1e9, 1e11)):.2e}, {float(batch(1e9, 1e11)):.3g} tokens"
        '1.63e-03, 1.11e+06 tokens'
    """

    name: ClassVar[str] = "optimal-hyperparameter"
    formula: ClassVar[str] = "y(N, D) = c·N^a·D^b"
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "step-law learning rate": {"c": 1.79, "a": -0.713, "b": 0.307},
        "step-law batch size": {"c": 0.58, "a": 0.0, "b": 0.571},
    }

    c: Positive
    a: Real
    b: Real

    def loss(self, N: Any, D: Any) -> Array:
        """The hyperparameter."""
        value: Array = self.c * N**self.a * D**self.b
        return value


class OptimalHyperparameterOfCompute(Law):
    """``y(C) = c · C^a``: the best learning rate or batch size in tokens, from compute alone.

    Source: DeepSeek-AI, *DeepSeek LLM* (arXiv 2401.02954), Eq. 1: ``lr* = .3118·C^(−.1250)`` and
    ``B* = .2920·C^(.3271)`` tokens. Their C is M·D, with M the FLOPs per token without embeddings
    and with attention. At equal C, the values are the same for all N and D, which the Step Law runs
    contradict.

    Attributes:
        c: the hyperparameter at C = 1.
        a: exponent of C.

    Example:
        >>> from farseer_jax import OptimalHyperparameterOfCompute
        >>> lr = OptimalHyperparameterOfCompute.published("deepseek learning rate")
        >>> batch = OptimalHyperparameterOfCompute.published("deepseek batch size")
        >>> f"{float(lr(6e20)):.2e}, {float(batch(6e20)):.3g} tokens"
        '7.88e-04, 1.83e+06 tokens'
    """

    name: ClassVar[str] = "optimal-hyperparameter-of-compute"
    formula: ClassVar[str] = "y(C) = c·C^a"
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "deepseek learning rate": {"c": 0.3118, "a": -0.1250},
        "deepseek batch size": {"c": 0.2920, "a": 0.3271},
    }

    c: Positive
    a: Real

    def loss(self, C: Any) -> Array:
        """The hyperparameter."""
        value: Array = self.c * C**self.a
        return value
