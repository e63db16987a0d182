"""Small systems of many members at once, members on the last axis."""

import jax
import jax.numpy as jnp

from farseer_jax.types import Array


def solve_definite(
    matrix: Array, scale: Array, held: Array, damping: Array, gradient: Array
) -> tuple[Array, Array]:
    """Solve ``(S⁻¹ M S⁻¹ + λ) x = g`` by elimination, over the batch; held ones stay 0.

    No pivoting: the scaled matrix has a unit diagonal, and is positive definite where the second
    result says so.
    """
    num = len(gradient)
    identity = jnp.eye(num, dtype=matrix.dtype)[..., None]
    scaled = matrix / (scale[:, None] * scale)
    scaled = jnp.where(held[:, None] | held, identity, scaled + damping * identity)
    table = jnp.concatenate([scaled, gradient[:, None]], 1)  # (free, free + 1, batch)

    def eliminate(i: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        table, definite = carry
        pivot = table[i, i]
        line = table[i] / jnp.where(pivot == 0, 1.0, pivot)
        is_pivot = (jnp.arange(num) == i)[:, None, None]
        table = jnp.where(is_pivot, line, table - table[:, i][:, None] * line)
        return table, definite & (pivot > 0)

    table, definite = jax.lax.fori_loop(
        0, num, eliminate, (table, jnp.ones_like(damping, dtype=bool))
    )
    return table[:, num], definite
