"""The compute-optimal split of a budget between parameters and tokens."""

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax._implicit import root
from farseer_jax._law import AbstractLaw
from farseer_jax._types import Array

# Beyond these tokens per parameter nobody trains, and laws have optima that mean nothing.
_LOWEST, _HIGHEST, _NUM_RATIOS = 0.1, 1e5, 129
_NUM_HALVINGS = 48  # of a gap of the grid: to rounding


def optimal_ratio(law: AbstractLaw, compute: Array) -> Array:
    """Tokens per parameter ``D/N`` at which ``L(N, D)`` is lowest for ``6 N D = compute`` FLOPs.

    The interior minimum: a loss that still falls at the end of the range (0.1 to 1e5 tokens per
    parameter) is none. Pure, for use under ``jit`` and ``vmap``, and differentiable: the optimum
    is a root of the loss's slope, to any order.

    Args:
        law: a law, N in parameters.
        compute: one budget, in FLOPs.

    Returns:
        The ratio; NaN where there is no interior minimum.
    """
    log_ratio = jnp.asarray(np.linspace(np.log(_LOWEST), np.log(_HIGHEST), _NUM_RATIOS))
    log_C = jnp.log(compute / 6.0)

    def log_loss(u: Array) -> Array:
        return law.log_loss(jnp.exp(0.5 * (log_C - u)), jnp.exp(0.5 * (log_C + u)))

    def slope(u: Array) -> Array:
        return jax.jvp(log_loss, (u,), (jnp.ones_like(u),))[1]

    values = log_loss(log_ratio)
    inner = values[1:-1]
    is_minimum = (inner < values[:-2]) & (inner <= values[2:])
    best = jnp.argmin(jnp.where(is_minimum, inner, jnp.inf)) + 1

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends
        centre = 0.5 * (low + high)
        rises = slope(centre) > 0
        return jnp.where(rises, low, centre), jnp.where(rises, centre, high)

    ends = log_ratio[best - 1], log_ratio[best + 1]
    low, high = jax.lax.stop_gradient(jax.lax.fori_loop(0, _NUM_HALVINGS, halve, ends))
    middle = 0.5 * (low + high)
    exact = root(lambda u: slope(u[0])[None], middle[None], num_steps=0)[0]
    return jnp.where(jnp.any(is_minimum), jnp.exp(exact), jnp.nan)
