"""Every figure in the width of a column and of a page: what it says can be read."""

import pickle
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from drawn_figures import FIGURES, Results, draw
from figure_boxes import faults
from matplotlib import pyplot as plt

from farseer_jax import plots
from farseer_jax.plots import figure_width

COLUMN, PAGE = 85.0, 180.0  # mm
OWN_AXES = (
    "plot_allocation", "plot_comparison", "plot_forecast", "plot_influence", "plot_map",
    "plot_residuals", "plot_shape",
)  # fmt: skip


@pytest.fixture(scope="session")
def results() -> Results:
    return Results()


def test_every_figure_is_drawn_here() -> None:
    drawn = {name.partition(",")[0] for name in FIGURES}
    assert drawn == {name for name in plots.__all__ if name.startswith("plot_")}


# each figure and case in a column, where room is scarce; on a page each figure once
@pytest.mark.parametrize(
    ("name", "millimetres"),
    [(name, COLUMN) for name in FIGURES] + [(name, PAGE) for name in FIGURES if "," not in name],
)
def test_it_can_be_read(results: Results, name: str, millimetres: float) -> None:
    with figure_width(millimetres):
        draw(name, results)
    figure = plt.gcf()
    assert figure.get_figwidth() == pytest.approx(millimetres / 25.4)
    assert figure.get_figheight() < 9.5  # inches of a page
    assert faults(figure) == []


@pytest.mark.parametrize("name", OWN_AXES)
def test_it_can_be_read_on_axes_of_ones_own(results: Results, name: str) -> None:
    figure, own = plt.subplots(figsize=(COLUMN / 25.4, 2.9), layout="constrained")
    assert draw(name, results, ax=own) is own
    assert faults(figure) == []


class TestFaults:
    """What the measure says of figures that cannot be read."""

    @staticmethod
    def axes() -> Any:
        return plt.subplots(figsize=(3.0, 2.0), layout="constrained")[1]

    def test_a_good_figure_has_none(self) -> None:
        axes = self.axes()
        axes.plot([0, 1], [0, 1], label="line")
        axes.legend(loc="upper left")
        assert faults(axes.figure) == []

    @pytest.mark.parametrize(
        ("x", "text", "size", "fault"),
        [
            (0.5, "tiny", 5.0, "'tiny' has 5 points"),
            (0.9, "beyond the edge", 9.0, "'beyond the edge' is not inside the figure"),
            (0.5, "over", 9.0, "'other' overlaps 'over'"),
        ],
    )
    def test_a_text(self, x: float, text: str, size: float, fault: str) -> None:
        axes = self.axes()
        axes.text(0.5, 0.5, "other" if "overlaps" in fault else "")
        axes.text(x, 0.52, text, fontsize=size).set_in_layout(False)
        assert faults(axes.figure) == [fault]

    def test_parallel_turned_texts_are_apart(self) -> None:
        axes = self.axes()
        for x in (0.3, 0.45):
            axes.text(x, 0.2, "turned by 45°", rotation=45, rotation_mode="anchor")
        assert faults(axes.figure) == []
        axes.text(0.5, 0.2, "turned back", rotation=135, rotation_mode="anchor")
        assert len(faults(axes.figure)) == 2

    def test_a_legend_over_data(self) -> None:
        axes = self.axes()
        axes.scatter([0, 1], [0, 1], label="dots")
        axes.legend(loc="upper right")
        assert faults(axes.figure) == ["the legend covers data"]

    def test_axes_without_ticks(self) -> None:
        axes = self.axes()
        axes.set(xlabel="N", xticks=[0.5], xlim=(0, 1))
        assert faults(axes.figure) == ["the axis 'N' has ticks ['0.5']"]


class TestWidth:
    def test_only_new_figures_within_have_it(self, results: Results) -> None:
        usual = plots.plot_residuals(results.residuals).figure.get_figwidth()
        with figure_width(COLUMN):
            _, own = plt.subplots(figsize=(5.0, 3.0))
            plots.plot_residuals(results.residuals, ax=own)
            made = plots.plot_residuals(results.residuals)
        assert own.figure.get_figwidth() == 5.0
        assert made.figure.get_figwidth() == pytest.approx(COLUMN / 25.4)
        assert plots.plot_residuals(results.residuals).figure.get_figwidth() == usual

    def test_panels_lie_below_each_other_in_a_column(self, results: Results) -> None:
        with figure_width(COLUMN):
            U, B, A = plots.plot_curves(results.chinchilla)
        assert U.bbox.y0 > B.bbox.y1 > B.bbox.y0 > A.bbox.y1
        assert U.bbox.x0 == B.bbox.x0 == A.bbox.x0
        wide = plots.plot_curves(results.chinchilla)
        assert wide[0].bbox.y0 == wide[2].bbox.y0

    @pytest.mark.parametrize("wrong", [3.35, 1e4, np.nan, "85", None])
    def test_no_width(self, wrong: Any) -> None:
        sentence = r"millimetres: expected a width from 60 to 600, such as 85 .* got "
        with pytest.raises(ValueError, match=sentence), figure_width(wrong):
            pass

    def test_ticks_made_later_look_as_the_others(self, results: Results) -> None:
        with figure_width(COLUMN):
            axes = plots.plot_map(results.fit, results.large)
        with mpl.rc_context({"font.size": 30.0}):
            figure = pickle.loads(pickle.dumps(axes.figure))
            figure.set_size_inches(12.0, 12.0)
            figure.draw_without_rendering()
        sizes = {t.get_fontsize() for a in figure.axes for t in a.get_yticklabels()}
        assert sizes == {8.0}
