"""Starts through an optimiser, many side by side: whoever ends makes room for the next."""

from functools import partial
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
from farseer_jax.types import Array

if TYPE_CHECKING:
    import optax


_STEPS = 8  # between two looks at who has ended


class Kernel(NamedTuple):
    """What is compiled in, beside the form of the objective.

    Attributes:
        optimiser: of optax.
        lock_step: whether its updates are trials of a search that keeps to the best point, so
            that a start which no longer moves has ended.
        num_steps: steps of a start.
        width: starts side by side.
    """

    optimiser: "optax.GradientTransformation"
    lock_step: bool
    num_steps: int
    width: int


class Ended(NamedTuple):
    """How starts ended.

    Attributes:
        free: the best point that each has seen, ``(start, free)``.
        value: the objective there; inf where it never was finite.
        steps: evaluations taken.
        best_step: the one that found the best point.
        rests: whether it came to rest before its steps were used up.
    """

    free: Array
    value: Array
    steps: Array
    best_step: Array
    rests: Array


class Lanes(NamedTuple):
    """Starts under way, the batch first in the optimiser's state and last elsewhere.

    Attributes:
        start: which start; −1 is an empty lane.
        free: where it is, ``(free, batch)``.
        scale: what its objective is divided by.
        state: of the optimiser.
        ended: its results so far, ``free`` likewise ``(free, batch)``.
    """

    start: Array
    free: Array
    scale: Array
    state: Any
    ended: Ended


@partial(jax.jit, static_argnames=("form", "kernel"))
def run_starts(
    problem: Problem, starts: Array, refit: Array, num: Array, *, form: Form, kernel: Kernel
) -> Ended:
    """Run the first ``num`` of the starts, ``(start, free)``, each on its refit's losses."""
    optimiser = _with_extra_arguments(kernel.optimiser)
    count = len(starts)
    empty = jnp.zeros(count, int)
    nothing = Ended(
        starts, jnp.full(count, jnp.inf, starts.dtype), empty, empty, jnp.zeros(count, bool)
    )

    def proceed(carry: tuple[Lanes, Ended, Array]) -> tuple[Lanes, Ended, Array]:
        lanes, ended, following = carry
        num_empty = jnp.sum(lanes.start < 0)
        lanes = _admit(optimiser, starts, num, lanes, following)
        own = of_refits(problem, refit[lanes.start])
        step = partial(_step, form, kernel, optimiser, own)
        lanes = jax.lax.fori_loop(0, _STEPS, lambda _, lanes: step(lanes), lanes)
        out = (lanes.start >= 0) & _at_end(kernel, lanes.ended)
        rows = lanes.ended._replace(free=lanes.ended.free.T)
        where = jnp.where(out, lanes.start, count)  # out of range: dropped
        ended = jax.tree.map(lambda all_, new: all_.at[where].set(new, mode="drop"), ended, rows)
        return lanes._replace(start=jnp.where(out, -1, lanes.start)), ended, following + num_empty

    def goes_on(carry: tuple[Lanes, Ended, Array]) -> Array:
        lanes, _, following = carry
        return (lanes.start >= 0).any() | (following < num)

    first = (_empty(optimiser, starts, kernel.width), nothing, jnp.array(0))
    return jax.lax.while_loop(goes_on, proceed, first)[1]


def _with_extra_arguments(
    optimiser: "optax.GradientTransformation",
) -> "optax.GradientTransformationExtraArgs":
    import optax

    return optax.with_extra_args_support(optimiser)


def _at_end(kernel: Kernel, ended: Ended) -> Array:
    return ended.rests | (ended.steps >= kernel.num_steps)


def _empty(optimiser: "optax.GradientTransformation", starts: Array, width: int) -> Lanes:
    free = jnp.zeros((starts.shape[1], width), starts.dtype)
    number, count = jnp.zeros(width, starts.dtype), jnp.zeros(width, int)
    state: Any = jax.vmap(optimiser.init)(free.T)
    ended = Ended(free, number, count, count, count > 0)
    return Lanes(count - 1, free, number, state, ended)


def _admit(
    optimiser: "optax.GradientTransformation",
    starts: Array,
    num: Array,
    lanes: Lanes,
    following: Array,
) -> Lanes:
    """Put the following starts into empty lanes."""
    empty = lanes.start < 0
    wanted = following + jnp.cumsum(empty) - 1
    new = empty & (wanted < num)
    start = jnp.where(new, wanted, lanes.start)
    free = starts[start].T
    blank = Ended(
        free, jnp.full_like(lanes.scale, jnp.inf), jnp.zeros_like(start), jnp.zeros_like(start),
        jnp.zeros_like(empty),
    )  # fmt: skip
    fresh = Lanes(start, free, jnp.ones_like(lanes.scale), None, blank)
    state: Any = jax.vmap(optimiser.init)(free.T)
    return _choose(new, fresh._replace(state=state), lanes)


def _choose(condition: Array, new: Lanes, old: Lanes) -> Lanes:
    """One or the other, lane by lane, in the types of the old."""

    def last(a: Array, b: Array) -> Array:
        return jnp.where(condition, a, b).astype(b.dtype)

    def first(a: Array, b: Array) -> Array:
        aligned = condition.reshape(-1, *(1,) * (b.ndim - 1))
        return jnp.where(aligned, a, b).astype(b.dtype)

    chosen: Lanes = jax.tree.map(last, new._replace(state=None), old._replace(state=None))
    return chosen._replace(state=jax.tree.map(first, new.state, old.state))


def _step(
    form: Form,
    kernel: Kernel,
    optimiser: "optax.GradientTransformationExtraArgs",
    problem: Problem,
    lanes: Lanes,
) -> Lanes:
    """One update of each start that is under way; outside its bounds a point is put onto them."""
    free, ended = lanes.free, lanes.ended
    value, gradient = misfit_and_gradient(form, problem, free)
    finite = jnp.isfinite(value) & jnp.isfinite(gradient).all(0)
    better = finite & (value < ended.value)
    scale = jnp.where((ended.steps == 0) & (value > 0.0), value, lanes.scale)
    held = held_at_bounds(problem, free, gradient)
    state, moved = _update(
        form, kernel, optimiser, problem, lanes, scale, value, jnp.where(held, 0.0, gradient), held
    )
    stays = (moved == free).all(0) if kernel.lock_step else ~finite
    new = Ended(
        free=jnp.where(better, free, ended.free),
        value=jnp.where(better, value, ended.value),
        steps=ended.steps + 1,
        best_step=jnp.where(better, ended.steps, ended.best_step),
        # where the start itself is not finite there is no way on
        rests=stays | (~finite & (ended.steps == 0)),
    )
    under_way = (lanes.start >= 0) & ~_at_end(kernel, ended)
    return _choose(under_way, Lanes(lanes.start, moved, scale, state, new), lanes)


def held_at_bounds(problem: Problem, free: Array, gradient: Array) -> Array:
    """Which numbers lie on a bound and would only leave it outwards, ``(free, batch)``."""
    return ((free <= problem.lower) & (gradient > 0)) | ((free >= problem.upper) & (gradient < 0))


def _update(
    form: Form,
    kernel: Kernel,
    optimiser: "optax.GradientTransformationExtraArgs",
    problem: Problem,
    lanes: Lanes,
    scale: Array,
    value: Array,
    gradient: Array,
    held: Array,
) -> tuple[Any, Array]:
    """State and next point of every lane."""
    lower, upper = problem.lower[:, 0], problem.upper[:, 0]

    def propose(
        state: Any, x: Array, value: Array, g: Array, held: Array, scale: Array,
        observed: Array, weights: Array,
    ) -> tuple[Any, Array]:  # fmt: skip
        own = problem._replace(observed=observed[..., None], weights=weights[..., None])

        def onto_box(y: Any) -> Array:
            inside = jnp.clip(y, lower, upper)
            # a search in lock step holds them itself, from its last accepted point
            return inside if kernel.lock_step else jnp.where(held, x, inside)

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
        lanes.state, lanes.free, value / scale, gradient / scale, held, scale, observed, weights
    )
