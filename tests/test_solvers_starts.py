"""Generic starts on real runs: enough of them reach the best optimum, and it is SciPy's."""

import csv
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.optima import CONVERGED, Optima
from farseer_jax.solvers.random_starts import Domain, draw_starts

POSITIVE, REAL = Domain(0.0), Domain()
EXPONENT, REAL_EXPONENT = Domain(0.0, start=(0.05, 1.0)), Domain(start=(0.05, 1.0))
NUM_STARTS = 64
Table = dict[str, np.ndarray]


class Case(NamedTuple):
    """A law, the domains of its parameters, and runs, ``(data_set, run)``."""

    law: Callable[[Any, Any], Any]
    domains: list[Any]
    inputs: Table
    response: np.ndarray
    log: bool
    delta: float


def streams(p: Any, i: Any) -> Any:
    return p[0] + (p[1] / (i["N"] * (p[3] * jnp.log(i["P"]) + 1))) ** p[2]


def vocabulary(p: Any, i: Any) -> Any:
    """One exponent for N and D, as its authors tie them: with two, E grows without end."""
    return -p[0] + p[1] / i["N"] ** p[2] + p[3] * (i["D"] * i["V"] ** p[4]) ** -p[2]


def repeated(p: Any, i: Any) -> Any:
    effective = i["U"] * (1 + p[5] * (1 - jnp.exp(-(i["D"] / i["U"] - 1) / p[5])))
    return p[0] + p[1] / i["N"] ** p[2] + p[3] / effective ** p[4]


def fine_tuning(p: Any, i: Any) -> Any:
    return p[0] + p[1] / (p[2] + i["examples"] ** p[3])


def experts(p: Any, i: Any) -> Any:
    """Clark's, in natural logarithms."""
    a, b, c, d, least, most = p
    count = 1 / (1 / (i["E"] - 1 + 1 / (1 / least - 1 / most)) + 1 / most)
    log_N, log_count = jnp.log(i["N"]), jnp.log(count)
    return jnp.exp(a * log_N + b * log_count + c * log_N * log_count + d)


def mixing(p: Any, i: Any) -> Any:
    return p[0] + p[1] * jnp.exp(jnp.sum(p[2] * i["h"]))


def read(path: Path) -> dict[str, list[str]]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    return {name: [row[name] for row in rows] for name in rows[0]}


def numbers(table: dict[str, list[str]], *names: str) -> list[np.ndarray]:
    return [np.array(table[name], dtype=float) for name in names]


def groups(*columns: list[str]) -> list[np.ndarray]:
    """Rows of each group, in order of first appearance."""
    keys = list(zip(*columns, strict=True))
    return [np.array([k == key for k in keys]) for key in dict.fromkeys(keys)]


def case(name: str, folder: Path) -> Case:
    if name.startswith("streams"):
        table = read(folder / "parallel.csv")
        N, P, loss = numbers(table, "N", "P", "loss")
        rows = np.array(table["corpus"]) == name.split()[1]
        domains = [POSITIVE, POSITIVE, EXPONENT, POSITIVE]
        return Case(streams, domains, {"N": N[rows], "P": P[rows]}, loss[rows], True, 1e-3)
    if name.startswith("vocabulary"):
        N, V, D, loss = numbers(
            read(folder / "vocabulary.csv"), "N_nonvocab", "V", "characters", "loss"
        )
        domains = [POSITIVE, POSITIVE, EXPONENT, POSITIVE, REAL_EXPONENT]
        return Case(vocabulary, domains, {"N": N, "V": V, "D": D}, loss, False, 1e-3)
    if name == "data-constrained":
        N, D, U, loss = numbers(read(folder / "data_constrained.csv"), "N", "D", "U", "loss")
        domains = [POSITIVE, POSITIVE, EXPONENT, POSITIVE, EXPONENT, POSITIVE]
        return Case(repeated, domains, {"N": N, "D": D, "U": U}, loss, True, 1e-3)
    if name == "fine-tuning":
        table = read(folder / "finetuning.csv")
        x, loss = numbers(table, "examples", "loss")
        rows = groups(table["model"], table["dataset"])
        domains = [POSITIVE, POSITIVE, POSITIVE, EXPONENT]
        inputs = {"examples": np.stack([x[own] for own in rows])}
        return Case(fine_tuning, domains, inputs, np.stack([loss[own] for own in rows]), True, 1e-3)
    if name.startswith("experts"):
        E, N, loss = numbers(read(folder / "moe.csv"), "experts", "N_dense", "loss")
        domains = [REAL, REAL, REAL, REAL, POSITIVE, POSITIVE]
        delta = np.inf if name.endswith("squares") else 1e-3
        return Case(experts, domains, {"E": E, "N": N}, loss, True, delta)
    table = read(folder / "mixture_five_domains.csv")
    h = np.stack(numbers(table, *(f"share_{k}" for k in range(1, 6))), axis=-1)
    losses = numbers(table, *(f"loss_{k}" for k in range(1, 6)))
    pairs = [(own, loss) for own in groups(table["model"]) for loss in losses]
    inputs = {"h": np.stack([h[own] for own, _ in pairs])}
    response = np.stack([loss[own] for own, loss in pairs])
    return Case(mixing, [POSITIVE, POSITIVE, [REAL] * 5], inputs, response, True, 1e-3)


NAMES = [
    "streams pile", "streams stack", "vocabulary", "data-constrained", "fine-tuning",
    "experts", "experts by squares", "mixing",
]  # fmt: skip


def shapes_of(case: Case) -> tuple[list[tuple[int, ...]], dict[str, tuple[int, ...]], list[Domain]]:
    shapes = [(len(d),) if isinstance(d, list) else () for d in case.domains]
    flat = [one for d in case.domains for one in (d if isinstance(d, list) else [d])]
    inputs = {name: array.shape[case.response.ndim :] for name, array in case.inputs.items()}
    return shapes, inputs, flat


class Fitted(NamedTuple):
    problem: FitProblem
    domains: list[Domain]
    response: FitProblem
    starts: np.ndarray
    optima: Optima


@cache
def fitted(name: str, folder: Path) -> Fitted:
    one = case(name, folder)
    shapes, inputs, domains = shapes_of(one)
    law = NumpyFunction(one.law, shapes, inputs)
    box = {
        "lower": np.array([domain.lower for domain in domains]),
        "upper": np.array([domain.upper for domain in domains]),
    }
    weights = 1.0 / one.response**2 if one.log else np.ones(one.response.shape)
    response = FitProblem(law, one.inputs, one.response, weights, **box)
    scaled, target = law, one.response
    if one.log:
        scaled = NumpyFunction(lambda p, i: jnp.log(one.law(p, i)), shapes, inputs)
        target = np.log(one.response)
    problem = FitProblem(scaled, one.inputs, target, np.ones(target.shape), delta=one.delta, **box)
    starts = draw_starts(problem, domains, NUM_STARTS, response=response)
    return Fitted(problem, domains, response, starts, minimise(problem, starts))


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "named_inputs"


@pytest.mark.parametrize("name", NAMES)
def test_most_starts_reach_the_best_optimum(name: str, folder: Path) -> None:
    optima = fitted(name, folder).optima
    best = optima.value.min(axis=1, keepdims=True)
    arrive = np.mean(optima.value <= best * (1 + 1e-6), axis=1)
    assert arrive.mean() >= 0.8
    assert arrive.min() >= 0.5  # of every data set
    reached = np.take_along_axis(optima.status, optima.value.argmin(1)[:, None], axis=1)
    assert np.mean(reached == CONVERGED) >= 0.95


@pytest.mark.parametrize("name", NAMES)
def test_no_start_of_scipy_finds_a_better_one(name: str, folder: Path) -> None:
    """Of 50 random starts; of a few of the data sets, since SciPy takes them one by one."""
    problem, domains, response, _, optima = fitted(name, folder)
    others = draw_starts(problem, domains, 50, response=response, seed=1)
    robust = {"loss": "huber", "f_scale": problem.delta} if problem.delta < np.inf else {}
    for row in range(0, problem.num_data_sets, 21):
        bound = problem.bound.take(np.array([row]))

        def residuals(p: np.ndarray, row: int = row, bound: Any = bound) -> np.ndarray:
            difference = bound.value(p[None])[0] - problem.target[row]
            return np.where(np.isfinite(difference), difference, 1e3)

        def jacobian(p: np.ndarray, bound: Any = bound) -> np.ndarray:
            return np.nan_to_num(bound.value_and_gradient(p[None])[1][0].T, posinf=0, neginf=0)

        inside = np.clip(others[row], problem.bounds[0] + 1e-12, problem.bounds[1])
        exact = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14, "max_nfev": 200}
        ends = [
            least_squares(
                residuals, start, jacobian, problem.bounds, x_scale="jac", **robust, **exact
            ).cost
            for start in inside
        ]
        assert optima.value[row].min() == pytest.approx(min(ends), rel=1e-8)


@pytest.mark.parametrize(
    ("corpus", "value", "E", "A", "alpha", "k"),
    [
        ("pile", 1.0845e-5, 1.3283, 1.641e8, 0.2072, 0.3426),
        ("stack", 2.5210e-5, 0.7283, 1.077e7, 0.2074, 0.4024),
    ],
)
def test_parallel_streams(
    corpus: str, value: float, E: float, A: float, alpha: float, k: float, folder: Path
) -> None:
    optima = fitted(f"streams {corpus}", folder).optima
    best = optima.value[0].argmin()
    assert optima.value[0, best] == pytest.approx(value, abs=5e-10)
    assert optima.free[0, best] == pytest.approx([E, A, alpha, k], rel=4e-4)


def test_more_starts_begin_with_the_same(folder: Path) -> None:
    problem, domains, response, starts, _ = fitted("streams pile", folder)
    few = draw_starts(problem, domains, 20, response=response)
    np.testing.assert_array_equal(few, starts[:, :20])
    other = draw_starts(problem, domains, 20, response=response, seed=7)
    assert not np.any(other == few)


def test_starts_lie_in_their_domains() -> None:
    law = NumpyFunction(
        lambda p, i: p[0] * i["x"] ** p[1] + p[2] * jnp.exp(-p[3]) + p[4] ** 2 * i["x"],
        [()] * 5,
        {"x": ()},
    )
    x = np.linspace(1.0, 5.0, 20)
    problem = FitProblem(law, {"x": x}, np.sqrt(x), np.ones(20))
    domains = [POSITIVE, EXPONENT, Domain(-0.2, 0.3), Domain(2.0), Domain(-np.inf, -1.0)]
    starts = draw_starts(problem, domains, 40)[0]
    lower, upper = np.array([[d.lower, d.upper] for d in domains]).T
    assert ((starts >= lower) & (starts <= upper)).all()
    assert ((starts[:, 1] > 0.05) & (starts[:, 1] < 1.0)).all()
    assert np.isfinite(starts).all()


def test_linear_parameters_start_at_their_least_squares() -> None:
    law = NumpyFunction(lambda p, i: p[0] + p[1] * i["x"] ** p[2], [()] * 3, {"x": ()})
    x = np.linspace(1.0, 5.0, 20)
    y = 1.0 + 2.0 * np.sqrt(x)
    problem = FitProblem(law, {"x": x}, y, np.ones(20))
    for start in draw_starts(problem, [REAL, REAL, EXPONENT], 5)[0]:
        columns = np.column_stack([np.ones(20), x ** start[2]])
        np.testing.assert_allclose(start[:2], np.linalg.lstsq(columns, y)[0], rtol=1e-6)
