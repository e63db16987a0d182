"""The sliders of a report: answers on a grid, so that they need no server."""

import base64
from collections.abc import Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from farseer_jax.forecasting.curves import main_input
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column, flat_points
from farseer_jax.laws.input_limits import within
from farseer_jax.plots.log_ticks import input_label
from farseer_jax.reporting.content import Explorer
from farseer_jax.reporting.grid import Answers, Axis, Grid
from farseer_jax.results.numbers import level_text, share_text
from farseer_jax.runs.inputs import LOGARITHMIC, NUMBERS

_MOST_NODES = 16_000  # of a grid: 0.4 MB in the page
_MOST_NUMBERS = 4  # inputs with a slider
_STEP = np.log(10.0) / 9  # between nodes of an axis, where there is room
_FEWEST = 6  # nodes of an axis
_LEAST_STEPS = 3  # between kinks, for a cubic
_REACH = 2.0  # factor beyond the runs and points to which sliders go
_SAME_SIZE = 1e-4  # between sizes, in e-folds: nearer ones are one that was rounded
_ASIDE = 1.0 + 1e-6  # keeps nodes off the sizes of runs, whose own effect is known


def forecast_explorer(
    forecast: Forecast, also: Mapping[str, np.ndarray] | None = None
) -> Explorer | None:
    """Controls of a forecast's inputs; None if none of them is a number.

    Args:
        forecast: the forecast.
        also: further values that the sliders must reach, by input.
    """
    kinds = forecast.law_class.inputs()
    axes = _axes(forecast, also or {})
    if all(own.is_choice for own in axes):
        return None
    first = {name: np.asarray(x)[:1] for name, x in forecast.points.items()}
    held = {name: x for name, x in first.items() if name not in {own.name for own in axes}}
    answers = partial(_answers, forecast, held)
    grid = Grid.of(axes, answers)
    labels = by_column(forecast.law_class, first)
    start = {own.name: _start(own, labels[own.name][0]) for own in axes}
    half = 0.5 * np.subtract(*forecast.interval(*forecast.points.values())[::-1])
    decimals = len(number_format(half)(0.0).partition(".")[2])
    content = {
        **grid_content(grid, start),
        "kind": "forecast",
        "response": forecast.runs.loss_name or "loss",
        "level": level_text(forecast.level),
        "decimals": decimals + 1,
        "ranges": _ranges(forecast, axes),
        "budget": tuple(kinds) == ("N", "D"),
    }
    held_text = f" Fixed at the values of the first point: {', '.join(held)}." if held else ""
    return Explorer(content, note_of(grid, answers) + held_text)


def _answers(
    forecast: Forecast, held: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """The forecast with its intervals at points; NaN outside the limits of the law.

    Args:
        forecast: the forecast.
        held: the inputs without controls, one value each.
        inputs: the others, ``(point,)``.
    """
    num = len(next(iter(inputs.values())))
    others = {name: np.repeat(x, num, axis=0) for name, x in held.items()}
    every = {name: {**others, **inputs}[name] for name in forecast.law_class.inputs()}
    known = within(forecast.law_class.limits, every)
    flat, _ = flat_points(forecast.law_class, (), {n: x[known] for n, x in every.items()})
    moments = forecast.stack.moments(flat)
    low, high = forecast.interval_of(moments)
    run_low, run_high = forecast.interval_of(moments, new_run=True)
    found = {
        "value": np.asarray(forecast.runs.link.inverse(moments.mean)), "low": low, "high": high,
        "run_low": run_low, "run_high": run_high,
    }  # fmt: skip
    filled = {name: np.full(num, np.nan) for name in found}
    for name, x in found.items():
        filled[name][known] = x
    return filled


def grid_content(grid: Grid, start: Mapping[str, Any]) -> dict[str, Any]:
    """A grid for the page's script."""
    return {
        "axes": [
            {
                "name": own.name,
                "label": input_label(own.name),
                "log": own.is_log,
                "choice": own.is_choice,
                "values": own.values.tolist(),
                "kinks": list(own.kinks),
                "start": start[own.name],
            }
            for own in grid.axes
        ],
        "fields": {name: packed(values) for name, values in grid.values.items()},
    }


def packed(values: np.ndarray) -> str:
    """Numbers as 32-bit little-endian bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode("ascii")


def _start(axis: Axis, value: Any) -> Any:
    return str(value) if axis.is_choice else float(value)


def _axes(forecast: Forecast, also: Mapping[str, np.ndarray]) -> list[Axis]:
    """The inputs with controls: up to four numbers, and the categories."""
    kinds, runs, along = forecast.law_class.inputs(), forecast.runs, _along(forecast)
    axes = {
        name: Axis(name, np.unique(np.asarray(runs.inputs[name]).astype(object)), is_log=False)
        for name, kind in kinds.items()
        if kind == "category"
    }
    numbers = [name for name, kind in kinds.items() if kind in NUMBERS][:_MOST_NUMBERS]
    each = (_MOST_NODES / _num_nodes(axes)) ** (1.0 / max(len(numbers), 1))
    for name in sorted(numbers, key=lambda own: own == along):  # what the others leave is for kinks
        own = np.asarray(runs.inputs[name], float)
        every = [own, np.asarray(forecast.points[name], float), np.atleast_1d(also.get(name, []))]
        values, kind = np.concatenate(every), kinds[name]
        most = int(max(_MOST_NODES / _num_nodes(axes) if name == along else each, _FEWEST))
        if kind in LOGARITHMIC:
            kinks = np.unique(own) if name == along else np.zeros(0)
            axes[name] = logarithmic_axis(name, values, kinks, most)
        else:
            axes[name] = _linear_axis(name, values, most, is_fraction=kind == "fraction")
    return [axes[name] for name in kinds if name in axes]


def _num_nodes(axes: Mapping[str, Axis]) -> int:
    return int(np.prod([len(own.values) for own in axes.values()]))


def _along(forecast: Forecast) -> str:
    """The input each of whose values has an effect, where answers have a kink."""
    return forecast.errors.along or main_input(forecast) or ""


def logarithmic_axis(name: str, values: np.ndarray, kinks: np.ndarray, most: int) -> Axis:
    """Nodes from somewhat below the smallest value to somewhat above the largest.

    Args:
        name: of the input.
        values: what must be reached.
        kinks: values at which answers have a kink, ascending.
        most: number of nodes.
    """
    values = values[np.isfinite(values)]
    low, high = float(values.min()) / _REACH, float(values.max()) * _REACH
    kinks = kinks[np.diff(np.log(kinks), prepend=-np.inf) > _SAME_SIZE]
    ends = np.array([low, *kinks, high])
    nums = np.maximum(np.ceil(np.diff(np.log(ends)) / _STEP), _LEAST_STEPS).astype(int)
    if len(kinks) and nums.sum() < most:
        parts = [
            np.geomspace(*own, num + 1)[:-1] for own, num in zip(pairwise(ends), nums, strict=True)
        ]
        at = tuple(np.cumsum(nums)[:-1].tolist())
        return Axis(name, np.append(np.concatenate(parts), high) * _ASIDE, kinks=at)
    num = int(np.clip(np.ceil(np.log(high / low) / _STEP) + 1, _FEWEST, most))
    return Axis(name, np.geomspace(low, high, num) * _ASIDE)


def _linear_axis(name: str, values: np.ndarray, most: int, *, is_fraction: bool) -> Axis:
    """Nodes from somewhat below the smallest value to somewhat above the largest."""
    values = values[np.isfinite(values)]
    low, high = float(values.min()), float(values.max())
    margin = 0.0 if is_fraction else 0.25 * (high - low) or 1.0
    return Axis(name, np.linspace(low - margin, high + margin, min(most, 24)), is_log=False)


def _ranges(forecast: Forecast, axes: list[Axis]) -> dict[str, list[float]]:
    """The runs' range of each number."""
    found = {}
    for own in axes:
        if not own.is_choice:
            values = np.asarray(forecast.runs.inputs[own.name], float)
            found[own.name] = [float(values.min()), float(values.max())]
    return found


def note_of(grid: Grid, answers: Answers) -> str:
    """How the numbers were computed, and how accurate they are."""
    error = max(grid.error(answers, name) for name in ("value", "low", "high"))
    shape = " × ".join(str(len(own.values)) for own in grid.axes)
    return (
        f"Interpolated on a grid of {shape} points, with an error of at most "
        f"{share_text(max(error, 1e-6))} of the interval's half-width. Intervals are for a model "
        "size that has not been trained; at a size of the runs they are narrower."
    )
