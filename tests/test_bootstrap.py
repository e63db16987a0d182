"""``bootstrap`` against plain NumPy and SciPy: the same resamples, the same draws."""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from compiling import compilations
from reference import fit_reference
from scipy.optimize import least_squares
from test_draws import assert_same

from farseer_jax import (
    Bootstrap,
    Chinchilla,
    Farseer,
    Fit,
    LeastSquares,
    ParametricBootstrap,
    Runs,
    bootstrap,
    example_law,
    fit,
    fit_batch,
    simulate,
)
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.uncertainty.bootstrap import resamples
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

NOISE = 2e-3
TRUTH = Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
METHOD = LeastSquares(num_starts=8, refit_starts=0)
STEPS_OF_2 = (2**0.5, 2**1.5)
NUM = 70


@cache
def farseer() -> Fit:
    """The piecewise fit to 11 sizes of 6 runs; tests of several files start from it."""
    N, D = np.meshgrid(2e8 * 2 ** np.arange(0, 5.5, 0.5), 1e9 * 2.0 ** np.arange(6), indexing="ij")
    return fit(Farseer, simulate(example_law(), N.ravel(), D.ravel(), seed=3))


@cache
def chinchilla() -> Fit:
    """The least-squares fit to 5 sizes of 5 runs."""
    N, D = np.meshgrid(2e8 * 2 ** np.arange(5.0), 4e9 * 2.0 ** np.arange(5), indexing="ij")
    return fit(Chinchilla, simulate(TRUTH, N.ravel(), D.ravel(), noise=NOISE, seed=1), METHOD)


FITS = {"piecewise": farseer, "least-squares": chinchilla}


@cache
def found(method: str, scheme: str) -> Bootstrap:
    jackknife = scheme.startswith("jackknife")
    return bootstrap(FITS[method](), None if jackknife else NUM, scheme, seed=5)


@cache
def stacks(method: str, scheme: str) -> tuple[np.ndarray, np.ndarray]:
    """Losses and weights of the same resamples, ``(resample, run)``."""
    one, own = FITS[method](), found(method, scheme)
    draw = resamples(as_scheme(scheme), Setting.of(one), 5, 0, own.num_resamples)
    ones = np.ones((own.num_resamples, len(one.runs)))
    losses = one.runs.loss * ones if draw.losses is None else draw.losses
    return losses, ones if draw.weights is None else draw.weights


def points(runs: Runs) -> tuple[np.ndarray, np.ndarray]:
    """The runs, and beyond them."""
    return np.append(runs.N, 25e9), np.append(runs.D, 5e11)


# Against loops


@pytest.mark.parametrize(
    "scheme", ["wild", "residual", "parametric", "jackknife-runs", "jackknife-sizes"]
)
def test_piecewise_is_a_loop_of_plain_numpy(scheme: str) -> None:
    """A weight of 0 is a run that is left out."""
    runs, own = farseer().runs, found("piecewise", scheme)
    losses, weights = stacks("piecewise", scheme)
    N, D = points(runs)
    predicted = own.predict(N, D)
    assert own.num_failed == 0
    for i in (0, 1, own.num_resamples - 1):
        kept = weights[i] > 0
        plain = fit_reference(runs.N[kept], runs.D[kept], losses[i][kept], ratio=STEPS_OF_2)
        np.testing.assert_allclose(predicted[i], plain.predict(N, D), rtol=1e-8)


def scipys_fit(loss: np.ndarray, weight: np.ndarray, runs: Runs) -> np.ndarray:
    """Weighted squares of ln loss over (ln E, ln A, ln B, α, β)."""
    log_N, log_D = np.log(runs.N), np.log(runs.D)

    def terms(x: np.ndarray) -> np.ndarray:
        return np.exp(
            np.stack([x[0] + 0 * log_N, x[1] - x[3] * log_N, x[2] - x[4] * log_D], axis=1)
        )

    def residual(x: np.ndarray) -> np.ndarray:
        return np.sqrt(weight) * (np.log(terms(x).sum(axis=1)) - np.log(loss))

    def jacobian(x: np.ndarray) -> np.ndarray:
        share = terms(x) / terms(x).sum(axis=1, keepdims=True)
        exponents = [-log_N * share[:, 1], -log_D * share[:, 2]]
        return np.sqrt(weight)[:, None] * np.column_stack([share, *exponents])

    start = np.array([np.log(1.7), np.log(400.0), np.log(400.0), 0.34, 0.28])
    solved = least_squares(
        residual, start, jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15, x_scale="jac"
    )
    return np.array([*np.exp(solved.x[:3]), *solved.x[3:]])


@pytest.mark.parametrize("scheme", ["bayesian", "within-sizes", "runs", "wild"])
def test_least_squares_is_a_loop_of_scipy(scheme: str) -> None:
    runs, own = chinchilla().runs, found("least-squares", scheme)
    losses, weights = stacks("least-squares", scheme)
    N, D = points(runs)
    predicted = own.predict(N, D)
    assert own.num_failed == 0
    for i in (0, 1, 34, NUM - 1):
        E, A, B, alpha, beta = scipys_fit(losses[i], weights[i], runs)
        np.testing.assert_allclose(predicted[i], E + A * N**-alpha + B * D**-beta, rtol=1e-8)


@pytest.mark.parametrize("method", FITS)
def test_a_bootstrap_is_a_batch_of_its_resamples(method: str) -> None:
    losses, weights = stacks(method, "bayesian")
    one = FITS[method]()
    batch = fit_batch(type(one.law), one.runs, losses=losses, weights=weights, method=one.method)
    own = found(method, "bayesian").laws
    for leaf, other in zip(jax.tree.leaves(own), jax.tree.leaves(batch.law), strict=True):
        np.testing.assert_array_equal(leaf, other)


# The same draws


@pytest.mark.parametrize("method", FITS)
def test_any_chunk_size_and_place(tmp_path: Path, method: str) -> None:
    expected, out = found(method, "wild"), tmp_path / "draws.parquet"
    one = FITS[method]()
    assert_same(bootstrap(one, NUM, "wild", seed=5, chunk_size=9), expected)
    on_disk = bootstrap(one, NUM, "wild", seed=5, chunk_size=64, out=out)
    assert_same(on_disk, expected)
    again = Bootstrap.from_parquet(out)
    assert_same(again, expected)
    assert (again.scheme, again.seed) == (expected.scheme, 5)
    np.testing.assert_array_equal(again.predict(1e9, 1e11), expected.predict(1e9, 1e11))
    assert str(again) == str(on_disk) == str(expected)


def test_more_resamples_begin_with_the_same() -> None:
    few = bootstrap(farseer(), 33, "wild", seed=5)
    np.testing.assert_array_equal(
        few.predict(1e9, 1e11), found("piecewise", "wild").predict(1e9, 1e11)[:33]
    )


def test_draws_beyond_the_memory_are_refused_with_the_remedy() -> None:
    with pytest.raises(MemoryError, match=r"1,000,000,000,000 draws .* GB .*out='draws.parquet'"):
        bootstrap(farseer(), 10**12)


def test_seeds_differ() -> None:
    other = bootstrap(farseer(), 33, "wild", seed=6).predict(1e9, 1e11)
    assert not np.isin(other, found("piecewise", "wild").predict(1e9, 1e11)).any()


@pytest.mark.parametrize("method", FITS)
def test_second_call_does_not_compile(method: str) -> None:
    first = found(method, "wild")
    first.interval(1e9, 1e11)
    with compilations() as events:
        bootstrap(FITS[method](), NUM, "bayesian", seed=9).interval(2e9, 2e11)
    assert events == []


# What it says of the truth


def test_standard_error_is_the_spread_over_simulated_worlds() -> None:
    """Both from 300 refits: their ratio has a standard deviation of 6 %."""
    runs, rng = chinchilla().runs, np.random.default_rng(8)
    noise = NOISE * rng.standard_normal((300, len(runs)))
    truth = evaluate(TRUTH, runs.N, runs.D)
    worlds = fit_batch(Chinchilla, runs, losses=truth * np.exp(noise), method=METHOD)
    refits = bootstrap(chinchilla(), 300, ParametricBootstrap(NOISE), seed=2)
    for N, D in [(1e9, 2e10), (1e10, 2e11)]:
        spread = worlds.predict(N, D)[worlds.usable].std(ddof=1)
        assert refits.standard_error(N, D) == pytest.approx(spread, rel=0.25)
        interval = refits.interval(N, D, level=0.9, kind="percentile")
        centred = worlds.predict(N, D) - worlds.predict(N, D).mean()
        width = np.quantile(centred, 0.95) - np.quantile(centred, 0.05)
        assert (interval.upper - interval.lower)[0] == pytest.approx(width, rel=0.3)


def test_schemes_of_losses_are_for_the_piecewise_method() -> None:
    """A run of weight 0 takes its pairs along: its schemes describe a poorer grid."""
    runs, rng = farseer().runs, np.random.default_rng(8)
    noise = 5e-4 * rng.standard_normal((300, len(runs)))
    truth = evaluate(example_law(), runs.N, runs.D)
    worlds = fit_batch(Farseer, runs, losses=truth * np.exp(noise))
    spread = worlds.predict(3e9, 3e10).std(ddof=1)
    known = bootstrap(farseer(), 300, ParametricBootstrap(5e-4), seed=2)
    assert known.standard_error(3e9, 3e10) == pytest.approx(spread, rel=0.35)
    by_runs = bootstrap(farseer(), 300, "runs", seed=2)
    assert by_runs.standard_error(3e9, 3e10) > 5 * spread


def test_curves_of_a_fit() -> None:
    own, sizes = found("piecewise", "wild"), np.array([5e8, 1e9, 4e9])
    curves = own.curves(sizes)
    for name in "UBA":
        expected = getattr(own.fit.law, name)
        with jax.enable_x64(True):
            np.testing.assert_allclose(curves[name].estimate, expected(sizes), rtol=1e-9)
        assert np.all(curves[name].lower < curves[name].upper)


@pytest.mark.parametrize(("method", "scheme"), [("piecewise", "wild"), ("least-squares", "runs")])
def test_a_bootstrap_as_text(method: str, scheme: str) -> None:
    own = found(method, scheme)
    shown = str(own)
    for part in (f"{method} method", f"scheme     {scheme}, seed 5", "refits     70: 70 success"):
        assert part in shown
    assert "90 % intervals: percentile" in shown
    assert repr(own) == f"Bootstrap({own.fit.law.name}, {scheme}, 70 resamples, 0 failed)"


def test_bca_of_a_fit_leaves_each_run_out() -> None:
    own = found("piecewise", "wild")
    bca: Any = own.interval(3e9, 6e10, level=0.8, kind="bca")
    plain = own.interval(3e9, 6e10, level=0.8)
    assert bca.kind == "bca"
    assert bca.lower[0] != plain.lower[0]
    width = (plain.upper - plain.lower)[0]
    assert abs(bca.lower - plain.lower)[0] < width
    assert abs(bca.upper - plain.upper)[0] < width
