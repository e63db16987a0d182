"""A figure of an optimum: the best mixture with intervals, or the loss around the optimum."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.decisions.optimum import LossProfile, Optimum
from farseer_jax.plots.draws import draws
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_label, input_ticks
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of
from farseer_jax.results.numbers import level_text, quantity_text

_MOST_POINTS = 4  # bars beside each other


@draws(Optimum, example="optimise(fit, over)")
def plot_optimum(optimum: Optimum, ax: Axes | None = None, *, input: str | None = None) -> Axes:
    """The best mixture as bars with intervals; without one, the loss around the optimum.

    Bars are the shares at each point (the first four), with the intervals of a bootstrap. The loss
    around the optimum is a line along one input, with all others at the optimum of the first point,
    and with its interval as a band.

    Args:
        optimum: from :func:`optimise`.
        ax: axes to draw on; new ones by default.
        input: the column along which to draw the loss; None draws bars of a mixture, or the first
            input of others.

    Returns:
        The axes.

    Raises:
        ValueError: there is no optimum to draw, or no such input.

    Example:
        >>> import farseer_jax as fj
        >>> from farseer_jax.plots import plot_optimum
        >>> law = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> plot_optimum(fj.optimise(law, ["N", "D"], budget=1e22)).get_xlabel()
        'parameters N'
    """
    if not optimum.profiles:
        raise ValueError("optimum: the first point has no optimum to draw")
    known = [own.input for own in optimum.profiles]
    if input is not None and input not in known:
        raise ValueError(f"input: unknown {input!r}; choose from {', '.join(known)}")
    shares = optimum.shares
    with axes_of(ax, (6.4, 4.2)) as axes:
        if input is None and shares:
            _bars(axes, optimum, shares)
        else:
            _line(axes, optimum, optimum.profiles[known.index(input or known[0])])
    return axes


def _bars(axes: Axes, optimum: Optimum, shares: Sequence[str]) -> None:
    points = np.flatnonzero(np.isfinite(optimum.loss))[:_MOST_POINTS]
    width = 0.8 / len(points)
    places = np.arange(len(shares))
    for k, point in enumerate(points):
        values = np.array([optimum.inputs[name][point] for name in shares])
        at = places + (k - 0.5 * (len(points) - 1)) * width
        label = _label(optimum, int(point)) if len(points) > 1 else None
        axes.bar(at, values, width, color=COLOURS[k], alpha=0.85, label=label)
        if optimum.intervals is not None:
            own = [optimum.intervals[name] for name in shares]
            lower, upper = (
                np.array([getattr(i, end)[point] for i in own]) for end in ("lower", "upper")
            )
            axes.vlines(at, lower, upper, color=INK, lw=1.6)
            for end in (lower, upper):
                axes.hlines(end, at - 0.15 * width, at + 0.15 * width, color=INK, lw=1.6)
    axes.set_xticks(
        places,
        shares,
        rotation=30 if len(shares) > 4 else 0,
        ha="right" if len(shares) > 4 else "center",
    )
    axes.grid(axis="x", visible=False)
    axes.set_ylabel("share")
    level = "" if optimum.level is None else f", with {level_text(optimum.level)} intervals"
    where = _known(optimum) if len(points) == 1 else ""
    goal = f"greatest {optimum.response}" if optimum.maximise else "least loss"
    axes.set_title(f"Mixture with the {goal}{where}{level}")
    if len(points) > 1:
        legend_outside(axes, ncols=2)


def _known(optimum: Optimum) -> str:
    """Where the first point is: its given inputs and its budget."""
    values = [
        f"{name} = {own[0] if isinstance(own[0], str) else quantity_text(float(own[0]))}"
        for name, own in optimum.given.items()
    ]
    if optimum.budget is not None:
        values.append(f"{optimum.cost} = {optimum.budget[0]:.3g}")
    return f" at {', '.join(values)}" if values else ""


def _label(optimum: Optimum, point: int) -> str:
    """What distinguishes a point from the others."""
    table = {**optimum.given}
    if optimum.budget is not None:
        table["budget"] = optimum.budget
    several = {name: own for name, own in table.items() if len(set(own.tolist())) > 1}
    return (
        ", ".join(
            f"{name} {own[point]}" if isinstance(own[point], str) else f"{name} {own[point]:.3g}"
            for name, own in several.items()
        )
        or f"point {point + 1}"
    )


def _line(axes: Axes, optimum: Optimum, profile: LossProfile) -> None:
    axes.plot(profile.values, profile.loss, color=COLOURS[0], lw=2.0)
    best = optimum.inputs[profile.input][0]
    axes.plot([best], [optimum.loss[0]], "o", color=COLOURS[1], ms=6.5, zorder=4, label="optimum")
    if optimum.intervals is not None and profile.input in optimum.intervals:
        own = optimum.intervals[profile.input]
        axes.axvspan(
            own.lower[0],
            own.upper[0],
            color=COLOURS[1],
            alpha=0.15,
            lw=0,
            label=f"{level_text(own.level)} interval",
        )
    if profile.is_log:
        axes.set_xscale("log")
        input_ticks(axes.xaxis, profile.input)
        axes.grid(which="minor", visible=False)
        axes.tick_params(which="minor", length=0)
    axes.set(xlabel=input_label(profile.input), ylabel="loss")
    limits = [name for name in optimum.limited_by[0] if profile.input in name]
    limits = [] if profile.adjusted else limits
    others = (
        f"{profile.adjusted} adjusted to the constraint" if profile.adjusted else "others fixed"
    )
    if profile.input in optimum.shares:
        others = "others in proportion"
    axes.set_title(f"Loss around the optimum{_known(optimum)}\n{others}")
    if limits:
        axes.axvline(best, color=GREY, lw=0.9, ls="--", zorder=1.5, label=f"limit: {limits[0]}")
    legend_outside(axes, ncols=3)
