"""How the forecast and the usual laws fit the runs, and their residuals."""

from collections.abc import Callable

import numpy as np

from farseer_jax.forecasting.curves import main_input
from farseer_jax.forecasting.result import Forecast
from farseer_jax.reporting.content import Figure, Item, Section
from farseer_jax.reporting.figure_style import (
    GREY,
    axis,
    band,
    coloured,
    input_axis,
    layout,
    line,
    looks,
    points,
)
from farseer_jax.reporting.sections.answer import run_texts
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import evenly

_MOST_LINES = 6  # of a law
_NUM, _REACH = 60, 1.3
Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


def fits(forecast: Forecast) -> Section:
    """Curves through the runs (over N and D), and the residuals of each law."""
    curves: list[Item] = [_curves(forecast)] if forecast.law is None else []
    return Section("fits", "Fits and residuals", [*curves, _residuals(forecast)])


def _laws(forecast: Forecast) -> dict[str, Predict]:
    """What predicts at N and D, by name."""
    laws = {
        own.name: lambda N, D, own=own: own.at({"N": N, "D": D}).predicted
        for own in forecast.usual
        if own.law is not None
    }
    return {"forecast": forecast.predict, **laws}


def _curves(forecast: Forecast) -> Figure:
    """Loss against D: the runs, coloured by their size, and the laws at some of the sizes."""
    runs = forecast.runs
    sizes = np.unique(runs.N)
    shown = sizes[evenly(len(sizes), _MOST_LINES)]
    D = np.geomspace(runs.D.min() / _REACH, runs.D.max() * _REACH, _NUM)
    edge = {"width": 0.8, "color": "#ffffff"}
    marker = {"size": 8, "line": edge, **coloured(runs.N, "N")}
    texts = run_texts(forecast)
    traces = [points(runs.D, runs.loss, "runs", texts, marker=marker, zorder=1)]
    laws = _laws(forecast)
    look = looks(laws)
    for name, predict in laws.items():
        values = [predict(np.full_like(D, N), D) for N in shown]
        labels = [f"{name}, N {quantity_text(N)}" for N in shown]
        gap = np.array([np.nan])  # between the curves of a law, which are one trace
        traces.append(
            line(np.tile([*D, D[-1]], len(shown)),
                 np.concatenate([x for own in values for x in (own, gap)]),
                 name, look[name].colour, dash=look[name].dash,
                 text=np.repeat(labels, len(D) + 1).tolist(),
                 visible=True if name == "forecast" else "legendonly",
                 hovertemplate="%{text}: %{y:.5g}<extra></extra>")
        )  # fmt: skip
    at = ", ".join(map(quantity_text, shown))
    click = " Click a law in the legend to show it." * (len(laws) > 1)
    return Figure(
        "fits",
        f"Loss against D for {len(sizes)} model sizes, coloured by N, with the forecast at N {at}."
        + click,
        traces,
        layout(input_axis("D", runs.D), axis(runs.loss_name or "loss"), height=480),
    )


def _residuals(forecast: Forecast) -> Figure:
    """Observed less fitted, of the forecast and the laws."""
    runs = forecast.runs
    relative = runs.link.name == "log"
    inputs = forecast.law_class.columns(runs)
    is_compute = forecast.law is None
    name = "C" if is_compute else (main_input(forecast) or "")
    x = 6.0 * runs.N * runs.D if is_compute else np.asarray(runs.inputs[name] if name else [])
    x = np.arange(len(runs)) if not len(x) else x
    fitted = {"forecast": forecast.predict(*inputs.values())}
    if is_compute:
        fitted |= {own: law(runs.N, runs.D) for own, law in _laws(forecast).items()}

    def left(predicted: np.ndarray) -> np.ndarray:
        return 100.0 * (runs.loss / predicted - 1.0) if relative else runs.loss - predicted

    noise = 100.0 * forecast.noise if relative else forecast.noise
    ends = np.array([x.min(), x.max()])
    unit = " %" if relative else ""
    traces = [
        band(ends, [-noise] * 2, [noise] * 2, f"noise of a run, ±{noise:.2g}{unit}", GREY, 0.25)
    ]
    texts = run_texts(forecast)
    look = looks(fitted)
    for own, predicted in fitted.items():
        value = left(predicted)
        named = [f"{text}<br>{own}: {v:+.3g}{unit}" for text, v in zip(texts, value, strict=True)]
        traces.append(
            points(x, value, own, named, look[own].colour, opacity=0.75,
                   visible=True if own == "forecast" else "legendonly",
                   marker={"symbol": look[own].symbol, "size": 6})
        )  # fmt: skip
    title = "observed / fitted − 1, %" if relative else "observed − fitted"
    return Figure(
        "residuals",
        "Residuals of the fits. A pattern means that the law does not describe the runs."
        + " Click a law in the legend to show it." * (len(fitted) > 1),
        traces,
        layout(
            input_axis(name, x) if name else axis("run"),
            axis(title, zeroline=True, zerolinecolor=GREY),
        ),
    )
