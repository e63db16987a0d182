"""Compiled functions let go of what they compiled for other laws and tables."""

import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax.runtime.compiled import MOST, Compiled, compiled

KERNELS = (
    "methods.least_squares.batches.solve_batch",
    "methods.restarts.batches.run_starts",
    "methods.restarts.solve.predicted_decreases",
    "methods.variable_projection.profile.polish",
    "methods.variable_projection.profile.solve_at",
    "methods.isoflop.kernel.solve_jit",
    "methods.isoflop.kernel.solve_block",
)


def _live() -> int:
    return len(jax.devices()[0].client.live_executables())


def test_compilations_are_let_go() -> None:
    @compiled(most=3, static=("power",))
    def raised(x: jax.Array, power: int) -> jax.Array:
        return jnp.cumsum(x) ** power

    before = _live()
    for power in range(1, 12):
        x = np.linspace(0.0, 1.0, 5 + power % 2)
        np.testing.assert_allclose(raised(x, power), np.cumsum(x) ** power, rtol=1e-5)
        assert raised.num_kept <= 3
        assert _live() - before <= 3
    raised.clear_cache()
    assert _live() == before


def test_the_second_call_does_not_compile() -> None:
    traced = []

    @compiled(static=("name",))
    def shifted(x: jax.Array, name: str = "plain") -> jax.Array:
        traced.append(name)
        return x + len(name)

    for _ in range(2):
        shifted(np.ones(3))
        shifted(np.zeros(3), name="other")
        shifted(np.zeros(4))
    assert traced == ["plain", "other", "plain"]
    assert shifted.num_kept == 3


def test_within_another_function_it_is_part_of_that() -> None:
    @compiled()
    def twice(x: jax.Array) -> jax.Array:
        return 2.0 * x

    assert float(jax.grad(lambda x: twice(x) ** 2)(3.0)) == 24.0
    assert float(jax.jit(lambda x: twice(x) + 1.0)(3.0)) == 7.0
    assert twice.num_kept == 0


@pytest.mark.parametrize("name", KERNELS)
def test_kernels_keep_a_limited_number(name: str) -> None:
    module, function = name.rsplit(".", 1)
    kernel = getattr(importlib.import_module(f"farseer_jax.{module}"), function)
    assert isinstance(kernel, Compiled)
    assert kernel._most <= MOST
