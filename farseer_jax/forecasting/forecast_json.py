"""A forecast for readers of JSON."""

from typing import TYPE_CHECKING, Any

from farseer_jax.forecasting.forecast_record import record_summary
from farseer_jax.results.numbers import or_null

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast


def forecast_content(forecast: "Forecast") -> dict[str, Any]:
    """The rows, the warnings, what the forecast rests on, and the usual laws."""
    record = record_summary(forecast)
    found = {
        "response": forecast.runs.loss_name or "loss",
        "level": forecast.level,
        "rows": forecast.table().records(),
        "warnings": list(forecast.warnings),
        "num_runs": len(forecast.runs),
        "noise": forecast.noise,
        "earlier": {
            "num_holdouts": record.num_holdouts,
            "num_runs": record.num_runs,
            "miss": record.miss,
            "inside": record.inside,
        },
        "members": [
            {
                "law": own.law.name,
                "correlated": own.correlated,
                "share": own.share,
                "widening": own.widening,
                "noise": own.noise,
            }
            for own in forecast.members
        ],
        "usual_laws": [
            {
                "law": own.name,
                "method": own.method,
                "predicted": own.predicted,
                "miss": own.rms_miss,
                "misfit": own.misfit,
                "asymptote": own.asymptote,
                "reason": own.reason,
            }
            for own in forecast.usual
        ],
    }
    return {name: or_null(value) for name, value in found.items()}
