"""Resampling schemes: what each draws, and that position and seed alone decide it."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from weighted_mean import WeightedMean, fit_of, mean_fit

from farseer_jax import (
    BayesianBootstrap,
    Chinchilla,
    JackknifeRuns,
    JackknifeSizes,
    ParametricBootstrap,
    ResampleRuns,
    ResampleSizes,
    ResampleWithinSizes,
    ResidualBootstrap,
    Runs,
    WildBootstrap,
    bootstrap,
    estimate_noise,
)
from farseer_jax.uncertainty.assumed_errors import assumed_errors
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.resampling import Draw, Setting
from farseer_jax.uncertainty.schemes_by_name import SCHEMES, as_scheme, scheme_of

LAW = Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
COPIES = {20: 3, 21: 7, 22: 7}  # row: of which row
NUM_UNITS, NUM_RUNS, NUM_SIZES = 20, 23, 4
MANY = 4096

SAMPLERS = [
    ResampleRuns(),
    ResampleSizes(),
    ResampleWithinSizes(),
    BayesianBootstrap(),
    ResidualBootstrap(),
    ResidualBootstrap(within_sizes=False),
    WildBootstrap(),
    WildBootstrap("mammen", by_size=False),
    WildBootstrap("normal"),
    ParametricBootstrap(),
    ParametricBootstrap(2e-3),
]
OF_LOSSES = [scheme for scheme in SAMPLERS if scheme.name in ("residual", "wild", "parametric")]
every = pytest.mark.parametrize("scheme", SAMPLERS, ids=str)


def law_loss(N: np.ndarray, D: np.ndarray) -> np.ndarray:
    return 1.69 + 406.4 * N**-0.34 + 410.7 * D**-0.28


def setting_of(order: Any = slice(None), scale: float = 1.0) -> Setting:
    """4 sizes of 5 runs with noise that grows with N, three rows that copy others, in disorder."""
    N, D = np.meshgrid(2e8 * 2.0 ** np.arange(4), 1e9 * 2.0 ** np.arange(5), indexing="ij")
    rows = np.array([*range(20), *COPIES.values()])
    N, D = N.ravel(), D.ravel()
    noise = 1e-3 * (N / N[0]) ** 0.5 * np.random.default_rng(3).standard_normal(20)
    loss = law_loss(N, D) * np.exp(noise)
    columns = (column[rows][order] for column in (N, D, scale * loss))
    law = Chinchilla(scale * LAW.E, scale * LAW.A, scale * LAW.B, LAW.alpha, LAW.beta)
    return Setting.of(fit_of(law, Runs(*columns), WeightedMean()))


@cache
def setting() -> Setting:
    return setting_of()


@cache
def many(scheme: Any) -> Draw:
    return resamples(scheme, setting(), 0, 0, MANY)


def values(draw: Draw) -> np.ndarray:
    """The one stack that a scheme changes."""
    (own,) = (part for part in draw if part is not None)
    return own


def deviations(scheme: Any) -> np.ndarray:
    """Of ln loss from the fitted law, ``(resample, unit)``."""
    first = setting().first
    return np.log(values(many(scheme))[:, first] / setting().predicted)


# What each scheme draws


@every
def test_copies_of_a_run_share_what_is_drawn(scheme: Any) -> None:
    own = values(many(scheme))
    assert own.shape == (MANY, NUM_RUNS)
    for row, original in COPIES.items():
        np.testing.assert_array_equal(own[:, row], own[:, original])


@pytest.mark.parametrize("scheme", [ResampleRuns(), BayesianBootstrap(), ResampleWithinSizes()])
def test_weights_of_distinct_runs_have_mean_one(scheme: Any) -> None:
    weights = values(many(scheme))[:, setting().first]
    np.testing.assert_allclose(weights.mean(axis=1), 1.0, rtol=1e-12)
    np.testing.assert_allclose(weights.mean(axis=0), 1.0, atol=0.1)


def test_runs_are_counts_of_a_multinomial_distribution() -> None:
    counts = values(many(ResampleRuns()))[:, setting().first]
    assert np.all(counts == np.round(counts))
    covariance = np.cov(counts.T)
    expected = np.eye(NUM_UNITS) - 1 / NUM_UNITS
    np.testing.assert_allclose(covariance, expected, atol=0.15)
    assert np.diag(covariance).mean() == pytest.approx(1 - 1 / NUM_UNITS, abs=0.02)


def test_bayesian_weights_are_dirichlet() -> None:
    """Of a flat one over n runs, times n: variance (n − 1)/(n + 1), no weight 0."""
    weights = values(many(BayesianBootstrap()))[:, setting().first]
    assert weights.min() > 0
    variance = weights.var(axis=0).mean()
    assert variance == pytest.approx((NUM_UNITS - 1) / (NUM_UNITS + 1), abs=0.04)
    # one weight over n is Beta(1, n − 1): P(w > x) = (1 − x/n)^(n − 1)
    assert np.mean(weights > 2) == pytest.approx((1 - 2 / NUM_UNITS) ** (NUM_UNITS - 1), abs=0.01)


def test_sizes_are_reweighted_whole() -> None:
    """From a Dirichlet distribution with parameter ½ over K sizes: variance 2 (K − 1)/(K + 2)."""
    weights, size = values(many(ResampleSizes())), setting().size
    for k in range(NUM_SIZES):
        own = weights[:, size == k]
        np.testing.assert_array_equal(own, own[:, :1].repeat(own.shape[1], axis=1))
    counts = np.stack([weights[:, np.argmax(size == k)] for k in range(NUM_SIZES)], axis=1)
    assert counts.min() > 0
    np.testing.assert_allclose(counts.sum(axis=1), NUM_SIZES, rtol=1e-12)
    variance = 2 * (NUM_SIZES - 1) / (NUM_SIZES + 2)
    np.testing.assert_allclose(counts.var(axis=0), variance, atol=0.1)
    # one weight over K is Beta(½, (K − 1)/2)
    expected = stats.beta(0.5, 0.5 * (NUM_SIZES - 1)).sf(2 / NUM_SIZES)
    assert np.mean(counts > 2) == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize(
    ("num_sizes", "num_D", "name"),
    [
        (4, 5, "sizes"),
        (6, 2, "sizes"),
        (3, 5, "bayesian"),
        (1, 20, "bayesian"),
        (20, 1, "bayesian"),
    ],
)
def test_whole_sizes_are_the_default_where_there_are_some(
    num_sizes: int, num_D: int, name: str
) -> None:
    found = bootstrap(mean_fit(num_sizes, num_D), 50)
    assert found.scheme.name == name
    expected = (
        "those of a size may be correlated" if name == "sizes" else "runs assumed independent"
    )
    for said in (found.assumed_errors, found.interval(1e9, 1e10).errors, str(found)):
        assert expected in said
    assert "farseer forecast" in str(found)
    assert found.to_dict()["errors"] == found.assumed_errors


@pytest.mark.parametrize(
    ("scheme", "together"),
    [
        (WildBootstrap(), True),
        (JackknifeSizes(), True),
        (WildBootstrap(by_size=False), False),
        (ParametricBootstrap(), False),
        (ResampleRuns(), False),
    ],
)
def test_what_a_scheme_assumes_of_errors(scheme: Any, together: bool) -> None:
    words = "those of a size may be correlated" if together else "runs assumed independent"
    assert assumed_errors(scheme, setting()).startswith(words)
    one_run_each = Setting.of(mean_fit(6, 1))
    assert assumed_errors(scheme, one_run_each).startswith("runs assumed independent")


def test_within_sizes_keeps_the_number_of_runs_of_each_size() -> None:
    counts, size = values(many(ResampleWithinSizes())), setting().size[setting().first]
    counts = counts[:, setting().first]
    for k in range(NUM_SIZES):
        np.testing.assert_array_equal(counts[:, size == k].sum(axis=1), 5)
    np.testing.assert_allclose(counts.var(axis=0), 1 - 1 / 5, atol=0.1)


def residuals() -> np.ndarray:
    """From the runs and the law, in the order of units."""
    runs, first = setting().runs, setting().first
    return np.log(runs.loss[first] / law_loss(runs.N[first], runs.D[first]))


ENLARGED = np.sqrt(NUM_UNITS / (NUM_UNITS - 5))  # of five parameters


@pytest.mark.parametrize("within_sizes", [True, False])
def test_residuals_are_centred_enlarged_and_drawn_evenly(within_sizes: bool) -> None:
    found = deviations(ResidualBootstrap(within_sizes))
    size = setting().size[setting().first]
    for k in range(NUM_SIZES):
        pool = residuals()[size == k] if within_sizes else residuals()
        pool = np.sort(ENLARGED * (pool - pool.mean()))
        drawn, counts = np.unique(found[:, size == k].round(11), return_counts=True)
        np.testing.assert_allclose(drawn, pool, rtol=1e-6, atol=1e-11)
        np.testing.assert_allclose(counts / counts.sum(), 1 / len(pool), rtol=0.12)


def test_wild_keeps_the_size_of_each_residual() -> None:
    found = deviations(WildBootstrap("rademacher", by_size=False))
    np.testing.assert_allclose(
        np.abs(found), np.abs(ENLARGED * residuals())[None].repeat(MANY, 0), rtol=1e-9, atol=1e-13
    )
    assert np.mean(np.sign(found)) == pytest.approx(0, abs=0.02)


def test_wild_by_size_has_one_number_for_all_runs_of_a_size() -> None:
    numbers = deviations(WildBootstrap()) / (ENLARGED * residuals())
    size = setting().size[setting().first]
    for k in range(NUM_SIZES):
        own = numbers[:, size == k]
        np.testing.assert_allclose(own, own[:, :1].repeat(own.shape[1], 1), rtol=1e-6)
    of_sizes = np.stack([numbers[:, size == k][:, 0] for k in range(NUM_SIZES)])
    np.testing.assert_allclose(np.corrcoef(of_sizes), np.eye(NUM_SIZES), atol=0.1)


@pytest.mark.parametrize(
    ("multiplier", "third", "fourth"),
    [("webb", 0, 7 / 6), ("rademacher", 0, 1), ("mammen", 1, 2), ("normal", 0, 3)],
)
def test_moments_of_multipliers(multiplier: Any, third: float, fourth: float) -> None:
    """Mammen's numbers have the first three moments 0, 1, 1; his two points give a fourth of 2."""
    numbers = deviations(WildBootstrap(multiplier, by_size=False)) / (ENLARGED * residuals())
    moments = [np.mean(numbers**k) for k in (1, 2, 3, 4)]
    np.testing.assert_allclose(moments, [0, 1, third, fourth], atol=0.1)
    if multiplier == "mammen":
        points = np.unique(numbers.round(9))
        np.testing.assert_allclose(points, [(1 - 5**0.5) / 2, (1 + 5**0.5) / 2], atol=1e-8)


@pytest.mark.parametrize("noise", [None, 2e-3])
def test_parametric_has_the_noise_of_each_size(noise: float | None) -> None:
    runs = setting().runs
    expected = estimate_noise(runs).of_runs(runs)[setting().first] if noise is None else noise
    found = deviations(ParametricBootstrap(noise))
    np.testing.assert_allclose(found.std(axis=0) / expected, 1.0, atol=0.06)
    np.testing.assert_allclose(found.mean(axis=0) / expected, 0.0, atol=0.08)


def test_jackknives_leave_each_run_or_size_out_once() -> None:
    by_run = JackknifeRuns()
    assert by_run.num_draws(setting()) == NUM_UNITS
    left_out = values(resamples(by_run, setting(), 0, 0, NUM_UNITS)) == 0
    np.testing.assert_array_equal(left_out[:, setting().first], np.eye(NUM_UNITS))
    np.testing.assert_array_equal(left_out.sum(axis=0), 1)  # a copy leaves with its original
    by_size = JackknifeSizes()
    assert by_size.num_draws(setting()) == NUM_SIZES
    left_out = values(resamples(by_size, setting(), 0, 0, NUM_SIZES)) == 0
    N = setting().runs.N
    np.testing.assert_array_equal(left_out, N == np.unique(N)[:, None])


# What decides a draw


@every
@settings(max_examples=10)
@given(st.integers(0, 700), st.integers(1, 300))
def test_a_draw_depends_on_its_position_alone(scheme: Any, start: int, num: int) -> None:
    part = values(resamples(scheme, setting(), 0, start, start + num))
    np.testing.assert_array_equal(part, values(many(scheme))[start : start + num])


_LEAST_UNIQUE = {"wild": 400}  # of 4 sizes, one of 6 numbers each


@every
def test_seeds_and_positions_differ(scheme: Any) -> None:
    first, other = (values(resamples(scheme, setting(), seed, 0, 600)) for seed in (0, 1))
    assert not np.array_equal(first, other)
    assert not np.array_equal(first[:256], first[256:512])
    assert len(np.unique(first, axis=0)) > _LEAST_UNIQUE.get(scheme.name, 590)


@every
@settings(max_examples=5)
@given(st.permutations(range(NUM_RUNS)))
def test_the_order_of_runs_changes_nothing(scheme: Any, order: list[int]) -> None:
    permuted = values(resamples(scheme, setting_of(order), 0, 0, 20))
    np.testing.assert_allclose(permuted, values(many(scheme))[:20, order], rtol=1e-12)


@pytest.mark.parametrize("scheme", OF_LOSSES, ids=str)
@settings(max_examples=5)
@given(st.floats(1e-2, 1e2))
def test_another_unit_of_loss_scales_the_draws(scheme: Any, scale: float) -> None:
    scaled = values(resamples(scheme, setting_of(scale=scale), 0, 0, 20))
    np.testing.assert_allclose(scaled, scale * values(many(scheme))[:20], rtol=1e-9)


# Names, settings, misuse


@pytest.mark.parametrize("scheme", [*SAMPLERS, JackknifeRuns(), JackknifeSizes()], ids=str)
def test_settings_there_and_back(scheme: Any) -> None:
    assert scheme_of(scheme.to_dict()) == scheme
    assert as_scheme(scheme) is scheme
    assert type(as_scheme(scheme.name)) is type(scheme)


def test_every_scheme_is_tested() -> None:
    tested = {scheme.name for scheme in (*SAMPLERS, JackknifeRuns(), JackknifeSizes())}
    assert tested == set(SCHEMES)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: as_scheme("boot"), ValueError, "scheme must be one of runs, sizes, .*got 'boot'"),
        (lambda: as_scheme(WildBootstrap), TypeError, "a name such as .* or an object"),
        (lambda: as_scheme(3), TypeError, "a name such as"),
        (lambda: WildBootstrap("cauchy"), ValueError, "multiplier must be one of"),
        (lambda: ParametricBootstrap(-1e-3), ValueError, "noise must be positive and finite"),
        (lambda: ParametricBootstrap(0.0), ValueError, "noise must be positive and finite"),
        (lambda: ParametricBootstrap(np.nan), ValueError, "noise must be positive and finite"),
        (
            lambda: scheme_of({"name": "mine"}),
            ValueError,
            "'mine' is not the library's: give it as scheme=",
        ),
    ],
)
def test_misuse(make: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()


def test_a_scheme_of_ones_own() -> None:
    class Halves:
        name = "halves"

        def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
            return Draw(weights=rng.integers(0, 2, (len(index), NUM_RUNS)) + 0.5)

        def to_dict(self) -> dict[str, Any]:
            return {"name": self.name}

    fit = fit_of(setting().law, setting().runs, WeightedMean())
    found = bootstrap(fit, 50, Halves(), seed=4)
    assert found.num_failed == 0
    weights = values(resamples(Halves(), setting(), 4, 0, 50))
    expected = (weights * fit.runs.loss).sum(axis=1) / weights.sum(axis=1)
    np.testing.assert_allclose(jax.tree.leaves(found.laws)[0], expected, rtol=1e-12)
    given = Halves()
    assert scheme_of({"name": "halves"}, given) is given
    with pytest.raises(ValueError, match=r"the draws are by .*wild.*, not by .*halves"):
        scheme_of(WildBootstrap().to_dict(), given)
