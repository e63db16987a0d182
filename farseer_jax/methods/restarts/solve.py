"""Starts × losses × weights, in chunks of bounded memory."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.problem import Problem, build_problem
from farseer_jax.methods.restarts.batches import Kernel, run_starts
from farseer_jax.methods.restarts.gradients import Form, misfit_and_gradient, of_refits
from farseer_jax.methods.restarts.optimisers import build_optimiser
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.runtime.compiled import compiled
from farseer_jax.runtime.memory import block_length
from farseer_jax.runtime.progress import report
from farseer_jax.runtime.threads import in_threads, num_threads, platform
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, OUT_OF_STEPS, STALLED, Optima
from farseer_jax.solvers.small_systems import active_bounds
from farseer_jax.types import Array

if TYPE_CHECKING:
    from farseer_jax.methods.restarts.method import Restarts


_WIDTHS = {"cpu": (8, 16, 32, 64, 128, 256)}  # above, a CPU's cache overflows
_WIDTHS_ELSEWHERE = (64, 1024, 16384)
_NUM_ARRAYS = 16  # of runs × starts that a batch needs at once
_ROUNDS = 16  # starts per chunk, in widths
_ROUNDING = 1e-15  # of a residual: sums of squares below this cannot decrease any further


def solve_from_starts(
    method: "Restarts",
    layout: Layout,
    free: Free,
    starts: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
    *,
    refits: bool = False,
) -> Optima:
    """Fit every row of losses and weights, ``(row, run)``, from every start, ``(start, free)``."""
    del refits  # the optimisers need no hint
    num = len(losses) * len(starts)
    widths = _WIDTHS.get(platform(), _WIDTHS_ELSEWHERE)
    most = block_length(_NUM_ARRAYS * 8.0 * layout.run.size, at_once=num_threads())
    width = min(next((w for w in widths if w >= num), widths[-1]), most)
    optimiser = build_optimiser(method.optimiser, method.num_steps, method.tolerance)
    kernel = Kernel(optimiser, method.optimiser == "lbfgs", method.num_steps, width)
    objective = layout.objective(method.objective)
    form = Form(layout.law, layout.link, objective.residual, is_absolute=objective.delta == 0.0)
    cells = layout.cells(losses, weights)
    problem = build_problem(layout, free, objective, objective.delta, *cells)
    row = np.arange(num) // len(starts)

    size = width * (_ROUNDS if num > width else 1)  # one for all chunks: compiled once

    def run(elements: np.ndarray) -> Optima:
        own = starts[elements % len(starts)]
        return _run_chunk(method, form, kernel, problem, size, own, row[elements])

    parts = []
    report(0, num)
    for part in in_threads(run, [np.arange(i, min(i + size, num)) for i in range(0, num, size)]):
        parts.append(part)
        report(sum(len(part.value) for part in parts), num)
    return Optima(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def _run_chunk(
    method: "Restarts",
    form: Form,
    kernel: Kernel,
    problem: Problem,
    size: int,
    starts: np.ndarray,
    row: np.ndarray,
) -> Optima:
    """One chunk, padded to ``size``."""
    num = len(starts)
    starts = np.pad(starts, ((0, size - num), (0, 0)), mode="edge")
    row = np.pad(row, (0, size - num), mode="edge")
    with jax.enable_x64(True):  # only in this thread
        ended = run_starts(problem, starts, row, num, form=form, kernel=kernel)
        decrease = predicted_decreases(problem, ended.free, row, form=form, width=kernel.width)
        outcome: Any = to_numpy((ended, decrease))
    found, decrease = jax.tree.map(lambda leaf: leaf[:num], outcome)
    total = np.asarray(problem.weights).sum((0, 1))[row[:num]]
    status = _status(method.tolerance, form, kernel, total, found, decrease)
    return Optima(found.free, found.value, status, found.steps)


def _status(
    tolerance: float,
    form: Form,
    kernel: Kernel,
    total_weight: np.ndarray,
    ended: Any,
    decrease: np.ndarray,
) -> np.ndarray:
    floor = 0.5 * _ROUNDING**2 * total_weight
    # False where the decrease is not known (NaN)
    converged = decrease <= tolerance * ended.value + floor
    if form.is_absolute:
        converged = np.zeros_like(converged)  # its gradient does not vanish at an optimum
    idle = ended.best_step < ended.steps // 2
    stalled = ended.rests if kernel.lock_step else ended.rests | idle
    status = np.where(converged, CONVERGED, np.where(stalled, STALLED, OUT_OF_STEPS))
    return np.where(np.isfinite(ended.value), status, NOT_FINITE)


_FLAT = 1e-12  # relative curvature below which a direction counts as flat


@compiled(static=("form", "width"))
def predicted_decreases(
    problem: Problem, points: Array, refit: Array, *, form: Form, width: int
) -> Array:
    """Decreases of the objective that a Newton step predicts, ``(point,)``.

    Parameters at an active bound stay there. NaN where the Hessian of the others is not positive
    definite.

    Args:
        problem: losses and weights.
        points: free parameters, ``(point, free)``; their number is a multiple of ``width``.
        refit: index of each point's losses and weights, ``(point,)``.
        form: form of the objective.
        width: points in a batch.
    """

    def block(part: tuple[Array, Array]) -> Array:
        free, refit = part
        return _decreases(form, of_refits(problem, refit), free.T)

    blocks = points.reshape(-1, width, points.shape[1]), refit.reshape(-1, width)
    return jax.lax.map(block, blocks).ravel()


def _decreases(form: Form, problem: Problem, free: Array) -> Array:
    def gradient_at(x: Array) -> Array:
        return misfit_and_gradient(form, problem, x)[1]

    gradient, push = jax.linearize(gradient_at, free)
    axes = jnp.eye(len(free))[:, :, None] * jnp.ones_like(free)
    hessian = jax.lax.map(push, axes)  # (free, free, batch)
    active = active_bounds(free, gradient, problem.lower, problem.upper)
    either = active[:, None] | active[None]
    identity = jnp.eye(len(free))[..., None]
    hessian = jnp.where(either, identity, hessian)
    diagonal = jnp.einsum("iib->ib", hessian)
    scale = jnp.sqrt(jnp.where(diagonal > 0.0, diagonal, jnp.nan))
    scaled = hessian / (scale[:, None] * scale[None]) + _FLAT * identity
    root = jnp.linalg.cholesky(jnp.moveaxis(scaled, -1, 0))
    right = (jnp.where(active, 0.0, gradient) / scale).T[..., None]
    half = jax.scipy.linalg.solve_triangular(root, right, lower=True)[..., 0]
    return 0.5 * jnp.sum(half**2, -1)
