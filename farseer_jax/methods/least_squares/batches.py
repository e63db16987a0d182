"""Starts and refits through a Levenberg–Marquardt solver of fixed width."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.methods.least_squares.levenberg_marquardt_step import State, begin, step
from farseer_jax.objectives import Residual
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.continuous_batching import Solver, solve_queue
from farseer_jax.solvers.optima import RUNNING, Optima
from farseer_jax.types import Array

# XLA's older loops, in one LLVM module: half the time to compile on a CPU, and no slower. Whole
# registers where the processor has wide ones: a little faster.
_COMPILER_OPTIONS = {
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_prefer_vector_width": 512,
}

_optima: Any = Optima  # with JAX's arrays


class Kernel(NamedTuple):
    """The static arguments of the compiled solver."""

    law: type[Separable]
    residual: Residual
    squared: bool
    width: int


class Queue(NamedTuple):
    """Elements to solve; those after ``num_elements`` are padding.

    Attributes:
        starts: free parameters, ``(free, element)``.
        warm: whether a start is near an optimum, ``(element,)``.
        set_of: index of an element's set of losses and weights, ``(element,)``.
        observed: losses on the link's scale, ``(tile, row, slot, set)``; all share a single set.
        weights: ``(tile, row, slot, set)``.
        floor: decreases of the objective that its rounding hides, ``(set,)``.
        num_elements: how many there are, ``()``.
    """

    starts: Array
    warm: Array
    set_of: Array
    observed: Array
    weights: Array
    floor: Array
    num_elements: Array


class _Batch(NamedTuple):
    """Running elements, with their own losses and weights, or those that all share."""

    state: State
    observed: Array
    weights: Array


@compiled(static=("kernel",), compiler_options=_COMPILER_OPTIONS)
def solve_batch(
    kernel: Kernel, problem: Problem, queue: Queue, tolerance: Array, max_steps: Array
) -> Any:
    """Run all elements until they end, on the device.

    Args:
        kernel: law, residual and width.
        problem: what all share, in tiles; its losses and weights are not read.
        queue: the elements.
        tolerance: relative decrease of the objective below which an element has converged.
        max_steps: evaluations that an element may take.

    Returns:
        :class:`Optima`, in JAX; ``free`` as ``(free, element)``.
    """
    is_shared = queue.observed.shape[-1] == 1

    def admit(element: Array, is_new: Array, batch: _Batch) -> _Batch:
        own = queue.set_of[element]
        floor = queue.floor if is_shared else queue.floor[own]
        fresh = begin(queue.starts[:, element], queue.warm[element], floor)
        state = jax.tree.map(lambda new, old: jnp.where(is_new, new, old), fresh, batch.state)
        batch = batch._replace(state=state)
        return batch if is_shared else _with_own_sets(batch, own, problem, queue)

    def one_step(batch: _Batch) -> _Batch:
        own = problem._replace(observed=batch.observed, weights=batch.weights)
        law, residual, squared, _ = kernel
        state = step(law, residual, squared, own, batch.state, tolerance, max_steps)
        return batch._replace(state=state)

    def results(batch: _Batch) -> Any:
        return _optima(batch.state.free, batch.state.value, batch.state.status, batch.state.steps)

    (num_free, capacity), number = queue.starts.shape, queue.starts.dtype
    zeros, codes = jnp.zeros(capacity, number), jnp.zeros(capacity, int)
    room = _optima(jnp.zeros((num_free, capacity), number), zeros, codes, codes)
    solver = Solver(admit, one_step, lambda batch: batch.state.status != RUNNING, results)
    empty = _empty_batch(kernel.width, queue, is_shared)
    return solve_queue(solver, empty, room, queue.num_elements)


def _empty_batch(width: int, queue: Queue, is_shared: bool) -> _Batch:
    number, observed, weights = queue.starts.dtype, queue.observed, queue.weights
    if not is_shared:
        observed = weights = jnp.zeros((*observed.shape[:-1], width), number)
    nothing = jnp.zeros(width, number)
    state = begin(jnp.zeros((len(queue.starts), width), number), nothing > 0, nothing)
    return _Batch(state, observed, weights)


def _with_own_sets(batch: _Batch, own: Array, problem: Problem, queue: Queue) -> _Batch:
    """Take each element's losses and weights from the queue, for the tiles in use."""

    def take(at: Array, sets: tuple[Array, Array]) -> tuple[Array, Array]:
        observed, weights = sets
        return (
            observed.at[at].set(queue.observed[at][..., own]),
            weights.at[at].set(queue.weights[at][..., own]),
        )

    sets = jax.lax.fori_loop(0, problem.num_tiles, take, (batch.observed, batch.weights))
    return batch._replace(observed=sets[0], weights=sets[1])
