"""A figure of annealed losses: runs, and below them the losses after annealing from some steps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.curve_fitting.annealed_result import AnnealedLosses
from farseer_jax.curves.curve import Curve
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.schedule_axes import align_labels, draw_schedule, rate_axis, step_axis
from farseer_jax.plots.style import COLOURS, GREY, INK, grid_of, ordered_colours
from farseer_jax.results.numbers import level_text
from farseer_jax.results.table import evenly

_MOST_ROWS = 500  # of a curve that are drawn
_NUM_PLACES = 24  # of the line of an anneal
_NUM_ENDS = 24  # that the line along them is interpolated from
_FALLEN = 0.9  # of the peak: a rate below it has begun to fall
_SHOWN_FROM = 0.12  # of the steps: earlier losses are high and would flatten the rest
_MOST_CURVES = 8  # by default
_BAND = 0.28  # opacity


@draws(AnnealedLosses, example="anneal_curves(fit)")
def plot_annealed(
    annealed: AnnealedLosses,
    axes: Sequence[Axes] | None = None,
    *,
    curves: str | Sequence[str] | None = None,
) -> tuple[Axes, Axes]:
    """The losses of runs, the losses after annealing from some steps, and the learning rates.

    Pale lines are the logged losses. From them a thin line follows each anneal to its end, a dot.
    A dashed line is the law at the ends of all anneals, with the band of its intervals.

    Args:
        annealed: from :func:`anneal_curves`.
        axes: two axes to draw on, for the losses and the learning rates; new ones by default.
        curves: the names of the curves to draw; by default those whose learning rate has not
            decayed where their last anneal begins (up to eight), or all if there are none.

    Returns:
        Both axes.

    Raises:
        ValueError: the curve is unknown, or it has no anneals.

    Example:
        >>> from farseer_jax import anneal_curves, example_curves, fit_curves
        >>> from farseer_jax.plots import plot_annealed
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> losses, rates = plot_annealed(anneal_curves(fit))
        >>> losses.get_ylabel(), rates.get_ylabel()
        ('loss', 'learning rate')
    """
    shown = _shown(annealed, curves)
    colours: Any = COLOURS if len(shown) <= len(COLOURS) else ordered_colours(len(shown))
    with grid_of(axes, (2, 1), (6.4, 5.2), 4.8, shares_x=True, height_ratios=(3, 1)) as found:
        above, below = found
        for own, colour in zip(shown, colours, strict=False):
            _draw_curve(above, annealed, own, colour)
            _draw_ends(above, annealed, own, colour)
            _draw_rates(below, annealed, own, colour)
        _limit(above, annealed, shown)
        above.set(ylabel="loss", title=_title(annealed, shown))
        step_axis(below)
        rate_axis(below)
        align_labels(found)
        _explain(below, annealed, shown, colours)
    return above, below


def _shown(annealed: AnnealedLosses, names: str | Sequence[str] | None) -> list[Curve]:
    known = list(dict.fromkeys(annealed.curve))
    if names is not None:
        asked = [*annealed.fit.curves.select(names)]
        for own in asked:
            if own.name not in known:
                raise ValueError(
                    f"curves: {own.name!r} has no anneals; choose from {', '.join(known)}"
                )
        return asked
    every = [annealed.fit.curves[name] for name in known]
    steady = [own for own in every if _is_steady(annealed, own)]
    return (steady or every)[:_MOST_CURVES]


def _is_steady(annealed: AnnealedLosses, curve: Curve) -> bool:
    """Whether the rate has not fallen where the last anneal of a curve begins."""
    last = curve.schedule.at(annealed.step[_rows(annealed, curve)[-1]])
    return bool(last >= _FALLEN * curve.schedule.peak)


def _rows(annealed: AnnealedLosses, curve: Curve) -> np.ndarray:
    """The rows of a curve, in the order of their ends."""
    rows = np.flatnonzero(np.array(annealed.curve, dtype=object) == curve.name)
    return rows[np.argsort(annealed.final_step[rows])]


def _draw_curve(axes: Axes, annealed: AnnealedLosses, curve: Curve, colour: Any) -> None:
    logged = evenly(len(curve), _MOST_ROWS)
    axes.plot(
        curve.steps[logged], curve.losses[logged], color=colour, lw=2.6, alpha=0.3, zorder=2,
        solid_capstyle="butt",
    )  # fmt: skip
    rows = _rows(annealed, curve)
    for row in rows:
        start, end = int(annealed.step[row]), int(annealed.final_step[row])
        steps = np.unique(np.linspace(start, end, _NUM_PLACES).round().astype(int))
        loss = annealed.fit.predict(annealed.schedule(int(row)), steps, curve=curve.name)
        axes.plot(steps, loss, color=colour, lw=0.7, alpha=0.7, zorder=2.5)
    ends = annealed.final_step[rows]
    axes.scatter(ends, annealed.loss[rows], s=17, color=colour, edgecolor="white", lw=0.5, zorder=4)


def _draw_ends(axes: Axes, annealed: AnnealedLosses, curve: Curve, colour: Any) -> None:
    """The law at the ends of anneals from many steps, with its intervals: smooth lines."""
    from scipy.interpolate import PchipInterpolator

    rows = _rows(annealed, curve)
    first, last = (float(annealed.step[rows[place]]) for place in (0, -1))
    begin = np.geomspace(first, last, max(_NUM_ENDS, len(rows))).round().astype(int)
    begin = np.unique(np.concatenate([begin, annealed.step[rows]]))
    if len(begin) < 2:
        return
    losses, ends = annealed.from_steps(curve.name, begin)
    places = np.unique(np.linspace(ends[0], ends[-1], _NUM_PLACES * 8))
    low, loss, high = (
        np.exp(PchipInterpolator(np.log(ends), np.log(own))(np.log(places)))
        for own in (losses.lower, losses.loss, losses.upper)
    )
    axes.fill_between(places, low, high, color=colour, alpha=_BAND, lw=0, zorder=2.2)
    axes.plot(places, loss, color=colour, lw=1.0, ls=(0, (2.5, 1.5)), zorder=3)


def _draw_rates(axes: Axes, annealed: AnnealedLosses, curve: Curve, colour: Any) -> None:
    """The rates up to the last loss, and those of each anneal."""
    draw_schedule(axes, curve.schedule, last=int(curve.steps[-1]), color=colour, lw=1.2)
    for row in _rows(annealed, curve):
        first = int(annealed.step[row])
        draw_schedule(
            axes, annealed.schedule(int(row)), first=first, color=colour, lw=0.7, alpha=0.7
        )


def _limit(axes: Axes, annealed: AnnealedLosses, curves: Sequence[Curve]) -> None:
    """Limits without the steep beginning."""
    longest = max(int(annealed.final_step[_rows(annealed, own)].max()) for own in curves)
    least, most = [], []
    for own in curves:
        rows = _rows(annealed, own)
        least.append(annealed.lower[rows].min())
        late = own.steps >= min(_SHOWN_FROM * longest, own.steps[-1])
        most.append(own.losses[late].max())
    room = 0.04 * (max(most) - min(least))
    axes.set_ylim(min(least) - room, max(most) + room)
    axes.set_xlim(0, 1.015 * longest)


def _title(annealed: AnnealedLosses, shown: Sequence[Curve]) -> str:
    over, num = annealed.over, len(set(annealed.curve))
    some = "" if len(shown) == num else f", {len(shown)} of {num} runs"
    length = f"{over:.3g} of the steps" if over < 1 else f"{int(over):,} steps"
    return f"Loss if annealed over {length} ({annealed.shape} to {annealed.final:g}){some}"


def _explain(
    axes: Axes, annealed: AnnealedLosses, curves: Sequence[Curve], colours: Sequence[Any]
) -> None:
    for own, colour in zip(curves, colours, strict=False):
        axes.plot([], [], color=colour, lw=1.6, label=own.name)
    axes.plot([], [], color=GREY, lw=2.6, alpha=0.45, label="logged")
    axes.plot([], [], "o", color=INK, ms=3.6, label="annealed")
    band = f"{level_text(annealed.level)} interval"
    axes.fill_between([], [], [], color=GREY, alpha=_BAND, lw=0, label=band)
    legend_outside(axes, ncols=4)
