"""What the usual laws say beside a forecast, how they did, and why they differ."""

from functools import partial
from typing import TYPE_CHECKING

import jax
import numpy as np

from farseer_jax.forecasting.forecast_record import record_summary
from farseer_jax.forecasting.forecast_table import number_format, point_text
from farseer_jax.forecasting.usual_laws import UsualLaw, rms
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.link_functions import Link
from farseer_jax.results.numbers import share_text
from farseer_jax.results.table import Column, Table

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

_FOLLOWS, _WORSE = 1.3, 1.5  # times the noise, times the forecast's misses
_NO_FLOOR = 1e-3  # of the lowest loss of the runs
_NOTE = (
    "larger runs: rms error when predicted from smaller ones; own runs: rms error on the fitted "
    "runs"
)


def usual_laws_parts(forecast: "Forecast") -> list[str | Table]:
    """A table of the usual laws, and a line on each: where it lies, and why."""
    lines = [f"{name}: {reason}" for name, reason in usual_law_reasons(forecast).items()]
    return [usual_laws_table(forecast), "\n".join(lines)]


def usual_law_reasons(forecast: "Forecast") -> dict[str, str]:
    """How the forecast fits; where each law lies, and what explains it; by name."""
    own_runs = _own_runs(forecast, _misfit(forecast))
    return {"forecast": own_runs} | {own.name: _reason(forecast, own) for own in forecast.usual}


def usual_laws_table(forecast: "Forecast") -> Table:
    """The laws at the first point, or their errors where losses were observed."""
    laws = forecast.usual
    own = forecast.predict(*forecast.points.values())
    half = 0.5 * np.subtract(*forecast.interval(*forecast.points.values())[::-1])
    predicted = np.stack([own, *(law.predicted for law in laws)])
    percent = partial(_or_dash, "{:.2%}")
    if forecast.observed is not None and len(own) > 1:
        known = ~np.isnan(forecast.observed)
        error = np.abs(predicted[:, known] / forecast.observed[known] - 1.0).mean(axis=1)
        there = [Column("error", error, percent, f"mean error of {known.sum()}")]
    else:
        number = number_format(half[:1])
        there = [
            Column("predicted", predicted[:, 0], partial(_or_dash, number), _place(forecast)),
            Column("difference", predicted[:, 0] / own[0] - 1.0, partial(_or_dash, "{:+.2%}")),
        ]
    lowest = [float("nan"), *(_floor(forecast, law) for law in laws)]
    return Table(
        [
            Column("law", ["forecast", *(law.name for law in laws)], left=True),
            *there,
            Column(
                "miss",
                [record_summary(forecast).miss, *(law.rms_miss for law in laws)],
                percent,
                "larger runs",
            ),
            Column(
                "misfit",
                [_misfit(forecast), *(law.misfit for law in laws)],
                percent,
                "own runs",
                secondary=True,
            ),
            Column("E", lowest, partial(_or_dash, "{:.3g}"), "lowest loss", secondary=True),
        ],
        noun="laws",
        note=_NOTE,
    )


def _place(forecast: "Forecast") -> str:
    return f"at {point_text(forecast, 0)}"


def _misfit(forecast: "Forecast") -> float:
    runs = forecast.runs
    errors = np.log(runs.loss) - np.log(forecast.predict(runs.N, runs.D))
    return rms(errors, forecast.run_weights)


def _reason(forecast: "Forecast", law: UsualLaw) -> str:
    """Where a law lies, and what explains it, in words."""
    if law.law is None:
        return f"not fitted: {law.reason.partition('. ')[0]}"
    facts = [_side(forecast, law), _own_runs(forecast, law.misfit), _larger_runs(forecast, law)]
    return "; ".join([*(fact for fact in facts if fact), _lowest(forecast, law)])


def _side(forecast: "Forecast", law: UsualLaw) -> str:
    low, high = forecast.interval(*forecast.points.values())
    above, below = int((law.predicted > high).sum()), int((law.predicted < low).sum())
    num = len(low)
    if not above + below:
        return "within the interval" if num == 1 else "within all intervals"
    if num == 1:
        return f"{'above' if above else 'below'} the interval"
    sides = [f"above {above}" if above else "", f"below {below}" if below else ""]
    return f"{' and '.join(filter(None, sides))} of {num} intervals"


def _own_runs(forecast: "Forecast", misfit: float) -> str:
    times = misfit / forecast.noise
    if times < _FOLLOWS:
        return "fits its own runs to within their noise"
    if times < 2.0:
        return f"misses its own runs by slightly more than their noise ({times:.2g} times)"
    return f"misses its own runs by {times:.2g} times their noise"


def _larger_runs(forecast: "Forecast", law: UsualLaw) -> str:
    own = record_summary(forecast).miss
    if not np.isfinite([own, law.rms_miss]).all():
        return ""
    if law.rms_miss < own:
        return f"missed larger runs by less than the forecast ({share_text(law.rms_miss)})"
    times = law.rms_miss / own
    return (
        f"missed larger runs by {times:.2g} times as much as the forecast" if times > _WORSE else ""
    )


def _floor(forecast: "Forecast", law: UsualLaw) -> float:
    """The lowest loss of a law; NaN where it has none, or next to none."""
    is_real = law.asymptote > _NO_FLOOR * forecast.runs.loss.min()
    return law.asymptote if is_real else float("nan")


def _lowest(forecast: "Forecast", law: UsualLaw) -> str:
    if np.isfinite(_floor(forecast, law)):
        return f"cannot fall below {law.asymptote:.3g}"
    if isinstance(law.law, Farseer):
        N = forecast.points["N"][:1]
        with jax.enable_x64(True):
            log_floor = np.asarray(law.law.U.log(N))
        floor = float(Link().inverse(log_floor)[0])
        return f"its lowest loss depends on N, {floor:.3g} there"
    return "has no lowest loss"


def _or_dash(form: object, value: float) -> str:
    write = form.format if isinstance(form, str) else form
    return write(value) if np.isfinite(value) else "–"  # type: ignore[operator]
