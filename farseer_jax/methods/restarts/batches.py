"""Starts through an optimiser, in batches."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.methods.restarts.gradients import (
    Form,
    misfit,
    misfit_and_gradient,
    of_refits,
)
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.continuous_batching import Solver, solve_queue
from farseer_jax.solvers.small_systems import active_bounds
from farseer_jax.types import Array

if TYPE_CHECKING:
    import optax


class Kernel(NamedTuple):
    """The static arguments, beside the form of the objective.

    Attributes:
        optimiser: an optimiser of optax.
        lock_step: whether its updates are trials of a line search from its best point, so that a
            start which no longer moves has ended.
        num_steps: steps of a start.
        width: starts in a batch.
    """

    optimiser: "optax.GradientTransformation"
    lock_step: bool
    num_steps: int
    width: int


class Ended(NamedTuple):
    """How starts ended.

    Attributes:
        free: the best point that each has seen, ``(start, free)``.
        value: the objective there; inf where it was never finite.
        steps: evaluations taken.
        best_step: the evaluation that found the best point.
        rests: whether it stopped before its steps were used up.
    """

    free: Array
    value: Array
    steps: Array
    best_step: Array
    rests: Array


class _Batch(NamedTuple):
    """Running starts; the batch is the first axis of the optimiser's state, elsewhere the last.

    Attributes:
        free: the current points, ``(free, batch)``.
        scale: divisor of each start's objective.
        state: state of the optimiser.
        ended: the results so far.
        observed: each start's own losses, or those that all share.
        weights: each start's own weights, or those that all share.
    """

    free: Array
    scale: Array
    state: Any
    ended: Ended
    observed: Array
    weights: Array


@compiled(static=("form", "kernel"))
def run_starts(
    problem: Problem, starts: Array, refit: Array, num: Array, *, form: Form, kernel: Kernel
) -> Ended:
    """Run the first ``num`` of the starts, ``(start, free)``, each on its refit's losses."""
    import optax

    optimiser = optax.with_extra_args_support(kernel.optimiser)
    count = len(starts)

    def fresh(start: Array) -> _Batch:
        free, own = starts[start].T, of_refits(problem, refit[start])
        zero = jnp.zeros(len(start), int)
        value = jnp.full(len(start), jnp.inf, starts.dtype)
        state: Any = jax.vmap(optimiser.init)(free.T)
        ended = Ended(free, value, zero, zero, zero > 0)
        return _Batch(free, jnp.ones_like(value), state, ended, own.observed, own.weights)

    def admit(start: Array, is_new: Array, batch: _Batch) -> _Batch:
        return _choose(is_new, fresh(start), batch)

    def one_step(batch: _Batch) -> _Batch:
        own = problem._replace(observed=batch.observed, weights=batch.weights)
        moved = _step(form, kernel, optimiser, own, batch)
        return _choose(~_at_end(kernel, batch.ended), moved, batch)

    solver = Solver(
        admit, one_step, lambda batch: _at_end(kernel, batch.ended), lambda batch: batch.ended
    )
    empty = jnp.zeros(count, int)
    value = jnp.full(count, jnp.inf, starts.dtype)
    room = Ended(starts.T, value, empty, empty, empty > 0)
    ended: Ended = solve_queue(solver, fresh(jnp.zeros(kernel.width, int)), room, num)
    return ended._replace(free=ended.free.T)


def _at_end(kernel: Kernel, ended: Ended) -> Array:
    return ended.rests | (ended.steps >= kernel.num_steps)


def _choose(condition: Array, new: _Batch, old: _Batch) -> _Batch:
    """The new or the old state of each start, in the types of the old."""

    def last(a: Array, b: Array) -> Array:
        own = condition if b.shape[-1] == len(condition) else True  # losses that all share
        return jnp.where(own, a, b).astype(b.dtype)

    def first(a: Array, b: Array) -> Array:
        aligned = condition.reshape(-1, *(1,) * (b.ndim - 1))
        return jnp.where(aligned, a, b).astype(b.dtype)

    chosen: _Batch = jax.tree.map(last, new._replace(state=None), old._replace(state=None))
    return chosen._replace(state=jax.tree.map(first, new.state, old.state))


def _step(
    form: Form,
    kernel: Kernel,
    optimiser: "optax.GradientTransformationExtraArgs",
    problem: Problem,
    batch: _Batch,
) -> _Batch:
    """One update of each start; a point outside its bounds is clipped onto them."""
    free, ended = batch.free, batch.ended
    value, gradient = misfit_and_gradient(form, problem, free)
    finite = jnp.isfinite(value) & jnp.isfinite(gradient).all(0)
    better = finite & (value < ended.value)
    scale = jnp.where((ended.steps == 0) & (value > 0.0), value, batch.scale)
    active = active_bounds(free, gradient, problem.lower, problem.upper)
    state, moved = _update(
        form,
        kernel,
        optimiser,
        problem,
        batch,
        scale,
        value,
        jnp.where(active, 0.0, gradient),
        active,
    )
    stays = (moved == free).all(0) if kernel.lock_step else ~finite
    new = Ended(
        free=jnp.where(better, free, ended.free),
        value=jnp.where(better, value, ended.value),
        steps=ended.steps + 1,
        best_step=jnp.where(better, ended.steps, ended.best_step),
        # a start where the objective is not finite cannot continue
        rests=stays | (~finite & (ended.steps == 0)),
    )
    return batch._replace(free=moved, scale=scale, state=state, ended=new)


def _update(
    form: Form,
    kernel: Kernel,
    optimiser: "optax.GradientTransformationExtraArgs",
    problem: Problem,
    batch: _Batch,
    scale: Array,
    value: Array,
    gradient: Array,
    active: Array,
) -> tuple[Any, Array]:
    """The optimiser's state and the next point of every start."""
    lower, upper = problem.lower[:, 0], problem.upper[:, 0]

    def propose(
        state: Any, x: Array, value: Array, g: Array, active: Array, scale: Array,
        observed: Array, weights: Array,
    ) -> tuple[Any, Array]:  # fmt: skip
        own = problem._replace(observed=observed[..., None], weights=weights[..., None])

        def onto_box(y: Any) -> Array:
            inside = jnp.clip(y, lower, upper)
            # a search in lock step keeps active bounds itself, from its last accepted point
            return inside if kernel.lock_step else jnp.where(active, x, inside)

        def value_fn(y: Any) -> Array:
            return misfit(form, own, onto_box(y)[:, None])[0] / scale

        update, state = optimiser.update(g, state, x, value=value, grad=g, value_fn=value_fn)
        return state, onto_box(x + update)

    shared = problem.observed.shape[-1] == 1
    observed, weights = problem.observed, problem.weights
    if shared:
        observed, weights = observed[..., 0], weights[..., 0]
    axes = (0, 1, 0, 1, 1, 0, None if shared else 2, None if shared else 2)
    mapped = jax.vmap(propose, in_axes=axes, out_axes=(0, 1))
    return mapped(
        batch.state, batch.free, value / scale, gradient / scale, active, scale, observed, weights
    )
