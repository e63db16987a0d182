"""Reasons for caution: warnings, laws that disagree with the forecast, and runs that fit badly."""

from functools import partial

import numpy as np

from farseer_jax.diagnostics.extrapolation import Extrapolation
from farseer_jax.diagnostics.extrapolation_verdict import coordinate_text, error_text
from farseer_jax.forecasting.forecast_table import point_text
from farseer_jax.forecasting.result import Forecast
from farseer_jax.forecasting.usual_laws_text import usual_law_reasons, usual_laws_table
from farseer_jax.reporting.content import Data, Facts, Figure, Item, Section, Warnings
from farseer_jax.reporting.figure_style import COLOURS, GREY, axis, layout, looks, points
from farseer_jax.results.numbers import level_text, some_of
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.row_labels import row_name
from farseer_jax.uncertainty.intervals import cell_text

_MOST_POINTS, _MOST_RUNS = 6, 10
_FEWEST_OF_A_SIDE = 3
_REDUCED = 0.7  # weight below which a run lies far from the others


def doubts(forecast: Forecast, holdouts: Extrapolation | None = None) -> Section:
    """Warnings, worst first; what the usual laws say; and the runs that fit worst.

    Args:
        forecast: the forecast.
        holdouts: fits to the smaller of its runs, if they were made.
    """
    missed = [] if holdouts is None else _missed(forecast, holdouts)
    items: list[Item] = [Warnings((*forecast.warnings, *missed))]
    if forecast.usual:
        laws = usual_laws_table(forecast)
        items += [
            _figure(forecast),
            Data(
                "laws",
                "The usual laws at the first point, and their errors on the runs",
                laws,
                is_open=True,
            ),
            Facts(usual_law_reasons(forecast)),
        ]
    return Section("doubts", "Reasons for caution", [*items, *_runs(forecast)])


def _missed(forecast: Forecast, found: Extrapolation) -> list[str]:
    """Whether the forecast's own hold-out speaks against its interval: its size, or its side."""
    own = next((result for result in found.results if result.method == "forecast"), None)
    if own is None or not np.isfinite(own.held_out_error[-1]):
        return []
    point = [values[:1] for values in forecast.points.values()]
    (predicted,), (low, high) = forecast.predict(*point), forecast.interval(*point)
    half = 0.5 * float(high[0] - low[0]) / (abs(predicted) if found.is_relative else 1.0)
    error, misses = float(own.held_out_error[-1]), found.misses(own.name)[-1][found.held_out]
    is_one_sided = len(misses) >= _FEWEST_OF_A_SIDE and abs(np.sign(misses).sum()) == len(misses)
    if error <= half and not is_one_sided:
        return []
    sizes = ""
    if is_one_sided:
        sizes = f", all of which lie {'below' if misses[0] > 0.0 else 'above'} it"
    width = ""
    if error > half:
        width = (
            f"; the interval at {point_text(forecast, 0)} is only ±{error_text(found, half)} wide"
        )
    limit = f"{found.along} up to {coordinate_text(found.along, found.limits[-1])}"
    return [
        f"fitted to {limit} only, the forecast misses the {len(misses)} held-out runs by "
        f"{error_text(found, error)} on average{sizes}{width}"
    ]


def _figure(forecast: Forecast) -> Figure:
    """Each law's difference from the forecast at the points, with the interval."""
    num = min(len(forecast.beyond), _MOST_POINTS)
    names = [point_text(forecast, i) for i in range(num)]
    own = forecast.predict(*forecast.points.values())[:num]
    low, high = (
        100.0 * (end[:num] / own - 1.0) for end in forecast.interval(*forecast.points.values())
    )
    interval = points(
        np.zeros(num), np.arange(num), f"forecast, {level_text(forecast.level)} interval",
        [f"{n}<br>{a:+.2f} % to {b:+.2f} %" for n, a, b in zip(names, low, high, strict=True)],
        COLOURS[0],
        marker={"symbol": "line-ns", "size": 16, "line": {"width": 3, "color": COLOURS[0]}},
        error_x={"type": "data", "symmetric": False, "array": high.tolist(),
                 "arrayminus": (-low).tolist(), "thickness": 8, "width": 0, "color": COLOURS[0]},
    )  # fmt: skip
    laws = []
    fitted = [law for law in forecast.usual if law.law is not None]
    look = looks(law.name for law in fitted)
    for law in fitted:
        apart = 100.0 * (law.predicted[:num] / own - 1.0)
        texts = [
            f"{law.name}<br>{name}<br>{v:+.2f} %" for name, v in zip(names, apart, strict=True)
        ]
        marker = {"symbol": look[law.name].symbol, "size": 11}
        laws.append(
            points(apart, np.arange(num), law.name, texts, look[law.name].colour, marker=marker)
        )
    y = {
        **axis(""), "tickvals": list(range(num)),
        "ticktext": [name.replace(", ", "<br>") for name in names],
        "range": [num - 0.4, -0.6], "zeroline": False,
    }  # fmt: skip
    x = axis("difference from the forecast, %", zeroline=True, zerolinecolor=GREY)
    return Figure(
        "laws",
        "Predictions of the usual laws relative to the forecast at each point. The bar is the "
        "interval of the forecast.",
        [interval, *laws],
        layout(x, y, height=140 + 62 * num),
    )


def _runs(forecast: Forecast) -> list[Item]:
    """The runs that lie farthest from the forecast, with the weight that they have left."""
    runs = forecast.runs
    predicted = forecast.predict(*forecast.law_class.columns(runs).values())
    link = runs.link
    error = np.asarray(link.forward(runs.loss)) - np.asarray(link.forward(predicted))
    weights = forecast.run_weights
    worst = np.argsort(-np.abs(error), kind="stable")[:_MOST_RUNS]
    reduced = int((weights < _REDUCED).sum())
    lead = (
        "No run is down-weighted as an outlier."
        if not reduced
        else f"{some_of(reduced, len(runs), 'runs', 'is', 'are')} down-weighted as outliers."
    )
    table = Table(
        [
            Column("run", [row_name(runs.extra, int(i)) for i in worst], left=True),
            *(
                Column(name, np.asarray(runs.inputs[name])[worst], partial(cell_text, name))
                for name, kind in forecast.law_class.inputs().items() if kind != "mixture"
            ),
            Column("observed", runs.loss[worst], "{:.5g}".format),
            Column("fitted", predicted[worst], "{:.5g}".format),
            Column("apart", error[worst] / forecast.noise, "{:+.1f}".format, "difference / noise"),
            Column("weight", weights[worst], "{:.0%}".format),
        ]
    )  # fmt: skip
    return [lead, Data("farthest_runs", "The runs that lie farthest from the fit", table)]
