"""Derivatives of ln L in ln N and ln D, and where the loss increases."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError
from farseer_jax.solvers.root_finding import bisect
from farseer_jax.types import Array

# Rounding error of the elasticity of a flat law, a difference of numbers of order 1.
ROUNDING = 1e-13
_HALVINGS = 48  # of one step of the grid: to the last digits of ln N

Surface = Callable[[Array, Array], Array]


def log_surface(law: Law) -> Surface:
    """``ln L`` as a function of ln N and ln D, which broadcast."""
    return partial(_log_loss, law)


@compiled()  # kernels call it several times, and trace it once
def _log_loss(law: Law, log_N: Array, log_D: Array) -> Array:
    return jnp.asarray(law.log_loss(jnp.exp(log_N), jnp.exp(log_D)))


def along_N(surface: Surface) -> Surface:
    """The derivative in ln N, elementwise."""
    return lambda log_N, log_D: jax.jvp(
        lambda x: surface(x, log_D), (log_N,), (jnp.ones_like(log_N),)
    )[1]


def along_D(surface: Surface) -> Surface:
    """The derivative in ln D, elementwise."""
    return lambda log_N, log_D: jax.jvp(
        lambda x: surface(log_N, x), (log_D,), (jnp.ones_like(log_D),)
    )[1]


def elasticities(law: Law, log_N: Array, log_D: Array) -> tuple[Array, Array]:
    """``∂ ln L / ∂ ln N`` and ``∂ ln L / ∂ ln D``; positive where the loss increases.

    Args:
        law: the law, leaves ``()``.
        log_N: ln N.
        log_D: ln D; broadcasts with ln N.
    """
    surface = log_surface(law)
    return along_N(surface)(log_N, log_D), along_D(surface)(log_N, log_D)


def elasticities_at(law: Law, N: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same at points ``(point,)``, in NumPy and without compilation."""
    leaves, structure = jax.tree.flatten(law)
    try:
        surface = _traced_surface(structure)
    except UnsupportedPrimitiveError:
        with jax.enable_x64(True):
            found = elasticities(law, jnp.asarray(np.log(N)), jnp.asarray(np.log(D)))
            return np.asarray(found[0]), np.asarray(found[1])
    inputs = {str(k): np.full(len(N), float(leaf)) for k, leaf in enumerate(leaves)}
    with np.errstate(all="ignore"):
        slopes = surface.bind(inputs).value_and_gradient([np.log(N)[None], np.log(D)[None]])[1]
    return slopes[0, 0], slopes[0, 1]


@lru_cache(maxsize=64)
def _traced_surface(structure: Any) -> NumpyFunction:
    """``ln L`` of ln N and ln D, with a law's leaves as inputs."""

    def surface(at: list[Any], leaves: dict[str, Any]) -> Any:
        law = jax.tree.unflatten(structure, [leaves[str(k)] for k in range(len(leaves))])
        return log_surface(law)(*at)

    return NumpyFunction(surface, [(), ()], {str(k): () for k in range(structure.num_leaves)})


class Derivatives(NamedTuple):
    """The loss, and derivatives of its logarithm, ``(N, D)`` each.

    Attributes:
        loss: L.
        by_N: ``∂ ln L / ∂ ln N``.
        by_D: ``∂ ln L / ∂ ln D``.
        by_NN: ``∂² ln L / ∂(ln N)²``.
        by_DD: ``∂² ln L / ∂(ln D)²``.
        by_ND: ``∂² ln L / ∂ ln N ∂ ln D``.
    """

    loss: np.ndarray
    by_N: np.ndarray
    by_D: np.ndarray
    by_NN: np.ndarray
    by_DD: np.ndarray
    by_ND: np.ndarray


@compiled()
def _derivatives(law: Law, log_N: Array, log_D: Array) -> tuple[Array, ...]:
    surface = log_surface(law)
    by_D = along_D(surface)

    def at_size(x: Array) -> tuple[Array, Array, Array]:
        value, slope = jax.jvp(lambda n: surface(n, log_D), (x,), (jnp.ones_like(x),))
        return value, slope, by_D(x, log_D)

    # one pass for all derivatives in N, which would otherwise be compiled one by one
    values, changes = jax.jvp(at_size, (log_N,), (jnp.ones_like(log_N),))
    by_DD = along_D(by_D)(log_N, log_D)
    shape = jnp.broadcast_shapes(log_N.shape, log_D.shape)
    log_loss, *others = (
        jnp.broadcast_to(x, shape) for x in (*values, changes[1], by_DD, changes[2])
    )
    return jnp.exp(log_loss), *others


def derivatives(law: Law, N: np.ndarray, D: np.ndarray) -> Derivatives:
    """The derivatives on the grid of N, ``(size,)``, and D, ``(token,)``."""
    with jax.enable_x64(True):
        log_N, log_D = np.log(N)[:, None], np.log(D)
        return Derivatives(*(np.asarray(x, float) for x in _derivatives(law, log_N, log_D)))


@compiled(static=("along",))
def _first_rises(law: Law, low: Array, high: Array, other: Array, along: str) -> Array:
    surface = log_surface(law)
    slope = along_N(surface) if along == "N" else along_D(surface)

    def at(x: Array) -> Array:
        return slope(x, other) if along == "N" else slope(other, x)

    _, begins = bisect(lambda x: at(x) > ROUNDING, low, high, _HALVINGS)
    return begins


def first_rises(
    law: Law, axis: np.ndarray, other: np.ndarray, slope: np.ndarray, along: str
) -> np.ndarray:
    """Where the loss begins to increase along one variable, at each value of the other.

    Args:
        law: the law.
        axis: values of the variable, ascending, ``(node,)``.
        other: values of the other variable, ``(line,)``.
        slope: the slope on the grid, ``(node, line)``.
        along: the variable, ``"N"`` or ``"D"``.

    Returns:
        ``(line,)``; the first node if the loss already increases there, NaN if it never does.
    """
    rises = slope > ROUNDING
    first = rises.argmax(axis=0)
    ends = np.log(axis[np.maximum(first - 1, 0)]), np.log(axis[first])
    with jax.enable_x64(True):
        found = _first_rises(law, *(jnp.asarray(x) for x in (*ends, np.log(other))), along=along)
    begins = np.where(first == 0, axis[0], np.exp(np.asarray(found)))
    return np.where(rises.any(axis=0), begins, np.nan)
