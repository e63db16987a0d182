"""Losses of a fit over any inputs: against one of them, coloured by another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.plots._inputs import input_label, is_log, is_number, scale_axis
from farseer_jax.plots._room import legend_outside
from farseer_jax.plots._style import GREY
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_COLOURS = 8  # that are still told apart
_MOST_NAMED = 12  # fits in a legend
_REACH = 1.15  # of a line beyond its runs, as a factor
_DARKEST, _LIGHTEST = 0.0, 0.82  # of the colour map: its yellow end is lost on white


class _Curves(NamedTuple):
    """Runs that are drawn in one colour.

    Attributes:
        mask: which of the fit's runs, ``(run,)``.
        label: what they have in common; empty where nothing.
        is_line: whether the law is a curve of the first input there.
    """

    mask: np.ndarray
    label: str
    is_line: bool


def draw_fits(axes: "Axes", fits: Sequence[Fit], labels: Sequence[str]) -> None:
    """Draw one fit with a colour for each value of its second input, or each fit in a colour.

    Args:
        axes: where.
        fits: of one law.
        labels: what tells them apart; of a single fit unused.
    """
    name = _along(fits[0])
    parts = [(fit, _parts(fit, name)) for fit in fits]
    single = len(fits) == 1
    colours = _colours(len(parts[0][1]) if single else len(fits))
    for i, (fit, own) in enumerate(parts):
        for j, part in enumerate(own):
            label = part.label if single else (labels[i] if j == 0 else "")
            _draw(axes, fit, name, part, colours[j if single else i], label)
    values = np.concatenate([_values(fit, name) for fit in fits])
    if name is None:
        axes.axline((values[0], values[0]), slope=1.0, color=GREY, lw=0.9, zorder=1)
        axes.set(xlabel="observed loss", ylabel="fitted loss")
    else:
        scale_axis(axes, "x", name, values)
        axes.set(xlabel=input_label(name), ylabel="loss")
    observed = np.concatenate([fit.runs.loss for fit in fits])
    if is_log(observed):
        scale_axis(axes, "y", "loss", observed)
    named = len(axes.get_legend_handles_labels()[0])
    if 0 < named <= _MOST_NAMED:
        legend_outside(axes, ncols=4)


def _along(fit: Fit) -> str | None:
    """The input to the right: the first of numbers; None of mixtures and categories alone."""
    kinds = type(fit.law).inputs()
    names = [name for name, kind in kinds.items() if kind in ("positive", "count", "real")]
    return names[0] if names else None


def _values(fit: Fit, name: str | None) -> np.ndarray:
    return np.asarray(fit.runs.loss if name is None else fit.runs.inputs[name])


def _parts(fit: Fit, name: str | None) -> list[_Curves]:
    """Runs by the second input: its values, or bins of them where there are many."""
    kinds = type(fit.law).inputs()
    others = [other for other in kinds if other != name]
    whole = np.ones(len(fit.runs), dtype=bool)
    if not others:
        return [_Curves(whole, "", is_line=True)]
    columns = flat_inputs(fit.runs, others[:1])
    second, values = next(iter(columns.items()))
    distinct = np.array(list(dict.fromkeys(values.tolist())), dtype=values.dtype)
    if len(distinct) <= _MOST_COLOURS:
        shown = np.sort(distinct) if is_number(values) else distinct
        is_line = name is not None and len(others) == 1 and kinds[second] != "mixture"
        return [
            _Curves(values == value, f"{second} {cell_text(second, value)}", is_line)
            for value in shown
        ]
    if not is_number(values):
        return [_Curves(whole, "", is_line=False)]
    edges = np.unique(np.quantile(values, np.linspace(0.0, 1.0, _MOST_COLOURS - 2)))
    bins = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return [
        _Curves(bins == i, _range_text(second, edges[i], edges[i + 1]), is_line=False)
        for i in range(len(edges) - 1)
    ]


def _range_text(name: str, low: float, high: float) -> str:
    ends = [quantity_text(v) if name in ("N", "D") else f"{v:.3g}" for v in (low, high)]
    return f"{name} {ends[0]} to {ends[1]}"


def _draw(axes: "Axes", fit: Fit, name: str | None, part: _Curves, colour: Any, label: str) -> None:
    fitted, observed = evaluate_runs(fit.law, fit.runs)[part.mask], fit.runs.loss[part.mask]
    if name is None:
        axes.scatter(observed, fitted, s=14, color=colour, lw=0, label=label or None, zorder=3)
        return
    x = fit.runs.inputs[name][part.mask]
    axes.scatter(x, observed, s=14, color=colour, lw=0, label=label or None, zorder=3)
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
    """Where a line is drawn: a little beyond its runs."""
    if is_log(x) or (x.min() > 0 and x.min() == x.max()):
        return np.geomspace(x.min() / _REACH, x.max() * _REACH, 120)
    return np.linspace(x.min(), x.max(), 120)


def _colours(num: int) -> np.ndarray:
    """Colours that keep their order in grey and for the colour-blind."""
    import matplotlib as mpl

    ends = (_DARKEST, _LIGHTEST if num > 1 else _DARKEST)
    return np.asarray(mpl.colormaps["viridis"](np.linspace(*ends, num)))


def check_held_out(held_out: Runs | None, sizes: object) -> None:
    """Refuse what is about N and D.

    Raises:
        ValueError: held-out runs, or sizes.
    """
    for argument, given in (("held_out", held_out), ("sizes", sizes)):
        if given is not None:
            raise ValueError(
                f"{argument}: only the figure of one fit over N and D has them; leave it out"
            )
