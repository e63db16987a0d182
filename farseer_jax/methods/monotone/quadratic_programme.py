"""A small quadratic programme with penalised constraints, by an interior point method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.types import Array

_NUM_STEPS = 40
_CENTRING = 0.1  # share of the complementarity that a step keeps
_TO_BOUNDARY = 0.99
_LEAST_CURVATURE = 1e-9  # of the price's own variable, which has none


class Solution(NamedTuple):
    """The solution of the programme.

    Attributes:
        change: ``(free,)``.
        broken: the worst violation of a constraint, not negative.
    """

    change: Array
    broken: Array


def solve(hessian: Array, gradient: Array, slopes: Array, values: Array, price: Array) -> Solution:
    """Minimise ``½ dᵀHd + gᵀd + price · t`` under ``values + slopes · d ≤ t`` and ``t ≥ 0``.

    There is always a solution; ``t`` is 0 where the constraints can be met and the price exceeds
    the sum of their multipliers.

    Args:
        hessian: positive definite, ``(free, free)``.
        gradient: ``(free,)``.
        slopes: ``(constraint, free)``.
        values: ``(constraint,)``.
        price: penalty on the worst violation.
    """
    num = len(gradient)
    H = jnp.zeros((num + 1, num + 1)).at[:num, :num].set(hessian).at[num, num].set(_LEAST_CURVATURE)
    g = jnp.append(gradient, price)
    last = jnp.zeros((1, num + 1)).at[0, num].set(-1.0)
    A = jnp.concatenate([jnp.pad(slopes, ((0, 0), (0, 1)), constant_values=-1.0), last])
    b = jnp.append(-values, 0.0)
    # an interior start: t above the worst violation
    t = jnp.maximum(jnp.max(values), 0.0) + 1.0
    z = jnp.zeros(num + 1).at[num].set(t)
    slack = b - A @ z
    multipliers = jnp.full(len(b), price / len(b))

    def step(_: int, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        z, slack, multipliers = state
        target = _CENTRING * jnp.mean(slack * multipliers)
        dual, primal = H @ z + g + A.T @ multipliers, A @ z + slack - b
        weight = multipliers / slack
        pull = weight * primal + target / slack - multipliers
        dz = jnp.linalg.solve(H + A.T @ (weight[:, None] * A), -dual - A.T @ pull)
        d_slack = -primal - A @ dz
        d_multipliers = target / slack - multipliers - weight * d_slack
        length = jnp.minimum(_longest(slack, d_slack), _longest(multipliers, d_multipliers))
        new = (z + length * dz, slack + length * d_slack, multipliers + length * d_multipliers)
        ok = jnp.all(jnp.isfinite(jnp.concatenate(new)))
        return jax.tree.map(lambda x, y: jnp.where(ok, x, y), new, state)

    z, _, _ = jax.lax.fori_loop(0, _NUM_STEPS, step, (z, slack, multipliers))
    return Solution(z[:num], jnp.maximum(z[num], 0.0))


def _longest(values: Array, changes: Array) -> Array:
    """The longest step, at most 1, along which positive values stay positive."""
    falling = changes < 0.0
    ratios = jnp.where(falling, -values / jnp.where(falling, changes, -1.0), jnp.inf)
    return jnp.minimum(_TO_BOUNDARY * jnp.min(ratios), 1.0)
