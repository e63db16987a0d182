"""What must not change a fit: the order of rows, the unit of N, the unit of the loss, copies."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farseer_jax import Farseer, Fit, Piecewise, Runs, example_law, fit, simulate

METHODS = [Piecewise(), Piecewise(criterion="relative")]
AT_N, AT_D = np.array([3e8, 2e9, 3e10]), np.array([2e9, 3e10, 1e12])
# A smooth search is exact to rounding. A relative criterion is flat where its minimum lies between
# two kinks, and values tell its place there to the root of their rounding only.
CLOSE = {"squared": 1e-10, "relative": 1e-7}

few = settings(max_examples=25)
seeds = st.integers(0, 2**32 - 1)
methods = st.sampled_from(METHODS)


@cache
def runs_of(seed: int) -> Runs:
    """66 noisy runs: 11 sizes, 6 D."""
    N, D = np.meshgrid(2e8 * 2 ** np.arange(0, 5.5, 0.5), 1e9 * 2.0 ** np.arange(6), indexing="ij")
    return simulate(example_law(), N.ravel(), D.ravel(), seed=seed)


@cache
def plain_fit(seed: int, method: Piecewise) -> Fit:
    return fit(Farseer, runs_of(seed), method)


def assert_same(changed: Fit, plain: Fit, factor_N: float = 1.0, factor_loss: float = 1.0) -> None:
    close = CLOSE[plain.method.criterion]
    expected = factor_loss * plain.predict(AT_N, AT_D)
    np.testing.assert_allclose(changed.predict(factor_N * AT_N, AT_D), expected, rtol=close)
    assert changed.outcome is plain.outcome
    assert changed.mean_relative_error == pytest.approx(plain.mean_relative_error, rel=1e-6)
    found, own = changed.diagnostics, plain.diagnostics
    np.testing.assert_allclose(found.N, factor_N * own.N, rtol=1e-15)
    np.testing.assert_allclose(found.A, own.A, rtol=1e-10)
    np.testing.assert_allclose(found.B, factor_loss * own.B, rtol=1e-10)
    np.testing.assert_allclose(found.G, factor_loss * own.G, rtol=close)


@few
@given(seed=seeds, method=methods, random=st.randoms(use_true_random=False))
def test_order_of_rows(seed: int, method: Piecewise, random: object) -> None:
    runs = runs_of(seed)
    order = list(range(len(runs)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = Runs(runs.N[order], runs.D[order], runs.loss[order])
    assert_same(fit(Farseer, shuffled, method), plain_fit(seed, method))


@few
@given(seed=seeds, method=methods, log_factor=st.floats(-12, 12))
def test_unit_of_N(seed: int, method: Piecewise, log_factor: float) -> None:
    runs, factor = runs_of(seed), np.exp(log_factor)
    scaled = Runs(runs.N * factor, runs.D, runs.loss, N_unit=1.0)
    assert_same(fit(Farseer, scaled, method), plain_fit(seed, method), factor_N=factor)


@few
@given(seed=seeds, method=methods, unit=st.sampled_from([1e3, 1e6, 1e9]))
def test_unit_of_N_that_is_declared(seed: int, method: Piecewise, unit: float) -> None:
    runs = runs_of(seed)
    declared = Runs(runs.N / unit, runs.D, runs.loss, N_unit=unit)
    assert_same(fit(Farseer, declared, method), plain_fit(seed, method))


@few
@given(seed=seeds, method=methods, log_factor=st.floats(-7, 7))
def test_unit_of_the_loss(seed: int, method: Piecewise, log_factor: float) -> None:
    runs, factor = runs_of(seed), np.exp(log_factor)
    scaled = Runs(runs.N, runs.D, factor * runs.loss)
    assert_same(fit(Farseer, scaled, method), plain_fit(seed, method), factor_loss=factor)


@few
@given(
    seed=seeds,
    method=methods,
    rows=st.lists(st.integers(0, 65), min_size=3, max_size=3, unique=True),
)
def test_copies_of_rows(seed: int, method: Piecewise, rows: list[int]) -> None:
    runs = runs_of(seed)
    with_copies = Runs(*(np.append(x, x[rows]) for x in (runs.N, runs.D, runs.loss)))
    found = fit(Farseer, with_copies, method)
    assert_same(found, plain_fit(seed, method))
    assert found.diagnostics.num_copies == 3
    assert found.diagnostics.num_repeats == 0


@few
@given(seed=seeds, rows=st.lists(st.integers(0, 65), min_size=3, max_size=3, unique=True))
def test_repeats_count_by_their_mean(seed: int, rows: list[int]) -> None:
    """A run that gave ℓ + δ, and again ℓ − δ, is a run that gave ℓ."""
    runs, method = runs_of(seed), METHODS[0]
    deviation = np.zeros(len(runs))
    deviation[rows] = 1e-3
    N, D = (np.append(x, x[rows]) for x in (runs.N, runs.D))
    repeated = Runs(N, D, np.append(runs.loss + deviation, runs.loss[rows] - 1e-3))
    found = fit(Farseer, repeated, method)
    assert_same(found, plain_fit(seed, method))
    assert found.diagnostics.num_repeats == 3
    assert found.diagnostics.num_copies == 0
