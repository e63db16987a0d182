"""A fit over any inputs: losses against one of them, or fitted losses against observed ones."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.plots.layout import legend_outside
from farseer_jax.plots.log_ticks import input_axis, is_log, is_number, plain_ticks
from farseer_jax.plots.outlier_rings import name_ranks, ring_outliers
from farseer_jax.plots.style import GREY, axes_of, ordered_colours
from farseer_jax.results.numbers import capitalised, quantity_text, share_text
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.uncertainty.intervals import cell_text

_MOST_COLOURS = 8  # that can still be distinguished
_MOST_NAMED = 12  # fits in a legend
_LONGEST_FORMULA = 40  # characters
_REACH = 1.25  # factor by which lines extend beyond their runs


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


def draw_any(fits: Sequence[Fit], ax: Axes | None) -> Axes:
    """One fit with a colour for each value of its second input, or several with a colour each."""
    name = _along(fits[0])
    parts = [(fit, _parts(fit, name)) for fit in fits]
    if not all(part.is_line for _, own in parts for part in own):
        name = None
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
        axes.set_title(_title(fits, num_runs))
        x, y = _places(fits[0], name)
        rings = ring_outliers(axes, fits[0], x, y) if single else np.zeros((0, 3))
        if 0 < len(axes.get_legend_handles_labels()[0]) <= _MOST_NAMED:
            legend_outside(axes, ncols=4)
        name_ranks(axes, rings, x, y)
    return axes


def _title(fits: Sequence[Fit], num_runs: int) -> str:
    """The law's formula if it is short, or its name; and the mean error."""
    law, formula = fits[0].law, fits[0].law.formula
    name = formula if 0 < len(formula) <= _LONGEST_FORMULA else f"{capitalised(law.name)} law"
    if len(fits) > 1:
        return f"{name}, {len(fits)} fits, {num_runs} runs"
    return f"{name}, {num_runs} runs, mean error {share_text(fits[0].mean_relative_error)}"


def _places(fit: Fit, name: str | None) -> tuple[np.ndarray, np.ndarray]:
    """Where the runs are drawn, ``(run,)`` each."""
    if name is None:
        return fit.runs.loss, evaluate_runs(fit.law, fit.runs)
    return np.asarray(fit.runs.inputs[name], dtype=float), fit.runs.loss


def _along(fit: Fit) -> str | None:
    """The input on the horizontal axis: the first numeric one, or None."""
    kinds = type(fit.law).inputs()
    names = [name for name, kind in kinds.items() if kind in NUMBERS]
    return names[0] if names else None


def _label_axes(axes: Axes, fits: Sequence[Fit], name: str | None) -> None:
    observed = np.concatenate([fit.runs.loss for fit in fits])
    if is_log(observed):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    if name is not None:
        values = np.concatenate([np.asarray(fit.runs.inputs[name]) for fit in fits])
        input_axis(axes, "x", name, values)
        axes.set_ylabel("loss")
        return
    if is_log(observed):
        axes.set_xscale("log")
        plain_ticks(axes.xaxis)
    ends = [observed.min(), observed.max()]
    axes.plot(ends, ends, color=GREY, lw=0.9, zorder=1)
    axes.set(xlabel="observed loss", ylabel="fitted loss")


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
    x, y = (own[part.mask] for own in _places(fit, name))
    axes.scatter(x, y, s=14, color=colour, lw=0, label=label or None, zorder=3)
    if name is None:
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
