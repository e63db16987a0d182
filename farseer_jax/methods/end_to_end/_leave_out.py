"""All refits without one run, by one Newton step each."""

import jax
import jax.numpy as jnp

from farseer_jax._objective import Objective
from farseer_jax._types import Array
from farseer_jax.methods.end_to_end._smooth import Data, along, solve_smooth
from farseer_jax.methods.end_to_end._surface import Surface


def without_each(
    objective: Objective, surface: Surface, data: Data, start: Array, first: Array
) -> Array:
    """Free numbers without each run, ``(run, free)``; NaN where the fit itself has no optimum.

    Newton's step of the objective without the run, from the optimum of all.
    """
    data = jax.lax.stop_gradient(data)
    end = solve_smooth(objective, surface, data, start)
    slopes = jax.jacfwd(surface.log_losses)(end.free)
    own = along(objective, surface, data, end.free, objective.delta)
    bends = jax.jacfwd(jax.jacfwd(surface.log_losses))(end.free)
    pull = (data.weights * own.slope)[:, None]
    bent = (data.weights * own.curvature)[:, None, None] * slopes[:, :, None] * slopes[:, None]
    bent += pull[..., None] * bends
    free = _step(end.model.hessian, end.held, bent, pull * slopes)
    return end.free + free * jnp.where(end.good, 1.0, jnp.nan)


def _step(hessian: Array, held: Array, bent: Array, pull: Array) -> Array:
    """``(H − H_i)⁻¹ g_i`` of all runs, ``(run, free)``; held numbers stay."""
    scale = jnp.sqrt(jnp.abs(jnp.diagonal(hessian)))
    scale = jnp.where(scale > 0, scale, 1.0)
    matrix = (hessian - bent) / (scale[:, None] * scale)
    matrix = jnp.where(held[:, None] | held, jnp.eye(len(held), dtype=matrix.dtype), matrix)
    right = jnp.where(held, 0.0, pull / scale)
    return jnp.linalg.solve(matrix, right[..., None])[..., 0] / scale
