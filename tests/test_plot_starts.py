"""A figure of starts says that they agree, or shows each optimum and what failed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax.plots import plot_starts


@pytest.fixture(autouse=True)
def _no_figure_is_left() -> Iterator[None]:
    yield
    plt.close("all")


def report(objective: Any, outcome: Any = 0) -> fj.StartReport:
    values = np.asarray(objective, dtype=float)
    codes = np.broadcast_to(np.asarray(outcome), values.shape)
    return fj.StartReport(float(values.min()), values, codes, np.full(len(values), 9), 0)


def texts(axes: Any) -> str:
    return "\n".join(text.get_text() for text in axes.texts)


@pytest.mark.parametrize(("spread", "said"), [(1e-13, "1e-9"), (3e-8, "1e-7")])
def test_starts_that_agree_are_said_to(spread: float, said: str) -> None:
    found = report(2.5 * (1.0 + spread * np.arange(8) / 7))
    axes = plot_starts(found)
    assert f"All 8 starts agree to {said}." in texts(axes)
    assert "objective 2.5000000e+00" in texts(axes)
    assert not axes.lines
    assert not axes.axison
    both = plot_starts({"one": found, "other": found})
    assert "one: all 8 starts agree" in texts(both)
    assert "other: all 8 starts agree" in texts(both)


def test_each_optimum_has_a_step_of_its_starts() -> None:
    values = [*[2.0] * 5, *[2.0 * (1 + 1e-12)] * 3, *[2.2] * 6, 9.0, np.inf]
    outcome = [0] * 14 + [1, 3]
    axes = plot_starts(report(values, outcome))
    excess, share = (np.asarray(own, float) for own in axes.lines[0].get_data())
    for at, expected in ((1e-6, 8 / 16), (0.05, 8 / 16), (0.11, 14 / 16), (4.0, 15 / 16)):
        np.testing.assert_allclose(share[np.searchsorted(excess, at, side="right") - 1], expected)
    assert {"8 starts", "6 starts"} <= {text.get_text() for text in axes.texts}
    crosses = axes.lines[1].get_xydata()
    np.testing.assert_allclose(crosses, [[3.5, 15 / 16]])
    legend = axes.get_legend()
    assert legend is not None
    shown = [text.get_text() for text in legend.get_texts()]
    assert shown == ["starts (16)", "1 out of steps, 1 not finite"]


def test_a_start_that_stalls_at_the_best_objective_is_no_agreement() -> None:
    axes = plot_starts(report([1.0, 1.0, 1.0], [0, 2, 0]))
    assert "agree" not in texts(axes)
    np.testing.assert_allclose(axes.lines[1].get_ydata(), [2 / 3])


def test_exact_fits_agree() -> None:
    assert "All 3 starts agree" in texts(plot_starts(report([0.0, 1e-27, 1e-25])))


def test_a_fit_stands_for_its_report() -> None:
    runs = fj.example_runs().select(max_N=6e8)
    fit = fj.fit(fj.Chinchilla, runs, fj.LeastSquares(num_starts=8))
    assert texts(plot_starts(fit)) == texts(plot_starts(fit.diagnostics))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="by the method 'piecewise', which has none"):
        plot_starts(fj.fit(fj.Farseer, runs))
    with pytest.raises(TypeError, match="plot_starts draws a StartReport or a Fit, got 'fit'"):
        plot_starts("fit")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        plot_starts({})
