"""A figure of a forecast: along N with its bands, or its errors where losses were observed."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm

from farseer_jax.forecasting.curves import curves_of, main_input
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.forecasting.result import Forecast
from farseer_jax.plots.draws import draws
from farseer_jax.plots.labels import place_labels
from farseer_jax.plots.layout import is_narrow, legend_outside
from farseer_jax.plots.log_ticks import input_axis, input_label, input_ticks, is_log, plain_ticks
from farseer_jax.plots.style import COLOURS, GREY, INK, axes_of, colour_bar
from farseer_jax.results.numbers import level_text
from farseer_jax.runs.inputs import NUMBERS

_COLOUR_MAP = "viridis"
_BAND, _BAND_OF_RUN = 0.30, 0.13  # opacities
_DASHES = ((0, (4, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)), (0, (3, 1, 1, 1, 1, 1)))


@draws(Forecast, example="forecast(runs, points)")
def plot_forecast(forecast: Forecast, ax: Axes | None = None) -> Axes:
    """The forecast along N with bands, the runs, the points, and what the usual laws say.

    Curves are at the D of the points, or at their D/N if their D lies beyond that of the runs or
    the runs have one D/N. The dark band is the interval of the forecast, the light one that of a
    single run. Points of more than three D (and D/N) have bars instead. If losses of several points
    were observed, the figure shows how far they and the runs lie from the forecast, in per cent,
    and bars are the intervals of a run. A law over other inputs is drawn along the first number
    among them, with the others as at the first point.

    Args:
        forecast: from :func:`forecast`.
        ax: axes to draw on; new ones by default.

    Returns:
        The axes.

    Example:
        >>> from farseer_jax import example_runs, forecast
        >>> from farseer_jax.plots import plot_forecast
        >>> answer = forecast(example_runs(), [(25.1e9, 5e11)], usual=False)
        >>> plot_forecast(answer).get_xlabel()
        'parameters N'
    """
    with axes_of(ax, (6.4, 4.4)) as axes:
        along = main_input(forecast)
        several = len(forecast.beyond) > 1
        if forecast.observed is not None and several:
            _draw_errors(axes, forecast, along)
        else:
            _draw_levels(axes, forecast, along)
        legend_outside(axes, ncols=4)
        if not several:
            _label_point(axes, forecast, along)
    return axes


# The forecast along an input


def _draw_levels(axes: Axes, forecast: Forecast, along: str | None) -> None:
    curves = [] if along is None else curves_of(forecast, along)
    _draw_runs(axes, forecast, along)
    shown = [forecast.runs.loss]
    for i, curve in enumerate(curves):
        own = curve.label if len(curves) > 1 else "forecast"
        shown += _draw_curve(axes, forecast, curve.inputs, curve.x, own, COLOURS[i])
    if len(curves) == 1:
        _draw_usual(axes, forecast, curves[0].inputs)
    shown += _draw_points(axes, forecast, along, with_bars=not curves)
    _label_axes(axes, forecast, along, curves[0].label if len(curves) == 1 else "")
    _limit(axes, np.concatenate(shown))


def _limit(axes: Axes, shown: np.ndarray) -> None:
    """Limits by the runs and the forecast: a usual law that runs away must not hide them."""
    scale = axes.yaxis.get_transform()
    ends = scale.transform(np.array([np.nanmin(shown), np.nanmax(shown)]))
    margin = 0.05 * (ends[1] - ends[0])
    axes.set_ylim(*scale.inverted().transform(ends + np.array([-margin, margin])))


def _draw_curve(
    axes: Axes,
    forecast: Forecast,
    inputs: dict[str, np.ndarray],
    x: np.ndarray,
    label: str,
    colour: str,
) -> list[np.ndarray]:
    """A curve with its bands; returns the ends of the wider one."""
    values = [inputs[name] for name in forecast.law_class.inputs()]
    level = level_text(forecast.level)
    for new_run, alpha in ((False, _BAND), (True, _BAND_OF_RUN)):
        low, high = forecast.interval(*values, new_run=new_run)
        axes.fill_between(x, low, high, color=colour, alpha=alpha, lw=0, zorder=2)
    text = f"{label}, {level} band"
    axes.plot(x, forecast.predict(*values), color=colour, lw=1.7, label=text, zorder=4)
    return [low, high]


def _draw_usual(axes: Axes, forecast: Forecast, inputs: dict[str, np.ndarray]) -> None:
    for own, dashes, colour in zip(forecast.usual, _DASHES, COLOURS[1:], strict=False):
        if own.law is not None:
            drawn = own.at(inputs).predicted
            axes.plot(inputs["N"], drawn, color=colour, lw=0.9, ls=dashes, label=own.name, zorder=3)


def _draw_runs(axes: Axes, forecast: Forecast, along: str | None) -> None:
    """The runs, coloured by D or the second number."""
    runs = forecast.runs
    x = np.arange(len(runs)) if along is None else np.asarray(runs.inputs[along])
    _scatter_runs(axes, forecast, x, runs.loss)


def _scatter_runs(axes: Axes, forecast: Forecast, x: np.ndarray, y: np.ndarray) -> None:
    by = _second(forecast)
    look: dict[str, Any] = {"s": 12 if len(x) > 60 else 20, "lw": 0, "zorder": 2.5}
    if by is None:
        axes.scatter(x, y, color=GREY, alpha=0.7, **look)
        return
    values = np.asarray(forecast.runs.inputs[by], dtype=float)
    norm = LogNorm() if is_log(values) else None
    drawn = axes.scatter(x, y, c=values, norm=norm, cmap=_COLOUR_MAP, **look)
    bar = colour_bar(axes, drawn, f"{input_label(by)} of the runs")
    if norm is not None:
        input_ticks(bar.ax.yaxis, by)
        bar.ax.minorticks_off()


def _second(forecast: Forecast) -> str | None:
    """The input that colours the runs: D, or another number that varies."""
    kinds, along = forecast.law_class.inputs(), main_input(forecast)
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS]
    others = [
        name
        for name in numbers
        if name != along and np.ptp(np.asarray(forecast.runs.inputs[name])) > 0
    ]
    return "D" if "D" in others else next(iter(others), None)


def _x_of_points(forecast: Forecast, along: str | None) -> np.ndarray:
    num = len(forecast.beyond)
    return np.arange(num) if along is None else np.asarray(forecast.points[along])


def _draw_points(
    axes: Axes, forecast: Forecast, along: str | None, *, with_bars: bool
) -> list[np.ndarray]:
    """The points, with bars or the observed losses; returns the losses that they take."""
    x, values = _x_of_points(forecast, along), [*forecast.points.values()]
    predicted = forecast.predict(*values)
    if with_bars or len(x) == 1:
        for new_run, alpha, width in ((True, 0.35, 1.2), (False, 0.9, 2.0)):
            low, high = forecast.interval(*values, new_run=new_run)
            axes.vlines(x, low, high, color=COLOURS[0], alpha=alpha, lw=width, zorder=4)
    label = "forecast" if with_bars else None
    axes.scatter(
        x, predicted, s=34, color=COLOURS[0], edgecolor="white", lw=0.8, zorder=5, label=label
    )
    if forecast.observed is not None:
        axes.scatter(
            x, forecast.observed, s=46, marker="x", color=INK, lw=1.3, zorder=6, label="observed"
        )
    known = [] if forecast.observed is None else [forecast.observed]
    return [predicted, *forecast.interval(*values, new_run=True), *known]


def _label_point(axes: Axes, forecast: Forecast, along: str | None) -> None:
    """The number and its interval beside the point."""
    values = [*forecast.points.values()]
    predicted, (low, high) = forecast.predict(*values), forecast.interval(*values)
    if forecast.observed is not None:
        return
    number = number_format(0.5 * (high - low))
    text = f"{number(predicted[0])} ({number(low[0])} to {number(high[0])})"
    point = np.array([[_x_of_points(forecast, along)[0], predicted[0]]])
    taken = _marks(axes)
    place_labels(axes, point, [text], taken, num_must=1, size=7.0 if is_narrow(axes) else 8.0)


def _marks(axes: Axes) -> np.ndarray:
    """What the label must not cover: runs, curves, the point, ``(mark, 2)``."""
    dots = [np.asarray(own.get_offsets()) for own in axes.collections]
    dots = [own for own in dots if len(own)]
    lines = [np.asarray(line.get_xydata()) for line in axes.lines]
    every = np.concatenate([*dots, *lines])
    return every[np.isfinite(every).all(axis=1)]


def _label_axes(axes: Axes, forecast: Forecast, along: str | None, at: str = "") -> None:
    runs = forecast.runs
    axes.set_ylabel(runs.loss_name or "loss")
    if along is None:
        axes.set_xlabel("run")
    else:
        both = np.concatenate([np.asarray(runs.inputs[along]), np.asarray(forecast.points[along])])
        input_axis(axes, "x", along, both)
    if runs.link.name == "log" and is_log(runs.loss):
        axes.set_yscale("log")
        plain_ticks(axes.yaxis)
    axes.set_title(f"Forecast{f' at {at}' if at else ''} from {len(runs)} runs")


# Errors of several points with observed losses


def _draw_errors(axes: Axes, forecast: Forecast, along: str | None) -> None:
    """Observed less predicted, in per cent, of the points and the runs."""
    assert forecast.observed is not None
    values = [*forecast.points.values()]
    predicted = forecast.predict(*values)
    axes.axhline(0.0, color=GREY, lw=0.9, zorder=1)
    runs = forecast.runs
    of_runs = forecast.predict(*forecast.law_class.columns(runs).values())
    x_runs = np.arange(len(runs)) if along is None else np.asarray(runs.inputs[along])
    _scatter_runs(axes, forecast, x_runs, _percent(runs.loss, of_runs))
    x = _spread(_x_of_points(forecast, along))
    label = f"{level_text(forecast.level)} interval of a run"
    low, high = (_percent(end, predicted) for end in forecast.interval(*values, new_run=True))
    bars = axes.vlines(x, low, high, color=COLOURS[0], alpha=0.45, label=label, zorder=3)
    error = _percent(forecast.observed, predicted)
    axes.scatter(
        x,
        error,
        s=14 if is_narrow(axes) else 26,
        color=COLOURS[1],
        edgecolor="white",
        lw=0.6,
        zorder=5,
        label="observed",
    )
    _label_axes(axes, forecast, along)
    axes.set_yscale("linear")
    axes.set_ylabel(f"{runs.loss_name or 'loss'} / forecast − 1, %")
    bars.set_linewidth(_width_of_bars(axes, x))


def _width_of_bars(axes: Axes, x: np.ndarray) -> float:
    """A width in points at which bars do not touch."""
    places = np.stack([x, np.full(len(x), axes.get_ylim()[0])], axis=1)
    in_points = axes.transData.transform(places)[:, 0] * 72 / axes.figure.dpi
    gaps = np.diff(np.unique(in_points))
    return float(np.clip(0.6 * gaps.min(initial=np.inf), 0.5, 2.6))


def _percent(values: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    return 100.0 * (values / predicted - 1.0)


def _spread(x: np.ndarray) -> np.ndarray:
    """Equal values a little apart, so that their bars can be told apart."""
    moved = np.array(x, dtype=float)
    for value in np.unique(moved):
        same = np.flatnonzero(x == value)
        if len(same) > 1 and value > 0.0:
            moved[same] = value * 1.02 ** (np.arange(len(same)) - 0.5 * (len(same) - 1))
    return moved
