"""A figure of how many tokens a parameter should get, as a function of compute."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.decisions.allocation import Allocation
from farseer_jax.decisions.allocation_optima import CHINCHILLA
from farseer_jax.decisions.published_models import PublishedModel, published_models
from farseer_jax.plots._room import fit_texts, is_narrow, legend_outside
from farseer_jax.plots._style import COLOURS, GREY, axes_of, plain_ticks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK = "#333333"
_DISTANCES = (1.0, 1.8, 2.7, 3.6)  # of a name from its point, in lines
_MOST_COVERED = 0.08  # of a name, by lines and others
_STYLES = ("-", "--", "-.", (0, (1, 1.2)))  # besides colours: for print in black and white


def plot_allocation(
    allocation: Allocation | Iterable[Allocation],
    ax: "Axes | None" = None,
    *,
    labels: Sequence[str] | None = None,
    models: Iterable[PublishedModel] | None = None,
) -> "Axes":
    """Compute-optimal tokens per parameter against compute, a line for each law (Fig. 1b).

    A line is bold where its optima lie within the runs, and thin beyond, where only the law says
    so. Bands are intervals of a bootstrap. The thin grey line is Chinchilla's 20 tokens per
    parameter, the shaded box what the runs cover, where they are the same range for all
    allocations, and points are models that were published, at 6 N D, named where there is room.

    Args:
        allocation: from :func:`allocate`, or several of them.
        ax: axes to draw on; new ones by default.
        labels: names of the lines; the laws' by default, with their places where two are equal.
        models: points to draw; None takes :func:`published_models`, () none.

    Returns:
        The axes.

    Raises:
        ValueError: there is no allocation, not one label for each, or no optimum to draw.

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
        raise ValueError("there is no optimum to draw: no budget has one")
    with axes_of(ax, (6.4, 4.3)) as axes:
        axes.set(xscale="log", yscale="log")
        _shade(axes, found)
        axes.axhline(CHINCHILLA, color=GREY, lw=0.9, zorder=1.5)
        for i, (one, name) in enumerate(zip(found, names, strict=True)):
            _draw(axes, one, name, COLOURS[i % len(COLOURS)], _STYLES[i % len(_STYLES)])
        budgets = np.concatenate([one.compute for one in found])
        given = published_models() if models is None else models
        shown = [model for model in given if budgets.min() <= model.compute <= budgets.max()]
        _limit(axes, found, shown)
        _finish(axes)
        _name_rule(axes)
        axes.set_title("Compute-optimal tokens per parameter", pad=8)
        fit_texts(axes)
        _draw_models(axes, shown, found)
    return axes


def _names(found: list[Allocation], labels: Sequence[str] | None) -> list[str]:
    if not found:
        raise ValueError("give at least one allocation")
    if labels is None:
        own = [one.law.title() for one in found]
        return [
            f"{name} ({i})" if own.count(name) > 1 else name for i, name in enumerate(own, start=1)
        ]
    if isinstance(labels, str) or len(labels) != len(found):
        raise ValueError(f"labels: give one for each of {len(found)} allocations, got {labels!r}")
    return list(labels)


def _shade(axes: "Axes", found: list[Allocation]) -> None:
    """What the runs cover in compute and D/N."""
    from matplotlib.patches import Rectangle

    ranges = [one.data_range for one in found if one.data_range is not None]
    if not ranges or any(other != ranges[0] for other in ranges):
        return  # one box would say of all what holds of one
    data = ranges[0]
    (left, right), (bottom, top) = data.compute, data.tokens_per_parameter
    box = Rectangle(
        (left, bottom), right - left, top - bottom,
        color=GREY, alpha=0.12, lw=0, label="range of the runs", zorder=0.5,
    )  # fmt: skip
    axes.add_patch(box)


def _draw(axes: "Axes", one: Allocation, name: str, colour: str, style: object) -> None:
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
    level = "" if one.level is None else f", {100 * one.level:.4g} % interval"
    axes.plot([], [], color=colour, lw=2.2, ls=style, label=f"{name}{level}")
    if one.intervals is not None:
        own = one.intervals["tokens per parameter"]
        axes.fill_between(
            compute, own.lower[order], own.upper[order],
            color=colour, alpha=0.2, lw=0, zorder=2,
        )  # fmt: skip


def _limit(axes: "Axes", found: list[Allocation], models: list[PublishedModel]) -> None:
    """Lines, box and points with room around them."""
    ratios = np.concatenate([one.tokens_per_parameter for one in found])
    ratios = np.append(ratios[np.isfinite(ratios)], CHINCHILLA)
    ratios = np.append(ratios, [model.tokens_per_parameter for model in models])
    budgets = np.concatenate([one.compute for one in found])
    axes.set_xlim(budgets.min() / 1.3, budgets.max() * 1.3)
    axes.set_ylim(ratios.min() / 1.8, ratios.max() * 1.8)


def _finish(axes: "Axes") -> None:
    axes.set(xlabel="compute, FLOPs", ylabel="tokens per parameter D/N")
    plain_ticks(axes.yaxis)
    axes.grid(which="minor", visible=False)
    axes.tick_params(which="minor", length=0)
    legend_outside(axes, ncols=3)


def _name_rule(axes: "Axes") -> None:
    axes.annotate(
        "Chinchilla's 20",
        (0.995, CHINCHILLA),
        xycoords=("axes fraction", "data"),
        xytext=(0, -2.5),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=7.5,
        color=GREY,
    )


def _draw_models(axes: "Axes", shown: list[PublishedModel], found: list[Allocation]) -> None:
    """Points with names, each placed where no line and no other name or point lies."""
    figure = axes.get_figure()
    if not shown or figure is None:
        return
    compute = [model.compute for model in shown]
    ratio = [model.tokens_per_parameter for model in shown]
    axes.plot(compute, ratio, "o", ms=4.2, color=_INK, mec="white", mew=0.6, ls="", zorder=4)
    figure.canvas.figure.draw_without_rendering()  # layouts change the size of axes
    room = 72.0 * np.array(axes.bbox.size) / figure.dpi
    ends = np.log([axes.get_xlim(), axes.get_ylim()])

    def place(compute: np.ndarray, ratio: np.ndarray) -> np.ndarray:
        return (np.log([compute, ratio]).T - ends[:, 0]) / (ends[:, 1] - ends[:, 0]) * room

    far = _DISTANCES[:1] if is_narrow(axes) else _DISTANCES  # long lines would cross each other
    places = place(np.array(compute), np.array(ratio))
    taken = [_box(x, y, (6.0, 6.0)) for x, y in places]
    taken += [_box(x, y, (4.0, 4.0)) for one in found for x, y in place(*_line(one))]
    rule = np.full(200, CHINCHILLA)
    taken += [_box(x, y, (4.0, 4.0)) for x, y in place(np.geomspace(*axes.get_xlim(), 200), rule)]
    ends_at = room[0], place(np.array([1.0]), np.array([CHINCHILLA]))[0, 1]
    taken.append((ends_at[0] - 60.0, ends_at[1] - 11.0, *ends_at))  # the name of the rule
    for model, (x, y) in sorted(zip(shown, places, strict=True), key=lambda pair: -pair[1][0]):
        size = 3.9 * len(model.name), 8.0  # in points, at this size of letters
        offset = _free_offset(x, y, size, taken, (room[0], room[1]), far)
        if offset is None:
            continue
        taken.append(_box(x + offset[0], y + offset[1], size))
        axes.annotate(
            model.name,
            (model.compute, model.tokens_per_parameter),
            xytext=offset,
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=6.5,
            color=_INK,
            arrowprops={"arrowstyle": "-", "lw": 0.4, "color": GREY, "shrinkA": 0, "shrinkB": 3},
            zorder=4,
        )


def _line(one: Allocation) -> tuple[np.ndarray, np.ndarray]:
    """Many points of a line: of budgets that are far apart, of what is drawn between them."""
    known = np.isfinite(one.N)
    order = np.argsort(one.compute[known])
    log_C, log_ratio = (
        np.log(values[known][order]) for values in (one.compute, one.tokens_per_parameter)
    )
    if not len(log_C):
        return log_C, log_ratio
    many = np.linspace(log_C[0], log_C[-1], 200)
    return np.exp(many), np.exp(np.interp(many, log_C, log_ratio))


_Box = tuple[float, float, float, float]


def _box(x: float, y: float, size: tuple[float, float]) -> _Box:
    return x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2


def _free_offset(
    x: float,
    y: float,
    size: tuple[float, float],
    taken: list[_Box],
    room: tuple[float, float],
    distances: Sequence[float],
) -> tuple[float, float] | None:
    """Where a name overlaps least, nearest places first; None where it would lie on too much."""
    beside, above = size[0] / 2 + 5, 8.0
    places = [(0.0, above), (0.0, -above), (beside, 0.0), (-beside, 0.0)]
    places += [
        (beside * across, above * up)
        for far in distances
        for across in (0.0, 0.8, -0.8, 1.3, -1.3)
        for up in (far, -far)
    ]

    def shared(offset: tuple[float, float]) -> float:
        a = _box(x + offset[0], y + offset[1], size)
        return sum(
            max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
            * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
            for b in taken
        )

    def overlap(offset: tuple[float, float]) -> float:
        a = _box(x + offset[0], y + offset[1], size)
        outside = max(0.0, -a[0]) + max(0.0, a[2] - room[0]) + max(0.0, a[3] - room[1])
        return shared(offset) + 0.02 * np.hypot(*offset) + 20.0 * (outside + max(0.0, -a[1]))

    best = min(places, key=overlap)
    return best if overlap(best) <= _MOST_COVERED * size[0] * size[1] else None
