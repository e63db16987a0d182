"""Large tables: blocks of runs, and starts chosen on some of them, give the fit of all runs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.methods.end_to_end import large_tables, layout, multi_start
from farseer_jax.runtime import memory
from farseer_jax.solvers import column_matrix, levenberg_marquardt
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.objective_evaluation import Evaluator

NUM = 600
LAW = "E + A/N**a + B/D**b"
LAW_CLASS = fj.law(LAW)


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    rng = np.random.default_rng(0)
    N, D = np.exp(rng.uniform(np.log([[2e8], [2e9]]), np.log([[1e10], [5e11]]), (2, NUM)))
    return fj.simulate(fj.Chinchilla.published("Hoffmann et al."), N, D, noise=1e-3, seed=1)


@pytest.fixture
def staged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of these tests are large."""
    for module in (large_tables, multi_start):
        monkeypatch.setattr(module, "MANY_RUNS", 300)
    monkeypatch.setattr(large_tables, "_FEW_RUNS", 60)
    monkeypatch.setattr(large_tables, "_GROWTH", 4)


def _numbers(fit: Any) -> np.ndarray:
    return np.array([float(value) for value in fit.law.to_vector()])


def _same_fit(one: Any, other: Any, tolerance: float) -> None:
    assert one.diagnostics.objective == pytest.approx(other.diagnostics.objective, rel=1e-12)
    assert _numbers(one) == pytest.approx(_numbers(other), rel=tolerance)
    assert one.outcome == other.outcome


def _problem(**options: Any) -> FitProblem:
    rng = np.random.default_rng(3)
    function = NumpyFunction(
        lambda p, x: p[0] + p[1] * x["x"] ** p[2] + p[3] * x["h"][1], [()] * 4, {"x": (), "h": (2,)}
    )
    shares = rng.dirichlet([1.0, 1.0], 400)
    inputs = {"x": rng.uniform(1.0, 3.0, 400), "h": shares}
    target = 1.0 + 2.0 * inputs["x"] ** 0.5 + shares[:, 1] + 0.01 * rng.standard_normal(400)
    return FitProblem(function, inputs, target, rng.uniform(0.0, 2.0, (2, 400)), **options)


@pytest.mark.parametrize("delta", [np.inf, 0.01])
def test_the_sum_over_blocks_of_runs_is_that_over_all(
    monkeypatch: pytest.MonkeyPatch, delta: float
) -> None:
    precision = {"prior_mean": np.ones(4), "prior_precision": np.full(4, 0.1)}
    free = np.array([[1.0, 1.5, 0.6, 0.4], [1.2, 1.0, 0.4, 0.8]])
    both = np.ones(2, dtype=bool)
    whole = Evaluator(_problem(delta=delta, **precision), np.arange(2))
    monkeypatch.setattr(column_matrix, "ROWS", 64)
    blocks = Evaluator(_problem(delta=delta, **precision), np.arange(2))
    assert len(_problem().blocks) == 7
    for exact in (both, ~both):
        for one, other in zip(
            whole.evaluate(free, exact), blocks.evaluate(free, exact), strict=True
        ):
            np.testing.assert_allclose(other, one, rtol=1e-12, atol=1e-13)
    for call in ("value", "mean_residual"):
        np.testing.assert_allclose(getattr(blocks, call)(free), getattr(whole, call)(free), 1e-13)
    moved = blocks.curved_gradient(free, 0.1 * free)
    np.testing.assert_allclose(moved, whole.curved_gradient(free, 0.1 * free), rtol=1e-10)


def test_blocks_lead_to_the_same_optimum(monkeypatch: pytest.MonkeyPatch) -> None:
    start = np.array([[1.0, 1.5, 0.6, 0.4]])
    whole = minimise(_problem(delta=0.01), start)
    monkeypatch.setattr(column_matrix, "ROWS", 64)
    monkeypatch.setattr(levenberg_marquardt, "_BLOCK", 64)
    blocks = minimise(_problem(delta=0.01), start)
    np.testing.assert_allclose(blocks.free, whole.free, rtol=1e-9)
    np.testing.assert_allclose(blocks.value, whole.value, rtol=1e-13)


@pytest.mark.parametrize(
    ("law", "method"),
    [
        (LAW, lambda: fj.LeastSquares(num_starts=16)),
        (LAW, lambda: fj.LeastSquares("huber", num_starts=16)),
        (fj.Chinchilla, lambda: fj.LeastSquares(num_starts=16)),
        (fj.Chinchilla, lambda: fj.Restarts(num_starts=8)),
    ],
)
def test_starts_chosen_on_some_runs_end_at_the_optimum_of_all(
    runs: fj.Runs, request: pytest.FixtureRequest, law: Any, method: Callable[[], Any]
) -> None:
    whole = fj.fit(law, runs, method())
    request.getfixturevalue("staged")
    some = fj.fit(law, runs, method())
    _same_fit(some, whole, 1e-6 if isinstance(method(), fj.Restarts) else 1e-8)
    assert some.diagnostics.num_starts == whole.diagnostics.num_starts
    assert some.diagnostics.fraction_at_best() == 1.0


@pytest.mark.parametrize("objective", ["squared", "squared-relative"])
def test_minima_of_a_profile_of_some_runs_are_those_of_all(
    runs: fj.Runs, request: pytest.FixtureRequest, objective: str
) -> None:
    method = fj.VariableProjection(objective, num_candidates=8, num_polished=2)
    whole = fj.fit(fj.Chinchilla, runs, method)
    request.getfixturevalue("staged")
    some = fj.fit(fj.Chinchilla, runs, method)
    _same_fit(some, whole, 1e-8)
    ratio = some.diagnostics.profile / whole.diagnostics.profile
    assert 0.5 < ratio.min() < ratio.max() < 2.0


def test_every_start_has_an_answer(runs: fj.Runs, staged: None) -> None:
    """Starts that stop on some of the runs say how they ended there, in units of all runs."""
    found = fj.fit("E + A/N**a", runs, fj.LeastSquares(num_starts=32, max_steps=12)).diagnostics
    assert np.isfinite(found.start_objective).all()
    assert (found.start_objective >= found.objective * (1.0 - 0.5)).all()
    assert (found.start_steps > 0).all()


def test_refits_of_a_large_table_start_at_its_optimum(
    runs: fj.Runs, request: pytest.FixtureRequest
) -> None:
    weights = np.random.default_rng(2).exponential(size=(3, NUM))
    method = fj.LeastSquares(num_starts=8)
    whole = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=method)
    request.getfixturevalue("staged")
    some = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=method)
    np.testing.assert_allclose(some.law.to_vector(), whole.law.to_vector(), rtol=1e-7)


def test_parts_grow_and_hold_the_ends_of_all_inputs(runs: fj.Runs, staged: None) -> None:
    own = layout.build_layout(fj.Chinchilla, runs)
    parts = list(large_tables.parts_of(own, runs.loss, np.ones(NUM), seed=0))
    sizes = [len(part.losses) for part in parts]
    assert sizes[0] < 70
    assert sizes[-1] == NUM
    assert sizes == sorted(sizes)
    for part in parts:
        assert part.layout.runs.N.max() == runs.N.max()
        assert part.layout.runs.D.min() == runs.D.min()
        assert part.layout.center == own.center


def test_runs_of_weight_0_are_in_no_part(runs: fj.Runs, staged: None) -> None:
    weights = (runs.N < 2e9).astype(float)
    own = layout.build_layout(fj.Chinchilla, runs)
    *some, _ = large_tables.parts_of(own, runs.loss, weights, seed=0)
    assert some
    assert all((part.weights > 0.0).all() for part in some)


def test_copies_are_those_of_numpy() -> None:
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 4, (3, 500)).astype(float)
    _, first, place = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    found = layout.unique_columns(rows)
    assert np.array_equal(found[0], first)
    assert np.array_equal(found[1], place.ravel())


def test_draws_of_a_large_table_do_not_depend_on_how_many_are_held(
    runs: fj.Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small budget cuts the resamples into small streams and calls, of the same digits."""
    fit = fj.fit(fj.Chinchilla, runs, fj.LeastSquares(num_starts=8))
    monkeypatch.setattr(memory, "BUDGET", 32 * NUM * 8)
    few = fj.bootstrap(fit, 20, chunk_size=8, scheme="runs")
    many = fj.bootstrap(fit, 24, scheme="runs")
    for one, other in zip(
        (batch.law.to_vector() for batch in few.draws.batches()),
        (batch.law.to_vector() for batch in many.draws.batches()),
        strict=False,
    ):
        assert np.array_equal(np.asarray(one)[:, :20], np.asarray(other)[:, :20])


def test_a_small_budget_changes_no_digit_of_refits(
    runs: fj.Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = np.random.default_rng(5).exponential(size=(20, NUM))
    method = fj.LeastSquares(num_starts=8)
    whole = fj.fit_batch(LAW_CLASS, runs, weights=weights, method=method)
    monkeypatch.setattr(memory, "BUDGET", 1000)
    small = fj.fit_batch(LAW_CLASS, runs, weights=weights, method=method)
    assert np.array_equal(small.law.to_vector(), whole.law.to_vector())
