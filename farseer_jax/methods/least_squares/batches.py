"""Many members through a solver of fixed width: whoever ends makes room for the next."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.methods.least_squares.levenberg_marquardt_step import State, begin, step
from farseer_jax.objectives import Residual
from farseer_jax.solvers.optima import RUNNING
from farseer_jax.types import Array

# A look at who has ended costs about as much as a step, so lanes wait until this share is empty.
_SHARE_EMPTY = 8
# XLA's older loops, in one LLVM module: half the time to compile on a CPU, and no slower; whole
# registers where the processor has wide ones: a little faster
_COMPILER_OPTIONS = {
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_prefer_vector_width": 512,
}


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
        observed: on the link's scale, ``(tile, row, slot, set)``; one set is shared by all.
        weights: likewise.
        floor: falls of the objective that its rounding hides, ``(set,)``.
        num_members: a number.
    """

    starts: Array
    warm: Array
    set_of: Array
    observed: Array
    weights: Array
    floor: Array
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
    """What is under way: a member per lane (the number of members where there is none).

    Attributes:
        state: of the solver.
        member: which.
        observed: the lanes' own, or what all share.
        weights: likewise.
        following: the next member to come.
        ended: results so far.
    """

    state: State
    member: Array
    observed: Array
    weights: Array
    following: Array
    ended: Ended


@partial(jax.jit, static_argnames="kernel", compiler_options=_COMPILER_OPTIONS)
def solve_members(
    kernel: Kernel, problem: Problem, queue: Queue, tolerance: Array, max_steps: Array
) -> Ended:
    """Run members from their starts to their ends, on the device.

    Args:
        kernel: law, residual and width.
        problem: what all share, in tiles; its losses and weights are not read.
        queue: members.
        tolerance: relative fall of the objective below which a member has converged.
        max_steps: evaluations that a member may take.
    """

    def running(lanes: _Lanes) -> Array:
        return jnp.any(_busy(lanes, queue)) | (lanes.following < queue.num_members)

    def advance(lanes: _Lanes) -> _Lanes:
        done = _busy(lanes, queue) & (lanes.state.status != RUNNING)
        num_done, num_busy = jnp.sum(done), jnp.sum(_busy(lanes, queue))
        look = (num_done == num_busy) | (num_done * _SHARE_EMPTY >= kernel.width)
        return jax.lax.cond(
            look, lambda: _exchange(lanes, done, problem, queue), lambda: stepped(lanes)
        )

    def stepped(lanes: _Lanes) -> _Lanes:
        own = problem._replace(observed=lanes.observed, weights=lanes.weights)
        law, residual, squared, _ = kernel
        state = step(law, residual, squared, own, lanes.state, tolerance, max_steps)
        return lanes._replace(state=state)

    return jax.lax.while_loop(running, advance, _nobody(kernel.width, queue)).ended


def _busy(lanes: _Lanes, queue: Queue) -> Array:
    return lanes.member < queue.num_members


def _nobody(width: int, queue: Queue) -> _Lanes:
    """Empty lanes, before any member has come."""
    num_free, capacity = queue.starts.shape
    number = queue.starts.dtype
    zeros, codes = jnp.zeros(capacity, number), jnp.zeros(capacity, int)
    observed, weights = queue.observed, queue.weights
    if not _is_shared(queue):
        observed = weights = jnp.zeros((*observed.shape[:-1], width), number)
    nothing = jnp.zeros(width, number)
    return _Lanes(
        state=begin(jnp.zeros((num_free, width), number), jnp.zeros(width, bool), nothing),
        member=jnp.full(width, queue.num_members),
        observed=observed,
        weights=weights,
        following=jnp.zeros((), int),
        ended=Ended(jnp.zeros((num_free, capacity), number), zeros, codes, codes),
    )


def _is_shared(queue: Queue) -> bool:
    return queue.observed.shape[-1] == 1


def _exchange(lanes: _Lanes, done: Array, problem: Problem, queue: Queue) -> _Lanes:
    """Write down who has ended, and give the empty lanes to those who wait."""
    state, ended = lanes.state, lanes.ended
    place = jnp.where(done, lanes.member, queue.starts.shape[1])  # outside: dropped
    ended = Ended(
        ended.free.at[:, place].set(state.free, mode="drop"),
        ended.value.at[place].set(state.value, mode="drop"),
        ended.status.at[place].set(state.status, mode="drop"),
        ended.steps.at[place].set(state.steps, mode="drop"),
    )
    empty = done | ~_busy(lanes, queue)
    coming = jnp.minimum(lanes.following + jnp.cumsum(empty) - 1, queue.num_members)
    member = jnp.where(empty, coming, lanes.member)
    number = jnp.minimum(member, queue.starts.shape[1] - 1)  # where there is none, anyone's
    own = queue.set_of[number]
    floor = queue.floor if _is_shared(queue) else queue.floor[own]
    fresh = begin(queue.starts[:, number], queue.warm[number], floor)
    state = jax.tree.map(lambda new, old: jnp.where(empty, new, old), fresh, state)
    following = jnp.minimum(lanes.following + jnp.sum(empty), queue.num_members)
    lanes = _Lanes(state, member, lanes.observed, lanes.weights, following, ended)
    return lanes if _is_shared(queue) else _with_own_sets(lanes, own, problem, queue)


def _with_own_sets(lanes: _Lanes, own: Array, problem: Problem, queue: Queue) -> _Lanes:
    """Take each lane's losses and weights from the queue, for the tiles in use."""

    def take(at: Array, cells: tuple[Array, Array]) -> tuple[Array, Array]:
        observed, weights = cells
        return observed.at[at].set(queue.observed[at][..., own]), weights.at[at].set(
            queue.weights[at][..., own]
        )

    cells = jax.lax.fori_loop(0, problem.num_tiles, take, (lanes.observed, lanes.weights))
    return lanes._replace(observed=cells[0], weights=cells[1])
