"""Batches of small symmetric linear systems: by NumPy, batch first, and by JAX, batch last.

Every operation is elementwise over the batch, so that the digits of one system do not depend on
the number of others.
"""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array

FREE, LOW, HIGH = 0, 1, 2
# For a unit diagonal: below, two columns are equal to rounding, and only one of them is needed.
LEAST_PIVOT = 1e-13


class Factors(NamedTuple):
    """``L D Lᵀ`` of a stack of symmetric matrices.

    Attributes:
        lower: unit lower triangles, ``(batch, k, k)``.
        pivots: ``(batch, k)``.
        positive: whether all pivots are positive, ``(batch,)``.
    """

    lower: np.ndarray
    pivots: np.ndarray
    positive: np.ndarray


def factorise(matrices: np.ndarray, smallest: float = 0.0) -> Factors:
    """Factorise symmetric matrices, ``(batch, k, k)``.

    Args:
        matrices: the matrices.
        smallest: pivots of this size or below count as not positive.
    """
    rest = matrices.copy()
    size = rest.shape[-1]
    lower = np.zeros_like(rest)
    pivots = np.empty(rest.shape[:-1])
    positive = np.ones(len(rest), dtype=bool)
    for k in range(size):
        pivot = rest[:, k, k]
        good = pivot > smallest  # False for NaN as well
        positive &= good
        pivots[:, k] = np.where(good, pivot, 1.0)
        column = rest[:, k:, k] / pivots[:, k, None]
        column[:, 0] = 1.0
        lower[:, k:, k] = column
        if k + 1 < size:
            rest[:, k + 1 :, k + 1 :] -= column[:, 1:, None] * rest[:, None, k + 1 :, k]
    return Factors(lower, pivots, positive)


def solve_factorised(factors: Factors, right: np.ndarray) -> np.ndarray:
    """Solutions for right-hand sides ``(batch, k)``, where the matrices are positive definite."""
    lower, pivots, _ = factors
    result = right.copy()
    size = right.shape[-1]
    for k in range(size - 1):
        result[:, k + 1 :] -= lower[:, k + 1 :, k] * result[:, k, None]
    result /= pivots
    for k in range(size - 1, 0, -1):
        result[:, :k] -= lower[:, k, :k] * result[:, k, None]
    return result


def active_bounds(free: Any, gradient: Any, lower: Any, upper: Any) -> Any:
    """Which parameters lie at a bound that the objective decreases beyond, by NumPy or JAX."""
    return ((free <= lower) & (gradient > 0.0)) | ((free >= upper) & (gradient < 0.0))


def eliminate(matrix: Array, right: Array, smallest: float = 0.0) -> tuple[Array, Array]:
    """Solve ``matrix · x = right`` by elimination without pivoting, in JAX.

    Args:
        matrix: symmetric, of unit scale on its diagonal, ``(…, n, n, batch)``.
        right: ``(…, n, k, batch)``.
        smallest: pivots of this size or below count as not positive.

    Returns:
        x, and whether the matrix is positive definite, ``(…, batch)`` (elsewhere x means nothing).
    """
    num = matrix.shape[-2]
    table = jnp.concatenate([matrix, right], axis=-2)

    def step(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        table, definite = carry
        row = jax.lax.dynamic_index_in_dim(table, i, -3)
        pivot = jax.lax.dynamic_index_in_dim(row, i, -2)
        line = row / jnp.where(pivot == 0, 1.0, pivot)
        column = jax.lax.dynamic_index_in_dim(table, i, -2)
        is_pivot = (jnp.arange(num) == i)[:, None, None]
        table = jnp.where(is_pivot, line, table - column * line)
        return table, definite & (pivot[..., 0, 0, :] > smallest)

    definite = jnp.ones((*table.shape[:-3], table.shape[-1]), dtype=bool)
    table, definite = jax.lax.fori_loop(0, num, step, (table, definite))
    return table[..., num:, :], definite


def minimise_in_box(
    matrix: Array, gradient: Array, low: Array, high: Array, bounds: tuple[tuple[bool, bool], ...]
) -> tuple[Array, Array]:
    """The minimum of ``g·x + x·M·x/2`` for ``low ≤ x ≤ high``, exactly: every active set is tried.

    Args:
        matrix: ``(n, n, batch)``, of unit scale on its diagonal.
        gradient: ``(n, batch)``.
        low: ``(n, batch)``, not positive.
        high: ``(n, batch)``, not negative.
        bounds: whether each variable has a lower and an upper bound.

    Returns:
        x, and whether any active set had a positive definite system.
    """
    kinds = [(FREE, *(k for k, has in zip((LOW, HIGH), b, strict=True) if has)) for b in bounds]
    sets = np.array(list(itertools.product(*kinds)))[..., None]  # (set, n, 1)
    free = sets == FREE
    at_bound = jnp.where(free, 0.0, jnp.where(sets == LOW, low, high))
    slope = gradient + jnp.sum(matrix * at_bound[:, None], axis=2)
    identity = np.eye(len(bounds))[..., None]
    reduced = jnp.where(free[:, :, None] & free[:, None], matrix, identity)
    right = jnp.where(free, -slope, at_bound)[:, :, None]
    x, definite = eliminate(reduced, right, LEAST_PIVOT)
    x = x[:, :, 0]
    possible = definite & jnp.all((x >= low) & (x <= high), axis=1)
    value = jnp.sum(x * (gradient + 0.5 * jnp.sum(matrix * x[:, None], axis=2)), axis=1)
    return pick(x, jnp.argmin(jnp.where(possible, value, jnp.inf), axis=0)), possible.any(0)


def pick(values: Array, which: Array) -> Array:
    """Each batch element's own entry of the first axis: ``(k, …, batch)`` and ``(batch,)``."""
    # a sum: gathers are slow to compile and to run
    chosen = jnp.expand_dims(jnp.arange(len(values)), range(1, values.ndim)) == which
    return jnp.sum(jnp.where(chosen, values, 0.0), axis=0)
