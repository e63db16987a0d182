"""Rolling hold-outs and what they say about a law's misfit, by NumPy alone."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from farseer_jax import Runs, paper_grid
from farseer_jax.runs.coverage import beyond_runs, distance_to_hull, extrapolation_length
from farseer_jax.uncertainty.calibration import Calibration, calibrate
from farseer_jax.uncertainty.holdouts import rolling_weights

NUM_SIZES, PER_SIZE, NUM_HOLDOUTS = 8, 5, 12
N = np.repeat(1e9 * 1.2 ** np.arange(NUM_SIZES), PER_SIZE)
LENGTH = np.tile(np.repeat(0.2 * np.arange(1, NUM_SIZES + 1), PER_SIZE), (NUM_HOLDOUTS, 1))
ERROR = 0.002 * LENGTH
Z_90 = 1.6448536269514722


def misses(rate: float, seed: int, num: int = NUM_HOLDOUTS) -> np.ndarray:
    """One cause of misses per hold-out: sampling error and drift, both common to its runs."""
    deviates = np.random.default_rng(seed).standard_normal((num, 1))
    return deviates * np.hypot(ERROR[:num], rate * LENGTH[:num])


def found(rate: float, seed: int, num: int = NUM_HOLDOUTS) -> Calibration:
    return calibrate(N, misses(rate, seed, num), ERROR[:num], LENGTH[:num], noise=0.0)


def test_misses_as_the_bootstrap_has_them_widen_little() -> None:
    worlds = [found(0.0, seed) for seed in range(40)]
    assert np.sqrt(np.mean([world.miss_ratio**2 for world in worlds])) == pytest.approx(1, abs=0.1)
    assert 1.0 < np.median([world.inflation(0.002, 1.0) for world in worlds]) < 1.3


def test_misses_five_times_too_large_widen_five_times() -> None:
    rate = 0.002 * math.sqrt(5.0**2 - 1.0)
    worlds = [found(rate, seed) for seed in range(40)]
    assert np.sqrt(np.mean([w.miss_ratio**2 for w in worlds])) == pytest.approx(5, rel=0.1)
    assert np.median([w.inflation(0.002, 1.0) for w in worlds]) == pytest.approx(5, rel=0.12)
    assert np.median([w.rate_quantile(0.5) for w in worlds]) == pytest.approx(rate, rel=0.12)


@pytest.mark.parametrize("num", [2, 12])
@pytest.mark.parametrize("times", [0.0, 1.0, 5.0])
def test_intervals_hold_what_they_promise(num: int, times: float) -> None:
    """Over worlds that drift at a given rate, of the next extrapolation."""
    rate, inside = times * 0.002, []
    for seed in range(150):
        half = found(rate, seed, num).half_width(0.002, 1.0, level=0.9)
        miss = np.random.default_rng(10_000 + seed).standard_normal() * math.hypot(0.002, rate)
        inside.append(abs(miss) <= half)
    # one or two hold-outs can't outweigh the prior where the drift is many times the noise
    low = {(2, 0.0): 0.9, (2, 1.0): 0.8, (2, 5.0): 0.65}.get((num, times), 0.84)
    assert low <= np.mean(inside)
    if num == 12:
        assert np.mean(inside) <= (0.97 if times == 0.0 else 0.94)


@pytest.mark.parametrize(("num", "held"), [(1, 0.60), (2, 0.72), (3, 0.78), (12, 0.88)])
def test_what_few_holdouts_hold_of_a_large_drift(num: int, held: float) -> None:
    """The shares that the page on uncertainty names, of nominal 90 %."""
    rate = 20 * 0.002
    half = [float(found(rate, seed, num).half_width(0.002, 1.0)) for seed in range(400)]
    inside = [math.erf(h / math.hypot(0.002, rate) / math.sqrt(2.0)) for h in half]
    assert np.mean(inside) == pytest.approx(held, abs=0.03)


def test_fewer_holdouts_say_less() -> None:
    widths = [
        np.median([found(0.01, seed, num).half_width(0.002, 1.0) for seed in range(40)])
        for num in (1, 3, 12)
    ]
    spread = [
        np.std([np.log(found(0.01, seed, num).half_width(0.002, 1.0)) for seed in range(40)])
        for num in (1, 3, 12)
    ]
    assert spread[0] > spread[1] > spread[2]
    assert widths[2] == pytest.approx(Z_90 * math.hypot(0.002, 0.01), rel=0.15)


def test_against_the_posterior_by_hand() -> None:
    """One hold-out of one size: the density of the rate, on a grid of its own."""
    miss, error, length, noise = 0.03, 0.004, 0.5, 0.002
    calibration = calibrate([1e9], [[miss]], [[error]], [[length]], noise=noise)
    sampling2, miss2 = error**2 + noise**2, miss**2 - noise**2
    prior2 = sampling2 / length**2
    rate = np.arange(1, 400_001) * 5e-6
    prior = (1 + rate**2 / prior2) ** -1.5
    rate2 = rate**2
    variance = sampling2 + rate2 * length**2
    weight = prior * np.exp(-0.5 * (np.log(variance) + miss2 / variance))
    half = float(calibration.half_width(0.003, 1.2, level=0.8))
    spread = np.sqrt(0.003**2 + rate2 * 1.2**2)
    held = np.array([math.erf(half / s / math.sqrt(2)) for s in spread[::40]])
    assert np.average(held, weights=weight[::40]) == pytest.approx(0.8, abs=2e-4)


def test_noise_that_no_law_predicts_is_no_misfit() -> None:
    rng = np.random.default_rng(0)
    noisy = misses(0.0, 0) + 0.01 * rng.standard_normal(LENGTH.shape)
    blind = calibrate(N, noisy, ERROR, LENGTH, noise=0.0)
    told = calibrate(N, noisy, ERROR, LENGTH, noise=0.01)
    assert told.rate_quantile(0.5) < 0.4 * blind.rate_quantile(0.5)


def test_runs_of_a_size_do_not_count_as_more_holdouts() -> None:
    once = found(0.01, 3)
    often = calibrate(
        np.tile(N, 4), np.tile(misses(0.01, 3), 4), np.tile(ERROR, 4), np.tile(LENGTH, 4), noise=0.0
    )
    assert often.probability == pytest.approx(once.probability, rel=1e-9)


def test_what_is_not_finite_is_not_scored() -> None:
    miss, error = misses(0.01, 1), ERROR.copy()
    miss[0], error[1] = np.nan, np.inf  # two hold-outs without a usable fit
    left = calibrate(N, miss, error, LENGTH, noise=0.0)
    expected = calibrate(N, miss[2:], error[2:], LENGTH[2:], noise=0.0)
    assert left.num_holdouts == NUM_HOLDOUTS - 2
    np.testing.assert_array_equal(left.probability, expected.probability)


def test_without_holdouts_nothing_is_known_and_that_is_said() -> None:
    nothing = np.empty((0, len(N)))
    calibration = calibrate(N, nothing, nothing, nothing, noise=0.0)
    assert "not calibrated" in str(calibration)
    assert float(calibration.half_width(1.0, 5.0)) == pytest.approx(Z_90, rel=1e-6)
    assert math.isnan(calibration.miss_ratio)


def test_inside_the_range_nothing_is_added() -> None:
    half = found(0.01, 0).half_width([0.001, 0.002], 0.0, level=0.9)
    assert half == pytest.approx(Z_90 * np.array([0.001, 0.002]), rel=1e-6)


@settings(max_examples=25)
@given(st.floats(1e-3, 1e3), st.floats(0.1, 10.0))
def test_units_of_misses_and_of_length_do_not_matter(unit: float, stretch: float) -> None:
    plain = found(0.01, 5)
    scaled = calibrate(N, unit * misses(0.01, 5), unit * ERROR, stretch * LENGTH, noise=0.0)
    assert scaled.probability == pytest.approx(plain.probability, rel=1e-6, abs=1e-12)
    assert float(scaled.half_width(unit * 0.002, stretch)) == pytest.approx(
        unit * float(plain.half_width(0.002, 1.0)), rel=1e-6
    )


@settings(max_examples=25)
@given(st.floats(0.01, 0.98), st.floats(1.0, 3.0), st.floats(1.0, 3.0), st.integers(0, 100))
def test_wider_with_level_length_and_error(
    level: float, longer: float, noisier: float, seed: int
) -> None:
    calibration = found(0.01, seed)
    half = float(calibration.half_width(0.002, 0.5, level=level))
    assert float(calibration.half_width(0.002, 0.5, level=level + 0.01)) > half
    assert float(calibration.half_width(0.002, 0.5 * longer, level=level)) >= half * (1 - 1e-9)
    assert float(calibration.half_width(0.002 * noisier, 0.5, level=level)) >= half * (1 - 1e-9)
    assert float(calibration.inflation(0.002, 0.5, level=level)) >= 1.0


def test_holdouts_of_the_paper_grid() -> None:
    N, D = paper_grid()
    runs = Runs(N, D, np.ones(len(N)))
    holdouts = rolling_weights(runs)
    sizes = np.unique(N)
    np.testing.assert_array_equal(holdouts.cutoffs, sizes[6:-1])
    np.testing.assert_array_equal(holdouts.weights[0], (sizes[6] >= N).astype(float))
    inside = holdouts.weights > 0
    assert not holdouts.length[inside].any()
    points = np.log(np.stack([N, D], axis=1))
    for own, length in zip(inside, holdouts.length, strict=True):
        expected = [distance_by_edges(points[own], point) for point in points[~own]]
        assert length[~own] == pytest.approx(expected)


def distance_by_edges(points: np.ndarray, at: np.ndarray) -> float:
    """Of a point outside the hull: the nearest of its edges, one by one."""
    corners = points[ConvexHull(points).vertices]
    distances = []
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = np.clip((at - a) @ (b - a) / ((b - a) @ (b - a)), 0.0, 1.0)
        distances.append(float(np.linalg.norm(at - a - along * (b - a))))
    return min(distances)


def test_many_sizes_are_thinned_and_few_give_none() -> None:
    many = Runs(np.linspace(1e8, 1e10, 60), np.full(60, 1e10), np.ones(60))
    few = rolling_weights(many, max_holdouts=5)
    assert len(few) == 5
    assert few.cutoffs[-1] == np.unique(many.N)[-2]
    three = Runs([1e8, 2e8, 4e8], [1e10] * 3, [3, 2, 1])
    assert rolling_weights(three).weights.shape == (0, 3)
    four = Runs([1e8, 2e8, 4e8, 8e8], [1e10] * 4, [4, 3, 2, 1])
    assert (len(rolling_weights(four)), len(rolling_weights(four, min_sizes=4))) == (1, 0)


def test_length_is_the_distance_from_the_hull_in_e_folds() -> None:
    runs = Runs([1e9, 4e9, 1e9, 4e9], [1e10, 1e10, 2e10, 2e10], [3, 2, 2, 1])
    length = extrapolation_length(runs, [2e9, 8e9, 8e9, 5e8], [1e10, 1e10, 8e10, 1e10])
    log = math.log
    assert length == pytest.approx([0, log(2), math.hypot(log(2), log(4)), log(2)])
    assert np.isnan(extrapolation_length(runs, np.nan, 1e10))


def test_a_size_covers_its_own_D_alone() -> None:
    """The largest size of the paper's grid ends at 90 B tokens, a smaller one at 500 B."""
    N, D = paper_grid()
    runs, largest = Runs(N, D, np.ones(len(N))), N.max()
    assert D.max() > 3.5e11
    ends = D[largest == N].max()
    assert ends == pytest.approx(9.05e10, rel=1e-3)
    length = extrapolation_length(runs, largest, [ends / 4, ends, 5e11])
    assert length == pytest.approx([0.0, 0.0, 1.2], abs=0.01)
    assert beyond_runs(runs, {"N": [largest] * 2, "D": [ends, 5e11]}).tolist() == [False, True]


def test_distance_of_points_on_a_line_or_in_many_coordinates() -> None:
    """Hulls without faces: D = 20 N, and a simplex in six coordinates."""
    line = np.outer(np.arange(5.0), [1.0, 1.0])
    at = np.array([[1.5, 1.5], [1.0, 3.0], [5.0, 5.0]])
    assert distance_to_hull(line, at) == pytest.approx([0, np.sqrt(2), np.sqrt(2)])
    simplex = np.vstack([np.zeros(6), np.eye(6)])
    outside = distance_to_hull(simplex, np.array([[0.1] * 6, [1.0] * 6, [-1.0] + [0.0] * 5]))
    assert outside == pytest.approx([0, 5 / np.sqrt(6), 1])


@pytest.mark.parametrize("level", [0.0, 1.0, -1.0, math.nan])
def test_a_level_outside_its_range(level: float) -> None:
    with pytest.raises(ValueError, match="level must lie between 0 and 1"):
        found(0.0, 0).half_width(1.0, 1.0, level=level)


def test_shapes_that_differ() -> None:
    with pytest.raises(ValueError, match="must have shape"):
        calibrate(N, misses(0, 0), ERROR[:, :-1], LENGTH, noise=0.0)
    for name in ("min_sizes", "max_holdouts"):
        with pytest.raises(ValueError, match=name):
            rolling_weights(Runs([1e9], [1e9], [1]), **{name: 0})
