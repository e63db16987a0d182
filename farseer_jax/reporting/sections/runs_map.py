"""A map of the runs, the forecast points, the best split and the suggested runs."""

from functools import partial

import numpy as np

from farseer_jax.decisions.allocation_result import Allocation
from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.forecasting.forecast_table import point_text
from farseer_jax.forecasting.result import Forecast
from farseer_jax.reporting.content import Data, Figure, Item, Section
from farseer_jax.reporting.figure_style import (
    COLOURS,
    GREY,
    coloured,
    input_axis,
    layout,
    line,
    points,
)
from farseer_jax.reporting.sections.answer import run_texts
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.uncertainty.intervals import cell_text


def runs_map(
    forecast: Forecast, allocation: Allocation | None, suggestions: Suggestions | None
) -> Section:
    """The map, a summary, and the table of the runs."""
    numbers = [n for n, kind in forecast.law_class.inputs().items() if kind in NUMBERS]
    items: list[Item] = [_summary(forecast), *forecast.runs.notes]
    if len(numbers) > 1:
        items.append(_figure(forecast, numbers[0], numbers[1], allocation, suggestions))
    items.append(Data("runs", "The runs", _table(forecast)))
    return Section("runs", "The runs", items)


def _summary(forecast: Forecast) -> str:
    lines = [" ".join(own.split()) for own in str(forecast.runs).splitlines()]
    return "; ".join(own for own in lines if not own.startswith(("extra ", "note ")))


def _figure(
    forecast: Forecast,
    x: str,
    y: str,
    allocation: Allocation | None,
    suggestions: Suggestions | None,
) -> Figure:
    runs, own = forecast.runs, forecast.points
    is_compute = (x, y) == ("N", "D")
    ends = [np.asarray(runs.inputs[name], float) for name in (x, y)], [own[x], own[y]]
    traces = _isoflops(*(np.concatenate([a, b]) for a, b in zip(*ends, strict=True))) * is_compute
    marker = {"size": 8, **coloured(runs.loss, runs.loss_name or "loss")}
    traces.append(
        points(runs.inputs[x], runs.inputs[y], "runs", run_texts(forecast), marker=marker)
    )
    if allocation is not None:
        traces.append(
            line(allocation.N, allocation.D, "best split of compute", COLOURS[2], dash=1,
                 text=[f"{c:.3g} FLOPs" for c in allocation.compute],
                 hovertemplate="best split of %{text}<extra></extra>")
        )  # fmt: skip
    if suggestions is not None and len(suggestions) and {x, y} <= set(suggestions.inputs):
        num = range(1, len(suggestions) + 1)
        texts = [
            f"suggested run {i}<br>{x} {cell_text(x, a)}<br>{y} {cell_text(y, b)}"
            for i, a, b in zip(num, suggestions.inputs[x], suggestions.inputs[y], strict=True)
        ]
        look = {"symbol": "diamond-open", "size": 12, "line": {"width": 2}}
        traces.append(points(suggestions.inputs[x], suggestions.inputs[y], "runs to train next",
                             texts, COLOURS[3], marker=look))  # fmt: skip
    texts = [point_text(forecast, i) for i in range(len(own[x]))]
    star = {"symbol": "star", "size": 14, "line": {"width": 1, "color": "#ffffff"}}
    traces.append(points(own[x], own[y], "forecast points", texts, COLOURS[1], marker=star))
    lines = ", with lines of equal compute (6 N D)" if is_compute else ""
    return Figure(
        "map",
        f"The runs, coloured by loss, and the forecast points{lines}.",
        traces,
        layout(input_axis(x, np.concatenate([ends[0][0], own[x]])),
               input_axis(y, np.concatenate([ends[0][1], own[y]])), height=480),
    )  # fmt: skip


def _isoflops(N: np.ndarray, D: np.ndarray) -> list[dict[str, object]]:
    """Lines of equal compute, one for each power of ten."""
    low, high = np.log10(6.0 * N * D).min(), np.log10(6.0 * N * D).max()
    traces: list[dict[str, object]] = []
    for power in range(int(np.ceil(low)), int(np.floor(high)) + 1):
        x = np.geomspace(N.min() / 1.5, N.max() * 1.5, 30)
        y = 10.0**power / (6.0 * x)
        inside = (y >= D.min() / 1.5) & (y <= D.max() * 1.5)
        if inside.sum() > 1:
            name = f"10<sup>{power}</sup> FLOPs"
            traces.append(
                line(x[inside], y[inside], name, GREY, dash=2, opacity=0.6, legendgroup="compute",
                     showlegend=not traces, hovertemplate=f"{name}<extra></extra>")
            )  # fmt: skip
    if traces:
        traces[0]["name"] = "equal compute"
    return traces


def _table(forecast: Forecast) -> Table:
    """The inputs and the response of the runs, with the forecast there."""
    runs = forecast.runs
    columns = [
        Column(name, np.asarray(runs.inputs[name]), partial(cell_text, name))
        for name, kind in forecast.law_class.inputs().items()
        if kind != "mixture"
    ]
    shares = [
        Column(share, np.asarray(runs.inputs[name])[:, i])
        for name, kind in forecast.law_class.inputs().items() if kind == "mixture"
        for i, share in enumerate(runs.shares[name])
    ]  # fmt: skip
    fitted = forecast.predict(*forecast.law_class.columns(runs).values())
    return Table(
        [*columns, *shares, Column(runs.loss_name or "loss", runs.loss), Column("fitted", fitted)],
        most=40,
        noun="runs",
    )
