"""Diagnostics and figures of many rows: no array of rows × rows, permutations or pairs at once."""

import io

import numpy as np
import pytest
from matplotlib import pyplot as plt

from farseer_jax.diagnostics import whiteness as whiteness_module
from farseer_jax.diagnostics.holdout_split import grouped
from farseer_jax.diagnostics.whiteness import whiteness
from farseer_jax.plots import style
from farseer_jax.runs.noise import estimate_noise
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime import memory


def test_permutations_in_blocks_are_those_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    group, order = np.repeat([1.0, 2.0, 3.0], [5, 40, 2]), rng.standard_normal(47)
    residual = np.sin(order) + rng.standard_normal(47)
    one = whiteness("D", residual, group, order, seed=3)
    monkeypatch.setattr(memory, "BUDGET", 50_000)
    two = whiteness("D", residual, group, order, seed=3)
    np.testing.assert_array_equal(one.p_value, two.p_value)
    assert one.mean_p_value == two.mean_p_value
    assert list(one.num_runs) == [5, 40]


def test_the_limit_of_the_ratio_is_that_of_permutations(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    residual = rng.standard_normal(400)
    residual[1:] += 0.08 * residual[:-1]  # a weak pattern: neither sure nor absent
    order, group = np.arange(400.0), np.zeros(400)
    exact = whiteness("D", residual, group, order, seed=0)
    monkeypatch.setattr(whiteness_module, "_MOST_PERMUTED", 100)
    limit = whiteness("D", residual, group, order, seed=0)
    assert limit.ratio == exact.ratio
    assert limit.p_value[0] == pytest.approx(exact.p_value[0], abs=0.02)


def test_a_pattern_in_a_hundred_thousand_runs_is_found() -> None:
    place = np.arange(100_000.0)
    noise = np.random.default_rng(2).standard_normal(100_000)
    white = whiteness("D", noise, np.zeros(100_000), place, seed=0)
    alike = whiteness("D", noise + 0.2 * np.sin(place / 3e3), np.zeros(100_000), place, seed=0)
    assert white.mean_p_value > 0.01 > alike.mean_p_value


def test_groups_of_many_values() -> None:
    values = np.geomspace(1.0, 2.0, 50_000)
    found = np.unique(grouped(values))
    assert len(found) == 35  # ln 2 / ln 1.02
    assert (np.diff(np.log(found))[:-1] > np.log(1.02) - 1e-4).all()


def test_noise_of_many_sizes_without_repeats_is_refused_at_once() -> None:
    N = np.geomspace(1e8, 1e10, 100_000)
    with pytest.raises(ValueError, match="half of the 100000 sizes"):
        estimate_noise(Runs(N, 20.0 * N, (1e13 / N) ** 0.1))


def test_many_marks_are_pixels_in_files_of_vectors() -> None:
    with style.axes_of(None, (3.0, 2.0)) as axes:
        many = axes.scatter(*np.random.default_rng(0).standard_normal((2, 20_000)), s=4, lw=0)
        few = axes.scatter([0.0], [0.0])
        (line,) = axes.plot(np.zeros(20_000))
    assert many.get_rasterized()
    assert line.get_rasterized()
    assert not few.get_rasterized()
    file = io.BytesIO()
    axes.figure.savefig(file, format="svg")
    plt.close(axes.figure)
    assert len(file.getvalue()) < 400_000
