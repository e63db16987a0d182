"""The logarithm of inner loops, against NumPy's."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from farseer_jax.runtime.fast_log import log

TINY, HUGE = float(np.finfo(float).tiny), float(np.finfo(float).max)


@given(st.floats(TINY, HUGE))
def test_within_rounding_of_numpy(x: float) -> None:
    with jax.enable_x64(True):
        np.testing.assert_allclose(log(jnp.asarray(x)), np.log(x), rtol=5e-16, atol=1e-300)


def test_near_one() -> None:
    """Where residuals of a good fit lie: no digit is lost to cancellation."""
    x = 1.0 + np.geomspace(1e-16, 0.5, 400)
    x = np.concatenate([x, 2.0 - x])
    with jax.enable_x64(True):
        np.testing.assert_allclose(log(jnp.asarray(x)), np.log(x), rtol=5e-16, atol=0)


def test_nothing_but_positive_numbers_has_one() -> None:
    with jax.enable_x64(True):
        assert np.isnan(log(jnp.array([0.0, -1.0, np.inf, -np.inf, np.nan]))).all()


def test_derivatives() -> None:
    with jax.enable_x64(True):
        x = jnp.array([0.3, 1.0, 7.0])
        first, second = jax.vmap(jax.grad(log)), jax.vmap(jax.grad(jax.grad(log)))
        np.testing.assert_allclose(first(x), 1 / x, rtol=1e-15)
        np.testing.assert_allclose(second(x), -1 / x**2, rtol=1e-15)


def test_float32_takes_jax_its_own() -> None:
    x = jnp.array([0.3, 7.0], dtype=jnp.float32)
    assert log(x).dtype == jnp.float32
    np.testing.assert_array_equal(log(x), jnp.log(x))
