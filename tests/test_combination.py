"""The mixture of several calibrated fits."""

from typing import Any

import numpy as np
import pytest
from weighted_mean import mean_fit

from farseer_jax import bootstrap, combine_intervals
from farseer_jax.uncertainty.calibration import Calibration, calibrate
from farseer_jax.uncertainty.combine_intervals import combine, evidence_weights

N = [1e9, 1e9, 2e9, 2e9]
LENGTH = np.tile([0.5, 0.5, 1.0, 1.0], (6, 1))
ERROR = 0.001 * LENGTH


def scored(rate: float, seed: int = 0) -> Calibration:
    deviates = np.random.default_rng(seed).standard_normal((6, 1))
    return calibrate(N, deviates * np.hypot(ERROR, rate * LENGTH), ERROR, LENGTH, noise=0.0)


def test_one_fit_alone_is_its_own_interval() -> None:
    one = scored(0.01)
    error, length = np.array([0.001, 0.004]), np.array([0.3, 1.5])
    found = combine([[-1.0, -2.0]], [error], length, [one], level=0.8)
    half = one.half_width(error, length, level=0.8)
    assert found.upper == pytest.approx(np.array([-1.0, -2.0]) + half, abs=1e-7)
    assert found.lower == pytest.approx(np.array([-1.0, -2.0]) - half, abs=1e-7)
    assert found.weights.tolist() == [1.0]


def test_equal_fits_that_disagree_span_both() -> None:
    one = scored(0.0)
    found = combine([[0.0], [1.0]], [[1e-4], [1e-4]], [0.0], [one, one], level=0.9)
    assert found.weights.tolist() == [0.5, 0.5]
    # each tail of 5 % is a tail of 10 % of one of the two
    assert found.lower[0] == pytest.approx(-1.2815516 * 1e-4, rel=1e-3)
    assert found.upper[0] == pytest.approx(1 + 1.2815516 * 1e-4, rel=1e-3)
    assert found.center[0] == 0.5


def test_against_draws_from_the_mixture() -> None:
    rng = np.random.default_rng(0)
    fits = [scored(0.004, seed=1), scored(0.005, seed=2)]
    mean, error, length = np.array([0.0, 0.01]), np.array([0.003, 0.001]), 0.8
    found = combine(mean[:, None], error[:, None], [length], fits, level=0.9)
    which = rng.choice(2, 400_000, p=evidence_weights(fits))
    rate = np.stack([rng.choice(fit.rate, 400_000, p=fit.probability) for fit in fits])
    spread = np.hypot(error[which], rate[which, np.arange(400_000)] * length)
    draws = mean[which] + spread * rng.standard_normal(400_000)
    expected = np.quantile(draws, [0.05, 0.95])
    np.testing.assert_allclose([found.lower[0], found.upper[0]], expected, atol=2e-4)


def test_the_fit_that_extrapolated_worse_weighs_less() -> None:
    weights = [evidence_weights([scored(0.002, s), scored(0.02, s)]) for s in range(10)]
    assert np.median(weights, axis=0)[0] > 0.99


def test_equal_fits_weigh_the_same_in_any_unit_of_length() -> None:
    deviates = np.random.default_rng(3).standard_normal((6, 1))
    one, two = (
        calibrate(N, deviates * 0.01 * LENGTH, ERROR, unit * LENGTH, noise=0.0) for unit in (1, 7)
    )
    assert evidence_weights([one, two]) == pytest.approx([0.5, 0.5])


def test_fits_that_were_scored_differently_are_refused() -> None:
    fewer = calibrate(N, ERROR[:3], ERROR[:3], LENGTH[:3], noise=0.0)
    with pytest.raises(ValueError, match="same hold-outs"):
        evidence_weights([scored(0.0), fewer])
    with pytest.raises(ValueError, match="same hold-outs"):
        evidence_weights([])
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        combine([[0.0]], [[1.0]], [0.0], [scored(0.0)], level=1.0)


# Of bootstraps


FIT = mean_fit(num_sizes=6)
POINT = 1e30, 1e30  # far beyond the runs


def test_a_fit_combined_with_itself_is_its_own_interval() -> None:
    one = bootstrap(FIT, 60)
    both, alone = combine_intervals([one, one], *POINT, level=0.8), one.interval(*POINT, level=0.8)
    assert (both.kind, alone.kind) == ("combined", "calibrated")
    assert both.note == (
        "weights: chinchilla weighted-mean 0.500, chinchilla weighted-mean 0.500; 2 hold-outs"
    )
    np.testing.assert_allclose([both.lower, both.upper], [alone.lower, alone.upper], rtol=1e-6)
    run = combine_intervals([one, one], *POINT, level=0.8, of="run", noise=0.5)
    assert run.quantity == "loss of a run"
    assert run.upper[0] > both.upper[0]


def test_failed_refits_end_trust_in_the_combination() -> None:
    whole, failing = (bootstrap(mean_fit(6, 1, min_sizes=n), 60, "runs") for n in (0, 4))
    both = combine_intervals([whole, failing], *POINT)
    assert both.num_failed == failing.num_failed > 0
    assert not both.trustworthy
    assert both.warnings[0].startswith("NOT TO BE TRUSTED")
    assert failing.warnings[0] in both.warnings


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([], "bootstraps: expected at least two, got 1"),
        ([(mean_fit(6, seed=1), "wild")], "number 1 has other runs than the first"),
        ([(FIT, "jackknife-runs")], "number 1 is a jackknife, which has no random draws"),
        ([(mean_fit(6, min_sizes=5), "wild")], r"\[2, 1\] hold-outs could be fitted and resampled"),
    ],
)
def test_bootstraps_that_cannot_be_combined(others: list[Any], message: str) -> None:
    rest = [bootstrap(fit, None, scheme) for fit, scheme in others]
    with pytest.raises(ValueError, match=message):
        combine_intervals([bootstrap(FIT, 60), *rest], *POINT)


def test_too_few_sizes_to_combine() -> None:
    few = bootstrap(mean_fit(num_sizes=4), 60)
    with pytest.raises(ValueError, match="too few sizes for a hold-out"):
        combine_intervals([few, few], *POINT)
