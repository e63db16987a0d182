"""The figure of suggested runs shows their places, their costs and the standard errors."""

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax.plots import plot_suggestions

RUNS = fj.example_runs().select(max_N=1e9)
LAW = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
POOL = {"N": [5e8, 1e9, 5e8, 1e9, 2e9], "P": [1, 1, 4, 4, 8]}


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def answer() -> fj.Forecast:
    return fj.forecast(RUNS, usual=False)


@pytest.fixture(scope="module")
def found(answer: fj.Forecast) -> fj.Suggestions:
    return fj.suggest_runs(answer, (25.1e9, 5e11), budget=1e21)


def offsets(axes: Any, label: str) -> np.ndarray:
    (own,) = (one for one in axes.collections if one.get_label() == label)
    return np.asarray(own.get_offsets())


def test_the_map_has_runs_suggestions_and_target(found: fj.Suggestions) -> None:
    axes, _ = plot_suggestions(found)
    np.testing.assert_array_equal(offsets(axes, "runs so far"), np.stack([RUNS.N, RUNS.D], axis=1))
    np.testing.assert_array_equal(offsets(axes, "target"), [[25.1e9, 5e11]])
    places = np.stack([found.inputs["N"], found.inputs["D"]], axis=1)
    np.testing.assert_array_equal(offsets(axes, "suggested runs"), places)
    numbers = {int(text.get_text()): text.xy for text in axes.texts}  # type: ignore[attr-defined]
    assert {n: tuple(places[n - 1]) for n in numbers} == numbers
    assert len(numbers) == len(found) > 1


def test_the_line_is_the_standard_error_against_the_cost(found: fj.Suggestions) -> None:
    _, axes = plot_suggestions(found)
    spent, error = (np.asarray(own, float) for own in axes.lines[1].get_data())
    np.testing.assert_allclose(spent, np.append(0.0, np.cumsum(found.cost)))
    expected = np.append(found.standard_error_now, found.standard_error_after)
    np.testing.assert_allclose(error, 100.0 * expected)
    assert axes.get_xlabel() == "compute spent, FLOPs"
    one = found.targets[0]
    half = 0.5 * (one.after[1] - one.after[0]) / one.predicted
    assert axes.get_title(loc="left").endswith(f"now, ±{100 * half:.1f} % after")
    texts = {text.get_text() for text in axes.texts}
    assert any(text.startswith("1: ") for text in texts)


def test_the_line_is_below_the_frame_and_costs_are_powers_of_ten(found: fj.Suggestions) -> None:
    _, axes = plot_suggestions(found)
    assert axes.get_ylim()[1] > 110 * found.standard_error_now
    axes.figure.draw_without_rendering()  # type: ignore[union-attr]
    assert axes.xaxis.get_offset_text().get_text() == ""
    labels = [text.get_text() for text in axes.get_xticklabels()]
    assert any(label.endswith(r"{\times}10^{20}$") for label in labels)
    assert "0" in labels


def test_runs_that_hardly_help_are_named_so(found: fj.Suggestions) -> None:
    little = found.standard_error_now * np.linspace(0.999, 0.998, len(found))
    hardly = dataclasses.replace(found, standard_error_after=little)
    assert hardly.hardly_helps
    titles = [plot_suggestions(one)[1].get_title(loc="left") for one in (found, hardly)]
    assert ["hardly narrower" in title for title in titles] == [False, True]


def test_a_file_has_all_of_it(found: fj.Suggestions) -> None:
    again = fj.Suggestions.from_json(found.to_json())
    axes, _ = plot_suggestions(again)
    assert len(offsets(axes, "runs so far")) == len(RUNS)


def test_the_split_of_a_budget_is_a_target_too(answer: fj.Forecast) -> None:
    found = fj.suggest_runs(answer, budget=1e21, compute=[1e22], max_runs=2)
    axes, errors = plot_suggestions(found)
    split = found.splits[0]
    np.testing.assert_allclose(offsets(axes, "target"), [[split.N, split.D]])
    drawn = np.asarray(errors.lines[1].get_ydata(), float)
    np.testing.assert_allclose(
        drawn, 100 * np.append(found.ratio_error_now, found.ratio_error_after)
    )
    assert "interval of D/N" in errors.get_title(loc="left")


def test_a_pool_over_other_inputs_without_runs() -> None:
    found = fj.suggest_runs(None, "largest", POOL, 4e9, law=LAW, cost="N*P")
    axes, errors = plot_suggestions(found)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("parameters N", "parallel streams P")
    assert all(one.get_label() != "runs so far" for one in axes.collections)
    assert errors.get_xlabel() == "cost spent"


def test_nothing_to_train_is_said(answer: fj.Forecast) -> None:
    pool = {"N": [2e8], "D": [1e9]}
    found = fj.suggest_runs(answer, (5e8, 1e10), pool=pool, budget=1e21)
    assert len(found) == 0
    axes, errors = plot_suggestions(found)
    assert axes.get_title(loc="left") == "No run to train"
    assert "no affordable run" in errors.texts[0].get_text()


def test_what_are_no_suggestions_is_refused(answer: fj.Forecast) -> None:
    with pytest.raises(
        TypeError,
        match=r"plot_suggestions draws .*, got a Forecast",
    ):
        plot_suggestions(answer)  # type: ignore[arg-type]
