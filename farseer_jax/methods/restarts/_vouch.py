"""Whether the best points are optima: what Newton's step would still gain there."""

from functools import partial

import jax
import jax.numpy as jnp

from farseer_jax._types import Array
from farseer_jax.methods.end_to_end._problem import Problem
from farseer_jax.methods.restarts._lanes import held_at_bounds
from farseer_jax.methods.restarts._misfit import Form, misfit_and_gradient, of_refits

_FLAT = 1e-12  # curvature, relative to the steepest, below which a direction says nothing


@partial(jax.jit, static_argnames=("form", "width"))
def predicted_falls(
    problem: Problem, points: Array, refit: Array, *, form: Form, width: int
) -> Array:
    """Falls of the objective that a Newton step predicts, ``(point,)``.

    Parameters at a bound that would only leave it outwards are held. NaN where the Hessian of the
    others is not positive definite.

    Args:
        problem: losses and weights.
        points: free parameters, ``(point, free)``, a multiple of ``width`` of them.
        refit: which losses and weights each has.
        form: of the objective.
        width: points side by side.
    """

    def block(part: tuple[Array, Array]) -> Array:
        free, refit = part
        return _falls(form, of_refits(problem, refit), free.T)

    blocks = points.reshape(-1, width, points.shape[1]), refit.reshape(-1, width)
    return jax.lax.map(block, blocks).ravel()


def _falls(form: Form, problem: Problem, free: Array) -> Array:
    def gradient_at(x: Array) -> Array:
        return misfit_and_gradient(form, problem, x)[1]

    gradient, push = jax.linearize(gradient_at, free)
    axes = jnp.eye(len(free))[:, :, None] * jnp.ones_like(free)
    hessian = jax.lax.map(push, axes)  # (free, free, batch)
    held = held_at_bounds(problem, free, gradient)
    either = held[:, None] | held[None]
    identity = jnp.eye(len(free))[..., None]
    hessian = jnp.where(either, identity, hessian)
    diagonal = jnp.einsum("iib->ib", hessian)
    scale = jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, jnp.nan))
    scaled = hessian / (scale[:, None] * scale[None]) + _FLAT * identity
    root = jnp.linalg.cholesky(jnp.moveaxis(scaled, -1, 0))
    right = (jnp.where(held, 0.0, gradient) / scale).T[..., None]
    half = jax.scipy.linalg.solve_triangular(root, right, lower=True)[..., 0]
    return 0.5 * jnp.sum(half**2, -1)
