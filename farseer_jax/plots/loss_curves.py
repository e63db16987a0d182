"""A figure of loss curves: losses, fitted law, forecast and, below, the schedules."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.schedule import Schedule
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.schedule_axes import align_labels, draw_schedule, rate_axis, step_axis
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of, ordered_colours
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.results.table import evenly

_MOST_ROWS = 500  # of a curve that are drawn
_NUM_PLACES = 160  # of a line
_MOST_NAMES = 9  # in the legend
_MOST_LABELS = 2  # of final losses
_SHOWN_FROM = 0.15  # of the steps: earlier losses are high and would flatten the rest
_STEEP = 1.6  # times the height without the first steps: lower curves are drawn whole
_BAND = 0.22  # opacity
_WITHIN = 0.98  # of the misfits are in their strip
_DASHES = ("-", (0, (4, 1.2)), (0, (1, 1)), (0, (4, 1.2, 1, 1.2)))
_AHEAD = (0, (2.5, 1.5))


@draws(CurveFit, example="fit_curves(curves)")
def plot_loss_curves(
    fit: CurveFit,
    axes: Sequence[Axes] | None = None,
    *,
    curves: str | Sequence[str] | None = None,
) -> tuple[Axes, Axes]:
    """Loss curves with their fit and forecast, and the learning rates below.

    Pale lines are the logged losses, and dark lines the fitted law. If a run is still going, the
    law continues as a dashed line with its interval to the last step of the schedule, where a ring
    marks the final loss. Each size has a colour and each schedule a dash pattern; with a single
    size, each curve has a colour. Losses of the first steps are cut off to show the differences at
    the end. A strip in between shows by how many per cent the losses exceed the law; it is left out
    on axes of your own.

    Args:
        fit: from :func:`fit_curves`.
        axes: two axes to draw on, for the losses and the learning rates; new ones by default.
        curves: the names of those to draw; all by default.

    Returns:
        Both axes.

    Raises:
        ValueError: the curve is unknown.

    Example:
        >>> from farseer_jax import example_curves, fit_curves
        >>> from farseer_jax.plots import plot_loss_curves
        >>> losses, rates = plot_loss_curves(fit_curves(example_curves(), "multi-power"))
        >>> losses.get_ylabel(), rates.get_ylabel()
        ('loss', 'learning rate')
    """
    shown = [*(fit.curves if curves is None else fit.curves.select(curves))]
    paths = [_path(fit, own) for own in shown]
    looks = _looks(shown, paths)
    heights = (3, 0.7, 1) if axes is None else (3, 1)
    shape, size = (len(heights), 1), (6.4, 5.9 if axes is None else 5.2)
    with grid_of(axes, shape, size, 4.8, shares_x=True, height_ratios=heights) as found:
        above, *between, below = found
        for strip in between:
            _draw_misfits(strip, fit, shown, looks)
        for own, look, path in zip(shown, looks, paths, strict=True):
            _draw_curve(above, own, look, path)
        _draw_schedules(below, shown, looks)
        _limit(above, shown, paths)
        above.set_ylabel("loss")
        above.set_title(_title(fit, shown))
        step_axis(below)
        rate_axis(below)
        align_labels(found)
        _explain(below, fit, shown, looks, paths)
        _name_losses(above, shown, paths)
    return above, below


class _Look(NamedTuple):
    """How a curve is drawn."""

    colour: Any
    dashes: Any


class _Path(NamedTuple):
    """The law along a curve, ``(place,)`` each.

    Attributes:
        steps: the places.
        loss: the prediction.
        low: lower end of its interval.
        high: upper end.
        is_ahead: whether the place is not before the last logged loss.
    """

    steps: np.ndarray
    loss: np.ndarray
    low: np.ndarray
    high: np.ndarray
    is_ahead: np.ndarray


def _looks(curves: Sequence[Curve], paths: Sequence[_Path]) -> list[_Look]:
    """A colour for each size and a dash for each schedule; of one size a colour for each curve."""
    sizes = _sizes(curves)
    if len(sizes) > 1:
        colours = dict(zip(sizes, ordered_colours(len(sizes)), strict=True))
        schedules = _schedules(curves)
        dashes = _DASHES if len(schedules) <= len(_DASHES) else _DASHES[:1] * len(schedules)
        return [_Look(colours[own.inputs["N"]], dashes[_place(schedules, own)]) for own in curves]
    if len(curves) <= len(COLOURS):
        return [_Look(COLOURS[place], "-") for place in range(len(curves))]
    order = np.argsort(np.argsort([path.loss[-1] for path in paths]))
    return [_Look(colour, "-") for colour in ordered_colours(len(curves))[order]]


def _sizes(curves: Sequence[Curve]) -> list[float]:
    """The sizes, ascending; empty if the curves have none."""
    return sorted({own.inputs["N"] for own in curves if "N" in own.inputs})


def _schedules(curves: Sequence[Curve]) -> list[Schedule]:
    """The schedules that differ, the longest of those of which one continues the others."""
    found = list[Schedule]()
    for own in sorted(dict.fromkeys(own.schedule for own in curves), key=lambda own: -own.steps):
        if not any(_continues(longer, own) for longer in found):
            found.append(own)
    return found


def _continues(longer: Schedule, schedule: Schedule) -> bool:
    return np.array_equal(longer.rates[: schedule.steps], schedule.rates)


def _place(schedules: Sequence[Schedule], curve: Curve) -> int:
    """Which of the schedules that differ is that of a curve."""
    return next(i for i, own in enumerate(schedules) if _continues(own, curve.schedule))


def _path(fit: CurveFit, curve: Curve) -> _Path:
    """The law from the first logged loss to the last, or to the end of the schedule."""
    first, last = int(curve.steps[0]), int(curve.steps[-1])
    end = curve.schedule.steps if curve.is_running else last
    jumps = curve.schedule.jumps
    after = np.concatenate([jump + np.array([-1, 0, 20, 60, 150]) for jump in jumps] or [[last]])
    places = [np.linspace(first, last, _NUM_PLACES), np.linspace(last, end, _NUM_PLACES), after]
    steps = np.unique(np.concatenate(places).round().astype(int))
    steps = steps[(steps >= first) & (steps <= end)]
    loss = fit.predict(curve.schedule, steps, curve=curve.name)
    low, high = fit.interval(curve.schedule, steps, curve=curve.name)
    return _Path(steps, loss, low, high, steps >= last)


def _draw_curve(axes: Axes, curve: Curve, look: _Look, path: _Path) -> None:
    rows = evenly(len(curve), _MOST_ROWS)
    logged = {"color": look.colour, "lw": 2.6, "alpha": 0.3, "zorder": 2}
    axes.plot(curve.steps[rows], curve.losses[rows], solid_capstyle="butt", **logged)
    before = np.where(path.steps <= curve.steps[-1], path.loss, np.nan)
    axes.plot(path.steps, before, color=look.colour, lw=1.1, ls=look.dashes, zorder=3)
    if not curve.is_running:
        return
    ahead = [np.where(path.is_ahead, own, np.nan) for own in (path.low, path.loss, path.high)]
    axes.fill_between(path.steps, ahead[0], ahead[2], color=look.colour, alpha=_BAND, lw=0)
    axes.plot(path.steps, ahead[1], color=look.colour, lw=1.1, ls=_AHEAD, zorder=3)
    ring = {"ms": 5, "mfc": "white", "mec": look.colour, "mew": 1.3, "zorder": 4}
    axes.plot(path.steps[-1:], path.loss[-1:], "o", **ring)


def _draw_misfits(
    axes: Axes, fit: CurveFit, curves: Sequence[Curve], looks: Sequence[_Look]
) -> None:
    """How far the losses lie above the law, in per cent, spikes beyond the strip."""
    axes.axhline(0.0, color=INK, lw=0.6)
    every = []
    for curve, look in zip(curves, looks, strict=True):
        own = fit.thinned[curve.name]
        law = fit.predict(own.schedule, own.steps, curve=own.name)
        misfit = 100.0 * np.log(own.losses / law)
        axes.plot(own.steps, misfit, color=look.colour, lw=0.8, alpha=0.9)
        every.append(np.abs(misfit))
    axes.set_ylabel("misfit, %")
    reach = 1.3 * float(np.quantile(np.concatenate(every), _WITHIN)) or 1.0
    axes.set_ylim(-reach, reach)
    axes.yaxis.set_major_locator(MaxNLocator(3, symmetric=True))


def _draw_schedules(axes: Axes, curves: Sequence[Curve], looks: Sequence[_Look]) -> None:
    """The schedules, in ink where several curves share one, and dashed where they are ahead."""
    schedules = _schedules(curves)
    owners = [_place(schedules, own) for own in curves]
    for place, schedule in enumerate(schedules):
        own = [at for at, owner in enumerate(owners) if owner == place]
        look: Any = {"color": looks[own[0]].colour if len(own) == 1 else INK, "lw": 1.2}
        last = max(curves[at].steps[-1] for at in own) if curves[own[0]].is_running else None
        draw_schedule(axes, schedule, last=last, ls=looks[own[0]].dashes, **look)
        if last is not None:
            draw_schedule(axes, schedule, first=last, ls=_AHEAD, **look)


def _limit(axes: Axes, curves: Sequence[Curve], paths: Sequence[_Path]) -> None:
    """Limits without the steep beginning, if it would flatten the rest."""
    longest = max(own.steps[-1] for own in paths)
    least, most = [], []
    for path in paths:
        late = path.steps >= min(_SHOWN_FROM * longest, path.steps[-1])
        least.append(path.low[late].min())
        most.append(path.high[late].max())
    whole = max(own.losses.max() for own in curves)
    if whole - min(least) < _STEEP * (max(most) - min(least)):
        most.append(whole)
    height = max(most) - min(least)
    below = 0.1 if any(own.is_running for own in curves) else 0.04  # room for final losses
    axes.set_ylim(min(least) - below * height, max(most) + 0.04 * height)
    axes.set_xlim(0, 1.015 * max(own.schedule.steps for own in curves))


def _title(fit: CurveFit, curves: Sequence[Curve]) -> str:
    going = sum(own.is_running for own in curves)
    more = f", {going} still running" if going else ""
    return f"{len(curves)} loss curve{'s'[: len(curves) != 1]}{more}, {fit.law.name} law"


def _explain(
    axes: Axes,
    fit: CurveFit,
    curves: Sequence[Curve],
    looks: Sequence[_Look],
    paths: Sequence[_Path],
) -> None:
    """The legend below both axes: sizes and schedules, or curves, and kinds of lines."""
    for text, look in _entries(curves, looks, paths):
        axes.plot([], [], color=look.colour, ls=look.dashes, lw=1.6, label=text)
    axes.plot([], [], color=GREY, lw=2.6, alpha=0.45, label="logged")
    axes.plot([], [], color=INK, lw=1.1, label="law")
    if any(own.is_running for own in curves):
        axes.plot([], [], color=GREY, lw=1.1, ls=_AHEAD, label="forecast")
        band = f"{level_text(fit.level)} interval"
        axes.fill_between([], [], [], color=GREY, alpha=_BAND, lw=0, label=band)
    legend_outside(axes, ncols=4)


def _entries(
    curves: Sequence[Curve], looks: Sequence[_Look], paths: Sequence[_Path]
) -> list[tuple[str, _Look]]:
    """Names with their looks: of sizes and schedules, or of curves."""
    sizes = _sizes(curves)
    if len(sizes) < 2:
        order = np.argsort([-path.loss[-1] for path in paths])
        order = np.arange(len(curves)) if len(curves) <= _MOST_NAMES else order
        return [(curves[i].name, looks[i]) for i in order[evenly(len(order), _MOST_NAMES)]]
    found = []
    for size in sizes:
        own = next(look for c, look in zip(curves, looks, strict=True) if c.inputs["N"] == size)
        found.append((f"N = {quantity_text(size)}", _Look(own.colour, "-")))
    schedules = _schedules(curves)
    if 1 < len(schedules) <= len(_DASHES):
        for schedule, dashes in zip(schedules, _DASHES, strict=False):
            found.append((schedule.name.replace("_", "-"), _Look(INK, dashes)))
    return found


def _name_losses(axes: Axes, curves: Sequence[Curve], paths: Sequence[_Path]) -> None:
    """The final losses of the runs that are still going, if they are few."""
    own = [path for curve, path in zip(curves, paths, strict=True) if curve.is_running]
    if not 0 < len(own) <= _MOST_LABELS:
        return
    number = number_format(np.array([0.5 * (path.high[-1] - path.low[-1]) for path in own]))
    texts = [f"{number(p.loss[-1])} ({number(p.low[-1])} to {number(p.high[-1])})" for p in own]
    ends = np.array([(path.steps[-1], path.loss[-1]) for path in own])
    lines = np.concatenate([np.stack([path.steps, path.loss], axis=1) for path in paths])
    lines = lines[lines[:, 1] <= axes.get_ylim()[1]]
    size = 7.0 if is_narrow(axes) else 8.0
    place_labels(axes, ends, texts, lines, num_must=len(texts), size=size)
