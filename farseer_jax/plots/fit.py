"""A figure of observed and fitted losses, of one fit or of several (paper Fig. 2)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import name_lines
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, is_log, is_number, plain_ticks
from farseer_jax.plots.style import GREY, axes_of, ordered_colours
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import cell_text

_MOST_COLOURS = 8  # that can still be distinguished
_MOST_NAMED = 12  # fits in a legend
_REACH = 1.25  # factor by which lines extend beyond their runs


@draws(Fit, Fits, example="fit(Farseer, runs)")
def plot_fit(
    fit: Fit | Fits,
    held_out: Runs | None = None,
    *,
    sizes: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Loss against D, observed (dots) and fitted (lines), a colour per size.

    Runs that were not fitted are rings, and the lines of their sizes are dashed. For a law over
    other inputs, the loss is drawn against the first of them, with a colour for each value (or
    range) of the second; if there are further inputs, dashes are fitted losses. For a law of a
    mixture alone, fitted losses are drawn against observed ones. Several fits have a colour each.

    Args:
        fit: the fit, or the fits of groups.
        held_out: further runs that were not fitted.
        sizes: the N to show; by default eight of the fitted ones, including the smallest and the
            largest, and up to four of the held-out ones.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        ValueError: one of the sizes has no runs; or ``held_out`` or ``sizes`` is given for a law
            over other inputs or for several fits.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> from farseer_jax.plots import plot_fit
        >>> runs = example_runs()
        >>> result = fit(Farseer, runs.select(max_N=5.5e9))
        >>> plot_fit(result, runs.select(min_N=6e9)).get_xlabel()
        'tokens D'
    """
    if isinstance(fit, Fits) or set(type(fit.law).inputs()) != {"N", "D"}:
        for argument, value in (("held_out", held_out), ("sizes", sizes)):
            if value is not None:
                raise ValueError(
                    f"{argument}: only for the figure of one fit over N and D; leave it out"
                )
        return _draw_any(fit.fits if isinstance(fit, Fits) else (fit,), ax)
    shown = _sizes(fit.runs, held_out, sizes)
    with axes_of(ax, (6.4, 4.0)) as axes:
        ends = [
            (*_draw_size(axes, fit, held_out, N, colour), quantity_text(N), colour)
            for N, colour in zip(shown, ordered_colours(len(shown)), strict=True)
        ]
        axes.scatter([], [], s=16, color=GREY, label="fitted runs")
        if held_out is not None:
            axes.scatter([], [], s=26, facecolor="none", edgecolor=GREY, label="held-out runs")
        axes.set(ylabel="loss", title=f"{type(fit.law).__name__} law, {len(fit.runs)} runs")
        input_axis(axes, "x", "D")
        axes.margins(x=0.03)
        axes.legend(loc="upper right")
        name_lines(axes, ends)
    return axes


def _sizes(runs: Runs, held_out: Runs | None, sizes: ArrayLike | None) -> np.ndarray:
    """The N to show."""
    fitted = np.unique(runs.N)
    others = np.setdiff1d(held_out.N, fitted) if held_out is not None else np.array([])
    if sizes is None:
        return np.union1d(_some(fitted, _MOST_COLOURS), _some(others, _MOST_COLOURS // 2))
    asked = np.unique(np.atleast_1d(np.asarray(sizes, dtype=np.float64)))
    known = np.concatenate([fitted, others])
    nearest = known[np.abs(np.log(asked[:, None] / known)).argmin(axis=1)]
    if len(unknown := asked[np.abs(asked / nearest - 1.0) > 5e-3]):
        listed = ", ".join(quantity_text(N) for N in np.sort(known))
        raise ValueError(f"sizes: no run has N = {unknown[0]:.6g}; choose from {listed}")
    return np.unique(nearest)


def _some(values: np.ndarray, num: int) -> np.ndarray:
    """At most this many of the values, evenly chosen, including both ends."""
    return values if len(values) <= num else values[evenly(len(values), num)]


def _draw_size(
    axes: Axes, fit: Fit, held_out: Runs | None, N: float, colour: Any
) -> tuple[float, float]:
    """One size; returns the end of its line."""
    mine = fit.runs.N == N
    other = held_out.N == N if held_out is not None else np.zeros(0, dtype=bool)
    D = np.concatenate([fit.runs.D[mine], held_out.D[other] if held_out is not None else []])
    along = np.geomspace(D.min() / _REACH, D.max() * _REACH, 80)
    losses = np.asarray(fit.predict(N=N, D=along))
    axes.plot(along, losses, color=colour, lw=1.3, ls="-" if mine.any() else (0, (4, 2)))
    axes.scatter(fit.runs.D[mine], fit.runs.loss[mine], s=13, color=colour, zorder=3)
    if held_out is not None:
        axes.scatter(
            held_out.D[other], held_out.loss[other], s=26, facecolor="none", edgecolor=colour,
            lw=1.1, zorder=3,
        )  # fmt: skip
    return float(along[-1]), float(losses[-1])


# Losses over any inputs: against one of them, coloured by another


class _Part(NamedTuple):
    """Runs that are drawn in one colour.

    Attributes:
        mask: which of the fit's runs these are, ``(run,)``.
        label: what they have in common, in words; possibly empty.
        is_line: whether their fitted losses are one curve of the first input.
    """

    mask: np.ndarray
    label: str
    is_line: bool


def _draw_any(fits: Sequence[Fit], ax: Axes | None) -> Axes:
    """One fit with a colour for each value of its second input, or several with a colour each."""
    name = _along(fits[0])
    parts = [(fit, _parts(fit, name)) for fit in fits]
    single = len(fits) == 1
    colours = ordered_colours(len(parts[0][1]) if single else len(fits))
    num_runs = sum(len(fit.runs) for fit in fits)
    with axes_of(ax, (6.4, 4.2)) as axes:
        for i, (fit, own) in enumerate(parts):
            group = ", ".join([*map(str, fit.group.values())]) or fit.response
            for j, part in enumerate(own):
                label = part.label if single else (group if j == 0 else "")
                _draw_part(axes, fit, name, part, colours[j if single else i], label)
        _label_axes(axes, fits, name)
        many = f"{len(fits)} fits, " if len(fits) > 1 else ""
        axes.set_title(f"{fits[0].law.formula or fits[0].law.name}, {many}{num_runs} runs")
        if 0 < len(axes.get_legend_handles_labels()[0]) <= _MOST_NAMED:
            legend_outside(axes, ncols=4)
    return axes


def _along(fit: Fit) -> str | None:
    """The input on the horizontal axis: the first numeric one, or None."""
    kinds = type(fit.law).inputs()
    names = [name for name, kind in kinds.items() if kind in NUMBERS]
    return names[0] if names else None


def _label_axes(axes: Axes, fits: Sequence[Fit], name: str | None) -> None:
    observed = np.concatenate([fit.runs.loss for fit in fits])
    if name is None:
        axes.axline((observed[0], observed[0]), slope=1.0, color=GREY, lw=0.9, zorder=1)
        axes.set(xlabel="observed loss", ylabel="fitted loss")
    else:
        values = np.concatenate([np.asarray(fit.runs.inputs[name]) for fit in fits])
        input_axis(axes, "x", name, values)
        axes.set_ylabel("loss")
    if is_log(observed):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)


def _parts(fit: Fit, name: str | None) -> list[_Part]:
    """Runs by the values of the second input, or by bins of many values."""
    kinds = type(fit.law).inputs()
    others = [other for other in kinds if other != name]
    whole = np.ones(len(fit.runs), dtype=bool)
    if not others:
        return [_Part(whole, "", is_line=True)]
    columns = flat_inputs(fit.runs, others[:1])
    second, values = next(iter(columns.items()))
    distinct = np.array(list(dict.fromkeys(values.tolist())), dtype=values.dtype)
    if len(distinct) <= _MOST_COLOURS:
        shown = np.sort(distinct) if is_number(values) else distinct
        is_line = name is not None and len(others) == 1 and kinds[second] != "mixture"
        return [
            _Part(values == value, f"{second} {cell_text(second, value)}", is_line)
            for value in shown
        ]
    if not is_number(values):
        return [_Part(whole, "", is_line=False)]
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _MOST_COLOURS - 2)))
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [
        _Part(bins == i, _range_text(second, edges[i], edges[i + 1]), is_line=False)
        for i in range(len(edges) - 1)
    ]


def _range_text(name: str, low: float, high: float) -> str:
    ends = [quantity_text(v) if name in ("N", "D") else f"{v:.3g}" for v in (low, high)]
    return f"{name} {ends[0]} to {ends[1]}"


def _draw_part(
    axes: Axes, fit: Fit, name: str | None, part: _Part, colour: Any, label: str
) -> None:
    fitted, observed = evaluate_runs(fit.law, fit.runs)[part.mask], fit.runs.loss[part.mask]
    x = observed if name is None else fit.runs.inputs[name][part.mask]
    dots = fitted if name is None else observed
    axes.scatter(x, dots, s=14, color=colour, lw=0, label=label or None, zorder=3)
    if name is None:
        return
    if not part.is_line:
        axes.scatter(x, fitted, s=36, marker="_", color=colour, lw=1.2, alpha=0.8, zorder=2)
        return
    first = int(np.flatnonzero(part.mask)[0])
    along = _line(x)
    fixed = {
        other: np.repeat(column[first : first + 1], len(along), axis=0)
        for other, column in type(fit.law).columns(fit.runs).items()
        if other != name
    }
    losses = np.asarray(fit.predict(**{name: along}, **fixed))
    axes.plot(along, losses, color=colour, lw=1.3, zorder=2)


def _line(x: np.ndarray) -> np.ndarray:
    """Values of the input at which a line is drawn, a little beyond its runs."""
    if is_log(x) or (x.min() > 0 and x.min() == x.max()):
        return np.geomspace(x.min() / _REACH, x.max() * _REACH, 120)
    return np.linspace(x.min(), x.max(), 120)
