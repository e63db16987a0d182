"""A figure of the compute-optimal tokens per parameter as a function of compute."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from farseer_jax.decisions.allocation_result import Allocation
from farseer_jax.decisions.optimal_allocations import CHINCHILLA
from farseer_jax.decisions.published_models import PublishedModel, published_models
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import note, place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import plain_ticks
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of
from farseer_jax.results.numbers import capitalised, level_text

_NEAREST, _REACH = 6.0, 27.0  # distance of a model's name from its point, in points (1/72 inch)
_STYLES = ("-", "--", "-.", (0, (1, 1.2)))  # besides colours: for print in black and white


@draws(Allocation, example="allocate(fit, budgets)", several=True)
def plot_allocation(
    allocation: Allocation | Iterable[Allocation],
    ax: Axes | None = None,
    *,
    labels: Sequence[str] | None = None,
    models: Iterable[PublishedModel] | None = None,
) -> Axes:
    """Compute-optimal tokens per parameter against compute, a line for each law (Fig. 1b).

    A line is bold where its optima lie within the runs, and thin where the law extrapolates. Bands
    are intervals of a forecast or a bootstrap. The thin grey line is Chinchilla's 20 tokens per
    parameter. The shaded box is the range of the runs, if it is the same for all allocations.
    Points are published models, at 6 N D, named where there is room.

    Args:
        allocation: one result of :func:`allocate`, or several.
        ax: axes to draw on; new ones by default.
        labels: names of the lines; names of the laws by default, numbered where two are equal.
        models: points to draw; None takes :func:`published_models`, () none.

    Returns:
        The axes.

    Raises:
        TypeError: not allocations.
        ValueError: there is no allocation or no optimum, or not one label for each allocation.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Farseer, allocate, example_runs, fit
        >>> from farseer_jax.plots import plot_allocation
        >>> found = allocate(fit(Farseer, example_runs()), np.geomspace(1e19, 1e24, 16))
        >>> plot_allocation(found).get_ylabel()
        'tokens per parameter D/N'
    """
    found = [allocation] if isinstance(allocation, Allocation) else list(allocation)
    names = _names(found, labels)
    if not any(np.isfinite(one.N).any() for one in found):
        raise ValueError("allocation: no budget has an optimum to draw")
    with axes_of(ax, (6.4, 4.3)) as axes:
        axes.set(xscale="log", yscale="log")
        _shade(axes, found)
        axes.axhline(CHINCHILLA, color=GREY, lw=0.9, zorder=1.5)
        for i, (one, name) in enumerate(zip(found, names, strict=True)):
            _draw(axes, one, name, COLOURS[i % len(COLOURS)], _STYLES[i % len(_STYLES)])
        budgets = np.concatenate([one.compute for one in found])
        known = published_models() if models is None else models
        shown = [model for model in known if budgets.min() <= model.compute <= budgets.max()]
        _limit(axes, found, shown)
        _finish(axes)
        if shown:
            _draw_models(axes, shown, found)
    return axes


def _names(found: list[Allocation], labels: Sequence[str] | None) -> list[str]:
    if not found:
        raise ValueError("allocation: expected at least one, got none")
    if labels is None:
        own = [capitalised(one.law) for one in found]
        return [
            f"{name} ({i})" if own.count(name) > 1 else name for i, name in enumerate(own, start=1)
        ]
    if isinstance(labels, str) or len(labels) != len(found):
        raise ValueError(
            f"labels: expected one for each of {len(found)} allocations, got {labels!r}"
        )
    return list(labels)


def _shade(axes: Axes, found: list[Allocation]) -> None:
    """The range of the runs in compute and D/N."""
    ranges = [one.data_range for one in found if one.data_range is not None]
    if not ranges or any(other != ranges[0] for other in ranges):
        return  # one box cannot show several ranges
    data = ranges[0]
    (left, right), (bottom, top) = data.compute, data.tokens_per_parameter
    box = Rectangle(
        (left, bottom), right - left, top - bottom,
        color=GREY, alpha=0.12, lw=0, label="range of the runs", zorder=0.5,
    )  # fmt: skip
    axes.add_patch(box)


def _draw(axes: Axes, one: Allocation, name: str, colour: str, style: object) -> None:
    order = np.argsort(one.compute)
    compute, ratio = one.compute[order], one.tokens_per_parameter[order]
    known = np.isfinite(ratio)
    inside = known if one.inside_data is None else one.inside_data[order]
    axes.plot(compute, ratio, color=colour, lw=1.1, ls=style, zorder=2.5)
    marker = "o" if known.sum() == 1 else None
    axes.plot(
        compute, np.where(inside, ratio, np.nan),
        color=colour, lw=2.6, ls=style, marker=marker, solid_capstyle="round", zorder=3,
    )  # fmt: skip
    level = "" if one.level is None else f", {level_text(one.level)} interval"
    axes.plot([], [], color=colour, lw=2.2, ls=style, label=f"{name}{level}")
    if one.intervals is not None:
        own = one.intervals["tokens per parameter"]
        axes.fill_between(
            compute, own.lower[order], own.upper[order], where=known,
            color=colour, alpha=0.2, lw=0, zorder=2,
        )  # fmt: skip


def _limit(axes: Axes, found: list[Allocation], models: list[PublishedModel]) -> None:
    """Limits that leave room around lines and points."""
    ratios = np.concatenate([one.tokens_per_parameter for one in found])
    ratios = np.append(ratios[np.isfinite(ratios)], CHINCHILLA)
    ratios = np.append(ratios, [model.tokens_per_parameter for model in models])
    budgets = np.concatenate([one.compute for one in found])
    axes.set_xlim(budgets.min() / 1.3, budgets.max() * 1.3)
    axes.set_ylim(ratios.min() / 1.8, ratios.max() * 1.8)


def _finish(axes: Axes) -> None:
    axes.set(xlabel="compute, FLOPs", ylabel="tokens per parameter D/N")
    axes.set_title("Compute-optimal tokens per parameter")
    plain_ticks(axes.xaxis)
    plain_ticks(axes.yaxis)
    axes.grid(which="minor", visible=False)
    axes.tick_params(which="minor", length=0)
    legend_outside(axes, ncols=3)
    place: Any = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "top"}
    note(axes, "Chinchilla's 20", (0.995, CHINCHILLA), (0, -2.5), color=GREY, **place)


def _draw_models(axes: Axes, shown: list[PublishedModel], found: list[Allocation]) -> None:
    """Points with names, each where it covers no line, point or other name."""
    shown = sorted(shown, key=lambda model: -model.compute)
    points = np.array([[model.compute, model.tokens_per_parameter] for model in shown])
    axes.plot(*points.T, "o", ms=4.2, color=INK, mec="white", mew=0.6, ls="", zorder=4)
    rule = np.geomspace(*axes.get_xlim(), 200)
    taken = [points, np.stack([rule, np.full(200, CHINCHILLA)], axis=1), *map(_line, found)]
    place_labels(
        axes, points, [model.name for model in shown], np.concatenate(taken), num_must=0,
        reach=_NEAREST if is_narrow(axes) else _REACH, size=6.5,
    )  # fmt: skip


def _line(one: Allocation) -> np.ndarray:
    """A line at many points, ``(point, 2)``, because budgets may be far apart."""
    known = np.isfinite(one.N)
    if not known.any():
        return np.zeros((0, 2))
    order = np.argsort(one.compute[known])
    log_C, log_ratio = (
        np.log(values[known][order]) for values in (one.compute, one.tokens_per_parameter)
    )
    many = np.linspace(log_C[0], log_C[-1], 200)
    return np.exp(np.stack([many, np.interp(many, log_C, log_ratio)], axis=1))
