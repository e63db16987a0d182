"""Quantities derived from a law, evaluated for batches of laws, and their derivatives."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.compute_optimal import optimal_ratio
from farseer_jax.laws.law import Law
from farseer_jax.runtime.compiled import compiled
from farseer_jax.runtime.compiler_options import accepted
from farseer_jax.types import Array

Function = Callable[[Law], Any]


@compiled(static=("function",))
def _over_stack(law: Law, arguments: tuple[Array, ...], function: Any) -> Array:
    return jax.vmap(lambda one: jnp.asarray(function(one, *arguments)))(law)


# for derivatives of a few numbers, which are not worth optimising
_QUICK_TO_COMPILE = {
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_use_fusion_emitters": False,
    "xla_backend_optimization_level": 0,
}


@compiled(static=("function",), compiler_options=accepted(_QUICK_TO_COMPILE))
def _along(law: Law, directions: Law, arguments: tuple[Array, ...], function: Any) -> Array:
    def change(direction: Law) -> Array:
        return jax.jvp(lambda one: jnp.asarray(function(one, *arguments)), (law,), (direction,))[1]

    return jax.vmap(change)(directions)


def along(function: Any, law: Law, directions: Law, *arguments: Any) -> np.ndarray:
    """Directional derivatives of ``function(law, *arguments)`` in the law, ``(direction, …)``.

    The derivatives in each parameter are computed by compiled code, whatever the number of
    directions.

    Args:
        function: a function of JAX operations.
        law: the law at which to differentiate.
        directions: directions as laws, leaves ``(direction,)``.
        arguments: further arguments of the function, arrays or mappings of arrays.

    Raises:
        TypeError: the function is not made of JAX operations.
    """
    rows = [np.asarray(leaf) for leaf in jax.tree.leaves(directions)]
    flat = np.concatenate([leaf.reshape(len(leaf), -1) for leaf in rows], axis=1)
    units = np.split(np.eye(flat.shape[1]), np.cumsum([leaf[0].size for leaf in rows])[:-1], axis=1)
    shaped = [u.reshape(-1, *leaf.shape[1:]) for u, leaf in zip(units, rows, strict=True)]
    basis = jax.tree.unflatten(jax.tree.structure(directions), shaped)
    return np.tensordot(flat, _called(_along, law, basis, arguments, function=function), 1)


def mapped(function: Any, law: Law, *arguments: Any) -> np.ndarray:
    """``function(law, *arguments)`` for each law of a batch, ``(law, …)``, in float64.

    Raises:
        TypeError: the function is not made of JAX operations.
    """
    return _called(_over_stack, law, arguments, function=function)


def _called(over: Any, *arguments: Any, function: Any) -> np.ndarray:
    """The result in float64."""
    with jax.enable_x64(True):
        arguments = jax.tree.map(np.asarray, arguments)
        try:
            return np.asarray(over(*arguments, function=function), dtype=float)
        except (jax.errors.TracerArrayConversionError, jax.errors.ConcretizationTypeError) as error:
            raise TypeError(
                "the function of a law must be made of JAX operations (jax.numpy; not float(…), "
                f"numpy or branches on values): {str(error).splitlines()[0]}"
            ) from None


def of_one(function: Any, law: Law, *arguments: Any) -> np.ndarray:
    """``function(law, *arguments)`` for one law, in float64."""
    stack = jax.tree.map(lambda leaf: np.asarray(leaf)[None], law)
    return mapped(function, stack, *arguments)[0]


def losses(law: Law, points: dict[str, Array]) -> Array:
    """The loss at points; each input is ``(point,)`` or ``(point, share)``."""
    return jax.vmap(lambda own: jnp.asarray(law.loss(**own)))(points)


def allocation(law: Law, compute: Array) -> Array:
    """Compute-optimal N, D and D/N of budgets, ``(3, budget)``."""
    ratio = jax.vmap(partial(optimal_ratio, law))(compute)
    N = jnp.sqrt(compute / (6.0 * ratio))
    return jnp.stack([N, N * ratio, ratio])


def flat_points(N: ArrayLike, D: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """N and D of each point, ``(point,)``, broadcast against each other."""
    sizes, tokens = np.broadcast_arrays(*np.atleast_1d(N, D))
    return sizes.ravel(), tokens.ravel()


def positive(name: str, values: ArrayLike) -> np.ndarray:
    """Convert positive finite numbers to a flat float64 array.

    Raises:
        ValueError: a value is not a number, or not positive and finite.
    """
    try:
        array = np.atleast_1d(np.asarray(values, dtype=np.float64)).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected numbers, got {values!r}") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        raise ValueError(f"{name}: values must be positive and finite, got {array[bad][0]}")
    return array


def one_positive(name: str, value: ArrayLike) -> float:
    """Check a single positive number.

    Raises:
        ValueError: not a single number, or not positive and finite.
    """
    array = positive(name, value)
    if array.size != 1:
        raise ValueError(f"{name}: expected one number, got {value!r}")
    return float(array[0])
