"""Best splits of budgets for a report's explorer."""

from typing import Any

import numpy as np

from farseer_jax.decisions.forecast_optima import ForecastOptima
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.optimal_allocations import Circumstances
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.compute_optimal import Cost
from farseer_jax.reporting.grid import Axis

_NUM = 49  # budgets: four to eight per decade, between which ln N is nearly linear in ln C


def best_splits(forecast: Forecast, N: Axis, D: Axis) -> dict[str, list[Any]]:
    """The N of :func:`allocate` for budgets that sliders of N and D reach.

    Args:
        forecast: what allocates.
        N: the slider of N.
        D: the slider of D.

    Returns:
        Budgets ``"C"`` in FLOPs, ascending, and their ``"N"``, None where there is no best split.
    """
    low, high = (float(6.0 * N.values[i] * D.values[i]) for i in (0, -1))
    C = np.geomspace(low, high, _NUM)
    no_limits = Circumstances(*(np.asarray(own) for own in (0.0, np.inf, np.inf)))
    surface = ForecastSurface(forecast.stack, forecast.runs.link)
    found = np.exp(
        ForecastOptima(surface, Cost(None, False), no_limits, False).points(np.log(C))[1]
    )
    return {
        "C": [float(f"{own:.7g}") for own in C],
        "N": [float(f"{own:.7g}") if np.isfinite(own) else None for own in found],
    }
