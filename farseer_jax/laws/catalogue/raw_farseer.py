"""The Farseer law in the paper's nine raw parameters, for comparison."""

import dataclasses
from typing import ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.domains import Real
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import leaf_like
from farseer_jax.types import Array


class RawFarseer(OneDataTerm):
    """The Farseer law as the paper writes it, each curve ``exp(a · N^p + b)`` (Eq. 3).

    For comparisons of solvers: (a, p, b) are nearly singular around ``p = 0``, and few starts
    reach the optimum. Fit :class:`Farseer` instead: it is the same family. Derivatives of its fits
    (:func:`differentiable`, :func:`influence`) lose digits for the same reason, and are refused
    where the parameters are determined only up to rounding.

    Attributes:
        a1: with ``alpha`` (the exponent) and ``b1``, the curve A(N).
        a2: with ``beta`` and ``b2``, the curve B(N).
        a3: with ``gamma`` and ``b3``, the curve U(N).

    Example:
        >>> from farseer_jax import Farseer, RawFarseer
        >>> raw = RawFarseer(**Farseer.published().parameters())
        >>> round(float(raw(1e9, 1e11)), 3)
        0.499
    """

    name: ClassVar[str] = "raw-farseer"
    formula: ClassVar[str] = Farseer.formula

    a1: Real
    alpha: Real
    b1: Real
    a2: Real
    beta: Real
    b2: Real
    a3: Real
    gamma: Real
    b3: Real

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """``ln U``, ``ln B`` and A."""
        a1, alpha, b1, a2, beta, b2, a3, gamma, b3 = (
            leaf_like(getattr(self, field.name), N) for field in dataclasses.fields(self)
        )
        log_N = jnp.log(N)
        return (
            a3 * jnp.exp(gamma * log_N) + b3,
            a2 * jnp.exp(beta * log_N) + b2,
            jnp.exp(a1 * jnp.exp(alpha * log_N) + b1),
        )

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "RawFarseer":
        """The starts of :class:`Farseer`, in raw parameters."""
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
