"""Continuous batching and batched elimination, against plain loops."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compilations

from farseer_jax.solvers.continuous_batching import Solver, solve_queue
from farseer_jax.solvers.small_systems import active_bounds, eliminate, minimise_in_box


@partial(jax.jit, static_argnames="width")
def collatz(starts, num, width):
    """Steps of each start to 1, and the largest number on its way."""

    def fresh(element):
        return starts[element], jnp.zeros(len(element), int), starts[element]

    def admit(element, is_new, state):
        return tuple(
            jnp.where(is_new, new, old) for new, old in zip(fresh(element), state, strict=True)
        )

    def step(state):
        x, count, largest = state
        moved = jnp.where(x % 2 == 0, x // 2, 3 * x + 1)
        ended = x == 1
        moved = jnp.where(ended, x, moved)
        return moved, count + ~ended, jnp.maximum(largest, moved)

    solver = Solver(admit, step, lambda state: state[0] == 1, lambda state: state[1:])
    room = jnp.full(len(starts), -1), jnp.full(len(starts), -1)
    return solve_queue(solver, fresh(jnp.zeros(width, int)), room, num)


def expected(x):
    count, largest = 0, x
    while x != 1:
        x = x // 2 if x % 2 == 0 else 3 * x + 1
        count, largest = count + 1, max(largest, x)
    return count, largest


@pytest.mark.parametrize("width", [1, 8, 32])
def test_each_element_gets_its_own_result(width):
    starts = np.array([27, 1, 6, 7, 97, 1, 2, 3, 19, 871, 5, 4, 11, 0, 0])
    num = 13  # the rest of the room waits for no one
    count, largest = collatz(starts, np.asarray(num), width)
    own = np.array([expected(int(x)) for x in starts[:num]])
    np.testing.assert_array_equal(np.stack([count, largest], 1)[:num], own)
    np.testing.assert_array_equal(count[num:], -1)
    with compilations() as compiled:
        fewer, _ = collatz(starts[::-1].copy(), np.asarray(0), width)
    assert not compiled
    np.testing.assert_array_equal(fewer, -1)


@pytest.fixture
def systems():
    rng = np.random.default_rng(0)
    roots = rng.standard_normal((20, 4, 7))
    matrices = np.einsum("bik,bjk->bij", roots, roots)
    scale = np.sqrt(np.einsum("bii->bi", matrices))
    return matrices / (scale[:, :, None] * scale[:, None]), rng.standard_normal((20, 4))


def test_elimination_is_numpy_solve(systems):
    matrices, right = systems
    matrices[3] -= 2.0 * np.eye(4)  # not positive definite
    with jax.enable_x64(True):
        x, definite = eliminate(jnp.moveaxis(matrices, 0, -1), jnp.asarray(right.T)[:, None])
    np.testing.assert_array_equal(definite, np.linalg.eigvalsh(matrices)[:, 0] > 0)
    good = np.asarray(definite)
    own = np.linalg.solve(matrices, right[..., None])[..., 0]
    np.testing.assert_allclose(np.asarray(x)[:, 0].T[good], own[good], rtol=1e-9)


def test_active_bounds_end_a_minimum_in_a_box(systems):
    matrices, gradient = systems
    low, high = np.full((4, 20), -0.3), np.full((4, 20), 0.3)
    with jax.enable_x64(True):
        x, solved = minimise_in_box(
            jnp.moveaxis(matrices, 0, -1), jnp.asarray(gradient.T), low, high, ((True, True),) * 4
        )
    assert np.asarray(solved).all()
    x = np.asarray(x)
    slope = gradient.T + np.einsum("bij,jb->ib", matrices, x)
    active = active_bounds(x, slope, low, high)
    assert active.any()
    assert not active.all()
    np.testing.assert_allclose(slope[~active], 0.0, atol=1e-12)
