"""A figure of optimal schedules: the best of each family and, below, the loss along each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.curve_fitting.optimal_schedule_result import OptimalSchedule, ScheduleCandidate
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.schedule_axes import align_labels, draw_schedule, rate_axis, step_axis
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of
from farseer_jax.results.numbers import level_text

_NUM_PLACES = 240  # of a line
_SHOWN_FROM = 0.45  # of the steps: earlier losses are high and alike for all
_MOST = 7  # schedules
_BAND = 0.16  # opacity
_DASHES = ((0, (4, 1.2)), (0, (1, 1)))  # of references


@draws(OptimalSchedule, example="optimise_schedule(fit, steps)")
def plot_schedule(
    optimal: OptimalSchedule,
    axes: Sequence[Axes] | None = None,
    *,
    families: str | Sequence[str] | None = None,
) -> tuple[Axes, Axes]:
    """The best schedules, and the predicted loss along each below.

    The recommended one is bold, with the interval of its final loss; references are grey.

    Args:
        optimal: from :func:`optimise_schedule`.
        axes: two axes to draw on, for the learning rates and the losses; new ones by default.
        families: the names of the schedules to draw, of :attr:`OptimalSchedule.families`; by
            default the best of each family, and both references.

    Returns:
        Both axes.

    Raises:
        KeyError: the family is unknown.

    Example:
        >>> from farseer_jax import example_curves, fit_curves, optimise_schedule
        >>> from farseer_jax.plots import plot_schedule
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> rates, losses = plot_schedule(optimise_schedule(fit, 20_000, family="wsd"))
        >>> rates.get_ylabel(), losses.get_ylabel()
        ('learning rate', 'loss')
    """
    shown = _shown(optimal, families)
    looks = _looks(shown, optimal.recommended)
    steps = np.unique(np.linspace(1, optimal.steps, _NUM_PLACES).round().astype(int))
    paths = [optimal.path(own.family, steps) for own in shown]
    with grid_of(axes, (2, 1), (6.4, 5.4), 5.4, shares_x=True, height_ratios=(1, 1.5)) as found:
        above, below = found
        for own, look, path in zip(shown, looks, paths, strict=True):
            draw_schedule(above, own.schedule, **look)
            below.plot(steps, path, **look)
        _mark_best(
            below,
            optimal,
            looks[shown.index(optimal.recommended)] if optimal.recommended in shown else {},
        )
        _limit(below, optimal, shown, steps, paths)
        rate_axis(above)
        below.set_ylabel("loss")
        step_axis(below)
        above.set_title(_title(optimal))
        align_labels(found)
        _explain(below, optimal, shown, looks)
    return above, below


def _shown(
    optimal: OptimalSchedule, families: str | Sequence[str] | None
) -> list[ScheduleCandidate]:
    """The candidates to draw, lowest loss first."""
    if families is not None:
        names = [families] if isinstance(families, str) else [*families]
        return sorted((optimal[name] for name in names), key=lambda own: own.loss)
    best = {optimal.recommended.family.partition(" ")[0]: optimal.recommended}
    for own in optimal.candidates:  # lowest loss first
        best.setdefault(own.family if own.is_reference else own.family.partition(" ")[0], own)
    return sorted([*best.values()][:_MOST], key=lambda own: own.loss)


def _looks(
    candidates: Sequence[ScheduleCandidate], best: ScheduleCandidate
) -> list[dict[str, Any]]:
    """Colours; the best one bold and above the others, references grey and dashed."""
    colours, dashes, found = iter(COLOURS), iter(_DASHES), []
    for own in candidates:
        if own.is_reference:
            found.append({"color": GREY, "ls": next(dashes, "-"), "lw": 1.2, "zorder": 2})
        else:
            is_best = own is best
            width, order = (2.2, 4) if is_best else (1.2, 3)
            found.append({"color": next(colours, INK), "lw": width, "zorder": order})
    return found


def _mark_best(axes: Axes, optimal: OptimalSchedule, look: dict[str, Any]) -> None:
    """The interval of the final loss of the best schedule."""
    if not look:
        return
    best, x = optimal.recommended, optimal.steps
    axes.vlines(x, best.lower, best.upper, color=look["color"], lw=2.4, alpha=0.45, zorder=4)
    axes.plot([x], [best.loss], "o", ms=5, mfc="white", mec=look["color"], mew=1.3, zorder=5)


def _limit(
    axes: Axes,
    optimal: OptimalSchedule,
    candidates: Sequence[ScheduleCandidate],
    steps: np.ndarray,
    paths: Sequence[np.ndarray],
) -> None:
    """Limits without the beginning, which is alike for all schedules."""
    late = steps >= _SHOWN_FROM * optimal.steps
    least = min(own.lower if own is optimal.recommended else own.loss for own in candidates)
    most = max(path[late].max() for path in paths)
    room = 0.05 * (most - least)
    axes.set_ylim(least - room, most + room)
    axes.set_xlim(0, 1.02 * optimal.steps)


def _title(optimal: OptimalSchedule) -> str:
    best = optimal.recommended
    number = number_format(np.array([0.5 * (best.upper - best.lower)]))
    ends = f"{number(best.lower)} to {number(best.upper)}"
    return f"Best schedule of {optimal.steps:,} steps: loss {number(best.loss)} ({ends})"


def _explain(
    axes: Axes,
    optimal: OptimalSchedule,
    candidates: Sequence[ScheduleCandidate],
    looks: Sequence[dict[str, Any]],
) -> None:
    """The legend: names with their final losses, to the digits of the recommended one's."""
    best = optimal.recommended
    number = number_format(np.array([0.5 * (best.upper - best.lower)]))
    for own, look in zip(candidates, looks, strict=True):
        axes.plot([], [], label=f"{own.family}: {number(own.loss)}", **look)
    axes.vlines(
        [], [], [], color=GREY, lw=2.4, alpha=0.5, label=f"{level_text(optimal.level)} interval"
    )
    legend_outside(axes, ncols=4)
