"""The coupled law with a data term that depends on the size as well."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.declarations import Parameter
from farseer_jax.laws.domains import Leaf, Positive, Real
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import Separable
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import leaf_like, library_of
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array


class CoupledInteraction(Separable):
    """``L(N, D) = E + (a^(1/k) + d^(1/k))^k``, whose data term d depends on N as well.

    With ``n = N / N0`` and ``m = D / D0``, N0 and D0 the centre of the runs, ``a = A · n^(−α)``
    and ``d = B · n^b · m^(−β + g · ln n)``. With ``b = g = 0`` it is the law :class:`Coupled`, and
    with ``k = 1`` as well Chinchilla's. A and B are losses: what each term adds at the centre.

    Source: Chinchilla (Hoffmann et al.), *Skaling* (arXiv 2608.07222) for k; the interaction is
    this library's.

    Attributes:
        E: irreducible loss.
        A: the size term at the centre of the runs.
        B: the data term at the centre of the runs.
        alpha: exponent of the size term.
        beta: exponent of the data term at N0.
        k: outer exponent.
        b: exponent of N in the data term at D0.
        g: change of the data term's exponent per factor e of N.
        N0: the centre's size.
        D0: the centre's tokens.

    Example:
        >>> from farseer_jax import CoupledInteraction
        >>> numbers = dict(E=1.7, A=0.35, B=0.53, alpha=0.34, beta=0.28, N0=1e9, D0=2e10)
        >>> round(float(CoupledInteraction(k=1.0, b=0.0, g=0.0, **numbers)(1e9, 2e10)), 6)
        2.58
        >>> round(float(CoupledInteraction(k=0.5, b=0.1, g=-0.02, **numbers)(1e10, 2e11)), 3)
        2.053
    """

    name: ClassVar[str] = "coupled-interaction"
    formula: ClassVar[str] = (
        "L(N, D) = E + (a^(1/k) + d^(1/k))^k, a = A·n^(−α), d = B·n^b·m^(−β + g·ln n), "
        "n = N/N0, m = D/D0"
    )

    E: Positive
    A: Positive
    B: Positive
    alpha: Real
    beta: Real
    k: Positive
    b: Real
    g: Real
    N0: Leaf
    D0: Leaf

    @classmethod
    def fields(cls) -> tuple[Parameter, ...]:
        """The parameters that are fitted: all but the centre."""
        return tuple(field for field in super().fields() if field.name not in ("N0", "D0"))

    @classmethod
    def from_vector(cls, vector: Array, center: Center | None = None) -> "CoupledInteraction":
        """The law of a parameter vector, with its centre at that of the runs."""
        assert center is not None
        xp, (log_E, log_A, log_B, alpha, beta, log_k, b, g) = library_of(vector), vector
        with np.errstate(over="ignore", invalid="ignore"):
            E, A, B, k = (xp.exp(value) for value in (log_E, log_A, log_B, log_k))
        N0, D0 = xp.full_like(log_E, center.N), xp.full_like(log_E, center.D)
        return cls(E=E, A=A, B=B, alpha=alpha, beta=beta, k=k, b=b, g=g, N0=N0, D0=D0)

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """E, the size term to the power 1/k, level and exponent of the data term, k and D0."""
        E, A, B, alpha, beta, k, b, g, N0, D0 = (
            leaf_like(getattr(self, name), N) for name in _NAMES
        )
        z = jnp.log(N) - jnp.log(N0)
        size = jnp.exp((jnp.log(A) - alpha * z) / k)
        slope = (beta - g * z) / k
        return E, size, (jnp.log(B) + b * z) / k + slope * jnp.log(D0), slope, k

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from the curves of :meth:`of_size`."""
        E, size, level, slope, k = curves
        return log(E + jnp.exp(k * log(size + jnp.exp(level - slope * log_D))))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "CoupledInteraction":
        """Terms that add up to about the typical loss, with k around 1 and little interaction."""
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        A, B = (typical * np.exp(spread(cube, column, -5.0, -0.5)) for column in (1, 2))
        return cls(
            E=runs.loss.min() * spread(cube, 0, 0.1, 0.98),
            A=A,
            B=B,
            alpha=spread(cube, 3, 0.05, 0.9),
            beta=spread(cube, 4, 0.05, 0.9),
            k=np.exp(spread(cube, 5, -1.0, 1.0)),
            b=spread(cube, 6, -0.1, 0.1),
            g=spread(cube, 7, -0.05, 0.05),
            N0=np.full(len(cube), center.N),
            D0=np.full(len(cube), center.D),
        )

    def parameters(self) -> dict[str, Any]:
        """The parameters and the centre by name, float64."""
        return {name: float(np.asarray(getattr(self, name))) for name in _NAMES}

    @classmethod
    def from_numbers(cls, content: Mapping[str, Any]) -> "CoupledInteraction":
        """The law from :meth:`parameters` (``content["parameters"]``)."""
        return cls(**{name: np.asarray(content["parameters"][name], float) for name in _NAMES})


_NAMES = ("E", "A", "B", "alpha", "beta", "k", "b", "g", "N0", "D0")
