"""Small symmetric systems, one per member of a batch: elimination and minima within a box.

Every array has the batch on its last axis; matrices are ``(…, row, column, batch)``.
"""

import itertools

import jax.numpy as jnp
import numpy as np

from farseer_jax.types import Array

FREE, LOW, HIGH = 0, 1, 2
# Of a unit diagonal: below, columns are the same to rounding, and only one of them is needed.
_LEAST_PIVOT = 1e-13


def solve(matrix: Array, right: Array) -> tuple[Array, Array]:
    """Solve ``matrix · x = right`` by elimination without pivoting.

    Args:
        matrix: ``(…, n, n, batch)``, of unit scale on its diagonal.
        right: ``(…, n, k, batch)``.

    Returns:
        x, and whether the matrix is positive definite (elsewhere x means nothing).
    """
    num = matrix.shape[-2]
    table = jnp.concatenate([matrix, right], axis=-2)
    definite = jnp.ones((*table.shape[:-3], table.shape[-1]), dtype=bool)
    for i in range(num):
        pivot = table[..., i, i, :]
        definite &= pivot > _LEAST_PIVOT
        line = table[..., i, :, :] / jnp.where(pivot == 0, 1.0, pivot)[..., None, :]
        cleared = table - table[..., :, i, :][..., None, :] * line[..., None, :, :]
        table = jnp.where(np.arange(num)[:, None, None] == i, line[..., None, :, :], cleared)
    return table[..., num:, :], definite


def is_definite(matrix: Array) -> Array:
    """Whether a matrix of unit scale is positive definite, ``(…, batch)``."""
    return solve(matrix, matrix[..., :0, :])[1]


def minimise_in_box(
    matrix: Array, gradient: Array, low: Array, high: Array, bounds: tuple[tuple[bool, bool], ...]
) -> tuple[Array, Array]:
    """The minimum of ``g·x + x·M·x/2`` for ``low ≤ x ≤ high``, exactly: every active set is tried.

    Args:
        matrix: ``(n, n, batch)``, of unit scale on its diagonal.
        gradient: ``(n, batch)``.
        low: ``(n, batch)``, not positive.
        high: ``(n, batch)``, not negative.
        bounds: for each variable whether it has a lower and an upper bound at all.

    Returns:
        x, and whether any active set had a positive definite system.
    """
    kinds = [(FREE, *(k for k, has in zip((LOW, HIGH), b, strict=True) if has)) for b in bounds]
    sets = np.array(list(itertools.product(*kinds)))[..., None]  # (set, n, 1)
    free = sets == FREE
    resting = jnp.where(free, 0.0, jnp.where(sets == LOW, low, high))
    push = gradient + jnp.sum(matrix * resting[:, None], axis=2)
    identity = np.eye(len(bounds))[..., None]
    reduced = jnp.where(free[:, :, None] & free[:, None], matrix, identity)
    x, definite = solve(reduced, jnp.where(free, -push, resting)[:, :, None])
    x = x[:, :, 0]
    possible = definite & jnp.all((x >= low) & (x <= high), axis=1)
    value = jnp.sum(x * (gradient + 0.5 * jnp.sum(matrix * x[:, None], axis=2)), axis=1)
    return pick(x, jnp.argmin(jnp.where(possible, value, jnp.inf), axis=0)), possible.any(0)


def pick(values: Array, which: Array) -> Array:
    """Each member's own entry of the first axis: ``(k, …, batch)`` and ``(batch,)``."""
    # a sum: gathers are slow to compile and to run
    chosen = jnp.expand_dims(jnp.arange(len(values)), range(1, values.ndim)) == which
    return jnp.sum(jnp.where(chosen, values, 0.0), axis=0)
