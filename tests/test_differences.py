"""Differential analysis: the paper's figures, simulated power laws, what it leaves out and says."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.diagnostics.difference_pairs import cells_of, ratio_of_N_near
from farseer_jax.diagnostics.difference_views import lines_of
from farseer_jax.methods.piecewise.stage1 import difference, estimate_sizes, gather
from farseer_jax.plots import plot_differences, plot_views

VIEWS = [("D", "D"), ("D", "N"), ("N", "D"), ("N", "N")]


def grid(N: Any, D: Any, loss: Any) -> fj.Runs:
    """A full grid of runs of a loss function."""
    each_N, each_D = (a.ravel() for a in np.meshgrid(N, D, indexing="ij"))
    return fj.Runs(each_N, each_D, loss(each_N, each_D))


def power_law(N: np.ndarray, D: np.ndarray) -> np.ndarray:
    return 0.2 + 40.0 * N**-0.25 + 300.0 * D**-0.3


N, D = 1e8 * 2.0 ** np.arange(8), 1e9 * 2.0 ** (np.arange(9) / 2)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> fj.DifferenceAnalysis:
    """The paper's 21 sizes."""
    runs = fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    return fj.analyse_differences(runs)


@pytest.fixture(scope="module")
def simulated() -> fj.DifferenceAnalysis:
    return fj.analyse_differences(grid(N, D, power_law))


# The paper's figures


def test_r_squared_of_figure_3(real: fj.DifferenceAnalysis) -> None:
    found = [real[view].mean_r_squared for view in VIEWS]
    np.testing.assert_allclose(found, [0.983, 0.749, 0.855, 0.862], rtol=0, atol=0.0005)
    assert real.best is real["D", "D"]
    assert (real.ratio_D, real.ratio_N) == pytest.approx((2**0.5, 2**0.5), rel=1e-3)
    assert [len(real[view].held) for view in VIEWS] == [21, 33, 19, 35]
    assert (real.num_not_falling_D, real.num_not_falling_N) == (0, 0)


def test_the_page_shows_these_figures(real: fj.DifferenceAnalysis) -> None:
    page = (Path(__file__).parents[1] / "docs" / "forms.md").read_text(encoding="utf-8")
    a, b, c, d = (f"{real[view].mean_r_squared:.3f}" for view in VIEWS)
    own, *others = (real[view].exponent_r_squared for view in VIEWS)
    text = " ".join(page.split())
    assert f"mean R² is {a}, {b}, {c} and {d} (" in text
    assert (
        f"follows N with an R² of {own:.3f}, those of the other views with {max(others):.3f}"
        in text
    )


def test_with_all_sizes_the_first_is_the_papers_to_its_last_digit_but_one(
    shared_data: Path,
) -> None:
    found = fj.analyse_differences(fj.read_runs(shared_data / "farseer_404.csv"))
    assert found.num_runs == 400  # 404 rows, 4 copies
    assert found.best.mean_r_squared == pytest.approx(0.9807, abs=0.0002)


def test_only_the_first_view_has_smooth_functions(real: fj.DifferenceAnalysis) -> None:
    """Figs. 10 and 11: coefficient and exponent of ΔD against D follow N most regularly."""
    best, others = real.best, [real[view] for view in VIEWS[1:]]
    assert best.exponent_r_squared > 0.99 > max(view.exponent_r_squared for view in others)
    assert best.coefficient_r_squared > max(view.coefficient_r_squared for view in others)


def test_lines_agree_with_stage_1(shared_data: Path, real: fj.DifferenceAnalysis) -> None:
    runs = fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    design = fj.build_design(runs)
    with jax.enable_x64(True):
        losses = jnp.asarray(runs.loss)
        pairs = difference(design, gather(design, losses, jnp.ones_like(losses)))
        stage_1 = estimate_sizes(pairs, min_pairs=5)
    view = real["D", "D"]
    np.testing.assert_allclose(view.exponent, np.exp(stage_1.log_A), rtol=1e-3)  # rounded steps
    corrected = view.coefficient / (1.0 - real.ratio_D**-view.exponent)
    np.testing.assert_allclose(corrected, np.exp(stage_1.log_B), rtol=1e-2)
    np.testing.assert_allclose(view.r_squared, stage_1.r_squared, atol=1e-4)


# Known laws


def test_differences_of_separate_power_laws(simulated: fj.DifferenceAnalysis) -> None:
    along_D, along_N = simulated["D", "D"], simulated["N", "N"]
    np.testing.assert_allclose(along_D.exponent, 0.3, rtol=1e-9)
    np.testing.assert_allclose(along_D.coefficient, 300.0 * (1 - 2 ** (-0.3 / 2)), rtol=1e-8)
    np.testing.assert_allclose(along_N.exponent, 0.25, rtol=1e-9)
    np.testing.assert_allclose(along_N.coefficient, 40.0 * (1 - 2**-0.25), rtol=1e-8)
    for view in (along_D, along_N):
        np.testing.assert_allclose(view.r_squared, 1.0, rtol=1e-12)
        assert view.overall_r_squared == pytest.approx(1.0, rel=1e-12)
        smaller = (simulated.ratio_D if view.against == "D" else simulated.ratio_N) ** 0.5
        at_smaller = view.coefficient[view.slice_index] * (view.x / smaller) ** -view.exponent[0]
        np.testing.assert_allclose(at_smaller, view.delta, rtol=1e-8)
    # a sum of terms of N and of D alone: no difference depends on the other variable
    np.testing.assert_allclose(simulated["D", "N"].exponent, 0.0, atol=1e-9)
    np.testing.assert_allclose(simulated["N", "D"].exponent, 0.0, atol=1e-9)


@given(st.integers(0, 10_000), st.integers(3, 12))
def test_lines_agree_with_numpy(seed: int, num_points: int) -> None:
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(2, 2 * num_points + 2))
    slices = np.array([0] * num_points + [1] * num_points + [2] * 2)
    lines = lines_of(x, y, slices, 4, 3)
    assert lines.num_points.tolist() == [num_points, num_points, 2, 0]
    assert np.isnan(lines.r_squared[2:]).all()
    for i in range(2):
        own_x, own_y = x[slices == i], y[slices == i]
        slope, intercept = np.polyfit(own_x, own_y, 1)
        assert lines.slope[i] == pytest.approx(slope, rel=1e-8, abs=1e-10)
        there = lines.level[i] - lines.slope[i] * lines.middle[i]
        assert there == pytest.approx(intercept, rel=1e-8, abs=1e-8)
        correlation = np.corrcoef(own_x, own_y)[0, 1]
        assert lines.r_squared[i] == pytest.approx(correlation**2, rel=1e-8, abs=1e-10)


# Pairs


def test_pairs_skip_half_steps_and_missing_steps() -> None:
    """Half steps beside whole ones, as in the paper's grid; a missing D leaves a gap."""
    quarter = np.array([0, 2, 4, 5, 6, 8, 12, 14, 16, 18])  # 10 is missing; 5 is a half step
    found = fj.analyse_differences(
        grid([1e8, 2e8], 1e9 * 2.0 ** (quarter / 4), power_law), min_pairs=3
    )
    places = np.round(4 * np.log2(found["D", "D"].x / 1e9) - 1).astype(int)
    assert sorted(set(places)) == [0, 2, 4, 6, 12, 14, 16]


def test_copies_repeats_and_rounded_D() -> None:
    runs = grid(N, D, power_law)
    rounded = fj.Runs(
        np.concatenate([runs.N, runs.N[:9], runs.N[:9]]),
        np.concatenate([runs.D * (1 + 1e-3 * (runs.N > 5e8)), runs.D[:9], runs.D[:9]]),
        np.concatenate([runs.loss, runs.loss[:9], runs.loss[:9] + 0.02]),
    )
    cells = cells_of(rounded)
    assert cells.loss.shape == (8, 9)
    np.testing.assert_allclose(cells.loss[0], runs.loss[:9] + 0.01, rtol=1e-12)
    np.testing.assert_allclose(cells.loss[1:].ravel(), runs.loss[9:], rtol=1e-12)


def test_the_step_of_N_is_that_of_sizes_nearest_to_the_step_of_D() -> None:
    for num_per_octave, expected in ((1, 1), (2, 0.5), (3, 1 / 3), (4, 0.5), (8, 0.5)):
        sizes = 1e8 * 2.0 ** (np.arange(12) / num_per_octave)
        cells = cells_of(grid(sizes, D, power_law))
        assert ratio_of_N_near(cells, 0.5 * np.log(2)) / np.log(2) == pytest.approx(expected)


def test_a_step_of_ones_own(simulated: fj.DifferenceAnalysis) -> None:
    found = fj.analyse_differences(grid(N, D, power_law), ratio=2.0)
    assert (found.ratio_D, found.ratio_N) == pytest.approx((2.0, 2.0))
    np.testing.assert_allclose(found["D", "D"].coefficient, 300.0 * (1 - 2**-0.3), rtol=1e-8)
    assert len(found["D", "D"].x) == len(simulated["D", "D"].x) - len(N)


def test_differences_that_do_not_fall_are_counted_and_said() -> None:
    runs = grid(N, D, power_law)
    loss = runs.loss.copy()
    loss[4] = loss[3] + 1e-3  # of the smallest size
    found = fj.analyse_differences(fj.Runs(runs.N, runs.D, loss))
    assert (found.num_not_falling_D, found.num_not_falling_N) == (1, 0)
    assert found["D", "D"].num_pairs.tolist() == [7, *[8] * 7]
    assert "1 pair is left out because the loss does not decrease in D" in str(found)


def test_a_view_without_slices_says_so() -> None:
    runs = fj.Runs(np.repeat(N[:3], 9), (D * np.array([[1.0], [1.2], [1.4]])).ravel(), np.ones(27))
    runs = fj.Runs(runs.N, runs.D, power_law(runs.N, runs.D))  # no two sizes share a D
    found = fj.analyse_differences(runs)
    assert [len(found[view].held) for view in VIEWS] == [3, 0, 0, 0]
    assert found.best is found["D", "D"]
    assert np.isnan(found["N", "N"].mean_r_squared)
    assert "ΔN against N has no slice of at least 5 pairs" in str(found)
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["views"][3]["mean_r_squared"] is None
    assert len(found.to_dataframe()) == 3


# What comes out, and what is refused


def test_text_table_and_json(simulated: fj.DifferenceAnalysis) -> None:
    text = str(simulated)
    assert text.splitlines()[0] == "Differences of the loss of 72 runs, steps of D by 1.41, N by 2"
    assert text.count("◀") == 1
    assert simulated.warnings == ()
    table = simulated.to_dataframe()
    assert len(table) == sum(len(view.held) for view in simulated.views)
    own = table[(table.difference == "D") & (table.against == "D")]
    np.testing.assert_array_equal(own.exponent, simulated["D", "D"].exponent)
    assert own.held_variable.eq("N").all()
    content = json.loads(json.dumps(simulated.to_dict(), allow_nan=False))
    assert [(v["difference"], v["against"]) for v in content["views"]] == VIEWS
    assert content["views"][0]["slices"][0]["held"] == pytest.approx(1e8)
    assert "mean R²" in repr(simulated)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ratio": 1.0}, "ratio: expected a finite factor above 1, got 1.0"),
        ({"ratio": np.inf}, "ratio"),
        ({"min_pairs": 2}, "min_pairs: expected at least 3, got 2"),
        ({"min_pairs": 50}, r"runs: no size and no D has 50 pairs .*give their step"),
        ({"ratio": 1e6}, r"there are 0 pairs 1e\+06-fold apart along D"),
    ],
)
def test_misuse(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.analyse_differences(grid(N, D, power_law), **settings)


def test_one_run_and_an_unknown_view(simulated: fj.DifferenceAnalysis) -> None:
    with pytest.raises(ValueError, match="no size and no D"):
        fj.analyse_differences(fj.Runs([1e8], [1e9], [3.0]))
    with pytest.raises(KeyError, match="unknown view"):
        simulated["D", "L"]


# Figures


def drawn(axes: Any) -> np.ndarray:
    """All dots of a figure, ``(dot, 2)``."""
    return np.concatenate([np.asarray(c.get_offsets()) for c in axes.collections])


def test_a_view_as_a_figure(simulated: fj.DifferenceAnalysis) -> None:
    from matplotlib import pyplot as plt

    axes = plot_differences(simulated, ("D", "N"))
    view = simulated["D", "N"]
    expected = np.stack([view.x, view.delta], axis=1)
    assert sorted(map(tuple, drawn(axes))) == sorted(map(tuple, expected))
    assert len(axes.lines) == len(view.held)
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xlabel() == "parameters N"
    _, own = plt.subplots()
    assert plot_differences(simulated, ax=own) is own
    with pytest.raises(KeyError, match="unknown view"):
        plot_differences(simulated, ("D", "L"))
    with pytest.raises(
        ValueError, match="show: unknown 'slope'; choose from 'differences', 'coefficient'"
    ):
        plot_differences(simulated, show="slope")  # type: ignore[arg-type]
    plt.close("all")


@pytest.mark.parametrize(("show", "scale"), [("coefficient", "log"), ("exponent", "linear")])
def test_functions_as_figures(simulated: fj.DifferenceAnalysis, show: Any, scale: str) -> None:
    from matplotlib import pyplot as plt

    view = simulated["N", "N"]
    axes = plot_differences(simulated, ("N", "N"), show=show)
    np.testing.assert_allclose(drawn(axes), np.stack([view.held, getattr(view, show)], axis=1))
    assert axes.get_yscale() == scale
    axes.figure.canvas.draw()
    plt.close("all")


def test_four_views_as_a_figure(simulated: fj.DifferenceAnalysis) -> None:
    from matplotlib import pyplot as plt

    made = plot_views(simulated)
    assert [len(ax.lines) for ax in made] == [len(view.held) for view in simulated.views]
    assert "mean R² 1.000" in made[0].get_title(loc="left")
    exponents = plot_views(simulated, show="exponent")
    for ax, view in zip(exponents, simulated.views, strict=True):
        np.testing.assert_allclose(drawn(ax), np.stack([view.held, view.exponent], axis=1))
    with pytest.raises(ValueError, match="show: unknown"):
        plot_views(simulated, show="slope")  # type: ignore[arg-type]
    _, own = plt.subplots(2, 2)
    assert plot_views(simulated, axes=own.ravel()) == tuple(own.ravel())
    none = np.zeros(0)
    arrays = {name: none for name, value in vars(simulated.views[0]).items() if np.ndim(value)}
    empty = dataclasses.replace(simulated.views[0], **arrays)
    panel = plot_views(dataclasses.replace(simulated, views=(empty, *simulated.views[1:])))[0]
    panel.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert not any(label.get_visible() for label in panel.get_xticklabels())
    with pytest.raises(ValueError, match="axes: expected 4, got 2"):
        plot_views(simulated, axes=own[0])
    plt.close("all")
