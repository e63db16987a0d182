"""Many members through a solver of fixed width: whoever ends makes room for the next."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from farseer_jax._law import AbstractLaw
from farseer_jax._objective import Residual
from farseer_jax.methods.least_squares._normal import Problem
from farseer_jax.methods.least_squares._step import ACTIVE, FIRST_DAMPING, State, advance

NUM_STEPS = 4  # between two looks at who has ended


class Ended(NamedTuple):
    """How members ended, in NumPy.

    Attributes:
        free: ``(member, free)``.
        value: objective, ``(member,)``.
        status: code of the solver; ACTIVE where the steps did not suffice.
        steps: evaluations.
    """

    free: np.ndarray
    value: np.ndarray
    status: np.ndarray
    steps: np.ndarray


class Kernel(NamedTuple):
    """What stays the same for all members."""

    law: type[AbstractLaw]
    residual: Residual
    exact: bool
    tolerance: float
    max_steps: int
    width: int


Rows = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def solve_members(kernel: Kernel, problem: Problem, starts: np.ndarray, rows: Rows | None) -> Ended:
    """Run members from their starts, ``(member, free)``, in float64.

    Args:
        kernel: law, residual and limits.
        problem: what members share; its losses and weights serve all of them without ``rows``.
        starts: free parameters to start from.
        rows: losses (logarithms) and weights of given members, ``(row, slot, member)`` each.
    """
    num_members, num_free = starts.shape
    ended = Ended(
        np.empty((num_members, num_free)), np.empty(num_members),
        np.zeros(num_members, dtype=int), np.zeros(num_members, dtype=int),
    )  # fmt: skip
    waiting = iter(range(num_members))
    member = np.full(kernel.width, -1)
    state = jax.tree.map(np.array, _blank(kernel.width, num_free))
    while True:
        problem = _admit(member, waiting, state, starts, problem, rows)
        if not (member >= 0).any():
            return ended
        state = jax.tree.map(
            np.array,
            advance(
                problem,
                state,
                kernel.tolerance,
                law=kernel.law,
                residual=kernel.residual,
                exact=kernel.exact,
                num_steps=NUM_STEPS,
            ),
        )
        _release(member, state, ended, kernel.max_steps)


def _blank(width: int, num_free: int) -> State:
    square = np.zeros((num_free, num_free, width))
    vector, number = np.zeros((num_free, width)), np.zeros(width)
    flag, count = np.zeros(width, dtype=bool), np.zeros(width, dtype=int)
    parts: list[Any] = [vector, number, vector, square, square, vector, number, number, flag]
    return State(*parts, status=count + 1, steps=count)  # type: ignore[arg-type, misc]


def _admit(
    member: np.ndarray,
    waiting: Iterator[int],
    state: State,
    starts: np.ndarray,
    problem: Problem,
    rows: Rows | None,
) -> Problem:
    """Put waiting members into free lanes."""
    lanes, new = [], []
    for lane in np.flatnonzero(member < 0):
        index = next(waiting, None)
        if index is None:
            break
        lanes.append(lane)
        new.append(index)
    if not lanes:
        return problem
    member[lanes] = new
    state.trial[:, lanes] = starts[new].T
    state.free[:, lanes] = starts[new].T
    state.value[lanes], state.predicted[lanes] = np.inf, 0.0
    state.damping[lanes], state.newton[lanes] = FIRST_DAMPING, False
    state.status[lanes], state.steps[lanes] = ACTIVE, 0
    if rows is not None:
        log_loss, weights = rows(np.array(new))
        own: Any = problem  # NumPy inside
        own.log_loss[..., lanes], own.weights[..., lanes] = log_loss, weights
    return problem


def _release(member: np.ndarray, state: State, ended: Ended, max_steps: int) -> None:
    """Take out who has ended, or has had its steps."""
    out = (member >= 0) & ((state.status != ACTIVE) | (state.steps >= max_steps))
    who = member[out]
    ended.free[who] = state.free[:, out].T
    ended.value[who], ended.status[who] = state.value[out], state.status[out]
    ended.steps[who] = state.steps[out]
    state.status[out] = ACTIVE + 1  # an empty lane rests
    member[out] = -1


def as_arrays(problem: Problem) -> Problem:
    """The problem in NumPy float64, its losses and weights writable."""
    parts: list[Any] = [np.array(value, dtype=np.float64) for value in problem]
    return Problem(*parts)
