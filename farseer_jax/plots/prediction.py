"""A figure of a prediction with its intervals, against an input or against compute."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike

from farseer_jax.fitting.result import Fit
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column
from farseer_jax.laws.law import Law
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_axis, input_ticks, is_log, plain_ticks
from farseer_jax.plots.prediction_paths import (
    Inputs,
    Path,
    along_of,
    farthest,
    has_split,
    paths_of,
    values_along,
)
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of, colour_bar
from farseer_jax.results.numbers import capitalised
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import beyond_runs
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.error_bars import ErrorBars, error_bars

_DARKEST, _LIGHTEST = 0.32, 0.14  # opacities of the innermost and the outermost band
_MOST_NAMED = 4  # targets with their numbers

Ends = tuple[np.ndarray, np.ndarray]


@draws(Forecast, Fit, Bootstrap, ErrorBars, example="forecast(runs, points)")
def plot_prediction(
    model: Forecast | Fit | Bootstrap | ErrorBars,
    against: str | None = None,
    *,
    given: Mapping[str, ArrayLike] | None = None,
    targets: PointsLike | None = None,
    levels: Sequence[float] = (0.5, 0.9),
    new_run: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """The predicted loss with its intervals, against tokens, compute or any other input.

    The line is solid within the convex hull of the runs and dashed beyond it. Dots are the runs; a
    ring and a dotted line mark the run with the most compute. Diamonds are targets, labelled with
    their predictions and widest intervals; crosses are losses observed at the targets.

    Args:
        model: a forecast; a bootstrap; error bars; or a fit, whose bands rest on its residuals
            (``error_bars(fit, "sandwich")``).
        against: a numeric input of the law, or ``"C"``, compute 6 N D; by default D, or the first
            number.
        given: values of other inputs, by name: inputs of the law; for laws over N and D also
            ``"D/N"`` and ``"C"``. One of them may have up to three values, for a line each. By
            default, a line against compute follows the optimal split of each budget, and other
            inputs are those of the targets, or else of the run with the most compute.
        targets: points to mark, as for :func:`forecast`; those of a forecast by default.
        levels: nominal coverage of the bands; an empty sequence draws the line alone.
        new_run: prediction intervals for a single run, noise included, instead of intervals of the
            mean loss.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Raises:
        TypeError: the model has another type.
        ValueError: ``against``, ``given``, ``targets`` or a level is not valid; no budget has an
            optimal split; or ``new_run`` is given for a fit or error bars.
        NoDerivativeError: the fit has no error bars; give its bootstrap.

    Example:
        >>> from farseer_jax import example_runs, forecast
        >>> from farseer_jax.plots import plot_prediction
        >>> answer = forecast(example_runs(), [(25.1e9, 5e11)], usual=False)
        >>> axes = plot_prediction(answer)
        >>> axes.get_xlabel(), axes.get_title(loc="left")
        ('tokens D', 'Forecast at N = 25.1 B')
        >>> plot_prediction(answer, "C", given={"D/N": [20, 100]}).get_xlabel()
        'compute 6ND, FLOPs'
    """
    source = _source(model, new_run=new_run, has_bands=len(levels) > 0)
    for level in levels:
        check_level(level)
    along = along_of(source.law, against)
    marked = _targets(model, source.law, targets)
    at = None if marked is None else marked.inputs
    basis = model if isinstance(model, Forecast | Fit) else model.fit
    paths = paths_of(basis, source.law, source.runs, along, given or {}, at)
    with axes_of(ax, (6.4, 4.4)) as axes:
        extent = [source.runs.loss]
        _draw_runs(axes, source, along)
        for path, colour in zip(paths, COLOURS, strict=False):
            label = path.label if len(paths) > 1 else source.name
            extent += _draw_path(axes, source, path, sorted(levels), colour, label)
        _explain_bands(axes, levels, COLOURS[0] if len(paths) == 1 else GREY)
        if marked is not None:
            extent += _draw_targets(axes, source, along, marked, levels)
        _finish(axes, source, along, paths, np.concatenate(extent))
        if marked is not None:
            _name_targets(axes, source, along, marked, levels)
    return axes


class _Source(NamedTuple):
    """What is drawn of a model.

    Attributes:
        name: of the model.
        law: the law's class.
        runs: the runs.
        model: what predicts: a forecast or a fit.
        bars: what has intervals: a forecast, a bootstrap or error bars; None if none are drawn.
        new_run: whether intervals are those of a run.
    """

    name: str
    law: type[Law]
    runs: Runs
    model: Any
    bars: Any
    new_run: bool

    def predict(self, inputs: Inputs) -> np.ndarray:
        """Predictions, ``(point,)``."""
        return np.asarray(self.model.predict(*inputs.values()))

    def interval(self, inputs: Inputs, level: float) -> Ends:
        """Lower and upper ends, ``(point,)`` each."""
        values = [*inputs.values()]
        if isinstance(self.bars, Forecast):
            return self.bars.interval(*values, level=level, new_run=self.new_run)
        options = {"of": "run"} if self.new_run else {}
        found = self.bars.interval(*values, level=level, **options)
        return found.lower, found.upper


def _source(model: Any, *, new_run: bool, has_bands: bool) -> _Source:
    if isinstance(model, Forecast):
        return _Source("forecast", model.law_class, model.runs, model, model, new_run)
    if new_run and not isinstance(model, Bootstrap):
        raise ValueError(
            "new_run: error bars are for the mean loss; pass forecast(runs) or bootstrap(fit, 1000)"
        )
    fit = model if isinstance(model, Fit) else model.fit
    name = f"{capitalised(fit.law.name)} law"
    bars = model if model is not fit else error_bars(fit, "sandwich") if has_bands else None
    return _Source(name, type(fit.law), fit.runs, fit, bars, new_run)


class _Targets(NamedTuple):
    """The targets by input, ``(target,)``, and their observed losses if they are known."""

    inputs: Inputs
    observed: np.ndarray | None


def _targets(model: Any, law: type[Law], targets: PointsLike | None) -> _Targets | None:
    if targets is not None:
        return _Targets(*as_points(targets, law))
    if isinstance(model, Forecast):
        return _Targets(model.points, model.observed)
    return None


def _draw_runs(axes: Axes, source: _Source, along: str) -> None:
    """The runs, coloured by another input, and where the farthest one ends."""
    runs, known = source.runs, source.law.columns(source.runs)
    x = values_along(known, along)
    look: dict[str, Any] = {"s": 12 if len(x) > 60 else 20, "lw": 0, "zorder": 2.5}
    if (by := _second(source.law, known, along)) is None:
        axes.scatter(x, runs.loss, color=GREY, alpha=0.7, label=f"{len(x)} runs", **look)
    else:
        norm = LogNorm() if is_log(known[by]) else None
        drawn = axes.scatter(x, runs.loss, c=known[by], norm=norm, cmap="viridis", **look)
        bar = colour_bar(axes, drawn, f"{by} of {len(x)} runs")
        if norm is not None:
            input_ticks(bar.ax.yaxis, by)
            bar.ax.minorticks_off()
    last = farthest(known, along)
    axes.axvline(x[last], color=GREY, lw=1.0, ls=(0, (1, 2)), zorder=1)
    axes.scatter(
        x[last], runs.loss[last], s=60, facecolor="none", edgecolor=INK, lw=1.1, zorder=4,
        label="largest run" if has_split(source.law) else f"largest {along}",
    )  # fmt: skip


def _second(law: type[Law], known: Inputs, along: str) -> str | None:
    """The input that colours the runs: N, D, or another number that varies."""
    numbers = [name for name, kind in law.inputs().items() if kind in NUMBERS and name != along]
    others = [name for name in numbers if np.ptp(known[name]) > 0]
    return next((name for name in ("N", "D") if name in others), next(iter(others), None))


def _draw_path(
    axes: Axes, source: _Source, path: Path, levels: Sequence[float], colour: str, label: str
) -> list[np.ndarray]:
    """A line with its bands, the narrowest darkest; returns the losses that it takes."""
    loss = source.predict(path.inputs)
    extent = [loss]
    for level, opacity in zip(
        levels, np.linspace(_DARKEST, _LIGHTEST, max(len(levels), 2)), strict=False
    ):
        low, high = source.interval(path.inputs, level)
        axes.fill_between(path.x, low, high, color=colour, alpha=opacity, lw=0, zorder=2)
        extent = [loss, low, high]
    far = beyond_runs(source.runs, by_column(source.law, path.inputs))
    axes.plot(path.x, loss, color=colour, lw=1.3, ls=(0, (4, 2)), zorder=3.4)
    axes.plot(path.x, np.where(far, np.nan, loss), color=colour, lw=2.0, zorder=3.5)
    axes.plot([], [], color=colour, lw=2.0, label=label)
    return extent


def _explain_bands(axes: Axes, levels: Sequence[float], colour: str) -> None:
    """An entry of the legend for the bands."""
    if not levels:
        return
    shares = " and ".join(f"{100.0 * level:.4g}" for level in sorted(levels))
    label = f"{shares} % band{'s'[: len(levels) > 1]}"
    axes.fill_between([], [], [], color=colour, alpha=_DARKEST, lw=0, label=label)


def _draw_targets(
    axes: Axes, source: _Source, along: str, marked: _Targets, levels: Sequence[float]
) -> list[np.ndarray]:
    """The targets with bars; returns the losses that they take."""
    x, loss = values_along(marked.inputs, along), source.predict(marked.inputs)
    extent = [loss]
    if levels:
        low, high = source.interval(marked.inputs, max(levels))
        axes.vlines(x, low, high, color=INK, lw=1.1, zorder=5)
        extent += [low, high]
    axes.scatter(
        x, loss, s=36, marker="D", color=INK, edgecolor="white", lw=0.8, zorder=5.5,
        label=_target_text(source, marked.inputs),
    )  # fmt: skip
    if marked.observed is not None:
        axes.scatter(
            x, marked.observed, s=44, marker="x", color=COLOURS[1], lw=1.4, zorder=6,
            label="observed",
        )  # fmt: skip
        extent.append(marked.observed)
    return extent


def _target_text(source: _Source, inputs: Inputs) -> str:
    """What diamonds are, with their compute relative to that of the largest run."""
    name = "target" if len(next(iter(inputs.values()))) == 1 else "targets"
    if not has_split(source.law):
        return name
    times = values_along(inputs, "C") / values_along(source.law.columns(source.runs), "C").max()
    most = float(times.max())
    if most <= 1.0:
        return name
    return f"{name}, {'to ' if len(times) > 1 else ''}{most:,.2g}× compute"


def _finish(
    axes: Axes, source: _Source, along: str, paths: Sequence[Path], extent: np.ndarray
) -> None:
    runs = source.runs
    axes.set_ylabel(runs.loss_name or "loss")
    every = np.concatenate([path.x for path in paths])
    input_axis(axes, "x", along, every)
    if runs.link.name == "log" and is_log(runs.loss):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    at = f" at {paths[0].label}" if len(paths) == 1 and paths[0].label else ""
    what = "Prediction of a run" if source.new_run else capitalised(source.name)
    axes.set_title(what + at.replace("at optimal", "at the optimal"))
    _limit(axes, extent[np.isfinite(extent)])
    legend_outside(axes, ncols=3)


def _limit(axes: Axes, extent: np.ndarray) -> None:
    """Limits around the runs, the widest bands and the targets."""
    scale = axes.yaxis.get_transform()
    positive = extent[extent > 0.0] if axes.get_yscale() == "log" else extent
    ends = scale.transform(np.array([positive.min(), positive.max()]))
    margins = (ends[1] - ends[0]) * np.array([-0.12, 0.05])  # room for the numbers of targets
    axes.set_ylim(*scale.inverted().transform(ends + margins))


def _name_targets(
    axes: Axes, source: _Source, along: str, marked: _Targets, levels: Sequence[float]
) -> None:
    """Predictions and intervals beside the diamonds, if there are few."""
    x, loss = values_along(marked.inputs, along), source.predict(marked.inputs)
    if len(x) > _MOST_NAMED or marked.observed is not None:
        return
    if levels:
        low, high = source.interval(marked.inputs, max(levels))
        number = number_format(0.5 * (high - low))
        ends = zip(loss, low, high, strict=True)
        texts = [f"{number(own)} ({number(a)} to {number(b)})" for own, a, b in ends]
    else:
        texts = [f"{own:.4g}" for own in loss]
    place_labels(
        axes, np.stack([x, loss], axis=1), texts, _taken(axes), num_must=len(x),
        size=7.0 if is_narrow(axes) else 8.0,
    )  # fmt: skip


def _taken(axes: Axes) -> np.ndarray:
    """Dots and lines, which labels must not cover, ``(mark, 2)``."""
    dots = [np.asarray(own.get_offsets()) for own in axes.collections]
    lines = [np.asarray(line.get_xydata())[::4] for line in axes.lines]
    every = np.concatenate([own for own in (*dots, *lines) if len(own)])
    return every[np.isfinite(every).all(axis=1)]
