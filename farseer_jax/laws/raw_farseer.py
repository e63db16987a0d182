"""The Farseer law in the paper's nine raw parameters, for comparison."""

from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax._arrays import as_floats, as_leaf, leaf_like
from farseer_jax._types import Array, ArrayLike
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import OneDataTerm
from farseer_jax.runs.runs import Runs


class RawFarseer(OneDataTerm):
    """The Farseer law as the paper writes it, each curve ``exp(a · N^p + b)`` (Eq. 3).

    For comparisons of solvers: (a, p, b) are nearly singular around ``p = 0``, and few starts
    reach the optimum. Fit :class:`Farseer` instead: it is the same family. Derivatives of its fits
    (:func:`differentiable`, :func:`influence`) lose digits to the same cause, and are refused where
    only rounding determines the parameters.

    Attributes:
        a1: of A(N); with ``alpha``, its exponent, and ``b1``.
        a2: of B(N); with ``beta`` and ``b2``.
        a3: of U(N); with ``gamma`` and ``b3``.

    Example:
        >>> from farseer_jax import Farseer, RawFarseer
        >>> raw = RawFarseer(**Farseer.published().parameters())
        >>> round(float(raw(1e9, 1e11)), 3)
        0.499
    """

    name: ClassVar[str] = "raw-farseer"
    formula: ClassVar[str] = Farseer.formula
    curve_parameters: ClassVar[tuple[tuple[int, ...], ...]] = ((6, 7, 8), (3, 4, 5), (0, 1, 2))

    a1: Array | np.ndarray
    alpha: Array | np.ndarray
    b1: Array | np.ndarray
    a2: Array | np.ndarray
    beta: Array | np.ndarray
    b2: Array | np.ndarray
    a3: Array | np.ndarray
    gamma: Array | np.ndarray
    b3: Array | np.ndarray

    def __init__(self, **numbers: ArrayLike) -> None:
        if set(numbers) != set(self.parameter_names()):
            raise ValueError(f"expected the parameters {self.parameter_names()}")
        for name, value in numbers.items():
            setattr(self, name, as_leaf(value))

    def log_loss(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``ln L(N, D)``."""
        N, D = as_floats(N, D)
        return self.combine(self.of_size(N), jnp.log(D))

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """``ln U``, ``ln B`` and A."""
        a1, alpha, b1, a2, beta, b2, a3, gamma, b3 = (
            leaf_like(getattr(self, name), N) for name in self.parameter_names()
        )
        log_N = jnp.log(N)
        return (
            a3 * jnp.exp(gamma * log_N) + b3,
            a2 * jnp.exp(beta * log_N) + b2,
            jnp.exp(a1 * jnp.exp(alpha * log_N) + b1),
        )

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "RawFarseer":
        """The starts of the centred form, in raw parameters: the same curves."""
        centred = Farseer.starts(runs, cube)
        numbers: dict[str, np.ndarray] = {}
        for i, (exponent, curve) in enumerate((("alpha", "A"), ("beta", "B"), ("gamma", "U")), 1):
            own = getattr(centred, curve)
            ratio = own.slope / own.exponent
            numbers |= {
                f"a{i}": ratio * own.pivot**-own.exponent,
                exponent: own.exponent,
                f"b{i}": own.level - ratio,
            }
        return cls(**numbers)
