"""Roots and their derivatives, against systems solved by hand."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax.solvers import implicit as _implicit

FAST = {"xla_backend_optimization_level": 0}  # less time to compile, and all digits


@pytest.fixture(autouse=True, scope="module")
def float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def cube_root(a: Any) -> Any:
    return _implicit.root(lambda x: x**3 - a, jnp.array([1.3]))[0]


def test_a_cube_root_and_its_derivatives() -> None:
    a = 2.0
    root = a ** (1 / 3)
    first, second, third = root / (3 * a), -2 * root / (9 * a**2), 10 * root / (27 * a**3)
    # two steps from 3 % away: 1e-3, then 1e-6
    assert cube_root(a) == pytest.approx(root, rel=2e-6)

    def polished(a: Any) -> Any:
        return _implicit.root(lambda x: x**3 - a, jnp.array([1.3]), num_steps=5)[0]

    orders = jax.jit(
        lambda a: (
            polished(a),
            jax.grad(polished)(a),
            jax.jvp(polished, (a,), (1.0,))[1],
            jax.hessian(polished)(a),
            jax.grad(jax.grad(jax.grad(polished)))(a),
        ),
        compiler_options=FAST,
    )(a)
    np.testing.assert_allclose(orders, [root, first, first, second, third], rtol=1e-13)


def system(data: Any, x: Any) -> Any:
    """Its root is ``x = (a, a·b, a·b + c²)``."""
    a, b, c = data
    return jnp.stack(
        [jnp.exp(x[0] - a) - 1, x[1] - b * x[0], (x[2] - x[1] - c**2) * (1 + x[0] ** 2)]
    )


DATA = np.array([0.4, 1.5, -0.7])


def solved(data: Any) -> Any:
    near = jnp.array([0.41, 0.6, 1.1])
    return _implicit.root(lambda x: system(data, x), near, num_steps=6)


def known(data: Any) -> Any:
    a, b, c = data
    return jnp.stack([a, a * b, a * b + c**2])


def derivatives(of: Any, data: Any) -> Any:
    """Value, first derivatives forward and reverse, second ones."""
    return of(data), jax.jacfwd(of)(data), jax.jacrev(of)(data), jax.hessian(of)(data)


def test_a_stack_of_systems_to_second_order() -> None:
    stack = DATA * np.array([[1.0], [1.01], [0.98]])
    mapped = jax.vmap(lambda data: derivatives(solved, data))
    found = jax.jit(mapped, compiler_options=FAST)(stack)
    expected = jax.jit(lambda data: derivatives(known, data), compiler_options=FAST)
    for i, data in enumerate(stack):
        for one, other in zip(found, expected(data), strict=True):
            np.testing.assert_allclose(one[i], other, rtol=1e-12, atol=1e-13)


def test_no_derivative_flows_through_the_start() -> None:
    def of_start(start: Any) -> Any:
        return _implicit.root(lambda x: system(DATA, x), start).sum()

    assert np.all(jax.grad(of_start)(known(DATA)) == 0)
