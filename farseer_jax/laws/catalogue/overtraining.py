"""Laws of over-training: the loss from compute and tokens per parameter."""

from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Positive, Real
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import leaf_like
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array

_LOG_6 = float(np.log(6.0))  # C = 6·N·D


class Overtraining(OneDataTerm):
    """``L = E + (a·M^η + b·M^(−η)) · C^(−η)``, with ``M = D/N`` and ``C = 6·N·D``.

    At constant M, the loss above E is a power law of compute with the same exponent for all M:
    curves of different tokens per parameter are parallel on logarithmic axes. It is Chinchilla's law
    with equal exponents ``2η``, ``A = a·6^(−η)`` and ``B = b·6^(−η)``.

    Source: Gadre et al., *Language models scale reliably with over-training and on downstream
    tasks* (arXiv 2403.08540). The authors fit losses themselves by least squares; their code
    (``scaling/laws.py``) leaves the factor ``6^(−η)`` out of the size term, so that its first
    coefficient is ``a·6^(−η)``.

    Attributes:
        E: irreducible loss.
        a: coefficient of the term that grows with M.
        b: coefficient of the term that falls with M.
        eta: exponent of compute.

    Example:
        >>> from farseer_jax import Overtraining
        >>> law = Overtraining(E=1.5, a=140.0, b=190.0, eta=0.12)
        >>> [round(float(law(N=4e8, D=M * 4e8)), 3) for M in (5, 20, 320)]  # M tokens per parameter
        [3.371, 3.117, 2.804]
    """

    name: ClassVar[str] = "overtraining"
    formula: ClassVar[str] = "L(N, D) = E + (a·M^η + b·M^(−η))·C^(−η), M = D/N, C = 6·N·D"
    published_objective: ClassVar[Objective | str] = Objective(residual="absolute")

    E: Positive
    a: Positive
    b: Positive
    eta: Real

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The log of the loss with unlimited data, and the two parameters of the data term."""
        E, a, b, eta = (leaf_like(x, N) for x in (self.E, self.a, self.b, self.eta))
        size = jnp.exp(jnp.log(a) - eta * (_LOG_6 + 2.0 * jnp.log(N)))
        return log(E + size), jnp.log(b) - eta * _LOG_6, 2.0 * eta

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace a and b by their terms at the centre of the runs."""
        matrix = np.eye(4)
        assert center is not None
        matrix[1, 3] = -_LOG_6 - 2.0 * np.log(center.N)
        matrix[2, 3] = -_LOG_6 - 2.0 * np.log(center.D)
        return matrix

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "Overtraining":
        """Terms that add up to about the typical loss, with exponents in the usual range."""
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        eta = spread(cube, 3, 0.025, 0.45)
        a, b = (
            typical * np.exp(spread(cube, column, -5.0, -0.5) + eta * (_LOG_6 + 2.0 * np.log(at)))
            for column, at in ((1, center.N), (2, center.D))
        )
        return cls(E=runs.loss.min() * spread(cube, 0, 0.1, 0.98), a=a, b=b, eta=eta)


class OvertrainingOneCoefficient(OneDataTerm):
    """``L = E + a·(M^η + M^(−η)) · C^(−η)``: over-training with one coefficient for both terms.

    :class:`Overtraining` with ``b = a``, which puts the compute-optimal ratio at one token per
    parameter. A simplification for comparison: on the authors' runs its residuals are 1.5 times as
    large.

    Attributes:
        E: irreducible loss.
        a: coefficient of both terms.
        eta: exponent of compute.

    Example:
        >>> from farseer_jax import Overtraining, OvertrainingOneCoefficient
        >>> one = OvertrainingOneCoefficient(E=1.5, a=140.0, eta=0.12)
        >>> two = Overtraining(E=1.5, a=140.0, b=140.0, eta=0.12)
        >>> float(one(4e8, 8e9)) == float(two(4e8, 8e9))
        True
    """

    name: ClassVar[str] = "overtraining-one-coefficient"
    formula: ClassVar[str] = "L(N, D) = E + a·(M^η + M^(−η))·C^(−η), M = D/N, C = 6·N·D"
    published_objective: ClassVar[Objective | str] = Objective(residual="absolute")

    E: Positive
    a: Positive
    eta: Real

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The curves of :class:`Overtraining` with equal coefficients."""
        values: dict[str, Any] = {"E": self.E, "a": self.a, "b": self.a, "eta": self.eta}
        return Overtraining(**values).of_size(N)

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace a by the mean term at the centre of the runs."""
        matrix = np.eye(3)
        assert center is not None
        matrix[1, 2] = -_LOG_6 - np.log(center.N) - np.log(center.D)
        return matrix

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "OvertrainingOneCoefficient":
        """Terms that add up to about the typical loss, with exponents in the usual range."""
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        eta = spread(cube, 2, 0.025, 0.45)
        level = _LOG_6 + np.log(center.N) + np.log(center.D)
        a = typical * np.exp(spread(cube, 1, -5.0, -0.5) + eta * level)
        return cls(E=runs.loss.min() * spread(cube, 0, 0.1, 0.98), a=a, eta=eta)
