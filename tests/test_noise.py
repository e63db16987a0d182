"""Run-to-run noise read from runs, without a law."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from farseer_jax import Runs, paper_grid, read_runs
from farseer_jax.runs.noise import estimate_noise

N, D = paper_grid()


def world(noise: float | np.ndarray, seed: int, N: np.ndarray = N, D: np.ndarray = D) -> Runs:
    """A smooth surface with noise, by NumPy alone."""
    smooth = 0.4 * (N / 1e9) ** -0.1 + (N / 1e9) ** -0.2 * (D / 1e9) ** (-0.3 * (N / 1e9) ** -0.1)
    draws = np.random.default_rng(seed).standard_normal(len(N))
    return Runs(N, D, smooth * np.exp(noise * draws))


def test_known_noise_is_found() -> None:
    found = [estimate_noise(world(5e-4, seed)).pooled for seed in range(50)]
    assert np.mean(found) == pytest.approx(5e-4, rel=0.02)
    # as scattered as the degrees of freedom claim: SD of a standard deviation is 1 / √(2 dof)
    claimed = 1 / np.sqrt(2 * estimate_noise(world(5e-4, 0)).dof.sum())
    assert np.std(found) / 5e-4 == pytest.approx(claimed, rel=0.35)


def test_a_smooth_surface_without_noise_has_hardly_any() -> None:
    assert estimate_noise(world(0.0, 0)).pooled < 4e-5


def test_unequal_steps_of_D() -> None:
    rng = np.random.default_rng(1)
    found = []
    for seed in range(20):
        grid = np.exp(np.sort(rng.uniform(np.log(1e9), np.log(1e11), (20, 15)), axis=1)).ravel()
        found.append(estimate_noise(world(1e-3, seed, np.repeat(N[:20] + np.arange(20), 15), grid)))
    assert np.mean([noise.pooled for noise in found]) == pytest.approx(1e-3, rel=0.04)


def test_sizes_that_are_alike_share_their_noise() -> None:
    spread = [np.ptp(estimate_noise(world(5e-4, seed)).per_size) / 5e-4 for seed in range(30)]
    assert np.median(spread) < 0.5  # unshrunk: 1.2


def test_sizes_that_differ_keep_their_own_noise() -> None:
    truth = np.where(N < 1e9, 2e-3, 3e-4)
    found = [estimate_noise(world(truth, seed)) for seed in range(20)]
    per_size = np.sqrt(np.mean([noise.per_size**2 for noise in found], axis=0))
    small = found[0].sizes < 1e9
    pooled = np.sqrt(np.mean([noise.pooled**2 for noise in found]))
    assert pooled == pytest.approx(1.44e-3, rel=0.05)
    assert per_size[small].min() > 1.6e-3  # some of the way back from 2e-3 is the price
    assert per_size[~small].max() < 7e-4


def test_repeats_go_before_differences() -> None:
    both = np.tile(np.arange(len(N)), 2)
    runs = world(2e-3, 3, N[both], D[both])
    noise = estimate_noise(runs)
    log_loss = np.log(runs.loss).reshape(2, -1)
    by_hand = np.sqrt(np.mean((log_loss[0] - log_loss[1]) ** 2) / 2)
    assert (noise.source, noise.dof.sum()) == ("repeats", len(N))
    assert noise.pooled == pytest.approx(by_hand, rel=1e-12)


def test_a_repeat_weighs_in_a_difference_as_a_mean_of_two() -> None:
    pair = np.concatenate([np.arange(len(N)), [40, 90]])
    found = [estimate_noise(world(1e-3, seed, N[pair], D[pair])) for seed in range(40)]
    assert {noise.source for noise in found} == {"differences"}
    assert np.mean([noise.pooled for noise in found]) == pytest.approx(1e-3, rel=0.03)


def test_copies_count_once() -> None:
    runs = world(1e-3, 0)
    copied = Runs(*(np.tile(column, 2) for column in (runs.N, runs.D, runs.loss)))
    assert estimate_noise(copied).pooled == estimate_noise(runs).pooled


def test_fewer_D_lower_the_order() -> None:
    few = np.concatenate([np.flatnonzero(N == size)[:4] for size in np.unique(N)])
    assert estimate_noise(world(1e-3, 0, N[few], D[few])).order == 3
    with pytest.raises(ValueError, match="3 different D, and there are fewer than 3 repeats"):
        estimate_noise(Runs(N=[1e8, 1e8, 2e8, 2e8], D=[1e9, 2e9, 1e9, 2e9], loss=[4, 3, 3, 2]))


def test_nearly_equal_D_do_no_harm() -> None:
    close = D * (1 + 1e-9 * np.arange(len(D)))
    pairs = np.concatenate([D, close])
    noise = estimate_noise(world(1e-3, 0, np.tile(N, 2), pairs))
    assert noise.pooled == pytest.approx(1e-3, rel=0.15)


@given(st.floats(0.1, 10.0), st.floats(0.1, 10.0), st.floats(0.1, 10.0))
def test_units_do_not_matter(N_unit: float, D_unit: float, loss_unit: float) -> None:
    runs = world(1e-3, 0)
    other = Runs(runs.N * N_unit, runs.D * D_unit, runs.loss * loss_unit, N_unit=1.0, D_unit=1.0)
    one, two = estimate_noise(runs), estimate_noise(other)
    np.testing.assert_allclose(two.per_size, one.per_size, rtol=1e-6)


def test_noise_of_runs_of_other_sizes_is_the_pooled_one() -> None:
    runs = world(1e-3, 0)
    noise = estimate_noise(runs)
    other = Runs([runs.N[0], 3.3e9, 9e12], [1e10] * 3, [1.0] * 3, N_unit=1.0)
    assert noise.of_runs(other).tolist() == [noise.per_size[0], noise.pooled, noise.pooled]


def test_measured_noise_of_real_runs(shared_data: Path) -> None:
    grid = estimate_noise(read_runs(shared_data / "farseer_404.csv"))
    assert (f"{100 * grid.pooled:.3f}", grid.order) == ("0.052", 4)
    ladder = read_runs(shared_data / "olmo_ladder.csv")
    role = np.asarray(ladder.extra["role"]).astype(str)
    ladder = ladder.select(mask=np.char.startswith(role, "ladder"))
    reruns = estimate_noise(ladder)
    assert (reruns.source, f"{100 * reruns.pooled:.2f}") == ("repeats", "0.02")
