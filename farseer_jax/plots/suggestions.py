"""A figure of suggested runs, and how much each reduces the uncertainty."""

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_axis, is_log, is_number, plain_ticks
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of
from farseer_jax.results.numbers import level_text, number_text, share_text
from farseer_jax.uncertainty.intervals import cell_text

_DISC = 130.0  # of a suggested run, with its number
_MOST_DISCS = 20  # suggested runs whose numbers are readable inside discs
_LOSS, _RATIO = COLOURS[0], COLOURS[2]


@draws(Suggestions, example="suggest_runs(runs, (70e9, 1.4e12), budget=1e22)")
def plot_suggestions(
    suggestions: Suggestions, axes: Sequence[Axes] | None = None
) -> tuple[Axes, Axes]:
    """A map of the suggested runs, and the standard error against the compute spent on them.

    The map shows the runs so far as grey dots, the suggestions as discs numbered in training
    order, and the targets as stars: over N and D, or else over the first two inputs that vary.
    The second panel starts at the present standard error (root mean square over the targets) and
    shows it after each run; its title gives the interval of a single target before and after.

    Args:
        suggestions: from :func:`suggest_runs`.
        axes: two axes to draw on, for the map and for the standard error; new ones by default.

    Returns:
        The two axes.

    Raises:
        TypeError: not suggestions.
        ValueError: there are not two axes.

    Example:
        >>> from farseer_jax import example_runs, forecast, suggest_runs
        >>> from farseer_jax.plots import plot_suggestions
        >>> answer = forecast(example_runs().select(max_N=1e9), usual=False)
        >>> found = suggest_runs(answer, (25.1e9, 5e11), budget=1e21)
        >>> map_axes, errors = plot_suggestions(found)
        >>> map_axes.get_xlabel(), errors.get_xlabel()
        ('parameters N', 'compute spent, FLOPs')
    """
    with grid_of(axes, (1, 2), (9.4, 4.0), tall=5.6) as panels:
        _draw_map(panels[0], suggestions)
        _draw_errors(panels[1], suggestions)
    return cast("tuple[Axes, Axes]", tuple(panels))


# The map


def _draw_map(axes: Axes, found: Suggestions) -> None:
    names = _shown_inputs(found)
    places = {
        "runs": _points(found.trained, names),
        "suggested": _points(found.inputs, names),
        "targets": _points(_targets(found), names),
    }
    every = np.concatenate([own for own in places.values() if len(own)])
    for which, name, column in zip("xy", names, every.T, strict=False):
        input_axis(axes, cast("Any", which), name, column)
    if len(names) == 1:
        axes.set_yticks([])
    runs, suggested, targets = places.values()
    if len(runs):
        axes.scatter(
            runs[:, 0], runs[:, 1], s=13, color=GREY, alpha=0.6, lw=0, label="runs so far", zorder=2
        )
    if len(targets):
        axes.scatter(
            targets[:, 0], targets[:, 1], s=90, marker="*", color=INK, lw=0, zorder=3,
            label="target" if len(targets) == 1 else "targets",
        )  # fmt: skip
    _draw_discs(axes, suggested)
    axes.margins(0.1)
    count = len(found)
    axes.set_title(f"{count} run{'s'[: count != 1]} to train next" if count else "No run to train")
    legend_outside(axes, ncols=3)


def _shown_inputs(found: Suggestions) -> list[str]:
    """N and D, or the first two inputs that vary."""
    if {"N", "D"} <= set(found.inputs):
        return ["N", "D"]
    columns = {
        name: np.concatenate([np.asarray(own[name]) for own in _every(found) if name in own])
        for name in found.inputs
    }
    numbers = [name for name, values in columns.items() if is_number(values)]
    vary = [name for name in numbers if len(np.unique(columns[name])) > 1]
    return (vary or numbers)[:2]


def _every(found: Suggestions) -> list[Any]:
    return [found.trained, found.inputs, _targets(found)]


def _targets(found: Suggestions) -> dict[str, np.ndarray]:
    """Inputs of the targets, or N and D of the optimal splits."""
    rows = [one.inputs for one in found.targets]
    rows += [{"N": one.N, "D": one.D} for one in found.splits]
    return {name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())}


def _points(columns: Any, names: Sequence[str]) -> np.ndarray:
    """Places on the map, ``(point, 2)``; of a single input on one height."""
    if not columns or not len(next(iter(columns.values()))):
        return np.zeros((0, 2))
    values = [np.asarray(columns[name], dtype=float) for name in names]
    values += [np.zeros(len(values[0]))] * (2 - len(names))
    return np.stack(values, axis=1)


def _draw_discs(axes: Axes, points: np.ndarray) -> None:
    """Suggested runs, numbered."""
    if not len(points):
        return
    numbered = len(points) <= _MOST_DISCS
    size = (0.75 * _DISC if is_narrow(axes) else _DISC) if numbered else 30.0
    look: dict[str, Any] = {"color": COLOURS[1], "edgecolor": "white", "lw": 0.8, "zorder": 4}
    axes.scatter(points[:, 0], points[:, 1], s=size, label="suggested runs", **look)
    # the first one on top, where discs overlap
    for i in range(len(points) if numbered else 0)[::-1]:
        axes.scatter(points[i, 0], points[i, 1], s=size, **look | {"zorder": 5 - i / len(points)})
        axes.annotate(
            str(i + 1), tuple(points[i]), ha="center", va="center", fontsize=7, color="white",
            fontweight="bold", zorder=5 - (i - 0.5) / len(points),
        )  # fmt: skip


# The standard errors


def _draw_errors(axes: Axes, found: Suggestions) -> None:
    spent = np.concatenate([[0.0], np.cumsum(found.cost)])
    both = bool(found.targets and found.splits)
    shown: list[np.ndarray] = []
    if found.targets:
        label = "loss at the target" if len(found.targets) == 1 else "loss at the targets"
        errors = np.append(found.standard_error_now, found.standard_error_after)
        shown.append(_draw_steps(axes, spent, errors * _unit(found), _LOSS, label))
    if found.splits:
        errors = np.append(found.ratio_error_now, found.ratio_error_after)
        shown.append(_draw_steps(axes, spent, errors * 100.0, _RATIO, "optimal D/N"))
    _label_axes(axes, found, np.concatenate(shown))
    legend_outside(axes, ncols=2)
    _name_runs(axes, found, spent, shown, size=6.5 if both else 7.5)


def _draw_steps(
    axes: Axes, spent: np.ndarray, errors: np.ndarray, colour: str, label: str
) -> np.ndarray:
    """The standard error with one run after another; returns it."""
    axes.step(spent, errors, where="post", color=colour, lw=1.0, alpha=0.6, zorder=2)
    axes.plot(spent, errors, "o", color=colour, ms=5.0, mec="white", mew=0.7, label=label, zorder=3)
    return errors


def _unit(found: Suggestions) -> float:
    return 100.0 if found.link == "log" else 1.0


def _label_axes(axes: Axes, found: Suggestions, errors: np.ndarray) -> None:
    in_percent = found.link == "log" or not found.targets
    axes.set_ylabel("standard error, %" if in_percent else f"standard error, scale {found.link!r}")
    axes.set_xlabel("compute spent, FLOPs" if _is_compute(found) else "cost spent")
    if is_log(errors[np.isfinite(errors)]):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    else:
        axes.set_ylim(bottom=0.0)
    axes.set_xlim(-0.04 * (found.spent or 1.0), 1.08 * (found.spent or 1.0))
    axes.margins(y=0.12)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(_title(found))


def _is_compute(found: Suggestions) -> bool:
    """Whether the cost is 6 N D."""
    if not {"N", "D"} <= set(found.inputs) or not len(found):
        return False
    return bool(np.allclose(found.cost, 6.0 * found.inputs["N"] * found.inputs["D"], rtol=1e-6))


def _title(found: Suggestions) -> str:
    """The interval of a single target before and after."""
    level = level_text(found.level)
    if len(found.targets) == 1 and not found.splits:
        one = found.targets[0]
        halves = [0.5 * (high - low) for low, high in (one.before, one.after)]
        if not np.isfinite([*halves, one.predicted]).all():
            return f"Standard error, of a {level} interval"
        texts = [
            share_text(half / one.predicted) if found.link == "log" else number_text(half, 3)
            for half in halves
        ]
        return f"{level} interval: ±{texts[0]} now, ±{texts[1]} after"
    if len(found.splits) == 1 and not found.targets:
        ends = [
            f"{number_text(low, 3)} to {number_text(high, 3)}"
            for low, high in (found.splits[0].before, found.splits[0].after)
        ]
        return f"{level} interval of D/N: {ends[0]} now, {ends[1]} after"
    return "Standard error after each run"


def _name_runs(
    axes: Axes, found: Suggestions, spent: np.ndarray, shown: Sequence[np.ndarray], size: float
) -> None:
    """Numbers and sizes of the runs beside their points."""
    if not len(found):
        note = next(iter(found.notes), "no run is suggested")
        axes.text(
            0.5, 0.5, note.replace(" reduces", "\nreduces"), transform=axes.transAxes, ha="center",
            va="center", fontsize=7.5, color=INK,
        )  # fmt: skip
        return
    name = "N" if "N" in found.inputs else _shown_inputs(found)[0]
    sizes = found.inputs[name]
    texts = [f"{i}: {cell_text(name, value)}" for i, value in enumerate(sizes, 1)]
    points = np.stack([spent[1:], shown[0][1:]], axis=1)
    taken = np.concatenate([_steps(spent, errors) for errors in shown])
    num_must = len(texts) if len(texts) <= _MOST_DISCS // 2 else 1
    place_labels(axes, points, texts, taken, num_must=num_must, size=size)


def _steps(spent: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Places along the line of a standard error, ``(place, 2)``."""
    many = np.linspace(spent[0], spent[-1], 60)
    level = errors[np.searchsorted(spent, many, side="right") - 1]
    return np.concatenate([np.stack([many, level], axis=1), np.stack([spent, errors], axis=1)])
