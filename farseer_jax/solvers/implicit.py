"""Roots that JAX differentiates by the implicit function theorem."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from farseer_jax.types import Array

Conditions = Callable[[Array], Array]


def root(conditions: Conditions, start: Array, num_steps: int = 2) -> Array:
    """The root of a square system near ``start``, polished by Newton steps.

    Where ``F(x, data) = 0``, ``dx = −(∂F/∂x)⁻¹ · ∂F/∂data · ddata`` (implicit function theorem),
    in forward and in reverse mode and to any order. No derivative flows through ``start``.

    Args:
        conditions: ``F``, from ``(n,)`` to ``(n,)``, closed over the data.
        start: ``(n,)``, near the root: Newton's steps are not damped.
        num_steps: Newton steps; each squares the relative error.
    """

    def polish(function: Conditions, x: Array) -> Array:
        def one_step(_: Array, x: Array) -> Array:
            value, slope = jax.linearize(function, x)
            return x - _solve(_matrix_of(slope, x), value)

        return jax.lax.fori_loop(0, num_steps, one_step, x)

    def tangent_solve(linear: Conditions, y: Array) -> Array:
        return _solve(_matrix_of(linear, y), y)

    start = jax.lax.stop_gradient(start)
    return jax.lax.custom_root(conditions, start, polish, tangent_solve)


def _matrix_of(linear: Conditions, like: Array) -> Array:
    return jax.vmap(linear, in_axes=1, out_axes=1)(jnp.eye(like.shape[0], dtype=like.dtype))


def _solve(matrix: Array, y: Array) -> Array:
    """Solve a system; for one equation a factorisation would cost more than all else."""
    if y.shape[0] == 1:
        return y / matrix[0]
    return jnp.linalg.solve(matrix, y)
