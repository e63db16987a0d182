"""The table of a forecast: a row per point, and how its numbers are written."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.laws.evaluate import by_column
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

VARIANCE_PARTS = ("law", "misfit", "size", "noise")
_MOST_DECIMALS, _LARGEST = 8, 1e6  # of numbers that are written with decimals


def forecast_table(forecast: "Forecast") -> Table:
    """One row per point: inputs, prediction, intervals and where the variance comes from."""
    moments = forecast.stack.moments(forecast.points)
    predicted = np.asarray(forecast.runs.link.inverse(moments.mean))
    low, high = forecast.interval_of(moments)
    run_low, run_high = forecast.interval_of(moments, new_run=True)
    number = number_format(0.5 * (high - low))
    total = moments.variance + moments.noise
    shares = {name: getattr(moments, name) / total for name in VARIANCE_PARTS}
    inputs = by_column(forecast.law_class, dict(forecast.points))
    level, is_known = level_text(forecast.level), forecast.observed is not None
    half = 0.5 * (high - low) / np.abs(predicted)
    ends = (
        interval_texts(run_low, run_high, number) if is_known else interval_texts(low, high, number)
    )
    return Table(
        [
            *(Column(name, x, partial(cell_text, name)) for name, x in inputs.items()),
            Column("predicted", predicted, number),
            Column("lower", low, None),
            Column("upper", high, None),
            Column("run_lower", run_low, None),
            Column("run_upper", run_high, None),
            Column("ends", ends, str, _heading(level, is_known), in_data=False),
            *([] if is_known else [Column("±", half, "{:.2%}".format, in_data=False)]),
            *_observed_columns(forecast, predicted, run_low, run_high, number),
            Column("beyond", forecast.beyond, "{:.1f}".format, "e-folds beyond", secondary=True),
            *(Column(f"share_{name}", x, None) for name, x in shares.items()),
            *(Column(law.name, law.predicted, None) for law in forecast.usual),
        ],
        noun="points",
    )


def _heading(level: str, is_known: bool) -> str:
    return f"{level} interval of a run" if is_known else f"{level} interval"


def _observed_columns(
    forecast: "Forecast",
    predicted: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    number: Callable[[float], str],
) -> list[Column]:
    observed = forecast.observed
    if observed is None:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.where(observed == 0.0, np.nan, (predicted - observed) / observed)
    inside = (low <= observed) & (observed <= high)
    unknown = np.isnan(observed)
    known = inside.astype(object) if unknown.any() else inside
    known[unknown] = None
    return [
        Column("observed", observed, lambda value: "–" if np.isnan(value) else number(value)),
        Column("error", error, lambda value: "–" if np.isnan(value) else f"{value:+.2%}"),
        Column("inside", known, lambda value: "–" if value is None else "yes" if value else "no"),
    ]


def number_format(half_widths: np.ndarray) -> Callable[[float], str]:
    """A format with as many decimals as the narrowest interval deserves: two digits of it.

    Args:
        half_widths: of the intervals, ``(point,)``.

    Example:
        >>> number_format(np.array([0.0039, 0.1]))(0.41)
        '0.4100'
    """
    known = half_widths[np.isfinite(half_widths) & (half_widths > 0.0)]
    decimals = 5 if not len(known) else 1 - int(np.floor(np.log10(known.min())))
    decimals = int(np.clip(decimals, 0, _MOST_DECIMALS))

    def write(value: float) -> str:
        return f"{value:.{decimals}f}" if abs(value) < _LARGEST else f"{value:.6g}"

    return write


def interval_texts(
    low: Iterable[float], high: Iterable[float], number: Callable[[float], str]
) -> list[str]:
    """Intervals as text, "0.408 to 0.416"."""
    return [f"{number(a)} to {number(b)}" for a, b in zip(low, high, strict=True)]


def point_text(forecast: "Forecast", row: int) -> str:
    """A point in words, "N 25.1 B, D 500 B"."""
    columns = by_column(forecast.law_class, {n: x[[row]] for n, x in forecast.points.items()})
    return ", ".join(f"{name} {cell_text(name, x[0])}" for name, x in columns.items())


def factor_text(value: float) -> str:
    """A factor, "3.9" or "120"; large ones with a prefix."""
    return f"{value:.2g}" if value < 100.0 else quantity_text(float(f"{value:.2g}"))
