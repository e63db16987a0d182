"""Hessians by terms of few parameters equal those of every pair of parameters, and JAX's."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.objective_evaluation import Evaluator

NUM = 4  # shares
SHAPES = [(), (NUM,), (NUM,), (), ()]
INPUTS = {"N": (), "h": (NUM,)}


def sum_of_terms(p: list[Any], i: dict[str, Any]) -> Any:
    mixture = jnp.sum(jnp.exp(p[1]) * i["h"] ** p[2])
    return jnp.log(p[0] + 1.0 / mixture + jnp.exp(p[3]) / i["N"] ** p[4])


def power_of_a_sum(p: list[Any], i: dict[str, Any]) -> Any:
    size = jnp.sum(jnp.exp(p[1]) * i["h"]) ** p[4]
    return p[0] + size / i["N"] ** p[3] + jnp.sum(p[2] * i["h"])


def nothing_separates(p: list[Any], i: dict[str, Any]) -> Any:
    every = p[0] + p[3] + p[4] + jnp.sum(p[1]) + jnp.sum(p[2])
    return jnp.sum(jnp.exp(0.1 * every) * jnp.sin(p[1] * p[2] * i["h"])) / i["N"]


FUNCTIONS = {f.__name__: f for f in (sum_of_terms, power_of_a_sum, nothing_separates)}
Function = Callable[[list[Any], dict[str, Any]], Any]


def points() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    h = rng.dirichlet(np.ones(NUM), 12)
    h[3] = [0.0, 0.5, 0.5, 0.0]
    vectors = rng.uniform(0.2, 1.0, (3, 3 + 2 * NUM))
    return vectors, {"N": rng.uniform(1.0, 9.0, 12), "h": h}


def hessians_by_jax(
    function: Function, vectors: np.ndarray, inputs: dict[str, np.ndarray]
) -> np.ndarray:
    def of_vector(v: Any, one: dict[str, Any]) -> Any:
        parts = [v[0], v[1 : 1 + NUM], v[1 + NUM : 1 + 2 * NUM], v[-2], v[-1]]
        return function(parts, one)

    with jax.enable_x64(True):
        each = jax.vmap(jax.vmap(jax.hessian(of_vector), (None, 0)), (0, None))
        return np.asarray(jax.jit(each)(vectors, inputs))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sums_are_those_of_jax_for_each_group(name: str) -> None:
    vectors, inputs = points()
    weights = np.random.default_rng(1).standard_normal((3, 12))
    bound = NumpyFunction(FUNCTIONS[name], SHAPES, INPUTS).bind(inputs)
    groups = [np.arange(5), np.arange(5, 12)]
    found = bound.separable_hessian(vectors, weights, groups)
    if name == "nothing_separates":
        assert found is None
        return
    every = hessians_by_jax(FUNCTIONS[name], vectors, inputs) * weights[..., None, None]
    expected = np.stack([every[:, runs].sum(1) for runs in groups])
    assert found is not None
    np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-11)


def test_runs_of_weight_zero_never_matter() -> None:
    vectors, inputs = points()
    weights = np.ones((3, 12))
    weights[:, 2] = 0.0
    function = NumpyFunction(sum_of_terms, SHAPES, INPUTS)
    wrong = {**inputs, "N": np.where(np.arange(12) == 2, 0.0, inputs["N"])}
    whole = [slice(None)]
    found = function.bind(wrong).separable_hessian(vectors, weights, whole)
    expected = function.bind(inputs).separable_hessian(vectors, weights, whole)
    assert found is not None
    assert expected is not None
    np.testing.assert_allclose(found, expected, rtol=1e-13)


def test_digits_of_an_element_do_not_depend_on_the_others() -> None:
    vectors, inputs = points()
    bound = NumpyFunction(sum_of_terms, SHAPES, INPUTS).bind(inputs)
    together = bound.separable_hessian(vectors, np.ones((3, 12)), [slice(None)])
    alone = bound.separable_hessian(vectors[1:2], np.ones((1, 12)), [slice(None)])
    assert together is not None
    assert alone is not None
    np.testing.assert_array_equal(together[:, 1], alone[:, 0])


def problem_of_groups() -> FitProblem:
    """Two groups of runs that share all but the first parameter."""
    _, inputs = points()
    size = 3 + 2 * NUM
    places = np.stack([np.arange(size), np.r_[size, np.arange(1, size)]], axis=1)
    target = np.random.default_rng(3).uniform(0.1, 0.5, 12)
    return FitProblem(
        NumpyFunction(sum_of_terms, SHAPES, INPUTS), inputs, target, np.ones(12), delta=0.1,
        parameter_of=places, group=np.arange(12) % 2,
    )  # fmt: skip


def test_hessians_of_groups_agree_with_finite_differences() -> None:
    problem = problem_of_groups()
    free = np.random.default_rng(4).uniform(0.3, 0.9, (1, problem.num_free))
    evaluator, exact = Evaluator(problem, np.zeros(1, int)), np.ones(1, bool)
    hessian = evaluator.evaluate(free, exact).hessian[0]
    step = 1e-6
    for k, direction in enumerate(np.eye(problem.num_free)):
        ends = [evaluator.evaluate(free + s * step * direction, exact).gradient for s in (1, -1)]
        slope = (ends[0] - ends[1])[0] / (2 * step)
        np.testing.assert_allclose(hessian[k], slope, rtol=1e-6, atol=1e-7)


def test_a_second_search_traces_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, starts = problem_of_groups(), np.full((1, 4 + 2 * NUM), 0.5)
    first = minimise(problem, starts)
    monkeypatch.setattr(jax, "make_jaxpr", None)
    np.testing.assert_array_equal(minimise(problem, starts).free, first.free)
