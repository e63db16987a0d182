"""A figure of how a prediction changes with the choices of an analyst."""

import textwrap
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.diagnostics.alternative_choices import GROUPS
from farseer_jax.diagnostics.choice_comparison import ChoiceComparison, ChoiceResult
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import note
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.style import COLOURS, GREY, axes_of
from farseer_jax.results.numbers import loss_text, quantity_text

_LONG = 5  # choices above which a group shares one line
_GAP = 0.55  # between groups, in lines
_LETTERS = 24  # of a label's line in the column of a paper


class _Line(NamedTuple):
    """A line of the figure: one choice, or all choices of a group."""

    label: str
    place: float
    rows: tuple[ChoiceResult, ...]


@draws(ChoiceComparison, example="compare_choices(fit, N, D)")
def plot_choices(comparison: ChoiceComparison, point: int = 0, ax: Axes | None = None) -> Axes:
    """Change of the predicted loss, a line per choice; groups of many choices share a line.

    The grey band is one standard deviation of the run-to-run noise. Choices for which there is no
    refit have a line without a dot.

    Args:
        comparison: from :func:`compare_choices`.
        point: index of the point to show.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        IndexError: there is no such point.

    Example:
        >>> from farseer_jax import Chinchilla, compare_choices, example_runs, fit
        >>> from farseer_jax.plots import plot_choices
        >>> result = fit(Chinchilla, example_runs())
        >>> found = compare_choices(result, 25.1e9, 5e11, groups=["size", "smallest"])
        >>> plot_choices(found).get_xlabel()
        'change of the predicted loss, %'
    """
    if not 0 <= point < len(comparison.N):
        raise IndexError(f"point: expected 0 to {len(comparison.N) - 1}, got {point}")
    groups = {name: _lines_of(comparison[name]) for name in comparison.groups}
    lines = _placed(groups)
    num_lines = lines[-1][1].place if lines else 0.0
    with axes_of(ax, (6.8, 1.3 + 0.25 * num_lines), keeps_height=True) as axes:
        axes.axvline(0.0, color=GREY, lw=0.9, zorder=1)
        if comparison.noise is not None:
            noise = 100 * comparison.noise.pooled
            axes.axvspan(-noise, noise, color=GREY, alpha=0.16, lw=0, label="run-to-run noise")
        for group, line in lines:
            _draw(axes, line, COLOURS[list(GROUPS).index(group) % len(COLOURS)], point)
        _finish(axes, lines)
        _name_groups(axes, lines)
        where = f"{quantity_text(comparison.N[point])}, {quantity_text(comparison.D[point])}"
        loss = loss_text(comparison.reference.predicted[point])
        axes.set_title(f"Loss at {where}: {loss} as fitted")
        if comparison.noise is not None:
            legend_outside(axes)
    return axes


def _lines_of(rows: tuple[ChoiceResult, ...]) -> list[_Line]:
    if len(rows) <= _LONG:
        return [_Line(row.choice, 0.0, (row,)) for row in rows]
    return [_Line(f"{len(rows)} choices", 0.0, rows)]


def _placed(groups: dict[str, list[_Line]]) -> list[tuple[str, _Line]]:
    """Lines from top to bottom, with room for a title above each group."""
    place, found = 0.0, []
    for group, lines in groups.items():
        place += 1.0
        for line in lines:
            found.append((group, line._replace(place=place)))
            place += 1.0
        place += _GAP
    return found


def _draw(axes: Axes, line: _Line, colour: str, point: int) -> None:
    usable = [row for row in line.rows if row.usable]
    changes = np.array([100 * row.change[point] for row in usable])
    many = len(line.rows) > 1
    place = np.full(len(changes), line.place)
    if many and len(changes):
        axes.hlines(line.place, changes.min(), changes.max(), color=colour, lw=1.4, alpha=0.45)
        most = int(np.abs(changes).argmax())
        align = "left" if changes[most] < 0 else "right"  # keeps the text within the axes
        note(axes, usable[most].choice, (changes[most], line.place), (0, 6), ha=align, fontsize=7.5)
    else:
        axes.hlines(place, 0.0, changes, color=colour, lw=1.4, alpha=0.45)
    axes.scatter(
        changes, place, color=colour, s=14 if many else 30, alpha=0.65 if many else 1.0, zorder=3
    )


def _finish(axes: Axes, lines: list[tuple[str, _Line]]) -> None:
    places = [line.place for _, line in lines]
    labels = [line.label for _, line in lines]
    if is_narrow(axes):
        axes.tick_params(axis="y", labelsize=7)
        labels = [textwrap.fill(label, _LETTERS) for label in labels]
    axes.set(
        xlabel="change of the predicted loss, %",
        yticks=places,
        yticklabels=labels,
        ylim=(max(places, default=0.0) + 0.7, -0.5),
    )
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)


def _name_groups(axes: Axes, lines: list[tuple[str, _Line]]) -> None:
    """Titles of the groups, aligned with the ends of their choices' labels."""
    tops: dict[str, float] = {}
    for group, line in lines:
        tops.setdefault(group, line.place)
    look: Any = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center"}
    look |= {"fontsize": 7 if is_narrow(axes) else 9, "fontweight": "bold"}
    for group, top in tops.items():
        note(axes, GROUPS[group], (0.0, top - 0.9), (-4, 0), **look)
