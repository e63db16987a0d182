"""Intervals: closed forms, SciPy's, and what they refuse or warn of."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import NormalDist
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.stats.mstats import mquantiles
from weighted_mean import fit_of, law_of, mean_fit

from farseer_jax import (
    Bootstrap,
    Coupled,
    Intervals,
    Outcome,
    ResampleSizes,
    Runs,
    WildBootstrap,
    bootstrap,
    estimate_noise,
)
from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.uncertainty import intervals as _intervals
from farseer_jax.uncertainty.draws import MemoryDraws

FIT = mean_fit()
LOSS = FIT.runs.loss
NUM_RUNS = len(LOSS)
E = FIT.law.E
POINT = 1e30, 1e30  # where the loss is E


def made(values: Sequence[float], failed: Sequence[int] = (), estimate: float = 3.0) -> Bootstrap:
    """A bootstrap of given draws."""
    code = np.zeros(len(values), dtype=int)
    code[list(failed)] = Outcome.too_few_sizes.code
    draws = np.where(code == 0, values, np.nan)
    batch = BatchFit(law_of(draws), code, np.zeros(len(values)))
    fit = fit_of(law_of(np.float64(estimate)), FIT.runs, FIT.method)
    return Bootstrap(fit, WildBootstrap(), 0, MemoryDraws(batch))


@cache
def skewed() -> np.ndarray:
    return 3 + 0.1 * np.random.default_rng(0).gamma(2.0, size=999)


def centred() -> Bootstrap:
    """Draws around the mean of the runs."""
    return made(skewed() + float(E) - 3.2, estimate=float(E))


# Against closed forms


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_percentile_and_basic(level: float) -> None:
    """The (n + 1) p-th of n draws, by another implementation."""
    tail = (1 - level) / 2
    lower, upper = mquantiles(skewed(), [tail, 1 - tail], alphap=0, betap=0)
    found = made(skewed(), estimate=3.2)
    percentile = found.interval(*POINT, level=level, kind="percentile")
    np.testing.assert_allclose([percentile.lower[0], percentile.upper[0]], [lower, upper])
    basic = found.interval(*POINT, level=level, kind="basic")
    np.testing.assert_allclose([basic.lower[0], basic.upper[0]], [6.4 - upper, 6.4 - lower])
    assert found.interval(*POINT, level=level).kind == "percentile"


def test_ends_are_draws_where_the_level_fits() -> None:
    """Of 999 draws, the 50th and the 950th are the ends at 0.9."""
    found = made(skewed()).interval(*POINT, level=0.9)
    ordered = np.sort(skewed())
    np.testing.assert_allclose([found.lower[0], found.upper[0]], ordered[[49, 949]], rtol=1e-14)


def test_normal_and_standard_error() -> None:
    found = made(skewed(), estimate=3.2)
    spread = np.std(skewed(), ddof=1)
    assert found.standard_error(*POINT) == pytest.approx(spread, rel=1e-12)
    normal = found.interval(*POINT, level=0.95, kind="normal")
    reach = NormalDist().inv_cdf(0.975) * spread
    np.testing.assert_allclose([normal.lower[0], normal.upper[0]], [3.2 - reach, 3.2 + reach])


@pytest.mark.parametrize("statistic", [np.mean, np.std])
def test_bca_is_scipys(statistic: Any) -> None:
    """SciPy's interval confirms bias and acceleration; the quantiles are then of another kind."""
    sample = np.random.default_rng(2).exponential(size=30)
    theirs = stats.bootstrap((sample,), statistic, method="BCa", n_resamples=1999, rng=7)
    draws, estimate = theirs.bootstrap_distribution, statistic(sample)
    left_out = np.array([statistic(np.delete(sample, i)) for i in range(30)])

    bias = stats.norm.ppf(np.mean(draws < estimate))
    moved = left_out.mean() - left_out
    acceleration = np.sum(moved**3) / (6 * np.sum(moved**2) ** 1.5)
    z = bias + stats.norm.ppf([0.025, 0.975])
    probability = stats.norm.cdf(bias + z / (1 - acceleration * z))
    np.testing.assert_allclose(np.quantile(draws, probability), theirs.confidence_interval)

    ends = _intervals.bca(draws[:, None], np.array([estimate]), left_out[:, None], 0.95)
    expected = mquantiles(draws, probability, alphap=0, betap=0)
    np.testing.assert_allclose(np.ravel(ends), expected, rtol=1e-12)


def test_bca_of_draws_without_bias_or_skew_is_percentile() -> None:
    draws = np.linspace(2.0, 4.0, 1001)[:, None]
    left_out = np.array([[2.9], [3.1]])
    found = _intervals.bca(draws, np.array([3.0]), left_out, 0.9)
    np.testing.assert_allclose(np.ravel(found), np.ravel(_intervals.percentile(draws, 0.9)))


def test_bca_where_no_run_moves_the_estimate() -> None:
    draws = np.linspace(2.0, 4.0, 1001)[:, None]
    found = _intervals.bca(draws, np.array([3.0]), np.full((5, 1), 3.0), 0.9)
    np.testing.assert_allclose(np.ravel(found), np.ravel(_intervals.percentile(draws, 0.9)))


def test_bca_leaves_out_refits_without_an_answer() -> None:
    draws, estimate = skewed()[:, None], np.array([3.2])
    left_out = np.linspace(3, 3.3, 12)[:, None] ** 2
    with_nan = np.insert(draws, [5, 700], np.nan, axis=0)
    left_out_nan = np.insert(left_out, 3, np.nan, axis=0)
    expected = _intervals.bca(draws, estimate, left_out, 0.9)
    found = _intervals.bca(with_nan, estimate, left_out_nan, 0.9)
    np.testing.assert_allclose(np.ravel(found), np.ravel(expected), rtol=1e-12)


def test_bca_does_not_exist_beyond_the_pole_of_its_correction() -> None:
    """An acceleration of a sixth, which one run alone can give, and a bias of 3 standard errors."""
    draws, left_out = np.arange(1000.0)[:, None], np.append(np.zeros(999), -1.0)[:, None]
    acceleration = 1 / 6
    bias = NormalDist().inv_cdf(0.9985)
    inside, beyond = (NormalDist().cdf(6.0 - bias + off) for off in (-0.2, 0.2))
    for probability, exists in ((inside, True), (beyond, False)):
        lower, upper = _intervals.bca(draws, np.array([998.0]), left_out, 2 * probability - 1)
        assert np.isfinite(lower).all()
        assert np.isfinite(upper).all() == exists
    assert _intervals._acceleration(left_out)[0] == pytest.approx(acceleration, rel=1e-2)


def test_bca_does_not_exist_where_all_draws_lie_to_one_side() -> None:
    found = made(skewed(), estimate=2.0).interval(*POINT, kind="bca")
    assert np.isnan([found.lower[0], found.upper[0]]).all()
    assert not found.trustworthy
    assert "1 of 1 intervals does not exist" in found.warnings[0]
    row = found.to_dict()["intervals"][0]
    assert row["lower"] is None
    json.dumps(found.to_dict(), allow_nan=False)


# Through the engine, where the statistic is a mean


def spread_of_mean(ddof: int) -> float:
    return float(np.std(LOSS, ddof=ddof) / np.sqrt(NUM_RUNS))


def test_jackknife_of_a_mean() -> None:
    """Its standard error is s / √n, exactly."""
    found = bootstrap(FIT, scheme="jackknife-runs")
    assert found.num_resamples == NUM_RUNS
    assert found.standard_error(*POINT) == pytest.approx(spread_of_mean(1), rel=1e-9)
    normal = found.interval(*POINT, level=0.9)
    assert normal.kind == "normal"
    reach = NormalDist().inv_cdf(0.95) * spread_of_mean(1)
    assert 0.5 * (normal.upper - normal.lower)[0] == pytest.approx(reach, rel=1e-9)


def test_jackknife_over_sizes_of_a_mean() -> None:
    """Sizes of equal number: the standard error of the mean of their means."""
    means = LOSS.reshape(4, 5).mean(axis=1)
    found = bootstrap(FIT, scheme="jackknife-sizes")
    expected = np.std(means, ddof=1) / 2
    assert found.standard_error(*POINT) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("scheme", "expected"),
    [
        ("runs", spread_of_mean(0)),
        ("bayesian", spread_of_mean(0) * np.sqrt(NUM_RUNS / (NUM_RUNS + 1))),
        ("sizes", np.std(LOSS.reshape(4, 5).mean(axis=1)) / np.sqrt(4 / 2 + 1)),
        ("within-sizes", np.sqrt(np.mean(LOSS.reshape(4, 5).var(axis=1)) / NUM_RUNS)),
    ],
)
def test_standard_error_of_a_mean(scheme: str, expected: float) -> None:
    """Four standard deviations of the estimate of 4,000 draws are 4.5 %.

    A mean with Dirichlet(a) weights of K values has the variance s² / (a K + 1).
    """
    found = bootstrap(FIT, 4000, scheme, seed=1)
    assert found.standard_error(*POINT) == pytest.approx(expected, rel=0.045)


@pytest.mark.parametrize("scheme", ["runs", "sizes"])
def test_acceleration_comes_from_what_is_drawn_together(scheme: str) -> None:
    found = bootstrap(FIT, 999, ResampleSizes() if scheme == "sizes" else scheme, seed=1)
    groups = LOSS.reshape(4, 5) if scheme == "sizes" else LOSS[:, None]
    left_out = (LOSS.sum() - groups.sum(axis=1)) / (NUM_RUNS - groups.shape[1])
    draws = found.values(lambda law: law.E)
    expected = _intervals.bca(draws[:, None], E[None], left_out[:, None], 0.9)
    bca = found.interval_of(lambda law: law.E, kind="bca")
    np.testing.assert_allclose([bca.lower, bca.upper], expected, rtol=1e-9)


# A new run


def test_a_new_run_adds_its_noise() -> None:
    """Draws that do not differ leave the noise alone."""
    found = made(np.full(20_000, 3.0))
    run = found.interval(*POINT, level=0.9, of="run", noise=0.01)
    reach = NormalDist().inv_cdf(0.95) * 0.01
    np.testing.assert_allclose(run.upper, 3 * np.exp(reach), atol=3e-3 * 0.3)
    np.testing.assert_allclose(run.lower, 3 * np.exp(-reach), atol=3e-3 * 0.3)
    assert run.quantity == "loss of a run"
    again = found.interval(*POINT, level=0.9, of="run", noise=0.01)
    np.testing.assert_array_equal(run.upper, again.upper)


@pytest.mark.parametrize("scheme", ["runs", "jackknife-runs"])
def test_normal_intervals_of_a_run_add_variances(scheme: str) -> None:
    """A jackknife's refits differ by a fraction of the standard error; the noise does not."""
    found = bootstrap(FIT, None, scheme)
    run = found.interval(*POINT, level=0.9, kind="normal", of="run", noise=0.02)
    spread = np.hypot(found.standard_error(*POINT), 0.02 * E)
    reach = NormalDist().inv_cdf(0.95) * spread
    assert 0.5 * (run.upper - run.lower)[0] == pytest.approx(reach, rel=1e-9)


def test_the_noise_of_a_run_is_estimated_from_the_runs() -> None:
    found = made(skewed())
    own = found.interval(*POINT, of="run")
    given = found.interval(*POINT, of="run", noise=estimate_noise(FIT.runs).pooled)
    np.testing.assert_array_equal(own.upper, given.upper)
    assert own.upper[0] > found.interval(*POINT).upper[0]


def test_runs_that_do_not_show_their_noise() -> None:
    few = mean_fit(num_D=2)
    with pytest.raises(ValueError, match=r"scheme 'parametric': .* ParametricBootstrap\(5e-4\)"):
        bootstrap(few, 10, "parametric")
    with pytest.raises(ValueError, match=r"of='run': .* such as noise=5e-4"):
        bootstrap(few, 10).interval(*POINT, of="run")


def test_holdouts_without_their_own_noise_take_that_of_all_runs() -> None:
    """Three repeats, all of the largest size, which no hold-out fits."""
    few = mean_fit(num_sizes=6, num_D=2)
    runs, last = few.runs, slice(-4, None)
    repeats = Runs(
        *(np.append(a, a[last][[1, 3, 3, 3]]) for a in (runs.N, runs.D)),
        np.append(runs.loss, [3.0, 3.1, 3.2, 3.3]),
    )
    found = bootstrap(fit_of(few.law, repeats, few.method), 50, "parametric")
    assert found.interval(*POINT).kind == "calibrated"
    assert found.calibration.num_holdouts > 0


# Failures


@pytest.mark.parametrize(("num_failed", "level", "trusted"), [(5, 0.9, True), (6, 0.9, False)])
def test_failures_are_counted_and_many_end_trust(
    num_failed: int, level: float, trusted: bool
) -> None:
    """At 0.9, a fortieth of the draws is half of what is to lie beyond an end."""
    found = made(skewed()[:200], failed=range(10, 10 + num_failed), estimate=3.2)
    assert (found.num_resamples, found.num_failed) == (200, num_failed)
    assert found.outcomes[Outcome.too_few_sizes] == num_failed
    assert f"{num_failed} of 200 refits failed" in found.warnings[0]
    intervals = found.interval_of(lambda law: law.E, level)
    assert intervals.num_failed == num_failed
    assert intervals.trustworthy is trusted
    assert intervals.warnings[0].startswith("NOT TO BE TRUSTED") is not trusted
    assert f"{num_failed} failed" in str(intervals)
    usable = np.delete(skewed()[:200], range(10, 10 + num_failed))
    np.testing.assert_allclose(found.values(lambda law: law.E), usable)


@pytest.mark.parametrize(("num_in_doubt", "said"), [(50, False), (51, True)])
def test_refits_that_stall_are_said(num_in_doubt: int, said: bool) -> None:
    """Their spread is that of a search: beyond a twentieth of 1,000 it counts."""
    found = made(np.append(skewed(), 3.2))
    (batch,) = found.draws.batches()
    batch.outcome_code[:num_in_doubt] = Outcome.not_converged.code
    warnings = found.interval(*POINT).warnings
    assert any(f"{num_in_doubt} of 1,000 refits ended in doubt" in w for w in warnings) is said
    assert found.num_failed == 0


def test_a_quantity_without_an_answer_counts_as_failed() -> None:
    found = made(skewed())
    cut = float(np.quantile(skewed(), 0.9))
    intervals = found.interval_of(lambda law: jnp.where(law.E < cut, law.E, jnp.inf))
    assert intervals.num_failed == 100
    assert not intervals.trustworthy
    assert intervals.upper[0] < cut


def test_a_quantity_without_any_answer() -> None:
    for kind in ("percentile", "basic", "normal", "bca"):
        intervals = made(skewed()).interval_of(lambda law: law.E * jnp.nan, kind=kind)
        assert np.isnan([intervals.lower, intervals.upper]).all()
        assert not intervals.trustworthy


# Beyond the runs


def test_points_beyond_the_runs_are_said() -> None:
    inside, beyond = (float(FIT.runs.N[0]), float(FIT.runs.D[0])), POINT
    found = centred()
    jackknife = bootstrap(FIT, scheme="jackknife-runs")
    assert found.interval(*inside, kind="basic").warnings == ()
    assert "'calibrated', if sizes" in found.interval(*beyond, kind="basic").warnings[0]
    assert "random resamples give calibrated" in jackknife.interval(*beyond).warnings[0]
    curve = found.curves([2e8, 1e11])["A"].warnings[0]
    assert curve.startswith("NOT TO BE TRUSTED: 1 of 2 points lies beyond the runs")
    assert "calibrated" not in curve


def test_optima_beyond_the_runs_are_said() -> None:
    """Where both terms are alike, N = D: 1.2 B is inside, 0.8 B outside in D."""
    found = centred()
    assert found.allocation(6 * 1.2e9**2)["N"].warnings == ()
    for own in found.allocation(6 * np.array([1.2e9, 0.8e9, 1e12]) ** 2).values():
        assert own.warnings == (
            "NOT TO BE TRUSTED: 2 of 3 optima lie beyond the runs, where nothing shows that the "
            "law holds.",
        )
        assert not own.trustworthy


def test_an_interval_far_beyond_the_runs_that_takes_the_law_for_true_is_not_trusted() -> None:
    found, inside = centred(), (float(FIT.runs.N[0]), float(FIT.runs.D[0]))
    for kind in ("percentile", "basic", "normal"):
        assert found.interval(*inside, kind=kind).trustworthy
        beyond = found.interval(*POINT, kind=kind)
        assert not beyond.trustworthy
        assert f"beyond the runs, where {kind} intervals assume that the law is true" in str(beyond)
        assert beyond.to_dict()["trustworthy"] is False
    # six sizes have hold-outs: calibrated intervals say what to expect there
    calibrated = bootstrap(mean_fit(6), 60).interval(1.3e10, 1e10)
    assert calibrated.kind == "calibrated"
    assert calibrated.trustworthy


@pytest.mark.parametrize(("half", "trusted"), [(0.2, True), (0.61, False), (1.46, False)])
def test_losses_that_are_not_determined_are_not_trusted(half: float, trusted: bool) -> None:
    """Draws whose logarithms are normal: the half-width is sinh of that of the logarithm."""
    z = np.array([NormalDist().inv_cdf(p) for p in np.arange(1, 1000) / 1e3])
    draws = float(E) * np.exp(np.arcsinh(half) / NormalDist().inv_cdf(0.95) * z)
    found = made(draws, estimate=float(E)).interval(2e8, 1e9, kind="percentile")
    assert 0.5 * (found.upper - found.lower)[0] / found.estimate[0] == pytest.approx(half, rel=0.02)
    assert found.trustworthy is trusted
    said = any("further than a quarter of the loss" in sentence for sentence in found.warnings)
    assert said is not trusted


def test_an_estimate_outside_its_own_interval_is_said() -> None:
    """A method's bias is in the estimate once, and in the refits of its refitted law twice."""
    biased = made(skewed() + 0.2, estimate=3.2)
    point = float(FIT.runs.N[0]), float(FIT.runs.D[0])
    found = biased.interval(*point, kind="percentile")
    assert found.estimate[0] < found.lower[0]
    assert not found.trustworthy
    assert "1 of 1 estimates lies outside the interval" in found.warnings[0]
    assert "kind='normal'" in found.warnings[0]
    normal = biased.interval(*point, kind="normal")
    assert normal.lower[0] < normal.estimate[0] < normal.upper[0]
    assert not any("outside the interval" in sentence for sentence in normal.warnings)


# Shape, text, tables


def test_points_broadcast_and_functions_read_flat() -> None:
    found = made(skewed())
    grid = found.interval([[1e9], [2e9]], [1e10, 1e11, 1e12])
    assert grid.lower.shape == (6,)
    np.testing.assert_array_equal(grid.at["N"], [1e9] * 3 + [2e9] * 3)
    single = found.interval(2e9, 1e11)
    assert grid.lower[4] == single.lower[0]
    table = found.interval_of(lambda law: law(np.array([[1e9, 2e9]]), 1e11))
    np.testing.assert_array_equal(table.at["element"], [0, 1])
    assert table.lower[1] == pytest.approx(single.lower[0], rel=1e-12)


def test_intervals_as_text_and_tables() -> None:
    intervals = made(skewed()).interval([1e9, 2e9], 1e11, level=0.8)
    shown = str(intervals)
    for part in ("1 B", "2 B", "80 % intervals: percentile", "999 resamples (wild, seed 0)"):
        assert part in shown
    content = json.loads(json.dumps(intervals.to_dict(), allow_nan=False))
    assert content["num_resamples"] == 999
    assert content["num_failed"] == 0
    assert (content["scheme"], content["seed"]) == ("wild", 0)
    assert set(content["intervals"][0]) == {
        "N", "D", "predicted", "lower", "upper", "level", "kind",
    }  # fmt: skip
    table = intervals.to_dataframe()
    assert list(table.columns) == ["N", "D", "estimate", "lower", "upper", "level", "kind"]
    np.testing.assert_array_equal(table["upper"], intervals.upper)


def test_few_resamples_are_warned_of() -> None:
    def about_number(num: int, **options: Any) -> list[str]:
        found = made(skewed()[:num]).interval(*POINT, **options)
        return [sentence for sentence in found.warnings if "resamples are too few" in sentence]

    assert "use at least 19" in about_number(18)[0]
    assert about_number(19) == []
    assert "use at least 199" in about_number(19, level=0.99)[0]
    assert about_number(18, kind="normal") == []


# Misuse


@pytest.mark.parametrize("level", [0, 1, -0.1, 1.5, 90, np.nan])
def test_levels_outside_0_and_1_are_refused(level: float) -> None:
    found = made(skewed())
    for call in (
        lambda: found.interval(*POINT, level=level),
        lambda: found.interval_of(lambda law: law.E, level),
        lambda: found.allocation(1e21, level),
    ):
        with pytest.raises(ValueError, match=r"level must lie between 0 and 1, such as 0\.9; got"):
            call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"kind": "student"},
            "kind must be one of calibrated, percentile, basic, bca, normal, got 'student'",
        ),
        ({"of": "median"}, "of must be 'mean' or 'run', got 'median'"),
        ({"of": "run", "kind": "bca"}, "kind 'bca' is for the mean loss"),
        ({"of": "run", "noise": -1e-3}, "noise must be finite and not negative, got -0.001"),
        ({"of": "run", "noise": np.nan}, "noise must be finite"),
        ({"N": 0.0}, "N: values must be positive and finite"),
        ({"D": np.inf}, "D: values must be positive and finite"),
        ({"N": [1e9, 2e9], "D": [1e10] * 3}, "N and D: shapes .* do not broadcast"),
    ],
)
def test_misuse(options: dict[str, Any], message: str) -> None:
    given = {"N": 1e9, "D": 1e11, **options}
    with pytest.raises(ValueError, match=message):
        made(skewed()).interval(**given)


def test_a_jackknife_has_normal_intervals_only() -> None:
    found = bootstrap(FIT, scheme="jackknife-sizes")
    with pytest.raises(ValueError, match="kind 'percentile' needs random resamples; a jackknife"):
        found.interval(*POINT, kind="percentile")
    assert isinstance(found.interval(*POINT), Intervals)


def test_functions_that_cannot_be_mapped_are_refused() -> None:
    with pytest.raises(TypeError, match="must be made of JAX operations"):
        made(skewed()).interval_of(lambda law: float(law.E))
    coupled = Coupled(E=1.7, A=400.0, B=400.0, alpha=0.3, beta=0.3, k=0.5)
    other = replace(made(skewed()), fit=fit_of(coupled, FIT.runs, FIT.method))
    with pytest.raises(TypeError, match="has no curves U, B and A"):
        other.curves(1e9)
