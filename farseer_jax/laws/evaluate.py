"""Losses of a law at many points, in float64 and NumPy, whatever JAX is set to."""

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax._types import Array
from farseer_jax.laws.law import AbstractLaw, OneDataTerm

# One size serves tables of runs, maps of the domain and single points: a compilation costs more
# than a thousand evaluations.
_MIN_BUCKET = 1024
_MAX_LOSSES = 1 << 22  # at once: 32 MiB


@jax.jit
def _losses(laws: AbstractLaw, N: Array, D: Array) -> Array:
    """``(law, point)``: one row per law of a stack."""
    return jax.vmap(lambda law: law(N, D))(laws)


def curves(law: OneDataTerm, N: Array) -> Array:
    """U, B and A at sizes, ``(3, size)``; pure, for use under ``jit`` and ``vmap``."""
    log_U, log_B, A = (jnp.broadcast_to(curve, N.shape) for curve in law.of_size(N))
    return jnp.stack([jnp.exp(log_U), jnp.exp(log_B), A])


_curves = jax.jit(curves)


def evaluate_curves(law: OneDataTerm, N: ArrayLike) -> np.ndarray:
    """U, B and A at sizes N, ``(3, size)``, in float64."""
    sizes = _positive("N", N)
    with jax.enable_x64(True):
        return np.asarray(_curves(law, jnp.asarray(_padded(sizes))))[:, : len(sizes)]


def evaluate(law: AbstractLaw, N: ArrayLike, D: ArrayLike) -> np.ndarray:
    """Losses at points; N and D positive and broadcastable.

    A law with a leading axis on its leaves gives losses with that axis first. Points are padded
    to a power of two, so that calls of many sizes share a few compilations.
    """
    N, D = _positive("N", N), _positive("D", D)
    try:
        N, D = np.broadcast_arrays(N, D)
    except ValueError:
        raise ValueError(f"N and D: shapes {N.shape} and {D.shape} do not broadcast") from None
    shape = N.shape
    leaves = jax.tree.leaves(law)
    stack = np.shape(leaves[0])
    laws = jax.tree.map(lambda leaf: np.reshape(leaf, (-1,)), law)
    num_laws = int(np.prod(stack))
    chunks = _chunks(N.ravel(), D.ravel(), max(_MAX_LOSSES // num_laws, 1))
    flat = [_evaluate_flat(laws, *chunk, num_laws) for chunk in chunks]
    return np.concatenate(flat, axis=1).reshape((*stack, *shape))[()]


def _positive(name: str, values: ArrayLike) -> np.ndarray:
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected numbers, got {values!r}") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        positions = ", ".join(str(i) for i in np.flatnonzero(bad.ravel())[:10])
        raise ValueError(f"{name}: values must be positive and finite; position {positions} is not")
    return array


def _chunks(N: np.ndarray, D: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    return [(N[i : i + size], D[i : i + size]) for i in range(0, max(len(N), 1), size)]


def _padded(values: np.ndarray, num_laws: int = 1) -> np.ndarray:
    """Fill up to a power of two; many laws share no large minimum, which would cost memory."""
    bucket = max(_MIN_BUCKET // num_laws, 1 << max(len(values) - 1, 0).bit_length())
    return np.pad(values, (0, bucket - len(values)), constant_values=1.0)


def _evaluate_flat(laws: AbstractLaw, N: np.ndarray, D: np.ndarray, num_laws: int) -> np.ndarray:
    with jax.enable_x64(True):
        points = (jnp.asarray(_padded(values, num_laws)) for values in (N, D))
        return np.asarray(_losses(laws, *points))[:, : len(N)]
