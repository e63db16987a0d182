"""Derivatives of a law over a grid, and where a slope changes sign, by autodiff in float64."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax._slopes import ROUNDING, along_D, along_N, log_surface
from farseer_jax._types import Array
from farseer_jax.laws.law import Law

_HALVINGS = 48  # of a step of the grid: to the last digits of ln N


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


@jax.jit
def _derivatives(law: Law, log_N: Array, log_D: Array) -> tuple[Array, ...]:
    surface = log_surface(law)
    by_D = along_D(surface)

    def along_first(moved: Array) -> tuple[Array, Array, Array]:
        value, slope = jax.jvp(lambda n: surface(n, log_D), (moved,), (jnp.ones_like(moved),))
        return value, slope, by_D(moved, log_D)

    # one pass for what moves with N: each derivative by itself would be compiled by itself
    values, changes = jax.jvp(along_first, (log_N,), (jnp.ones_like(log_N),))
    by_DD = along_D(by_D)(log_N, log_D)
    shape = jnp.broadcast_shapes(log_N.shape, log_D.shape)
    log_loss, *others = (
        jnp.broadcast_to(x, shape) for x in (*values, changes[1], by_DD, changes[2])
    )
    return jnp.exp(log_loss), *others


def derivatives(law: Law, N: np.ndarray, D: np.ndarray) -> Derivatives:
    """All of them on the grid of N, ``(size,)``, and D, ``(token,)``."""
    with jax.enable_x64(True):
        log_N, log_D = jnp.asarray(np.log(N))[:, None], jnp.asarray(np.log(D))
        return Derivatives(*(np.asarray(x, float) for x in _derivatives(law, log_N, log_D)))


@partial(jax.jit, static_argnames="along")
def _first_rises(law: Law, low: Array, high: Array, other: Array, along: str) -> Array:
    surface = log_surface(law)
    slope = along_N(surface) if along == "N" else along_D(surface)

    def at(where: Array) -> Array:
        return slope(where, other) if along == "N" else slope(other, where)

    def halve(_: int, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        rises = at(middle) > ROUNDING
        return jnp.where(rises, ends[0], middle), jnp.where(rises, middle, ends[1])

    return jax.lax.fori_loop(0, _HALVINGS, halve, (low, high))[1]


def first_rises(
    law: Law, axis: np.ndarray, other: np.ndarray, slope: np.ndarray, along: str
) -> np.ndarray:
    """Where the loss begins to rise along one variable, at each value of the other.

    Args:
        law: the law.
        axis: the variable, ascending, ``(node,)``.
        other: the other one, ``(line,)``.
        slope: on the grid, ``(node, line)``.
        along: ``"N"`` or ``"D"``, the variable.

    Returns:
        ``(line,)``; the first node where the loss rises there already, NaN where it never does.
    """
    rises = slope > ROUNDING
    first = rises.argmax(axis=0)
    ends = np.log(axis[np.maximum(first - 1, 0)]), np.log(axis[first])
    with jax.enable_x64(True):
        found = _first_rises(law, *(jnp.asarray(x) for x in (*ends, np.log(other))), along=along)
    begins = np.where(first == 0, axis[0], np.exp(np.asarray(found)))
    return np.where(rises.any(axis=0), begins, np.nan)
