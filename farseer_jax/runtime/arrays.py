"""Conversion between NumPy and JAX arrays."""

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array, ArrayLike

_Tree = TypeVar("_Tree")


def as_leaf(value: ArrayLike) -> Array | np.ndarray:
    """Convert a law's parameter into an array leaf.

    A JAX array (or tracer) is returned unchanged. Anything else becomes a float64 NumPy array,
    which keeps all digits of a stored fit even where JAX runs in its float32 default; JAX converts
    it to the caller's precision on use.
    """
    if isinstance(value, jax.Array):
        return value
    return np.asarray(value, dtype=np.float64)


def library_of(*leaves: ArrayLike) -> Any:
    """``numpy`` if all leaves are NumPy arrays or numbers (no compilation), else ``jax.numpy``."""
    own = np.ndarray, np.generic, float, int
    return np if all(isinstance(leaf, own) for leaf in leaves) else jnp


def as_float(value: ArrayLike) -> Array:
    """Convert numbers to a floating-point JAX array in the caller's precision.

    Integers go through float64 first: N = 25_100_000_000 does not fit JAX's default int32.
    """
    if isinstance(value, jax.Array):
        is_float = jnp.issubdtype(value.dtype, jnp.floating)
        return value if is_float else value.astype(jnp.result_type(float))
    if isinstance(value, (int, float)) and not isinstance(value, np.generic):
        return jnp.asarray(float(value))  # weakly typed: adopts the precision of its operands
    array = np.asarray(value)
    if array.dtype == np.float32:
        return jnp.asarray(array)
    return jnp.asarray(array.astype(np.float64))


def to_numpy(tree: _Tree) -> _Tree:
    """Copy a pytree of results to the host as NumPy arrays.

    Leaf by leaf: ``jax.device_get`` is several times slower for many small arrays.
    """
    return jax.tree.map(np.asarray, tree)


def as_floats(N: ArrayLike, D: ArrayLike) -> tuple[Array, Array]:
    """N and D as floating-point arrays with a common dtype."""
    N, D = as_float(N), as_float(D)
    dtype = jnp.result_type(N, D)
    return N.astype(dtype), D.astype(dtype)


def leaf_like(leaf: Array | np.ndarray, like: Array) -> Array:
    """A law's parameter in the dtype of the array it is combined with."""
    return jnp.asarray(leaf, dtype=like.dtype)
