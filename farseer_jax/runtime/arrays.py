"""Conversions at the edge between NumPy and JAX."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array, ArrayLike

_Tree = TypeVar("_Tree")


def as_leaf(value: ArrayLike) -> Array | np.ndarray:
    """Convert a law's parameter into an array leaf.

    A JAX array (or tracer) stays what it is. Anything else becomes a float64 NumPy array, which
    keeps all digits of a stored fit even where JAX runs in its float32 default; JAX converts it
    to the caller's precision at the moment of use.
    """
    if isinstance(value, jax.Array):
        return value
    return np.asarray(value, dtype=np.float64)


def library_of(*leaves: ArrayLike) -> Any:
    """``numpy`` for NumPy's arrays and numbers, which need no compilation; else ``jax.numpy``."""
    own = np.ndarray, np.generic, float, int
    return np if all(isinstance(leaf, own) for leaf in leaves) else jnp


def as_float(value: ArrayLike) -> Array:
    """Convert numbers of any kind to a floating JAX array of the caller's precision.

    Integers go through float64 first: N = 25_100_000_000 does not fit JAX's default int32.
    """
    if isinstance(value, jax.Array):
        is_float = jnp.issubdtype(value.dtype, jnp.floating)
        return value if is_float else value.astype(jnp.result_type(float))
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return jnp.asarray(float(value))  # weakly typed: takes the precision of what it meets
    array = np.asarray(value)
    if array.dtype == np.float32:
        return jnp.asarray(array)
    return jnp.asarray(array.astype(np.float64))


def to_numpy(tree: _Tree) -> _Tree:
    """A pytree of results, brought to the host.

    Leaf by leaf: ``jax.device_get`` costs several times as much for many small arrays.
    """
    return jax.tree.map(np.asarray, tree)


def as_floats(N: ArrayLike, D: ArrayLike) -> tuple[Array, Array]:
    """N and D as floating arrays of one precision, the caller's."""
    N, D = as_float(N), as_float(D)
    dtype = jnp.result_type(N, D)
    return N.astype(dtype), D.astype(dtype)


def leaf_like(leaf: Array | np.ndarray, like: Array) -> Array:
    """A law's parameter in the precision of the array it is computed with."""
    return jnp.asarray(leaf, dtype=like.dtype)
