"""Many members through a solver of fixed width: whoever ends makes room for the next."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._types import Array
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end._problem import ACTIVE, Problem
from farseer_jax.methods.least_squares._step import State, begin, step
from farseer_jax.objectives import Residual

# A look at who has ended costs about as much as a step, so lanes wait until this share is empty.
_SHARE_EMPTY = 8


class Kernel(NamedTuple):
    """What a compiled solver is made for."""

    law: type[Separable]
    residual: Residual
    squared: bool
    width: int


class Queue(NamedTuple):
    """Members to solve; those after ``num_members`` are padding.

    Attributes:
        starts: free parameters, ``(free, member)``.
        warm: whether a start is near an optimum, ``(member,)``.
        set_of: which set of losses and weights a member has, ``(member,)``.
        observed: on the link's scale, ``(row, slot, set)``; one set is shared by all.
        weights: likewise.
        num_members: a number.
    """

    starts: Array
    warm: Array
    set_of: Array
    observed: Array
    weights: Array
    num_members: Array


class Ended(NamedTuple):
    """How members ended.

    Attributes:
        free: ``(free, member)``.
        value: objective, ``(member,)``.
        status: CONVERGED and so on.
        steps: evaluations.
    """

    free: Array
    value: Array
    status: Array
    steps: Array


class _Lanes(NamedTuple):
    """What is under way: a member per lane (the number of members where there is none)."""

    state: State
    member: Array
    observed: Array
    weights: Array
    following: Array
    ended: Ended


@partial(jax.jit, static_argnames="kernel")
def solve_members(
    kernel: Kernel, problem: Problem, queue: Queue, tolerance: Array, max_steps: Array
) -> Ended:
    """Run members from their starts to their ends, on the device.

    Args:
        kernel: law, residual and width.
        problem: what all share; its losses and weights are not read.
        queue: members.
        tolerance: relative fall of the objective below which a member has converged.
        max_steps: evaluations that a member may take.
    """

    def running(lanes: _Lanes) -> Array:
        return jnp.any(_busy(lanes, queue))

    def advance(lanes: _Lanes) -> _Lanes:
        own = problem._replace(observed=lanes.observed, weights=lanes.weights)
        law, residual, squared, _ = kernel
        state = step(law, residual, squared, own, lanes.state, tolerance, max_steps)
        lanes = lanes._replace(state=state)
        done = _busy(lanes, queue) & (state.status != ACTIVE)
        num_done, num_busy = jnp.sum(done), jnp.sum(_busy(lanes, queue))
        enough = num_done * _SHARE_EMPTY >= kernel.width
        look = (num_done > 0) & (enough | (num_done == num_busy))
        return jax.lax.cond(look, lambda: _exchange(lanes, done, queue), lambda: lanes)

    return jax.lax.while_loop(running, advance, _first(kernel.width, queue)).ended


def _busy(lanes: _Lanes, queue: Queue) -> Array:
    return lanes.member < queue.num_members


def _first(width: int, queue: Queue) -> _Lanes:
    num_free, capacity = queue.starts.shape
    numbers = jnp.zeros(capacity, queue.starts.dtype)
    codes = jnp.zeros(capacity, int)
    member = jnp.minimum(jnp.arange(width), queue.num_members)
    state, observed, weights = _of_members(queue, member)
    return _Lanes(
        state=state,
        member=member,
        observed=observed,
        weights=weights,
        following=jnp.minimum(width, queue.num_members),
        ended=Ended(jnp.zeros((num_free, capacity), numbers.dtype), numbers, codes, codes),
    )


def _of_members(queue: Queue, member: Array) -> tuple[State, Array, Array]:
    """States at the start, losses and weights of the lanes' members; anything where none is."""
    member = jnp.minimum(member, queue.starts.shape[1] - 1)
    state = begin(queue.starts[:, member], queue.warm[member])
    if queue.observed.shape[-1] == 1:
        return state, queue.observed, queue.weights
    own = queue.set_of[member]
    return state, queue.observed[..., own], queue.weights[..., own]


def _exchange(lanes: _Lanes, done: Array, queue: Queue) -> _Lanes:
    """Write down who has ended, and give the empty lanes to those who wait."""
    state, ended = lanes.state, lanes.ended
    place = jnp.where(done, lanes.member, queue.starts.shape[1])  # outside: dropped
    ended = Ended(
        ended.free.at[:, place].set(state.free, mode="drop"),
        ended.value.at[place].set(state.value, mode="drop"),
        ended.status.at[place].set(state.status, mode="drop"),
        ended.steps.at[place].set(state.steps, mode="drop"),
    )
    coming = jnp.minimum(lanes.following + jnp.cumsum(done) - 1, queue.num_members)
    member = jnp.where(done, coming, lanes.member)
    fresh, observed, weights = _of_members(queue, member)
    state = jax.tree.map(lambda new, old: jnp.where(done, new, old), fresh, state)
    following = jnp.minimum(lanes.following + jnp.sum(done), queue.num_members)
    return _Lanes(state, member, observed, weights, following, ended)
