"""Forecasts from many rows: averages of equal inputs, blocks of rows, rounds on some of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.forecasting import fit_stack, judging_runs
from farseer_jax.forecasting.fit_stack import cells_of, inputs_of, members_of, noise_of
from farseer_jax.forecasting.posterior import problem_of
from farseer_jax.forecasting.rolling_limits import rolling_limits
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.solvers import column_matrix, estimated_noise, replicates
from farseer_jax.solvers.column_matrix import ColumnMatrix
from farseer_jax.solvers.correlated_residuals import CorrelatedWeights
from farseer_jax.solvers.estimated_noise import laplace_at

KINDS: dict[str, Any] = {"N": "positive", "D": "positive"}
POINTS = {"N": np.array([2e9, 2e10]), "D": np.array([5e10, 1e12])}


def simulated(num_sizes: int, num_points: int, num_rows: int) -> fj.Runs:
    """Chinchilla's law at so many points, one in a hundred rows far off."""
    rng = np.random.default_rng(1)
    sizes = np.geomspace(5e7, 7e9, num_sizes).round()
    N = sizes[rng.integers(0, num_sizes, num_points)]
    D = (N * np.exp(rng.uniform(np.log(5.0), np.log(300.0), num_points))).round()
    row = rng.integers(0, num_points, num_rows)
    if num_rows == num_points:
        row = np.arange(num_points)
    noise = 0.003 * rng.standard_normal(num_rows) + 0.05 * (rng.random(num_rows) < 0.01)
    loss = np.exp(np.log(1.6 + 400.0 / N**0.34 + 2000.0 / D**0.37)[row] + noise)
    return fj.Runs(N[row], D[row], loss)


def numbers(found: fj.Forecast) -> np.ndarray:
    """Predictions, ends of intervals and the noise."""
    return np.concatenate(
        [found.predict(**POINTS), *found.interval(**POINTS), np.array([found.noise])]
    )


@pytest.fixture(scope="module")
def scattered() -> fj.Runs:
    """Rows of 15 sizes, no two at one point."""
    return simulated(15, 800, 800)


@pytest.fixture(scope="module")
def plain(scattered: fj.Runs) -> fj.Forecast:
    """Their forecast in one block."""
    return fj.forecast(scattered, POINTS, usual=False)


def test_columns_by_nodes_are_those_of_points(scattered: fj.Runs) -> None:
    inputs = {"N": scattered.N, "D": scattered.D}
    columns = CorrelatedErrors().columns(KINDS, inputs)
    found, points = columns.of_runs(inputs), columns.at(inputs)
    np.testing.assert_allclose(found.matrix.to_array(), points.matrix, atol=1e-12)
    np.testing.assert_allclose(found.size_left, points.size_left, atol=1e-12)
    # of an Ornstein-Uhlenbeck process nothing is left where each size is a pivot
    size = points.matrix[:, : columns.num_size]
    apart = np.abs(np.log(scattered.N)[:, None] - np.log(scattered.N))
    np.testing.assert_allclose(size @ size.T, 1.5**2 * np.exp(-apart), atol=1e-9)


def test_columns_in_blocks_are_the_array(
    scattered: fj.Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(column_matrix, "ROWS", 200)
    inputs = {"N": scattered.N, "D": scattered.D}
    matrix = CorrelatedErrors().columns(KINDS, inputs).of_runs(inputs).matrix
    dense = matrix.to_array()
    rng = np.random.default_rng(0)
    weights = rng.uniform(0.0, 2.0, (2, len(dense))) * [[1.0], [0.0]]
    weights[1, :250] = 1.0
    rows, u = rng.standard_normal((2, 3, len(dense))), rng.standard_normal((2, dense.shape[1]))
    gram = np.einsum("sr,ri,rj->sij", weights, dense, dense)
    np.testing.assert_allclose(matrix.gram(weights), gram, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(matrix.inner(rows), rows @ dense, rtol=1e-9, atol=1e-8)
    np.testing.assert_allclose(matrix.outer(u), u @ dense.T, rtol=1e-9, atol=1e-8)
    one = CorrelatedWeights.of(weights, matrix)
    two = CorrelatedWeights.of(weights, ColumnMatrix(dense))
    np.testing.assert_allclose(one.times(rows[:, 0]), two.times(rows[:, 0]), atol=1e-8)


def test_averages_have_the_posterior_of_the_rows() -> None:
    """The same noise, covariance and coefficients at the same parameters and weights."""
    runs = simulated(10, 40, 400)
    member = members_of(runs, None, LeastSquares())[1]
    inputs, target = inputs_of(runs, None), np.log(runs.loss)
    weights = np.random.default_rng(2).uniform(0.1, 1.0, (1, len(runs)))
    columns = CorrelatedErrors().columns(KINDS, inputs)
    averaged = cells_of(inputs, np.log(runs.N), target, weights)
    assert averaged.weights.shape == (1, len(np.unique([runs.N, runs.D], axis=1).T))

    def posterior(own: Any, y: Any, w: Any, rows: Any) -> Any:
        problem = problem_of(member, columns.of_runs(own), own, y, w)
        problem = replace(problem, prior_precision=np.full((1, 8), 1e-5))
        return laplace_at(problem, member.starts[:1], noise_of(runs), rows=rows)

    by_rows = posterior(inputs, target, weights, None)
    by_cells = posterior(averaged.inputs, averaged.target, averaged.weights, averaged.rows)
    for name in ("noise", "degrees", "covariance", "information", "squares", "expected", "change"):
        one, two = getattr(by_rows, name), getattr(by_cells, name)
        np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-9 * np.abs(one).max(), err_msg=name)


def test_a_forecast_of_averages_is_that_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = simulated(12, 60, 600)
    averaged = fj.forecast(runs, POINTS, usual=False)
    monkeypatch.setattr(fit_stack, "replicates_of", lambda *_: None)
    by_rows = fj.forecast(runs, POINTS, usual=False)
    np.testing.assert_allclose(averaged.predict(**POINTS), by_rows.predict(**POINTS), rtol=1e-7)
    np.testing.assert_allclose(numbers(averaged), numbers(by_rows), rtol=1e-5)
    assert averaged.run_weights.shape == (600,)
    assert len(averaged.record.error) == len(by_rows.record.error)


def test_blocks_of_rows_change_nothing(
    scattered: fj.Runs, plain: fj.Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (column_matrix, replicates):
        monkeypatch.setattr(module, "ROWS", 300)
    found = fj.forecast(scattered, POINTS, usual=False)
    np.testing.assert_allclose(numbers(found), numbers(plain), rtol=1e-9)


@pytest.fixture(scope="module")
def converged(scattered: fj.Runs) -> fj.Forecast:
    """Plain rounds on all rows until they no longer change anything."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_stack, "noise_of", lambda runs: replace(noise_of(runs), cut_rounds=15))
        return fj.forecast(scattered, POINTS, usual=False)


def test_rounds_on_some_rows_end_where_rounds_on_all_do(
    scattered: fj.Runs, converged: fj.Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimated_noise, "_MANY", 500)
    monkeypatch.setattr(estimated_noise, "_SOME", 300)
    found = fj.forecast(scattered, POINTS, usual=False)
    np.testing.assert_allclose(found.predict(**POINTS), converged.predict(**POINTS), rtol=1e-6)
    np.testing.assert_allclose(numbers(found), numbers(converged), rtol=1e-4)


def test_a_part_of_very_many_runs_judges_the_members(
    scattered: fj.Runs, converged: fj.Forecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold-outs are of that part; each member is fitted to all runs as without it."""
    monkeypatch.setattr(judging_runs, "MOST", 400)
    monkeypatch.setattr(judging_runs, "_FROM_EACH", 20)
    found = fj.forecast(scattered, POINTS, usual=False)
    assert len(found.record.error) < 0.7 * len(converged.record.error)
    assert found.run_weights.shape == (800,)
    for own, whole in zip(found.members, converged.members, strict=True):
        assert own.noise == pytest.approx(whole.noise, rel=1e-4)
        np.testing.assert_allclose(own.weights, whole.weights, atol=1e-3)
    low, high = converged.interval(**POINTS)
    moved = np.abs(found.predict(**POINTS) - converged.predict(**POINTS))
    assert (moved < 0.1 * (high - low)).all()


def test_judging_runs_are_stratified() -> None:
    sizes = np.repeat(np.log([1e8, 2e8, 4e8, 8e8, 1.6e9]), [120_000, 40_000, 9_000, 900, 100])
    along = np.random.default_rng(0).permutation(sizes)
    rolling = rolling_limits(along)
    rows = judging_runs.judging_runs(along, rolling)
    assert rows is not None
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, judging_runs.judging_runs(along, rolling))
    values, counts = np.unique(along[rows], return_counts=True)
    assert len(values) == 5
    np.testing.assert_allclose(counts[:2], np.array([120_000, 40_000]) * 65_536 / 170_000, atol=1)
    np.testing.assert_array_equal(counts[3:], [900, 100])  # all of a size that has few
    some = rolling.take(rows)
    assert (some.fitted.any(axis=1) & some.predicted.any(axis=1)).all()
    few = along[:65_536]
    assert judging_runs.judging_runs(few, rolling_limits(few)) is None


def test_a_hundred_thousand_replicates() -> None:
    runs = simulated(20, 100, 100_000)
    found = fj.forecast(runs, POINTS, usual=False)
    # an outlier counts as three standard deviations: one in a hundred adds 9 % to the variance
    assert found.noise == pytest.approx(0.003 * np.sqrt(1.09), rel=0.02)
    assert len(found.run_weights) == len(found.runs) == 100_000
    assert f"Rests on 100,000 runs at {len(np.unique(runs.N * 1e15 + runs.D))} points" in str(found)
