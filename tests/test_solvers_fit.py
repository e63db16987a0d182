"""Levenberg-Marquardt on batches of fits: optima, robust objectives, bounds, groups, priors."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares, linprog

from farseer_jax.objectives import Objective
from farseer_jax.solvers.fit_problem import FitProblem, relative_residuals
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.objective_evaluation import Evaluator
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE, OUT_OF_STEPS, STALLED

TRUE = np.array([0.5, -1.0, 0.35, -1.2, 0.28])
NUM_RUNS = 60


def log_loss(p: Any, i: dict[str, Any]) -> Any:
    """Chinchilla's law, amplitudes as logarithms."""
    size, tokens = i["N"] / 1e9, i["D"] / 1e10
    return jnp.log(jnp.exp(p[0]) + jnp.exp(p[1]) / size ** p[2] + jnp.exp(p[3]) / tokens ** p[4])


CHINCHILLA = NumpyFunction(log_loss, [()] * 5, {"N": (), "D": ()})
LINE = NumpyFunction(lambda p, i: p[0] + p[1] * i["x"], [(), ()], {"x": ()})


def runs() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    N = np.exp(rng.uniform(np.log(1e8), np.log(1e10), NUM_RUNS))
    return {"N": N, "D": N * np.exp(rng.uniform(2.0, 5.0, NUM_RUNS))}


def noisy(scale: float = 3e-3, num: int = 1) -> np.ndarray:
    clean = CHINCHILLA.bind(runs()).value(TRUE[None])
    return clean + scale * np.random.default_rng(1).standard_t(3, (num, NUM_RUNS))


def starts(num: int = 8) -> np.ndarray:
    return TRUE + np.random.default_rng(2).uniform(-0.2, 0.2, (num, 5))


def fit(delta: float = np.inf, target: np.ndarray | None = None, **settings: Any) -> FitProblem:
    target = noisy() if target is None else target
    weights = settings.pop("weights", np.ones(NUM_RUNS))
    return FitProblem(CHINCHILLA, runs(), target, weights, delta=delta, **settings)


def by_scipy(problem: FitProblem, start: np.ndarray) -> Any:
    """SciPy's own optimum of the same objective, for squares and Huber's."""
    root = np.sqrt(problem.weights[0])

    def residuals(p: np.ndarray) -> np.ndarray:
        return root * (problem.bound.value(p[None])[0] - problem.target[0])

    def jacobian(p: np.ndarray) -> np.ndarray:
        return root[:, None] * problem.bound.value_and_gradient(p[None])[1][0].T

    robust = {"loss": "huber", "f_scale": problem.delta} if problem.delta < np.inf else {}
    exact = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    return least_squares(residuals, start, jacobian, x_scale="jac", **robust, **exact)


@pytest.mark.parametrize("delta", [np.inf, 1e-2, 1e-3])
def test_the_optimum_is_that_of_scipy(delta: float) -> None:
    problem = fit(delta)
    found, expected = minimise(problem, starts()), by_scipy(problem, TRUE)
    assert (found.status == CONVERGED).all()
    np.testing.assert_allclose(found.value, expected.cost, rtol=1e-10)
    np.testing.assert_allclose(found.free[0], np.tile(expected.x, (8, 1)), rtol=1e-5)


def test_a_known_law_is_recovered() -> None:
    found = minimise(fit(target=noisy(0.0)), starts())
    assert (found.status == CONVERGED).all()
    np.testing.assert_allclose(found.free[0], np.tile(TRUE, (8, 1)), rtol=1e-8)


@pytest.mark.parametrize("delta", [np.inf, 1e-3, 0.0])
@pytest.mark.parametrize("quantile", [0.5, 0.7])
def test_the_value_is_that_of_the_objective(delta: float, quantile: float) -> None:
    problem = fit(delta, quantile=quantile)
    found = minimise(problem, starts(2))
    predicted = np.exp(problem.bound.value(found.free[0]))
    expected = Objective(delta=delta, quantile=quantile).value(predicted, np.exp(problem.target))
    np.testing.assert_allclose(found.value[0], expected, rtol=1e-9)


def test_relative_residuals() -> None:
    problem = fit(residual_scale=relative_residuals)
    found = minimise(problem, starts(2))
    predicted = np.exp(problem.bound.value(found.free[0]))
    objective = Objective(residual="relative")
    expected = objective.value(predicted, np.exp(problem.target))
    np.testing.assert_allclose(found.value[0], expected, rtol=1e-9)
    steps = 1e-4 * np.eye(5)
    for step in np.concatenate([steps, -steps]):
        moved = np.exp(problem.bound.value(found.free[0] + step))
        assert (objective.value(moved, np.exp(problem.target)) >= found.value[0]).all()


@pytest.mark.parametrize("quantile", [0.5, 0.8])
def test_least_absolute_residuals_are_those_of_a_linear_programme(quantile: float) -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal(40)
    y = 1.0 + 2.0 * x + rng.standard_t(1, 40)
    problem = FitProblem(LINE, {"x": x}, y, np.ones(40), delta=0.0, quantile=quantile)
    found = minimise(problem, np.ones((1, 2)))
    sides = np.repeat([2 * quantile, 2 * (1 - quantile)], 40)
    columns = np.hstack([np.column_stack([np.ones(40), x]), -np.eye(40), np.eye(40)])
    free, positive = [(None, None)] * 2, [(0, None)] * 80
    expected = linprog(np.r_[0, 0, sides], A_eq=columns, b_eq=y, bounds=free + positive)
    assert found.status.item() == CONVERGED
    assert found.value.item() == pytest.approx(expected.fun, rel=1e-8)


@pytest.mark.parametrize(("delta", "columns"), [(np.inf, 0), (np.inf, 2), (1e-3, 0)])
def test_derivatives_of_the_objective(delta: float, columns: int) -> None:
    settings: dict[str, Any] = {
        "basis": np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0], [0, 0, 1, 0]]),
        "offset": np.array([0.1, 0.0, 0.0, 0.0, -0.05]),
        "prior_mean": np.zeros(5),
        "prior_precision": np.array([0.0, 1e-3, 0.0, 2e-3, 0.0]),
    }
    if columns:
        settings["linear"] = np.random.default_rng(4).standard_normal((NUM_RUNS, columns))
    problem = fit(delta, **settings)
    evaluator = Evaluator(problem, np.array([0]))
    point = np.array([[0.4, -1.1, 0.3, -1.3]])
    found = evaluator.evaluate(point, np.array([True]))
    for k in range(4):
        step = 1e-6 * np.eye(4)[k]
        ends = [evaluator.evaluate(point + s, np.array([True])) for s in (step, -step)]
        slope = (ends[0].value - ends[1].value) / 2e-6
        np.testing.assert_allclose(found.gradient[0, k], slope, rtol=1e-4, atol=1e-6)
        slope = (ends[0].gradient - ends[1].gradient)[0] / 2e-6
        np.testing.assert_allclose(found.hessian[0, k], slope, rtol=1e-4, atol=1e-4)


def test_runs_of_weight_zero_never_matter() -> None:
    target, inputs, weights = noisy()[0], runs(), np.ones(NUM_RUNS)
    weights[:4] = 0.0
    few = FitProblem(
        CHINCHILLA, {k: v[4:] for k, v in inputs.items()}, target[4:], weights[4:], delta=1e-3
    )
    target[0] = np.nan
    inputs["N"][1], inputs["D"][2] = np.nan, -1.0
    all_runs = FitProblem(CHINCHILLA, inputs, target, weights, delta=1e-3)
    one, other = minimise(few, starts(3)), minimise(all_runs, starts(3))
    assert (other.status == CONVERGED).all()
    np.testing.assert_allclose(one.value, other.value, rtol=1e-11)
    np.testing.assert_allclose(one.free, other.free, rtol=1e-7)


def test_data_sets_starts_and_digits_do_not_depend_on_the_batch() -> None:
    target, weights = noisy(num=5), np.random.default_rng(3).integers(0, 3, (5, NUM_RUNS))
    problem = fit(1e-3, target, weights=weights)
    together = minimise(problem, starts(70))  # more than one block of the cache
    assert together.free.shape == (5, 70, 5)
    for row, start in ((0, 0), (3, 69), (4, 11)):
        alone = fit(1e-3, target[row], weights=weights[row])
        found = minimise(alone, starts(70)[start : start + 1])
        np.testing.assert_array_equal(found.free[0, 0], together.free[row, start])
        assert found.value[0, 0] == together.value[row, start]
        assert found.steps[0, 0] == together.steps[row, start]


def test_a_step_does_not_depend_on_the_scale_of_a_parameter() -> None:
    scale = np.array([1e8, 1e-6, 3.0, 1.0, 1e3])
    scaled = FitProblem(
        NumpyFunction(
            lambda p, i: log_loss([p[k] / scale[k] for k in range(5)], i),
            [()] * 5,
            {"N": (), "D": ()},
        ),
        runs(),
        noisy(),
        np.ones(NUM_RUNS),
    )
    one, other = minimise(fit(), starts()), minimise(scaled, starts() * scale)
    np.testing.assert_array_equal(one.steps, other.steps)
    np.testing.assert_allclose(one.free, other.free / scale, rtol=1e-8)


def test_bounds_fixed_and_tied_parameters() -> None:
    problem = fit(lower=np.array([0.55, -9, 0, -9, 0]), upper=np.array([9.0, 9, 0.3, 9, 9]))
    found = minimise(problem, starts())
    assert (found.status == CONVERGED).all()
    best = found.free[0, 0]
    assert best[2] == 0.3 or best[0] == 0.55
    exact = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15}
    expected = least_squares(
        lambda p: problem.bound.value(p[None])[0] - problem.target[0],
        np.array([0.6, -1, 0.2, -1, 0.3]),
        bounds=(problem.lower, problem.upper),
        **exact,
    )
    np.testing.assert_allclose(found.value, expected.cost, rtol=1e-7)
    # alpha = beta, E fixed
    basis = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1.0, 0]])
    tied = minimise(fit(basis=basis, offset=np.array([0.5, 0, 0, 0, 0])), np.array([[-1, 0.3, -1]]))
    written_out = FitProblem(
        NumpyFunction(
            lambda p, i: log_loss([0.5, p[0], p[1], p[2], p[1]], i), [()] * 3, {"N": (), "D": ()}
        ),
        runs(),
        noisy(),
        np.ones(NUM_RUNS),
    )
    other = minimise(written_out, np.array([[-1, 0.3, -1]]))
    np.testing.assert_allclose(tied.free, other.free, rtol=1e-8)


def test_groups_share_some_parameters() -> None:
    group = np.arange(NUM_RUNS) % 3
    target = noisy(0.0)[0] + 0.02 * group  # E, A, B per group; exponents shared
    places = np.array([[0, 1, 2], [3, 4, 5], [6, 6, 6], [7, 8, 9], [10, 10, 10]])
    problem = FitProblem(
        CHINCHILLA,
        runs(),
        target,
        np.ones(NUM_RUNS),
        parameter_of=places,
        group=group,
        delta=1e-3,
    )
    start = np.array([0.4, 0.4, 0.4, -1, -1, -1, 0.3, -1, -1, -1, 0.3])
    found = minimise(problem, start[None])
    assert found.status.item() == CONVERGED
    expected = [0.5, 0.52, 0.54, -1, -0.98, -0.96, 0.35, -1.2, -1.18, -1.16, 0.28]
    np.testing.assert_allclose(found.free[0, 0], expected, rtol=1e-6)


def test_priors_and_linear_columns_are_further_rows_of_least_squares() -> None:
    rng = np.random.default_rng(5)
    x, columns = rng.standard_normal(30), rng.standard_normal((30, 2))
    y = 1.0 + 2.0 * x + 0.1 * rng.standard_normal(30)
    mean, sd = np.array([0.0, 1.0]), np.array([0.2, 0.5])
    problem = FitProblem(
        LINE, {"x": x}, y, np.full(30, 4.0), linear=columns, prior_mean=mean,
        prior_precision=1 / sd**2,
    )  # fmt: skip
    rows = 2.0 * np.column_stack([np.ones(30), x, columns])
    priors = np.diag([*(1 / sd), 1, 1])
    right = np.concatenate([2.0 * y, mean / sd, [0, 0]])
    expected, squares, *_ = np.linalg.lstsq(np.vstack([rows, priors]), right)
    found = minimise(problem, np.zeros((1, 2)))
    assert found.status.item() == CONVERGED
    np.testing.assert_allclose(found.free[0, 0], expected[:2], rtol=1e-9)
    np.testing.assert_allclose(found.value.item(), 0.5 * squares.item(), rtol=1e-9)


def one_input(law: Callable[[Any, Any], Any], x: np.ndarray, y: np.ndarray, num: int) -> FitProblem:
    traced = NumpyFunction(lambda p, i: law(p, i["x"]), [()] * num, {"x": ()})
    return FitProblem(traced, {"x": x}, y, np.ones(len(x)))


def test_how_searches_end() -> None:
    x = np.arange(1.0, 9.0)
    square = one_input(lambda p, x: p[0] * jnp.sqrt(p[1]) * x, x, 2.0 * x, 2)
    assert minimise(square, np.array([[1.0, -1.0]])).status.item() == NOT_FINITE
    # an exponential that has died out: the sum of squares is flat in its rate
    tail = one_input(lambda p, x: p[0] + jnp.exp(-p[1] * x), x, 0.0 * x, 2)
    ended = minimise(tail, np.array([[0.0, 5.0], [0.0, 40.0], [0.1, 300.0]]))
    assert set(ended.status.ravel().tolist()) <= {STALLED, OUT_OF_STEPS}
    # on top of a hill the slope is 0 as well
    hill = one_input(lambda p, x: jnp.cos(p[0]) * x, x, -x, 1)
    assert minimise(hill, np.array([[0.0]])).status.item() == STALLED
    assert minimise(fit(), starts(1) + 3.0, Settings(max_steps=3)).status.item() == OUT_OF_STEPS


def test_models_that_break_on_the_way_are_survived() -> None:
    x = np.linspace(1.0, 10.0, 20)
    # negative for small p[0], where the logarithm is NaN; overflows for large p[1]
    law = one_input(
        lambda p, x: jnp.log(p[0] - jnp.exp(p[1] * x)), x, np.log(3.0 - 2.0 ** (x / 8)), 2
    )
    found = minimise(law, np.array([[60.0, 0.4], [1e3, 0.05], [8.0, -0.2]]))
    assert (found.status == CONVERGED).all()
    np.testing.assert_allclose(found.free[0], np.tile([3.0, np.log(2) / 8], (3, 1)), rtol=1e-6)


def test_parameters_that_cannot_be_told_apart_converge_to_the_optimum() -> None:
    x = np.linspace(1.0, 2.0, 12)
    y = 3.0 * x + 0.01 * np.sin(40 * x)
    law = one_input(lambda p, x: p[0] * p[1] * x, x, y, 2)
    found = minimise(law, np.array([[1.0, 1.0], [0.3, 5.0]]))
    assert (found.status == CONVERGED).all()
    slope = (x @ y) / (x @ x)
    np.testing.assert_allclose(found.free[0].prod(-1), slope, rtol=1e-9)
