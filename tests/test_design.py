"""The layout of runs by size and D: which run stands where, and which neighbours form pairs."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import SQRT2_STEPS, distinct_runs, stage_1

from farseer_jax import Design, Runs, build_design, paper_grid


def layout(N: Any, D: Any, loss: Any = None, ratio: Any = None) -> Design:
    N, D = np.asarray(N, float), np.asarray(D, float)
    loss = np.linspace(4, 3, len(N)) if loss is None else loss
    return build_design(Runs(N, D, loss, N_unit=1, D_unit=1), ratio)


def test_ragged_runs() -> None:
    """Sizes ascend, D ascends within a size, padding repeats the last D and holds no run."""
    N = [4e8, 1e8, 1e8, 4e8, 1e8, 2e8]
    D = [2e9, 4e9, 1e9, 1e9, 2e9, 3e9]
    design = layout(N, D)
    assert design.N.tolist() == [1e8, 2e8, 4e8]
    assert float(design.log_pivot) == pytest.approx(np.log(2e8), rel=1e-15)
    np.testing.assert_allclose(
        np.exp(design.log_D), [[1e9, 2e9, 4e9], [3e9, 3e9, 3e9], [1e9, 2e9, 2e9]], rtol=1e-12
    )
    assert design.occupied.tolist() == [[True] * 3, [True, False, False], [True, True, False]]
    assert design.run_index[design.occupied].ravel().tolist() == [2, 4, 1, 5, 3, 0]
    assert design.neighbours.tolist() == [[True, True], [False, False], [True, False]]
    assert design.pair_ok.tolist() == [[True, True], [False, False], [True, False]]
    assert float(design.ratio) == pytest.approx(2)


@given(seed=st.integers(0, 2**32 - 1))
def test_every_run_stands_where_its_N_and_D_say(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = rng.permutation(5 * 7)[: rng.integers(8, 36)]
    N, D = 1e8 * 2.0 ** (cells // 7), 1e9 * 1.5 ** (cells % 7)
    design = layout(N, D, rng.uniform(3, 4, len(N)))
    size, slot, repeat = np.nonzero(design.run_share)
    run = design.run_index[size, slot, repeat]
    assert sorted(run) == list(range(len(N)))
    np.testing.assert_array_equal(design.N[size], N[run])
    np.testing.assert_allclose(np.exp(design.log_D[size, slot]), D[run], rtol=1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_row_order_is_irrelevant(seed: int) -> None:
    N, D = paper_grid()
    loss = 3 + np.cos(np.arange(len(N)))
    order = np.random.default_rng(seed).permutation(len(N))
    first, second = layout(N, D, loss), layout(N[order], D[order], loss[order])
    for name in ("N", "log_pivot", "log_D", "run_share", "pair_ok", "ratio"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    held = first.run_share > 0
    np.testing.assert_array_equal(first.run_index[held], order[second.run_index[held]])


def test_copies_share_one_run_and_repeats_do_not() -> None:
    N = [1e8] * 7
    D = [1e9, 1e9, 1e9, 1e9, 2e9, 4e9, 4e9]
    loss = [3.5, 3.4, 3.5, 3.5, 3.2, 3.0, 3.1]
    design = layout(N, D, loss)
    shares: dict[int, float] = {
        int(run): float(share)
        for run, share in zip(design.run_index.ravel(), design.run_share.ravel(), strict=True)
        if share
    }
    assert shares == pytest.approx({0: 1 / 3, 2: 1 / 3, 3: 1 / 3, 1: 1.0, 4: 1.0, 5: 1.0, 6: 1.0})
    np.testing.assert_allclose(design.run_share.sum(axis=-1), [[2, 1, 2]], rtol=1e-15)


# Which neighbours are one step apart


@pytest.mark.parametrize("step", [np.sqrt(2), 2.0, 3.0, 1.1])
def test_ratio_is_found(step: float) -> None:
    N, D = (axis.ravel() for axis in np.meshgrid([1e8, 2e8], 1e9 * step ** np.arange(6.0)))
    design = layout(N, D)
    assert float(design.ratio) == pytest.approx(step, rel=1e-12)
    assert design.pair_ok.all()


def test_unequal_steps_are_found() -> None:
    """2, 5/3, 3/2, 5/3: the median is 5/3, which admits 5/3^0.5 to 5/3^1.5."""
    N, D = (axis.ravel() for axis in np.meshgrid([1e8, 2e8], [6e9, 12e9, 20e9, 30e9, 50e9]))
    design = layout(N, D)
    assert design.pair_ok.all()
    assert float(design.ratio) == pytest.approx(5 / 3, rel=1e-12)


def test_step_over_a_missing_cell_is_no_pair() -> None:
    D = 1e9 * np.sqrt(2) ** np.array([0.0, 1, 2, 3, 5, 6, 7])
    design = layout(np.full(7, 1e8), D)
    assert design.neighbours.all()
    assert design.pair_ok.tolist() == [[True, True, True, False, True, True]]


def test_pairs_of_the_papers_grid_are_those_of_the_reference() -> None:
    N, D = paper_grid()
    loss = 1e9 / D
    design = layout(N, D, loss)
    pairs = stage_1(*distinct_runs(N, D, loss), SQRT2_STEPS, 1)[3]
    size, slot = np.nonzero(design.pair_ok)
    np.testing.assert_array_equal(size, pairs.size)
    np.testing.assert_allclose(np.exp(design.log_D[size, slot]), pairs.D0, rtol=1e-12)
    np.testing.assert_allclose(np.exp(design.log_D[size, slot + 1]), pairs.D1, rtol=1e-12)


@pytest.mark.parametrize(
    ("ratio", "expected"),
    [
        (2.0, [True, True, False, False]),  # 2^0.5 to 2^1.5
        (3.9, [True, False, True, False]),  # 1.97 to 7.7
        ((1.9, 4.1), [True, False, True, False]),
        ((1.0001, 100.0), [True, True, True, True]),
        ((5.0, 5.5), [False, False, False, False]),
    ],
)
def test_ratio_asked_for(ratio: Any, expected: list[bool]) -> None:
    D = 1e9 * np.cumprod([1, 2.0, 1.5, 4.0, 9.0])
    design = layout(np.full(5, 1e8), D, ratio=ratio)
    assert design.pair_ok.tolist() == [expected]
    steps = np.array([2.0, 1.5, 4.0, 9.0])[expected]
    typical = np.exp(np.median(np.log(steps))) if len(steps) else np.nan
    assert float(design.ratio) == pytest.approx(typical, rel=1e-12, nan_ok=True)


@pytest.mark.parametrize("num_D", [24, 40, 160])
def test_close_neighbours_pair_with_one_near_twice_their_D(num_D: int) -> None:
    """Each run is the lower one of at most one pair, and the upper one of at most one."""
    D = np.geomspace(1e9, 5e11, num_D)
    design = layout(np.full(num_D, 1e8), D)
    lower, upper = design.log_D[:, :-1][design.pair_ok], design.log_D[:, 1:][design.pair_ok]
    ratio = np.exp(upper - lower)
    step = D[1] / D[0]
    assert 1.86 < ratio.min()
    assert ratio.max() < 1.87 * step
    assert float(design.ratio) == pytest.approx(ratio[0], rel=1e-12)
    assert len(set(lower.tolist())) == len(lower) == len(set(upper.tolist()))
    width = round(float(np.log(design.ratio) / np.log(step)))
    assert len(lower) == num_D - width
    assert sorted(design.log_D[design.occupied].tolist()) == np.log(D).tolist()


def test_jittered_D_pair_as_even_ones_do() -> None:
    off = np.random.default_rng(0).standard_normal(80)
    D = np.sort(np.geomspace(1e9, 5e11, 80) * np.exp(0.03 * off))
    design = layout(np.full(80, 1e8), D)
    ratio = np.exp(np.diff(design.log_D, axis=1)[design.pair_ok])
    assert np.count_nonzero(design.pair_ok) >= 68
    assert 1.7 < np.percentile(ratio, 5) < np.percentile(ratio, 95) < 2.3


def test_a_ratio_asked_for_reaches_over_closer_neighbours() -> None:
    D = 1e9 * 2.0 ** (0.25 * np.arange(17))
    design = layout(np.full(17, 1e8), D, ratio=2.0)
    assert np.exp(np.diff(design.log_D, axis=1)[design.pair_ok]) == pytest.approx(np.full(13, 2.0))


@pytest.mark.parametrize("ratio", [1.0, 0.5, -2.0, np.inf, np.nan, (0.9, 2.0), (1.5, np.inf)])
def test_impossible_ratios_are_refused(ratio: Any) -> None:
    with pytest.raises(ValueError, match="must be finite and above 1"):
        layout([1e8, 1e8], [1e9, 2e9], ratio=ratio)


def test_one_run_per_size_has_no_pairs() -> None:
    design = layout([1e8, 2e8, 4e8], [1e9, 1e9, 2e9])
    assert not design.neighbours.any()
    assert not design.pair_ok.any()
    assert np.isnan(design.ratio)


def test_a_table_that_is_no_grid_is_refused() -> None:
    """One size with many D beside many sizes with one: padding would not fit in memory."""
    many = np.arange(8000.0)
    N = np.concatenate([np.full(8000, 1e8), 2e8 + many])
    D = np.concatenate([1e9 + 1e5 * many, np.full(8000, 1e9)])
    with pytest.raises(ValueError, match="too ragged for a grid of 16000 runs") as caught:
        layout(N, D)
    assert "8001 sizes with up to 8000 values of D" in str(caught.value)
    assert "select runs" in str(caught.value)
