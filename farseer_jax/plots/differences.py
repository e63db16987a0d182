"""Figures of the differences of the loss: one view, and the four side by side."""

from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize

from farseer_jax.diagnostics.analyse_differences import DifferenceAnalysis
from farseer_jax.diagnostics.difference_views import DifferenceView
from farseer_jax.plots.draws import draws
from farseer_jax.plots.log_ticks import input_axis, plain_ticks
from farseer_jax.plots.style import COLOURS, axes_of, colour_bar, grid_of, one_of, ordered_colours
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly

Show = Literal["differences", "coefficient", "exponent"]


@draws(DifferenceAnalysis, example="analyse_differences(runs)")
def plot_differences(
    analysis: DifferenceAnalysis,
    view: tuple[str, str] = ("D", "D"),
    show: Show = "differences",
    ax: Axes | None = None,
) -> Axes:
    """One view on log–log axes: the differences as dots, each slice's line in the same colour.

    Colours run from dark to light with the fixed variable, as the colour bar shows. With ``show``,
    the coefficients or exponents of the lines as a function of that variable instead.

    Args:
        analysis: from :func:`analyse_differences`.
        view: the variable along which the loss differs, and the variable of the lines:
            ``("D", "D")`` is the paper's Figs. 12–14.
        show: the ``"differences"``, or the ``"coefficient"`` (Fig. 10) or ``"exponent"`` (Fig. 11)
            of the lines.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        KeyError: there is no such view.
        ValueError: ``show`` is unknown.

    Example:
        >>> from farseer_jax import analyse_differences, example_runs
        >>> from farseer_jax.plots import plot_differences
        >>> plot_differences(analyse_differences(example_runs())).get_xlabel()
        'tokens D'
    """
    shown = analysis[view]
    one_of("show", show, get_args(Show))
    with axes_of(ax, (5.2, 3.8)) as axes:
        _draw(axes, shown, analysis, show)
    return axes


@draws(DifferenceAnalysis, example="analyse_differences(runs)")
def plot_views(
    analysis: DifferenceAnalysis,
    axes: Sequence[Axes] | None = None,
    *,
    show: Show = "differences",
) -> tuple[Axes, ...]:
    """The four views side by side, with the mean R² of their lines (the paper's Fig. 3).

    Args:
        analysis: from :func:`analyse_differences`.
        axes: four axes to draw on; new ones by default.
        show: as for :func:`plot_differences`.

    Returns:
        The axes, in the order of ``analysis.views``.

    Raises:
        ValueError: there are not four axes, or ``show`` is unknown.

    Example:
        >>> from farseer_jax import analyse_differences, example_runs
        >>> from farseer_jax.plots import plot_views
        >>> [ax.get_ylabel() for ax in plot_views(analyse_differences(example_runs()))][::2]
        ['decrease of the loss with D', 'decrease of the loss with N']
    """
    one_of("show", show, get_args(Show))
    with grid_of(axes, (2, 2), (7.1, 5.4), 7.8) as made:
        for letter, each, view in zip("abcd", made, analysis.views, strict=True):
            _draw(each, view, analysis, show, f"{letter}  ")
    return tuple(made)


def _draw(
    axes: Axes, view: DifferenceView, analysis: DifferenceAnalysis, show: Show, mark: str = ""
) -> None:
    if show == "differences":
        _draw_differences(axes, view, analysis, mark)
        _colour_scale(axes, view)
    else:
        _draw_function(axes, view, show, mark)


def _draw_differences(
    axes: Axes, view: DifferenceView, analysis: DifferenceAnalysis, mark: str
) -> None:
    num = len(view.held)
    for i, colour in enumerate(ordered_colours(num)):
        own = view.slice_index == i
        x = view.x[own]
        ends = np.array([x.min(), x.max()])
        axes.plot(ends, view.predict(ends, np.full(2, i)), color=colour, lw=0.9, zorder=2)
        axes.scatter(x, view.delta[own], color=colour, s=9, lw=0, alpha=0.85, zorder=3)
    input_axis(axes, "x", view.against)
    axes.set(yscale="log", ylabel=f"decrease of the loss with {view.difference}")
    plain_ticks(axes.yaxis)
    ratio = analysis.ratio_D if view.difference == "D" else analysis.ratio_N
    title = f"{mark}{view.difference} × {ratio:.3g}"
    if num:
        title += f", mean R² {view.mean_r_squared:.3f}"
    else:
        axes.text(0.5, 0.5, "too few pairs", transform=axes.transAxes, ha="center")
        axes.tick_params(which="both", length=0, labelbottom=False, labelleft=False)
        axes.grid(visible=False)
    axes.set_title(title)


def _draw_function(axes: Axes, view: DifferenceView, show: str, mark: str) -> None:
    """Coefficients or exponents of the lines, a dot per slice."""
    is_exponent = show == "exponent"
    values = view.exponent if is_exponent else view.coefficient
    axes.scatter(view.held, values, color=COLOURS[0], s=18, lw=0, zorder=3)
    input_axis(axes, "x", view.held_variable)
    axes.set(
        yscale="linear" if is_exponent else "log",  # an exponent may be negative
        ylabel=f"{show} of Δ{view.difference} against {view.against}",
    )
    if not is_exponent:
        plain_ticks(axes.yaxis)
    r_squared = view.exponent_r_squared if is_exponent else view.coefficient_r_squared
    axes.set_title(f"{mark}R² of a line over ln {view.held_variable}: {r_squared:.3f}")


def _colour_scale(axes: Axes, view: DifferenceView) -> None:
    """A colour bar that labels some of the slices."""
    num = len(view.held)
    if num < 2:
        return
    scale = ScalarMappable(Normalize(-0.5, num - 0.5), ListedColormap(ordered_colours(num)))
    bar = colour_bar(axes, scale)
    places = evenly(num, min(num, 5))
    bar.set_ticks(places.tolist(), labels=[quantity_text(view.held[i]) for i in places])
    bar.ax.tick_params(length=0, labelsize=8)
    bar.ax.set_title(view.held_variable, fontsize=9, loc="center")
