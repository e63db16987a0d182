"""Continuous batching: in a solver of fixed width, elements that have ended make room for others.

The batch is the last axis of results. Everything runs on the device: XLA sees one loop.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.types import Array

# Exchanging elements costs about as much as a step: slots wait until this share is empty.
_SHARE_EMPTY = 8


class Solver(NamedTuple):
    """A solver of a batch of elements, one per slot.

    Attributes:
        admit: from the element of each slot, which slots are new, and the state, the state with new
            elements in these slots.
        step: the state after a step; elements that have ended stay as they are.
        has_ended: which elements have ended, ``(slot,)``.
        results: the elements' results, ``(…, slot)`` each.
    """

    admit: Callable[[Array, Array, Any], Any]
    step: Callable[[Any], Any]
    has_ended: Callable[[Any], Array]
    results: Callable[[Any], Any]


class _Slots(NamedTuple):
    """The state of the queue.

    Attributes:
        state: state of the solver.
        element: index of each slot's element; the number of elements for an empty slot.
        following: index of the next element.
        results: results so far.
    """

    state: Any
    element: Array
    following: Array
    results: Any


def solve_queue(solver: Solver, state: Any, results: Any, num_elements: Array) -> Any:
    """Run all elements until they end.

    Args:
        solver: the solver.
        state: its state with empty slots.
        results: arrays for the results of all elements, ``(…, element)`` each.
        num_elements: how many there are; the rest of the arrays is unchanged.
    """
    capacity = jax.tree.leaves(results)[0].shape[-1]
    width = solver.has_ended(state).shape[0]

    def busy(slots: _Slots) -> Array:
        return slots.element < num_elements

    def running(slots: _Slots) -> Array:
        return jnp.any(busy(slots)) | (slots.following < num_elements)

    def advance(slots: _Slots) -> _Slots:
        done = busy(slots) & solver.has_ended(slots.state)
        num_done, num_busy = jnp.sum(done), jnp.sum(busy(slots))
        look = (num_done == num_busy) | (num_done * _SHARE_EMPTY >= width)
        return jax.lax.cond(look, lambda: exchange(slots, done), lambda: stepped(slots))

    def stepped(slots: _Slots) -> _Slots:
        return slots._replace(state=solver.step(slots.state))

    def exchange(slots: _Slots, done: Array) -> _Slots:
        """Store the results of elements that have ended, and fill empty slots from the queue."""
        place = jnp.where(done, slots.element, capacity)  # outside: dropped
        results = jax.tree.map(
            lambda whole, own: whole.at[..., place].set(own, mode="drop"),
            slots.results,
            solver.results(slots.state),
        )
        empty = done | ~busy(slots)
        coming = jnp.minimum(slots.following + jnp.cumsum(empty) - 1, num_elements)
        element = jnp.where(empty, coming, slots.element)
        # an empty slot gets any element
        state = solver.admit(jnp.minimum(element, capacity - 1), empty, slots.state)
        following = jnp.minimum(slots.following + jnp.sum(empty), num_elements)
        return _Slots(state, element, following, results)

    start = _Slots(state, jnp.full(width, num_elements), jnp.zeros((), int), results)
    return jax.lax.while_loop(running, advance, start).results
