"""Roots between points of opposite signs, against SciPy's for one function at a time."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from compiling import compilations
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from farseer_jax.solvers.root_finding import bisect, find_roots
from farseer_jax.types import Array


def cubic(x: np.ndarray, c: np.ndarray) -> np.ndarray:
    return x**3 + x - c


@given(st.lists(st.floats(-9.0, 9.0), min_size=1, max_size=6))
def test_several_roots_at_once(values: list[float]) -> None:
    c = np.array(values)
    found = find_roots(cubic, np.full(len(c), -3.0), np.full(len(c), 3.0), c)
    expected = [brentq(cubic, -3.0, 3.0, args=(own,), xtol=1e-15) for own in values]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


def test_roots_at_an_end_at_zero_and_beyond_a_gap() -> None:
    low, high, c = np.zeros(3), np.ones(3), np.array([0.0, 2.0, 1.0])
    np.testing.assert_allclose(find_roots(cubic, low, high, c), [0.0, 1.0, 0.6823278038280193])
    assert find_roots(cubic, np.empty(0), np.empty(0), np.empty(0)).size == 0
    gap = find_roots(lambda x: np.where(abs(x) < 0.9, np.nan, x), np.array([-1.0]), np.array([1.0]))
    assert np.isnan(gap).all()


def test_halving_finds_where_a_condition_begins() -> None:
    @partial(jax.jit, static_argnames="num")
    def found(c: Array, num: int) -> tuple[Array, Array]:
        return bisect(lambda x: x > c, jnp.zeros_like(c), jnp.ones_like(c), num)

    with jax.enable_x64(True):
        c = jnp.asarray([0.1, 1 / 3, 0.9])
        low, high = found(c, 20)
        assert ((low <= c) & (c < high)).all()
        np.testing.assert_allclose(high - low, 2.0**-20)
        np.testing.assert_allclose(found(c, 50)[1], c, rtol=1e-14)
        again = jnp.asarray([0.2, 0.3, 0.4])
        with compilations() as compiled:
            jax.block_until_ready(found(again, 50))
    assert not compiled
