"""Figures of a fit show its runs, its law and what its stages found."""

from dataclasses import replace

import numpy as np
import pytest

from farseer_jax import (
    Chinchilla,
    Farseer,
    Fit,
    LeastSquares,
    Runs,
    WildBootstrap,
    allocate,
    bootstrap,
    example_runs,
    fit,
)
from farseer_jax.plots import plot_curves, plot_fit, plot_map


@pytest.fixture(scope="module")
def fitted() -> Fit:
    return fit(Farseer, example_runs().select(max_N=5.5e9))


@pytest.fixture(scope="module")
def held_out() -> Runs:
    return example_runs().select(min_N=6e9)


def offsets(axes: object) -> np.ndarray:
    """Every dot of a figure, ``(dot, 2)``."""
    return np.concatenate([np.asarray(one.get_offsets()) for one in axes.collections])  # type: ignore[attr-defined]


def test_lines_are_the_law_and_dots_the_runs(fitted: Fit, held_out: Runs) -> None:
    axes = plot_fit(fitted, held_out, sizes=[201e6, 6.37e9])
    small, large = axes.get_lines()
    for line, N in ((small, fitted.runs.N.min()), (large, held_out.N.max())):
        D, loss = np.asarray(line.get_data())
        np.testing.assert_allclose(loss, fitted.predict(N, D), rtol=1e-12)
    mine = fitted.runs.N == fitted.runs.N.min()
    expected = np.stack([fitted.runs.D[mine], fitted.runs.loss[mine]], axis=1)
    dots = offsets(axes)
    np.testing.assert_array_equal(dots[: mine.sum()], expected)
    assert {tuple(dot) for dot in np.stack([held_out.D, held_out.loss], axis=1)} <= {
        tuple(dot) for dot in dots
    }
    assert [text.get_text() for text in axes.texts] == ["201 M", "6.37 B"]


def test_sizes_are_chosen_with_both_ends(fitted: Fit, held_out: Runs) -> None:
    names = [text.get_text() for text in plot_fit(fitted, held_out).texts]
    assert len(names) == 9
    assert {"201 M", "5.35 B", "6.37 B"} <= set(names)


def test_a_size_without_runs_is_refused(fitted: Fit) -> None:
    with pytest.raises(ValueError, match=r"sizes: no run has N = 3e\+08; choose from 201 M, 239 M"):
        plot_fit(fitted, sizes=[3e8])


def scattered() -> Runs:
    """Forty sizes with one run or two each, one of them far off."""
    rng = np.random.default_rng(0)
    N = np.repeat(np.geomspace(5e7, 5e9, 40), 2)[:70]
    D = N * np.exp(rng.uniform(1.0, 5.0, len(N)))
    loss = 1.7 + 400 / N**0.34 + 400 / D**0.28
    loss *= np.exp(2e-3 * rng.standard_normal(len(N)))
    loss[33] *= 1.2
    return Runs(N, D, loss)


def test_runs_of_many_sizes_are_drawn_against_compute() -> None:
    found = fit(Chinchilla, scattered(), LeastSquares("huber", num_starts=8))
    runs = found.runs
    axes = plot_fit(found)
    assert (axes.get_xlabel(), axes.get_xscale()) == ("compute 6ND, FLOPs", "log")
    compute = 6 * runs.N * runs.D
    np.testing.assert_array_equal(offsets(axes)[:70], np.stack([compute, runs.loss], axis=1))
    np.testing.assert_array_equal(axes.collections[0].get_array(), runs.N)
    curves = [line for line in axes.lines if len(np.asarray(line.get_xdata())) == 60]
    sizes = np.geomspace(runs.N.min(), runs.N.max(), 7)
    for line, N in zip(curves, sizes, strict=True):
        C, loss = np.asarray(line.get_data())
        np.testing.assert_allclose(loss, found.predict(N, C / (6 * N)), rtol=1e-9)
    frontier = next(line for line in axes.lines if line.get_label() == "fit, optimal split")
    C, loss = np.asarray(frontier.get_data())
    np.testing.assert_allclose(loss, allocate(found, C).loss, rtol=1e-9)
    rings = next(own for own in axes.collections if own.get_label() == "outliers by rank")
    np.testing.assert_array_equal(rings.get_offsets(), [[compute[33], runs.loss[33]]])
    assert [text.get_text() for text in axes.texts] == ["1"]
    few = plot_fit(found, sizes=[runs.N.min()])
    assert few.get_xlabel() == "tokens D"


def test_outliers_are_ringed_in_the_order_of_their_standardised_residuals() -> None:
    runs = example_runs().select(max_N=6e8)
    largest, smallest = int(np.argmax(runs.D)), int(np.argmin(runs.D))
    factor = np.ones(len(runs))
    factor[[largest, smallest]] = 1.04, 1.045
    found = fit(Farseer, Runs(runs.N, runs.D, runs.loss * factor))
    rows = found.outliers.rows
    assert set(rows) == {largest, smallest}
    assert (np.diff(np.abs(found.outliers.z_score[rows])) < 0).all()
    axes = plot_fit(found)
    rings = next(own for own in axes.collections if own.get_label() == "outliers by rank")
    np.testing.assert_array_equal(
        rings.get_offsets(), np.stack([found.runs.D[rows], found.runs.loss[rows]], axis=1)
    )


def test_curves_are_the_law_and_dots_the_stages(fitted: Fit) -> None:
    law, found = fitted.law, fitted.diagnostics
    assert isinstance(law, Farseer)
    seen = {"U": found.G, "B": found.B, "A": found.A}  # type: ignore[union-attr]
    for name, axes in zip("UBA", plot_curves(fitted), strict=True):
        N, values = np.asarray(axes.get_lines()[0].get_data())
        np.testing.assert_allclose(values, getattr(law, name)(N), rtol=1e-5)
        np.testing.assert_array_equal(offsets(axes)[:, 1], seen[name])


def test_bands_hold_the_curve(fitted: Fit) -> None:
    draws = bootstrap(fitted, 200, WildBootstrap(), seed=0)
    for axes in plot_curves(fitted, draws):
        N, values = np.asarray(axes.get_lines()[0].get_data())
        band = axes.collections[0].get_paths()[0].vertices
        middle = np.argsort(N)[len(N) // 2]
        ends = band[np.isclose(band[:, 0], N[middle])][:, 1]
        assert ends.min() < values[middle] < ends.max()


def test_curves_of_another_method_have_no_dots() -> None:
    found = fit(Chinchilla, example_runs().select(max_N=6e8), LeastSquares())
    assert all(not axes.collections for axes in plot_curves(found))


def test_bad_axes_and_draws_are_refused(fitted: Fit) -> None:
    from matplotlib import pyplot as plt

    _, own = plt.subplots()
    assert plot_fit(fitted, ax=own) is own
    with pytest.raises(ValueError, match="axes: expected 3, got 1"):
        plot_curves(fitted, axes=[own])
    other = bootstrap(fit(Farseer, example_runs()), 50, WildBootstrap(), seed=0)
    with pytest.raises(ValueError, match="expected draws of this fit"):
        plot_curves(fitted, other)


def per_cent(fit: Fit, runs: Runs) -> np.ndarray:
    return 100 * (np.asarray(fit.predict(runs.N, runs.D)) / runs.loss - 1.0)


def test_a_map_says_what_is_beyond_the_runs(fitted: Fit) -> None:
    # within, beyond N, beyond D (above and below), beyond both
    N, D = [1.5e9, 2e10, 1e9, 1e9, 2e10], [2e10, 2e10, 5e12, 1e8, 5e12]
    axes = plot_map(fitted, Runs(N, D, 1.01 * np.asarray(fitted.predict(N, D))))
    assert [text.get_text() for text in axes.texts] == ["−0.99 %"] * 5
    circles, *stars = axes.collections
    np.testing.assert_array_equal(np.asarray(circles.get_offsets())[:, 0], fitted.runs.N)
    assert [np.asarray(star.get_offsets()).tolist() for star in stars[:4]] == [
        [[1.5e9, 2e10]], [[2e10, 2e10]], [[1e9, 5e12], [1e9, 1e8]], [[2e10, 5e12]],
    ]  # fmt: skip
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [
        "326 fitted runs", "1 off the grid: mean 0.99 %", "1 beyond N: mean 0.99 %",
        "2 beyond D: mean 0.99 %", "1 beyond N and D: mean 0.99 %",
    ]  # fmt: skip


def test_a_map_of_many_runs_colours_all_and_names_the_worst(fitted: Fit) -> None:
    others = example_runs().select(min_D=2.1e11)
    axes = plot_map(fitted, others)
    error = per_cent(fitted, others)
    np.testing.assert_allclose(axes.collections[1].get_array(), np.abs(error))
    assert axes.texts[0].get_text() == f"{error[np.abs(error).argmax()]:+.2g}".replace("-", "−")
    assert 6 <= len(axes.texts) <= len(np.unique(others.N))


def test_a_map_of_a_fit_alone_shows_the_errors_of_its_own_runs(fitted: Fit) -> None:
    axes = plot_map(fitted)
    runs, error = fitted.runs, per_cent(fitted, fitted.runs)
    (circles,) = axes.collections
    np.testing.assert_array_equal(circles.get_offsets(), np.stack([runs.N, runs.D], axis=1))
    np.testing.assert_allclose(circles.get_array(), np.abs(error))
    assert axes.get_title(loc="left") == "Farseer law, 326 fitted runs"
    assert axes.texts[0].get_text() == f"{error[np.abs(error).argmax()]:+.2g}".replace("-", "−")


def test_one_large_error_leaves_the_others_their_colours(fitted: Fit) -> None:
    loss = fitted.runs.loss.copy()
    loss[5] *= 1.5
    circles = plot_map(replace(fitted, runs=Runs(fitted.runs.N, fitted.runs.D, loss))).collections[
        0
    ]
    error = np.asarray(circles.get_array())
    assert error.max() > 30.0
    assert circles.get_clim() == pytest.approx((0.0, np.quantile(error, 0.95)))
    assert circles.colorbar.extend == "max"


def test_a_map_needs_runs_over_N_and_D(fitted: Fit) -> None:
    with pytest.raises(TypeError, match="held_out: expected Runs"):
        plot_map(fitted, fitted)  # type: ignore[arg-type]
    others = Runs([1e8], loss=[3.0], inputs={"P": np.array([2.0])})
    with pytest.raises(ValueError, match="held_out: expected runs over N and D alone, got"):
        plot_map(fitted, others)


@pytest.mark.parametrize("few", [True, False])
def test_texts_of_a_map_do_not_touch(fitted: Fit, few: bool) -> None:
    chosen = example_runs().select(min_N=6e9) if few else example_runs().select(min_D=2.1e11)
    from matplotlib.text import Text

    axes = plot_map(fitted, chosen)
    figure = axes.figure
    assert figure is not None
    figure.canvas.draw()
    boxes = [Text.get_window_extent(text).get_points() for text in axes.texts]  # without lines
    assert len(boxes) == 11 or not few
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            assert (np.minimum(one[1], other[1]) <= np.maximum(one[0], other[0])).any()
