"""The answer: the loss forecast at each point, its uncertainty, and how far it extrapolates."""

import numpy as np

from farseer_jax.forecasting.curves import Curve, curves_of, main_input
from farseer_jax.forecasting.forecast_table import interval_texts, number_format, point_text
from farseer_jax.forecasting.forecast_warnings import rising
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column
from farseer_jax.reporting.beyond import beyond_text
from farseer_jax.reporting.content import Card, Cards, Data, Figure, Item, Section
from farseer_jax.reporting.explorer import MOST_CARDS
from farseer_jax.reporting.figure_style import (
    COLOURS,
    axis,
    band,
    coloured,
    hover,
    input_axis,
    layout,
    line,
    looks,
    points,
)
from farseer_jax.results.numbers import level_text, quantity_text, share_text
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.uncertainty.intervals import cell_text

_CURVES = (0, 6, 1)  # colours of curves, blue first


def answer(forecast: Forecast) -> Section:
    """The answer at each point, its table, and the forecast along the main input."""
    table = Data("forecast", "All points, with the sources of their variance", forecast.table())
    items: list[Item] = [Cards(cards(forecast)), _more(forecast), table]
    if (along := main_input(forecast)) is not None:
        items.insert(1, _figure(forecast, along))
    return Section("answer", "The answer", [item for item in items if item])


def cards(forecast: Forecast) -> list[Card]:
    """A card for each of the first points."""
    frame = forecast.table().to_dataframe()[:MOST_CARDS]
    half = 0.5 * (frame["upper"] - frame["lower"]).to_numpy()
    number, level = number_format(half), level_text(forecast.level)
    own = interval_texts(frame["lower"], frame["upper"], number)
    run = interval_texts(frame["run_lower"], frame["run_upper"], number)
    kinds = forecast.law_class.inputs()
    numbers = {n: np.asarray(forecast.runs.inputs[n]) for n, k in kinds.items() if k in NUMBERS}
    found = []
    doubtful = np.zeros(len(forecast.beyond), dtype=bool)
    for rises in rising(forecast).values():
        doubtful |= rises
    for i, row in enumerate(frame.to_dict("records")):
        wide = f" (±{share_text(half[i] / abs(row['predicted']))})" if row["predicted"] else ""
        point = {name: float(forecast.points[name][i]) for name in numbers}
        lines = [
            f"{level} interval {own[i]}{wide}",
            f"for a single run: {run[i]}",
            beyond_text(numbers, point, forecast.beyond[i]),
            *["not to be trusted: see the reasons for caution"] * bool(doubtful[i]),
        ]
        found.append(Card(point_text(forecast, i), number(row["predicted"]), lines))
    return found


def _more(forecast: Forecast) -> str:
    more = len(forecast.beyond) - MOST_CARDS
    return f"{more} more points are in the table." if more > 0 else ""


def _figure(forecast: Forecast, along: str) -> Figure:
    runs, response = forecast.runs, forecast.runs.loss_name or "loss"
    curves = curves_of(forecast, along)
    traces = [_runs(forecast, along)]
    for i, curve in enumerate(curves):
        traces += _curve(forecast, curve, curve.label or "forecast", COLOURS[_CURVES[i]])
    laws = [own for own in forecast.usual if own.law is not None] if len(curves) == 1 else []
    look = looks(law.name for law in laws)
    for law in laws:
        predicted = law.at(curves[0].inputs).predicted
        traces.append(
            line(
                curves[0].x,
                predicted,
                law.name,
                look[law.name].colour,
                dash=look[law.name].dash,
                visible="legendonly",
            )
        )
    traces.append(_points(forecast, along))
    x = np.concatenate([np.asarray(runs.inputs[along], float), np.asarray(forecast.points[along])])
    low, high = forecast.interval(*forecast.points.values(), new_run=True)
    ends = np.array([min(runs.loss.min(), low.min()), max(runs.loss.max(), high.max())])
    margin = 0.05 * float(np.ptp(ends))
    held = _held(forecast, curves[0], along) if len(curves) == 1 else ""
    at = f" at {held}" if held else ""
    return Figure(
        "forecast",
        f"The forecast{at} with its {level_text(forecast.level)} interval (dark band), the "
        "interval for a single run (light band), and the runs."
        f"{' Click a law in the legend to compare it.' * bool(laws)}",
        traces,
        layout(
            input_axis(along, x),
            axis(response, range=[float(ends[0] - margin), float(ends[1] + margin)]),
        ),
    )


def _held(forecast: Forecast, curve: Curve, along: str) -> str:
    """The values of the other inputs along a curve, in words."""
    first = by_column(forecast.law_class, {n: x[:1] for n, x in curve.inputs.items()})
    others = [f"{name} {cell_text(name, x[0])}" for name, x in first.items() if name != along]
    return curve.label or ", ".join(others)


def _runs(forecast: Forecast, along: str) -> dict[str, object]:
    runs = forecast.runs
    by = second_input(forecast, along)
    marker = {"size": 6, **({} if by is None else coloured(np.asarray(runs.inputs[by]), by))}
    return points(
        runs.inputs[along], runs.loss, "runs", run_texts(forecast), opacity=0.75, marker=marker
    )


def second_input(forecast: Forecast, along: str | None) -> str | None:
    """The number that colours the runs: D, or another that varies."""
    kinds = forecast.law_class.inputs()
    others = [
        name
        for name, kind in kinds.items()
        if kind in NUMBERS and name != along and np.ptp(np.asarray(forecast.runs.inputs[name])) > 0
    ]
    return "D" if "D" in others else next(iter(others), None)


def run_texts(forecast: Forecast) -> list[str]:
    """The hover text of each run: its inputs that are no mixtures, and its loss."""
    runs, rows = forecast.runs, dict[str, list[str]]()
    for name, kind in forecast.law_class.inputs().items():
        if kind != "mixture":
            rows[name] = [cell_text(name, value) for value in np.asarray(runs.inputs[name])]
    rows[runs.loss_name or "loss"] = [f"{value:.5g}" for value in runs.loss]
    if {"N", "D"} <= set(runs.inputs):
        rows["compute"] = [f"{value:.3g} FLOPs" for value in 6.0 * runs.N * runs.D]
    return hover(rows)


def _curve(forecast: Forecast, curve: Curve, name: str, colour: str) -> list[dict[str, object]]:
    values = [curve.inputs[own] for own in forecast.law_class.inputs()]
    bands = [
        band(curve.x, *forecast.interval(*values, new_run=new_run), name, colour, opacity,
             showlegend=False, legendgroup=name)
        for new_run, opacity in ((True, 0.12), (False, 0.25))
    ]  # fmt: skip
    return [*bands, line(curve.x, forecast.predict(*values), name, colour, legendgroup=name)]


def _points(forecast: Forecast, along: str) -> dict[str, object]:
    values = [*forecast.points.values()]
    predicted, (low, high) = forecast.predict(*values), forecast.interval(*values)
    number = number_format(0.5 * (high - low))
    texts = [
        f"{point_text(forecast, i)}<br>{number(predicted[i])} ({number(low[i])} to "
        f"{number(high[i])})" + (f"<br>{quantity}" if (quantity := _compute(forecast, i)) else "")
        for i in range(len(predicted))
    ]
    marker = {"symbol": "star", "size": 14, "line": {"width": 1, "color": "#ffffff"}}
    return points(
        forecast.points[along], predicted, "forecast points", texts, COLOURS[1],
        marker=marker,
        error_y={"type": "data", "symmetric": False, "array": (high - predicted).tolist(),
                 "arrayminus": (predicted - low).tolist(), "color": COLOURS[1], "thickness": 1.5},
    )  # fmt: skip


def _compute(forecast: Forecast, row: int) -> str:
    if not {"N", "D"} <= set(forecast.points):
        return ""
    N, D = (forecast.points[name][row] for name in ("N", "D"))
    return f"{6.0 * N * D:.3g} FLOPs, D/N {quantity_text(D / N)}"
