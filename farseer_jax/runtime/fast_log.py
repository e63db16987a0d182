"""A fast logarithm for inner loops."""

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array

_MANTISSA_BITS = 52
_SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)
_ROOT_HALF_BITS = int(np.sqrt(0.5).view(np.int64))
# atanh(s) = s + s³/3 + …: twelve terms are exact to rounding for |s| ≤ (√2 − 1) / (√2 + 1)
_ATANH = tuple(1.0 / (2 * k + 1) for k in range(12))


@jax.custom_jvp
def log(x: Array) -> Array:
    """``ln x`` of positive numbers, NaN elsewhere; within 2 units in the last place.

    XLA's own float64 logarithm is not vectorised on a CPU; after an ``exp`` it costs five times as
    much as the rest of the loop. ``x = 2^e · m`` with m in [√½, √2), and ``ln m = 2 atanh s``,
    ``s = (m − 1) / (m + 1)``.
    """
    if x.dtype != jnp.float64:
        return jnp.log(x)
    bits = jax.lax.bitcast_convert_type(x, jnp.int64)
    exponent = (bits - _ROOT_HALF_BITS) >> _MANTISSA_BITS
    m = jax.lax.bitcast_convert_type(bits - (exponent << _MANTISSA_BITS), jnp.float64)
    square = ((m - 1.0) / (m + 1.0)) ** 2
    series = jnp.full_like(x, _ATANH[-1])
    for coefficient in reversed(_ATANH[:-1]):
        series = series * square + coefficient
    known = (x >= _SMALLEST_NORMAL) & (x < jnp.inf)
    whole = jnp.where(known, exponent.astype(x.dtype) * float(np.log(2.0)), jnp.nan)
    # divide last: XLA recomputes a cheap value for each of its uses, but a quotient only once
    return (whole * (m + 1.0) + 2.0 * (m - 1.0) * series) / (m + 1.0)


@log.defjvp
def _log_jvp(primals: tuple[Array], tangents: tuple[Array]) -> tuple[Array, Array]:
    (x,), (dx,) = primals, tangents
    return log(x), dx / x
