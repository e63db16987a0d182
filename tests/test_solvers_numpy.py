"""Functions traced by JAX and computed by NumPy: the same numbers as JAX computes itself."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy import special

from farseer_jax.runtime.fast_log import log
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction, UnsupportedPrimitiveError
from farseer_jax.solvers.small_systems import factorise, solve_factorised

Law = Callable[[Any, dict[str, Any]], Any]

# parameters: two numbers and a vector along a mixture of three; inputs: x > 0 and the mixture
SHAPES: list[tuple[int, ...]] = [(), (), (3,)]
INPUTS: dict[str, tuple[int, ...]] = {"x": (), "h": (3,)}


def mean_and_norm(p: Any, i: dict[str, Any]) -> Any:
    return jnp.mean(p[2]) + jnp.linalg.norm(p[2] * i["h"]) + jnp.tile(p[2], 2)[4] * p[0]


def indexed(p: Any, i: dict[str, Any]) -> Any:
    both = p[2][jnp.array([2, 0])] * p[0]
    return jnp.sum(both) + p[2][1] * i["h"][0] + jnp.stack([p[0], p[1]])[::-1][0]


def where_and_sides(p: Any, i: dict[str, Any]) -> Any:
    inside = (i["x"] > 1.0) & (p[0] < 2.0) | ~(p[1] >= 1.0)
    return jnp.where(inside, p[0] * i["x"], jnp.clip(p[1], 0.7, i["x"])) + jnp.maximum(p[0], p[1])


def matrices(p: Any, i: dict[str, Any]) -> Any:
    table = jnp.outer(p[2], i["h"]) @ jnp.arange(9.0).reshape(3, 3)
    return jnp.trace(table.T) + jnp.prod(p[2]) + jnp.max(p[2]) + jnp.einsum("j,j", p[2], i["h"])


@jax.custom_jvp
def own_square(x: Any) -> Any:
    return x * x


@own_square.defjvp
def own_square_jvp(primals: Any, tangents: Any) -> Any:
    return own_square(primals[0]), 2.0 * primals[0] * tangents[0]


LAWS: dict[str, Law] = {
    "Chinchilla": lambda p, i: p[0] + jnp.exp(p[1]) / (i["x"] * 1e9) ** 0.3 + p[1] * i["x"] ** p[0],
    "mixture": lambda p, i: p[0] + p[1] * jnp.sum(p[2] * i["h"] ** p[2]),
    "powers": lambda p, i: (
        p[0] ** 2 + p[0] ** 3 + p[0] ** -2 + p[1] ** 0.5 + p[0] ** p[1] + 2.0 ** p[0] + p[1] ** 2.5
    ),
    "exponentials": lambda p, i: (
        jnp.exp(p[0]) + jnp.expm1(p[1]) + jnp.exp2(p[0]) + jnp.log1p(p[1]) + jnp.log10(p[0])
    ),
    "logarithm of an exponential": lambda p, i: jnp.log(jnp.exp(p[0] * i["x"] + p[1])),
    "trigonometric": lambda p, i: (
        jnp.sin(p[0]) * jnp.cos(p[1]) + jnp.tan(0.1 * p[0]) + jnp.arctan(p[1] * i["x"])
        + jnp.arctan2(p[0], p[1]) + jnp.arcsin(0.1 * p[0]) + jnp.arccos(0.1 * p[1])
    ),
    "hyperbolic": lambda p, i: (
        jnp.tanh(p[0]) + jnp.sinh(p[1]) + jnp.cosh(p[0]) + jnp.arcsinh(p[1]) + jnp.arctanh(p[0] / 9)
    ),
    "special": lambda p, i: (
        special.erf(p[0]) + special.erfc(p[1]) + special.gammaln(p[0]) + jax.nn.sigmoid(p[1])
        + jax.nn.softplus(p[0]) + special.logsumexp(p[2]) + jnp.logaddexp(p[0], p[1])
    ),
    "steps": lambda p, i: (
        jnp.floor(p[0]) * p[1] + jnp.ceil(p[1]) + jnp.round(p[0]) + jnp.abs(p[0] - p[1])
        + jnp.sign(p[0] - 1.0) * p[1] + (p[0] % 0.3) + jnp.cbrt(p[0]) + jax.lax.rsqrt(p[1])
    ),
    "where and sides": where_and_sides,
    "mean and norm": mean_and_norm,
    "indexed": indexed,
    "matrices": matrices,
    "jitted, with its own derivative": lambda p, i: jax.jit(own_square)(p[0]) * log(p[1] * i["x"]),
    "checkpointed": lambda p, i: jax.checkpoint(lambda a: jnp.sin(a) ** 2)(p[0]) * i["x"],
    "of a table": lambda p, i: jnp.dot(jnp.asarray(np.array([1.0, 2.0, 3.0])), p[2]) + p[0],
    "of one run only": lambda p, i: jnp.log(i["x"]) * 3.0,
}  # fmt: skip


def points(num_elements: int = 4, num_runs: int = 5) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(1)
    inputs = {"x": rng.uniform(0.3, 3.0, num_runs), "h": rng.dirichlet(np.ones(3), num_runs)}
    return rng.uniform(0.4, 1.9, (num_elements, 5)), inputs


def by_jax(law: Law, vectors: np.ndarray, inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
    """Values, gradients and Hessians in the vector of all components, ``(element, run, …)``."""

    def of_vector(vector: Any, one: dict[str, Any]) -> Any:
        return law([vector[0], vector[1], vector[2:]], one)

    @jax.jit
    def everywhere(vectors: Any, inputs: dict[str, Any]) -> list[Any]:
        functions = (of_vector, jax.grad(of_vector), jax.hessian(of_vector))
        return [jax.vmap(jax.vmap(f, (None, 0)), (0, None))(vectors, inputs) for f in functions]

    with jax.enable_x64(True):
        return [np.asarray(array) for array in everywhere(vectors, inputs)]


@pytest.mark.parametrize("name", sorted(LAWS))
def test_values_and_derivatives_are_those_of_jax(name: str) -> None:
    vectors, inputs = points()
    value, gradient, hessian = by_jax(LAWS[name], vectors, inputs)
    bound = NumpyFunction(LAWS[name], SHAPES, INPUTS).bind(inputs)
    close = {"rtol": 1e-12, "atol": 1e-12}
    np.testing.assert_allclose(bound.value(vectors), value, **close)
    own_value, own_gradient = bound.value_and_gradient(vectors)
    np.testing.assert_allclose(own_value, value, **close)
    np.testing.assert_allclose(own_gradient, np.swapaxes(gradient, 1, 2), **close)
    upper = np.triu_indices(5)
    totals = bound.summed_hessian(
        vectors, lambda second: np.sum(np.broadcast_to(second, (4, 5)), 1)
    )
    expected = hessian.sum(axis=1)[:, upper[0], upper[1]]
    np.testing.assert_allclose(np.array(totals).T, expected, rtol=1e-11, atol=1e-11)
    direction = np.random.default_rng(2).standard_normal(vectors.shape)
    along = np.einsum("ej,erjk,ek->er", direction, hessian, direction)
    np.testing.assert_allclose(bound.curvature(vectors, direction), along, rtol=1e-10, atol=1e-11)


def test_a_share_of_zero_has_a_value_and_derivatives() -> None:
    law = NumpyFunction(lambda p, i: jnp.sum(p[0] * i["h"] ** p[1]), [(2,), (2,)], {"h": (2,)})
    vectors = np.array([[2.0, 3.0, 0.5, 0.7]])
    value, gradient = law.bind({"h": np.array([[0.0, 1.0]])}).value_and_gradient(vectors)
    assert value.tolist() == [[3.0]]
    assert gradient[0, :, 0].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_cumulated_sums() -> None:
    # by hand: XLA's own gradient of it, batched twice and compiled, is wrong in JAX 0.10.2
    law = NumpyFunction(lambda p, i: jnp.cumsum(p[0])[1] * i["x"], [(3,)], {"x": ()})
    bound = law.bind({"x": np.array([1.0, 2.0])})
    value, gradient = bound.value_and_gradient(np.array([[3.0, 4.0, 5.0]]))
    assert value.tolist() == [[7.0, 14.0]]
    assert gradient[0].tolist() == [[1.0, 2.0], [1.0, 2.0], [0.0, 0.0]]


def test_division_by_zero_and_overflow_are_silent_as_in_jax() -> None:
    law = NumpyFunction(lambda p, i: jnp.log(p[0]) + jnp.exp(p[1]) / i["x"], [(), ()], {"x": ()})
    value = law.bind({"x": np.array([0.0, 1.0])}).value(np.array([[-1.0, 1.0], [1.0, 1e4]]))
    assert np.isnan(value[0]).all()
    assert np.isposinf(value[1]).all()


def test_elements_may_have_runs_of_their_own() -> None:
    law = NumpyFunction(LAWS["Chinchilla"], SHAPES, INPUTS)
    vectors, inputs = points(num_elements=3)
    rows = {name: np.stack([array, array[::-1]]) for name, array in inputs.items()}
    value = law.bind(rows).take(np.array([1, 0, 1])).value(vectors)
    first = law.bind(inputs).value(vectors)
    np.testing.assert_array_equal(value, np.stack([first[0][::-1], first[1], first[2][::-1]]))


def test_digits_of_an_element_do_not_depend_on_the_batch() -> None:
    vectors, inputs = points(num_elements=37, num_runs=11)
    bound = NumpyFunction(LAWS["Chinchilla"], SHAPES, INPUTS).bind(inputs)
    value, gradient = bound.value_and_gradient(vectors)
    for k in range(0, 37, 5):
        alone, slopes = bound.value_and_gradient(vectors[k : k + 1])
        np.testing.assert_array_equal(alone[0], value[k])
        np.testing.assert_array_equal(slopes[0], gradient[k])


def test_what_a_function_depends_on_is_found() -> None:
    law = NumpyFunction(
        lambda p, i: p[0] + p[1] * i["x"] ** p[2] * p[3] + 0.0 * i["y"] ** 0,
        [(), (), (), (), ()],
        {"x": (), "y": ()},
    )
    assert law.used_components == {0, 1, 2, 3}
    assert law.used_inputs == {"x"}
    assert law.linear_components() == (0, 1)  # p[1] and p[3] are linear, but not together
    assert law.linear_components([[3], [1], [0]]) == (0, 2)
    assert law.linear_components([[0, 2]]) == ()  # tied to an exponent


@pytest.mark.parametrize(
    ("law", "error", "words"),
    [
        (lambda p, i: p[0] + 1j, TypeError, "a real number"),
        (lambda p, i: jnp.ones(3) * p[0], ValueError, r"shape \(3,\)"),
        (lambda p, i: p[0] > 1.0, TypeError, "a real number"),
        (lambda p, i: None, TypeError, "one number per run"),
        (lambda p, i: jax.lax.fori_loop(0, 3, lambda k, a: a * p[0], p[1]), None, "scan"),
        (lambda p, i: jnp.sort(p[2])[1], None, "sort"),
    ],
)  # fmt: skip
def test_what_is_no_law_is_refused(law: Law, error: type[Exception] | None, words: str) -> None:
    with pytest.raises(error or UnsupportedPrimitiveError, match=words):
        NumpyFunction(law, SHAPES, INPUTS)


def test_small_systems() -> None:
    rng = np.random.default_rng(3)
    roots = rng.standard_normal((6, 4, 4))
    matrices = roots @ np.swapaxes(roots, 1, 2)
    matrices[2] -= 10.0 * np.eye(4)
    right = rng.standard_normal((6, 4))
    factors = factorise(matrices)
    assert factors.positive.tolist() == [True, True, False, True, True, True]
    solved = solve_factorised(factors, right)
    for k in np.flatnonzero(factors.positive):
        np.testing.assert_allclose(matrices[k] @ solved[k], right[k], rtol=1e-9, atol=1e-9)
