"""How the forecast and the usual laws fit the runs, and their residuals."""

from collections.abc import Callable

import numpy as np

from farseer_jax.forecasting.curves import main_input
from farseer_jax.forecasting.result import Forecast
from farseer_jax.reporting.content import Figure, Item, Section
from farseer_jax.reporting.figure_style import (
    COLOURS,
    GREY,
    axis,
    band,
    colour_at,
    input_axis,
    layout,
    line,
    points,
)
from farseer_jax.reporting.sections.answer import run_texts
from farseer_jax.results.numbers import quantity_text

_MOST_SIZES, _MOST_LINES = 12, 8
_NUM, _REACH = 60, 1.3
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x")
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
    """Loss against D: the runs of each size, and the laws at some of the sizes."""
    runs = forecast.runs
    sizes = np.unique(runs.N)
    shown = sizes[np.unique(np.linspace(0, len(sizes) - 1, _MOST_LINES).round().astype(int))]
    shares = _shares(sizes)
    D = np.geomspace(runs.D.min() / _REACH, runs.D.max() * _REACH, _NUM)
    traces = []
    texts = np.array(run_texts(forecast), dtype=object)
    by_size = len(sizes) <= _MOST_SIZES
    for i, N in enumerate(sizes):
        own, colour = runs.N == N, colour_at(shares[i])
        name = f"N {quantity_text(N)}" if by_size else "runs"
        traces.append(
            points(runs.D[own], runs.loss[own], name, texts[own], colour, legendgroup=name,
                   showlegend=by_size or i == 0)
        )  # fmt: skip
    for j, (name, predict) in enumerate(_laws(forecast).items()):
        for i, N in enumerate(shown):
            colour = colour_at(shares[int(np.searchsorted(sizes, N))])
            traces.append(
                line(D, predict(np.full_like(D, N), D), name, colour, dash=j,
                     legendgroup=f"law {name}", showlegend=i == 0,
                     visible=True if j == 0 else "legendonly",
                     hovertemplate=f"{name}, N {quantity_text(N)}: %{{y:.5g}}<extra></extra>")
            )  # fmt: skip
    return Figure(
        "fits",
        f"Loss against D for {len(sizes)} model sizes, from dark (small N) to light (large N), "
        f"with the forecast at {len(shown)} of them. Click a legend entry to show or hide it.",
        traces,
        layout(input_axis("D", runs.D), axis(runs.loss_name or "loss"), height=480),
    )


def _shares(sizes: np.ndarray) -> np.ndarray:
    """Places of sizes on a scale from 0 to 1, by their logarithms."""
    return np.log(sizes / sizes[0]) / max(float(np.log(sizes[-1] / sizes[0])), 1e-9)


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
    for i, (own, predicted) in enumerate(fitted.items()):
        value = left(predicted)
        named = [f"{text}<br>{own}: {v:+.3g}{unit}" for text, v in zip(texts, value, strict=True)]
        traces.append(
            points(x, value, own, named, COLOURS[i % len(COLOURS)], opacity=0.75,
                   visible=True if i == 0 else "legendonly",
                   marker={"symbol": _SYMBOLS[i % len(_SYMBOLS)], "size": 6})
        )  # fmt: skip
    title = "observed / fitted − 1, %" if relative else "observed − fitted"
    return Figure(
        "residuals",
        "Residuals of the fits. A pattern means that the law does not describe the runs. Click a "
        "law in the legend to show it.",
        traces,
        layout(
            input_axis(name, x) if name else axis("run"),
            axis(title, zeroline=True, zerolinecolor=GREY),
        ),
    )
