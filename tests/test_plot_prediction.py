"""The figure of a prediction shows the numbers that the model gives, along the line asked for."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax.plots import plot_prediction

POINT = (25.1e9, 5e11)
RUNS = fj.example_runs()
PARALLEL = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def answer() -> fj.Forecast:
    return fj.forecast(RUNS, [POINT], usual=False)


@pytest.fixture(scope="module")
def fit() -> fj.Fit:
    few_sizes = RUNS.select(max_N=3e8)  # too few to hold some out, which would take many refits
    return fj.fit(fj.Chinchilla, few_sizes, fj.LeastSquares(num_starts=8))


@pytest.fixture(scope="module")
def refits(fit: fj.Fit) -> fj.Bootstrap:
    return fj.bootstrap(fit, 20, "wild")


def line_of(axes: Any, number: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The dashed line of a path, which is drawn along all of it."""
    dashed = [
        line for line in axes.lines if line.get_linestyle() == "--" and len(line.get_xdata()) > 2
    ]
    x, y = dashed[number].get_data()
    return np.asarray(x, float), np.asarray(y, float)


def band_of(axes: Any, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends at the x of the line."""
    bands = [one for one in axes.collections if hasattr(one, "get_paths") and len(one.get_paths())]
    bands = [
        one
        for one in bands
        if type(one).__name__ in ("PolyCollection", "FillBetweenPolyCollection")
    ]
    vertices = bands[number].get_paths()[0].vertices
    x, _ = line_of(axes)
    both = [vertices[np.isclose(vertices[:, 0], own, rtol=1e-9)][:, 1] for own in x]
    return np.array([own.min() for own in both]), np.array([own.max() for own in both])


def test_bands_are_the_models_intervals_and_hold_the_line(answer: fj.Forecast) -> None:
    axes = plot_prediction(answer)
    D, loss = line_of(axes)
    np.testing.assert_allclose(loss, answer.predict(POINT[0], D), rtol=1e-12)
    for number, level in enumerate((0.5, 0.9)):
        low, high = band_of(axes, number)
        np.testing.assert_allclose([low, high], answer.interval(POINT[0], D, level=level))
        assert ((low < loss) & (loss < high)).all()
    low, high = answer.interval(*POINT, level=0.9)
    text = axes.texts[0].get_text()
    numbers = [float(word.strip("()")) for word in text.split() if word != "to"]
    np.testing.assert_allclose(numbers, [answer.predict(*POINT), low, high], atol=5e-5)


def test_the_line_is_solid_within_the_runs_only(answer: fj.Forecast) -> None:
    axes = plot_prediction(answer, given={"N": 1e9})
    D, _ = line_of(axes)
    solid = next(line for line in axes.lines if np.isnan(np.asarray(line.get_ydata(), float)).any())
    drawn = np.isfinite(np.asarray(solid.get_ydata(), float))
    inside = answer.at({"N": np.full_like(D, 1e9), "D": D}).beyond == 0.0
    np.testing.assert_array_equal(drawn, inside)
    assert 10 < drawn.sum() < len(D)


def test_the_largest_run_is_marked_and_targets_are_compared_with_it(answer: fj.Forecast) -> None:
    axes = plot_prediction(answer, "C", given={"D/N": 20})
    compute = 6 * RUNS.N * RUNS.D
    rule = next(line for line in axes.lines if len(line.get_xdata()) == 2)
    np.testing.assert_allclose(rule.get_xdata(), compute.max())
    legend = axes.get_legend()
    assert legend is not None
    times = 6 * POINT[0] * POINT[1] / compute.max()
    assert f"target, {times:.2g}× compute" in [text.get_text() for text in legend.get_texts()]


def test_lines_along_compute(answer: fj.Forecast) -> None:
    axes = plot_prediction(answer, "C", given={"D/N": [20, 100]})
    for number, ratio in enumerate((20, 100)):
        C, loss = line_of(axes, number)
        N = np.sqrt(C / (6 * ratio))
        np.testing.assert_allclose(loss, answer.predict(N, ratio * N), rtol=1e-9)
    C, loss = line_of(plot_prediction(answer, "C", given={"N": 7e9}))
    np.testing.assert_allclose(loss, answer.predict(7e9, C / (6 * 7e9)), rtol=1e-9)
    N, loss = line_of(plot_prediction(answer, "N", given={"C": 1e21}))
    np.testing.assert_allclose(loss, answer.predict(N, 1e21 / (6 * N)), rtol=1e-9)


def test_the_optimal_split_is_that_of_allocate(fit: fj.Fit) -> None:
    C, loss = line_of(plot_prediction(fit, "C", levels=()))
    np.testing.assert_allclose(loss, fj.allocate(fit, C).loss, rtol=1e-6)


def test_a_bootstrap_error_bars_and_a_fit(fit: fj.Fit, refits: fj.Bootstrap) -> None:
    N = float(fit.runs.N.max())
    of_run = plot_prediction(refits, given={"N": N}, levels=(0.9,), new_run=True)
    D, loss = line_of(of_run)
    np.testing.assert_allclose(loss, fit.predict(N, D), rtol=1e-12)
    found = refits.interval(N, D, of="run")
    np.testing.assert_allclose(band_of(of_run, 0), [found.lower, found.upper])
    bars = fj.error_bars(fit, "sandwich")
    own = bars.interval(N, D, level=0.8)
    for model in (fit, bars):
        axes = plot_prediction(model, given={"N": N}, levels=(0.8,))
        np.testing.assert_allclose(band_of(axes, 0), [own.lower, own.upper])


def test_observed_targets_are_crosses(fit: fj.Fit) -> None:
    others = RUNS.select(min_N=6e9)
    axes = plot_prediction(fit, targets=others)
    crosses = next(one for one in axes.collections if one.get_label() == "observed")
    np.testing.assert_allclose(crosses.get_offsets(), np.stack([others.D, others.loss], axis=1))
    assert not axes.texts  # too many for numbers


def test_any_input_with_the_others_held() -> None:
    N, P = (own.ravel() for own in np.meshgrid(np.geomspace(1e8, 5e9, 6), [1.0, 2.0, 4.0]))
    law = fj.law(PARALLEL)(E=1.7, A=5e6, k=0.3, alpha=0.2)
    table = {"N": N, "P": P, "loss": np.asarray(law.loss(N=N, P=P))}
    noise = np.exp(1e-3 * np.random.default_rng(0).standard_normal(len(N)))
    found = fj.fit(PARALLEL, {**table, "loss": table["loss"] * noise})
    axes = plot_prediction(found, "P", given={"N": [1e9, 2e9]})
    assert axes.get_xlabel() == "parallel streams P"
    for number, own in enumerate((1e9, 2e9)):
        streams, loss = line_of(axes, number)
        np.testing.assert_allclose(loss, found.predict(N=own, P=streams), rtol=1e-12)
    streams, loss = line_of(plot_prediction(found, "P", targets=[(3e9, 8)]))
    np.testing.assert_allclose(loss, found.predict(N=3e9, P=streams), rtol=1e-12)
    with pytest.raises(ValueError, match=r"against: expected a numeric input .*'N', 'P'"):
        plot_prediction(found, "C")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"against": "E"}, "against: expected a numeric input .*'N', 'D', 'C'; 'C' is compute"),
        ({"given": {"D": 1e9}}, "given: unknown 'D'; choose from 'C', 'D/N', 'N'"),
        ({"given": {"N": 1e9, "D/N": 20}}, "'N' and 'D/N' fix N and D more than once"),
        ({"given": {"N": [1e9, 2e9, 3e9, 4e9]}}, "up to 3 for one of them"),
        ({"given": {"N": -1.0}}, r"given\['N'\]: values must be positive and finite, got -1"),
        ({"given": {"N": "7B"}}, r"given\['N'\]: expected numbers"),
        ({"targets": [(1e9,)]}, "points: expected rows of N, D"),
        ({"levels": (1.5,)}, "level"),
    ],
)
def test_bad_input_is_refused(answer: fj.Forecast, options: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        plot_prediction(answer, **options)


def test_what_has_no_predictions_is_refused(fit: fj.Fit) -> None:
    with pytest.raises(TypeError, match="plot_prediction draws a Forecast or a Fit or a Bootstrap"):
        plot_prediction(fit.law)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="new_run: error bars are for the mean loss"):
        plot_prediction(fit, new_run=True)
