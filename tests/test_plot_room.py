"""Figures in a column of a paper: ticks apart, legends and texts within, axes that are axes."""

import pickle
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt

from farseer_jax.plots.layout import fit_texts, legend_outside
from farseer_jax.plots.log_ticks import count_ticks, log_ticks, plain_ticks
from farseer_jax.plots.style import axes_of, grid_of
from farseer_jax.plots.surface import finish_surface

COLUMN = (3.4, 2.8)


def axes_in_a_column() -> Any:
    return plt.subplots(figsize=COLUMN, layout="constrained")[1]


def shown_ticks(axis: Any) -> tuple[list[str], np.ndarray]:
    """Texts within the view, and the boxes that they take in the picture, ``(text, 2, 2)``."""
    axis.figure.draw_without_rendering()
    low, high = sorted(axis.get_view_interval())
    found = [
        tick.label1 for tick in axis.get_major_ticks()
        if low * (1 - 1e-9) <= tick.get_loc() <= high * (1 + 1e-9) and tick.label1.get_text()
    ]  # fmt: skip
    return [t.get_text() for t in found], np.array([t.get_window_extent() for t in found])


@pytest.mark.parametrize("decades", [0.2, 1.4, 9.0])
@pytest.mark.parametrize("width", [1.6, 7.0])
def test_ticks_are_two_or_more_and_apart(width: float, decades: float) -> None:
    ax = plt.figure(figsize=(width, 2.0)).add_subplot()
    ax.set(xscale="log", yscale="log", xlim=(2e8, 2e8 * 10**decades), ylim=(1e9, 1e9 * 10**decades))
    count_ticks(ax.xaxis)
    count_ticks(ax.yaxis)
    for axis, along in ((ax.xaxis, 0), (ax.yaxis, 1)):
        texts, boxes = shown_ticks(axis)
        assert 2 <= len(set(texts)) == len(texts) <= 8
        assert (boxes[1:, 0, along] > boxes[:-1, 1, along]).all()


def test_wider_axes_have_more_ticks_when_they_are_drawn() -> None:
    ax = plt.figure(figsize=(2.0, 2.0)).add_subplot()
    ax.set(xscale="log", xlim=(1e9, 1e12))
    count_ticks(ax.xaxis)
    assert shown_ticks(ax.xaxis)[0] == ["1 B", "1 T"]
    ax.figure.set_size_inches(7.0, 2.0)
    assert shown_ticks(ax.xaxis)[0] == ["1 B", "3 B", "10 B", "30 B", "100 B", "300 B", "1 T"]


def test_an_axis_has_one_format_of_numbers() -> None:
    ax = plt.figure(figsize=(6.0, 4.0)).add_subplot()
    ax.set(yscale="log", ylim=(0.5, 6e6))
    plain_ticks(ax.yaxis)
    assert shown_ticks(ax.yaxis)[0] == [f"$\\mathdefault{{10^{{{power}}}}}$" for power in range(7)]
    ax.set_ylim(0.5, 2e3)
    assert shown_ticks(ax.yaxis)[0] == ["1", "3", "10", "30", "100", "300", "1,000"]


def test_a_figure_can_be_pickled() -> None:
    ax = axes_in_a_column()
    ax.set(xscale="log", yscale="log", xlim=(1e9, 1e12), ylim=(0.5, 2e3))
    count_ticks(ax.xaxis)
    plain_ticks(ax.yaxis)
    ax.plot([1e9, 1e10], [1.0, 2.0], label="a")
    legend_outside(ax)
    again = pickle.loads(pickle.dumps(ax.figure)).axes[0]
    for one, other in ((ax.xaxis, again.xaxis), (ax.yaxis, again.yaxis)):
        assert shown_ticks(one)[0] == shown_ticks(other)[0]


def test_places_are_the_densest_that_fit() -> None:
    np.testing.assert_allclose(log_ticks(1.0, 10.0, 4), [1, 2, 5, 10])
    np.testing.assert_allclose(log_ticks(1.0, 10.0, 3), [1, 3, 10])
    np.testing.assert_allclose(log_ticks(1.0, 1e6, 4), [1, 1e2, 1e4, 1e6])
    np.testing.assert_allclose(log_ticks(1.0, 1e6, 3), [1, 1e3, 1e6])
    np.testing.assert_allclose(log_ticks(1.5, 6.1, 9), [2, 3, 4, 5, 6])


def is_within(figure: Any, artist: Any) -> bool:
    box, whole = artist.get_window_extent(), figure.bbox
    inside = (box.x0 >= 0, box.y0 >= 0, box.x1 <= whole.x1, box.y1 <= whole.y1)
    return all(inside)


@pytest.mark.parametrize("above", [False, True])
def test_a_legend_in_a_column_is_whole_and_leaves_the_axes_their_width(above: bool) -> None:
    ax = axes_in_a_column()
    bar = ax.figure.colorbar(ax.pcolormesh(np.eye(3)), ax=ax)
    for name in ("a line with a name", "another with a name", "and one more of them"):
        ax.plot([], [], label=name)
    ax.set(xlabel="parameters N", ylabel="tokens D")
    bar.set_label("loss of a long name less that of another long name, %")
    legend_outside(ax, above=above, ncols=3)
    fit_texts(ax)
    ax.figure.draw_without_rendering()
    legend, label = ax.get_legend(), ax.xaxis.label.get_window_extent()
    assert is_within(ax.figure, legend)
    assert is_within(ax.figure, bar.ax.yaxis.label)
    box = legend.get_window_extent()
    assert box.y0 >= ax.bbox.y1 if above else box.y1 <= label.y0
    assert ax.bbox.width > 0.4 * ax.figure.bbox.width
    assert ax.bbox.height > 0.35 * ax.figure.bbox.height


def test_long_titles_and_labels_are_made_to_fit_and_short_ones_left() -> None:
    ax = axes_in_a_column()
    ax.set_title("a very long name against another long name at D = 1 T", loc="left")
    ax.set_ylabel("loss of a very long name less that of another long name, %")
    short = ax.set_xlabel("parameters N")
    size = short.get_fontsize()
    fit_texts(ax)
    ax.figure.draw_without_rendering()
    assert is_within(ax.figure, ax._left_title)
    assert is_within(ax.figure, ax.yaxis.label)
    assert short.get_fontsize() == size


@pytest.mark.parametrize(("size", "most"), [(COLUMN, 3), ((5.6, 4.4), 5)])
def test_a_surface_has_few_ticks(size: tuple[float, float], most: int) -> None:
    ax: Any = plt.figure(figsize=size).add_subplot(projection="3d")
    N, D = np.array([2.01e8, 1e12]), np.array([1e9, 1e14])
    finish_surface(ax, N, D, "title", "loss", from_above=True)
    ax.set_zlim(0, 1)
    ax.figure.draw_without_rendering()
    for axis in (ax.xaxis, ax.yaxis):
        low, high = axis.get_view_interval()
        places = [place for place in axis.get_majorticklocs() if low <= place <= high]
        assert 2 <= len(places) <= most


@pytest.mark.parametrize("wrong", ["figure", "array", "ax", "3d"])
def test_what_is_no_flat_axes_is_refused(wrong: str) -> None:
    figure = plt.figure()
    given: Any = {
        "figure": figure, "array": np.array([figure.add_subplot()]), "ax": "ax",
        "3d": figure.add_subplot(projection="3d"),
    }[wrong]  # fmt: skip
    with pytest.raises(TypeError, match=r"ax: .*plt\.subplots"), axes_of(given, (1.0, 1.0)):
        pass
    if wrong != "3d":
        with (
            pytest.raises(TypeError, match="axes: expected an Axes"),
            grid_of([given], (1, 1), (1, 1), 1.0),
        ):
            pass
