"""The three-parameter curve of N used for U, B and A (paper Eqs. 9, 10, 14)."""

import math
from collections.abc import Mapping
from functools import cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.runtime.arrays import as_float, as_leaf, leaf_like
from farseer_jax.types import Array, ArrayLike

_SERIES_RADIUS = 0.5
_NUM_TERMS = 17  # keep float64 exact to rounding within the radius


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def expm1_ratio(x: Array, order: int = 0) -> Array:
    """``expm1(x)/x``, or its derivative of a given order; smooth through 0.

    The derivative of order k is ``φ_k(x) = ∫ t^k e^(xt) dt`` over [0, 1]: a series near 0,
    elsewhere ``(e^x − k φ_(k−1)(x)) / x``. Each order costs one such function; automatic
    differentiation of the series would multiply its terms.

    Uses one ``exp``: ``jnp.expm1`` costs about twice as much on a CPU. Divides last: XLA
    recomputes a cheap value for each of its uses, but a quotient only once.
    """
    near_zero = jnp.abs(x) < _SERIES_RADIUS
    safe_x = jnp.where(near_zero, 1.0, x)
    series = _polynomial(_series(order), jnp.where(near_zero, x, 0.0))
    power = jnp.exp(safe_x)
    far = power - 1.0
    for k in range(1, order + 1):
        far = power - k * (far / safe_x)
    return jnp.where(near_zero, series, far) / safe_x


@expm1_ratio.defjvp
def _expm1_ratio_jvp(
    order: int, primals: tuple[Array], tangents: tuple[Array]
) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return expm1_ratio(x, order), expm1_ratio(x, order + 1) * dx


@cache
def _series(order: int) -> tuple[float, ...]:
    """Coefficients of the series of ``φ_k``: ``1 / (j! (j + k + 1))``."""
    return tuple(1.0 / (math.factorial(j) * (j + order + 1)) for j in range(_NUM_TERMS))


def _polynomial(coefficients: tuple[float, ...], x: Array) -> Array:
    value = jnp.full_like(x, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value


def box_cox(z: Array, exponent: Array) -> Array:
    """``h(z; p) = expm1(p z) / p`` with ``h(z; 0) = z``; arguments broadcast."""
    return z * expm1_ratio(exponent * z)


class StretchedExponential(eqx.Module):
    """``f(N) = exp(level + slope · h(ln(N / pivot); exponent))``, ``h(z; p) = expm1(p z) / p``.

    The same family as the paper's ``exp(a · N^p + b)`` in centred Box–Cox form, in which the
    power law ``p = 0`` is an ordinary interior point.

    Attributes:
        level: ``ln f`` at the pivot.
        slope: local log–log exponent ``d ln f / d ln N`` at the pivot.
        exponent: ``p``, the paper's α, β or γ.
        pivot: reference size, in the unit of N.

    Example:
        >>> from farseer_jax import StretchedExponential
        >>> curve = StretchedExponential(level=0.0, slope=-0.5, exponent=0.0, pivot=1e9)
        >>> float(curve(4e9))  # exponent 0: the power law (N / pivot)^slope
        0.5
    """

    level: Array | np.ndarray
    slope: Array | np.ndarray
    exponent: Array | np.ndarray
    pivot: Array | np.ndarray

    def __init__(
        self, level: ArrayLike, slope: ArrayLike, exponent: ArrayLike, pivot: ArrayLike
    ) -> None:
        self.level = as_leaf(level)
        self.slope = as_leaf(slope)
        self.exponent = as_leaf(exponent)
        self.pivot = as_leaf(pivot)

    def log(self, N: ArrayLike) -> Array:
        """``ln f(N)``; N positive, any shape."""
        N = as_float(N)
        level, slope, exponent, pivot = (
            leaf_like(leaf, N) for leaf in (self.level, self.slope, self.exponent, self.pivot)
        )
        z = jnp.log(
            N / pivot
        )  # divide first: a difference of two logs would cost a digit in float32
        return level + slope * box_cox(z, exponent)

    def __call__(self, N: ArrayLike) -> Array:
        """``f(N)``; N positive, any shape."""
        return jnp.exp(self.log(N))

    def to_raw(self) -> tuple[float, float, float]:
        """The paper's ``(a, p, b)`` of ``exp(a · N^p + b)``, float64 on the host.

        The paper's form does not exist at ``p = 0``, where ``a`` and ``b`` are infinite (NaN for a
        constant curve).
        """
        level, slope, exponent, pivot = (
            float(leaf) for leaf in (self.level, self.slope, self.exponent, self.pivot)
        )
        if exponent == 0.0:
            infinite = math.inf * slope if slope else math.nan
            return infinite, 0.0, -infinite
        ratio = slope / exponent
        return ratio * pivot**-exponent, exponent, level - ratio

    @classmethod
    def from_raw(
        cls, a: float, exponent: float, b: float, pivot: float = 1e9
    ) -> "StretchedExponential":
        """Build from the paper's ``exp(a · N^p + b)``; the pivot does not change the curve."""
        scaled = a * pivot**exponent
        return cls(level=scaled + b, slope=scaled * exponent, exponent=exponent, pivot=pivot)

    def to_dict(self) -> dict[str, float]:
        """The four numbers by name, exact."""
        return {name: float(getattr(self, name)) for name in _FIELDS}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, float]) -> "StretchedExponential":
        """The inverse of :meth:`to_dict`."""
        return cls(**{name: numbers[name] for name in _FIELDS})


_FIELDS = ("level", "slope", "exponent", "pivot")
