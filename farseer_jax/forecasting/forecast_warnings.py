"""What speaks against a forecast, worst first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

_WIDE, _FAR, _WIDENED, _OUTLIER = 0.05, np.log(2.0), 1.5, 0.3
_FEW_SIZES, _FEW_RUNS, _MOST_SHOWN = 3, 12, 5


def warnings_of(forecast: "Forecast") -> tuple[str, ...]:
    """The warnings of a forecast."""
    return (
        *_undetermined(forecast),
        *_wide(forecast),
        *_rises(forecast),
        *_widened(forecast),
        *_outliers(forecast),
        *_beyond(forecast),
        *_laws_apart(forecast),
    )


def _undetermined(forecast: "Forecast") -> Iterator[str]:
    """Inputs whose effect the runs do not show."""
    if forecast.law is not None:
        return
    runs = forecast.runs
    sizes, tokens = len(np.unique(runs.N)), len(np.unique(runs.D))
    basis = "the forecast takes it from other people's runs: train"
    if sizes == 1:
        yield (
            "All runs have one size, so they do not show how the loss depends on N; "
            f"{basis} a second size"
        )
    elif tokens == 1:
        yield (
            "All runs have the same D, so they do not show how the loss depends on D; "
            f"{basis} other D"
        )
    elif np.ptp(np.log(runs.D / runs.N)) < 1e-3:
        yield (
            "D/N is the same in all runs, so they do not tell the effect of N from that of D; "
            f"{basis} some runs longer"
        )
    elif sizes < _FEW_SIZES:
        yield "Two sizes do not show how fast the loss falls with N: train a third"
    if len(runs) < _FEW_RUNS:
        yield f"{len(runs)} runs are few: much of the forecast comes from other people's runs"


def _wide(forecast: "Forecast") -> Iterator[str]:
    table = forecast.table().to_dataframe()
    half = 0.5 * (table["upper"] - table["lower"]) / np.abs(table["predicted"])
    if (half > _WIDE).any():
        yield (
            f"The interval is wide (±{half.max():.1%}): the runs do not determine the loss there; "
            "train runs nearer to it"
        )


def _rises(forecast: "Forecast") -> Iterator[str]:
    """Points where more of N or D makes the forecast worse."""
    if forecast.law is not None:
        return
    here = forecast.predict(**forecast.points)
    for name, what in (("N", "size"), ("D", "number of tokens")):
        more = {**forecast.points, name: forecast.points[name] * 1.1}
        bad = np.flatnonzero(forecast.predict(**more) > here)
        if len(bad):
            yield (
                f"The forecast rises with {name} at {_points(forecast, bad)}, which no real {what} "
                "does: it is not to be trusted there"
            )


def _widened(forecast: "Forecast") -> Iterator[str]:
    factor = float(sum(own.share * own.widening for own in forecast.members))
    if factor > _WIDENED:
        yield (
            "Predicted from the smaller runs, the larger ones missed by more than the errors "
            f"allow: the intervals are widened by {factor:.2g}"
        )


def _outliers(forecast: "Forecast") -> Iterator[str]:
    own = forecast.runs.weights
    given = np.ones(len(forecast.runs)) if own is None else np.asarray(own)
    shares = np.array([member.share for member in forecast.members])
    kept = np.array([member.weights for member in forecast.members])
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(given > 0.0, shares @ kept / given, 1.0)
    bad = np.argsort(factor, kind="stable")[: int((factor < _OUTLIER).sum())]
    if len(bad):
        listed = ", ".join(_run(forecast, row) for row in bad[:_MOST_SHOWN])
        more = f" and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
        verb, them = ("lies", "it") if len(bad) == 1 else ("lie", "they")
        yield (
            f"{len(bad)} {'run' if len(bad) == 1 else 'runs'} {verb} far from the others, and "
            f"{them} hardly count{'s' if len(bad) == 1 else ''}: {listed}{more}"
        )


def _beyond(forecast: "Forecast") -> Iterator[str]:
    far = np.flatnonzero(forecast.beyond > _FAR)
    if not len(far) or forecast.law is not None:
        return
    runs, row = forecast.runs, far[np.argmax(forecast.beyond[far])]
    ratios = [
        f"{name} is {forecast.points[name][row] / runs.inputs[name].max():.3g} times their largest"
        for name in ("N", "D")
        if forecast.points[name][row] > runs.inputs[name].max()
    ]
    detail = f" ({', '.join(ratios)})" if ratios else ""
    verb = "lies" if len(far) == 1 else "lie"
    yield f"{_points(forecast, far)} {verb} far beyond the runs{detail}"


def _laws_apart(forecast: "Forecast") -> Iterator[str]:
    """Usual laws with a good record that contradict the forecast."""
    if not forecast.usual:
        return
    table = forecast.table().to_dataframe()
    low, high = float(table["lower"].iloc[0]), float(table["upper"].iloc[0])
    own = _rms(forecast.record.miss)
    for law in forecast.usual:
        outside = not low <= law.predicted[0] <= high
        if np.isfinite(law.predicted[0]) and outside and _rms(law.miss) < own:
            yield (
                f"The law {law.name}, which missed the larger runs by less ({_rms(law.miss):.2%}, "
                f"the forecast {own:.2%}), says {law.predicted[0]:.5g}, outside the interval"
            )


def _points(forecast: "Forecast", rows: np.ndarray) -> str:
    texts = [
        ", ".join(f"{name} {cell_text(name, x[row])}" for name, x in forecast.points.items())
        for row in rows[:_MOST_SHOWN]
    ]
    return "; ".join(texts)


def _run(forecast: "Forecast", row: int) -> str:
    inputs = forecast.runs.inputs
    where = ", ".join(
        f"{name} {cell_text(name, inputs[name][row])}"
        for name in forecast.law_class.inputs()
        if np.ndim(inputs[name][row]) == 0
    )
    return f"row {row} ({where}, loss {forecast.runs.loss[row]:.5g})"


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")
