"""Warnings about a forecast, worst first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.forecasting.fit_stack import mean_one
from farseer_jax.forecasting.forecast_record import record_summary
from farseer_jax.forecasting.forecast_table import factor_text, number_format, point_text
from farseer_jax.forecasting.unused_inputs import unused_inputs
from farseer_jax.results.numbers import level_text, share_text, some_of
from farseer_jax.runs.inputs import LOGARITHMIC
from farseer_jax.runs.row_labels import row_name
from farseer_jax.runs.survey.mixed_runs import mixed_runs
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

_WIDE, _FAR, _WIDENED, _OUTLIER = 0.05, np.log(2.0), 1.5, 0.3
_FEW_SIZES, _FEW_RUNS, _MOST_SHOWN = 3, 12, 5
_BEYOND_ONE = 1.05  # times the runs' largest input
# Repeats: within so much of ln N and ln D; a third of all runs, this far apart, is no noise.
_NEAR, _MANY_REPEATS, _APART = 0.02, 1.0 / 3.0, 0.002


def warnings_of(forecast: "Forecast") -> tuple[str, ...]:
    """The warnings of a forecast."""
    unused = () if forecast.law is not None else tuple(unused_inputs(forecast.runs))
    return (
        *unused,
        *undetermined(forecast),
        *([] if unused else _mixed(forecast)),
        *_wide(forecast),
        *_rises(forecast),
        *_widened(forecast),
        *_outliers(forecast),
        *_beyond(forecast),
        *_laws_apart(forecast),
    )


def undetermined(forecast: "Forecast") -> Iterator[str]:
    """Inputs whose effect the runs do not show."""
    runs = forecast.runs
    if forecast.law is not None:
        num = len(forecast.members[0].free)
        if len(runs) < 2 * num:
            yield f"{len(runs)} runs are few for the {num} parameters of the law"
        return
    sizes, tokens = len(np.unique(runs.N)), len(np.unique(runs.D))
    basis = "the forecast takes it from published runs: train"
    if sizes == 1:
        yield (
            "all runs have one size and do not show how the loss depends on N; "
            f"{basis} a second size"
        )
    elif tokens == 1:
        yield (
            "all runs have the same D and do not show how the loss depends on D; "
            f"{basis} some with another D"
        )
    elif np.ptp(np.log(runs.D / runs.N)) < 1e-3:
        yield (
            "D/N is the same in all runs, so they do not separate the effects of N and of D; "
            f"{basis} some of them longer"
        )
    elif sizes < _FEW_SIZES:
        yield "two sizes do not show how fast the loss falls with N: train a third"
    if len(runs) < _FEW_RUNS:
        yield f"{len(runs)} runs are few: much of the forecast comes from published runs"


def _mixed(forecast: "Forecast") -> Iterator[str]:
    """Checkpoints, targets or several arms; or runs near a point with different losses."""
    runs = forecast.runs
    yield from (found := mixed_runs(runs))
    if found or forecast.law is not None:
        return
    log_loss = np.log(runs.loss)
    places = np.round(np.log([runs.N, runs.D]) / _NEAR).astype(int)
    _, group = np.unique(places, axis=1, return_inverse=True)
    order = np.lexsort((log_loss, group.ravel()))
    repeats = np.diff(group.ravel()[order]) == 0
    apart = np.diff(log_loss[order])[repeats]
    if len(apart) >= _MANY_REPEATS * len(runs) and np.median(apart) > _APART:
        yield (
            f"{len(apart)} of {len(runs)} runs have the N and D of another, and losses that differ "
            f"by {share_text(float(np.median(apart)))} or more in half of the cases: if the table "
            "holds several recipes or metrics, forecast each from its own runs"
        )


def _wide(forecast: "Forecast") -> Iterator[str]:
    predicted = forecast.predict(*forecast.points.values())
    low, high = forecast.interval(*forecast.points.values())
    half = 0.5 * (high - low) / np.abs(predicted)
    wide = np.flatnonzero(half > _WIDE)
    if not len(wide):
        return
    which = "the interval is"
    if len(half) > 1:
        which = some_of(len(wide), len(half), "intervals", "is", "are")
    most = "±" if len(wide) == 1 else "up to ±"
    yield (
        f"{which} wide ({most}{share_text(half.max())}): the runs do not determine the loss there; "
        "train runs nearer to it"
    )


def _subject(forecast: "Forecast", rows: np.ndarray) -> str:
    """Points and their verb: "N 25.1 B, D 500 B lies", "2 of 7 points lie"."""
    num = len(forecast.beyond)
    if num == 1:
        return f"{point_text(forecast, 0)} lies"
    if len(rows) == num:
        return "both points lie" if num == 2 else f"all {num} points lie"
    return f"{len(rows)} of {num} points {'lies' if len(rows) == 1 else 'lie'}"


def rising(forecast: "Forecast") -> dict[str, np.ndarray]:
    """Points where more of N or D makes the forecast worse, by that input, ``(point,)``."""
    if forecast.law is not None:
        return {}
    here = forecast.predict(**forecast.points)
    return {
        name: forecast.predict(**{**forecast.points, name: forecast.points[name] * 1.1}) > here
        for name in ("N", "D")
    }


def _rises(forecast: "Forecast") -> Iterator[str]:
    """Says where the forecast rises."""
    what = {"N": "size", "D": "number of tokens"}
    for name, rises in rising(forecast).items():
        bad = np.flatnonzero(rises)
        if len(bad):
            others = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
            yield (
                f"the forecast rises with {name} at {point_text(forecast, int(bad[0]))}{others}, "
                f"which no real {what[name]} does: do not trust it there"
            )


def _widened(forecast: "Forecast") -> Iterator[str]:
    factor = float(sum(own.share * own.widening for own in forecast.members))
    if factor > _WIDENED:
        yield (
            "forecasts of larger runs from smaller ones missed by more than the errors "
            f"allow: the intervals are widened by a factor of {factor:.2g}"
        )


def _outliers(forecast: "Forecast") -> Iterator[str]:
    own = forecast.runs.weights
    given = np.ones(len(forecast.runs)) if own is None else mean_one(np.asarray(own))
    shares = np.array([member.share for member in forecast.members])
    kept = np.array([member.weights for member in forecast.members])
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(given > 0.0, shares @ kept / given, 1.0)
    bad = np.argsort(factor, kind="stable")[: int((factor < _OUTLIER).sum())]
    if len(bad):
        listed = "; ".join(_run(forecast, int(row)) for row in bad[:_MOST_SHOWN])
        more = f" and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
        subject = "1 run lies" if len(bad) == 1 else f"{len(bad)} runs lie"
        weight = "has" if len(bad) == 1 else "have"
        yield f"{subject} far from the others and {weight} little weight: {listed}{more}"


def _beyond(forecast: "Forecast") -> Iterator[str]:
    far = np.flatnonzero(forecast.beyond > _FAR)
    if not len(far):
        return
    kinds = forecast.law_class.inputs()
    largest = {
        name: float(np.max(forecast.points[name][far]) / np.max(forecast.runs.inputs[name]))
        for name, kind in kinds.items()
        if kind in LOGARITHMIC
    }
    to = "up to " if len(far) > 1 else ""
    ratios = [f"{n} is {to}{factor_text(r)} times" for n, r in largest.items() if r > _BEYOND_ONE]
    detail = (
        f": {' and '.join(ratios)} their largest" if ratios else ", whose inputs no run combines"
    )
    below = [
        f"{name} is 1/{factor_text(1.0 / ratio)}"
        for name, kind in kinds.items()
        if kind in LOGARITHMIC
        for ratio in [np.min(forecast.points[name][far]) / np.min(forecast.runs.inputs[name])]
        if ratio < 1.0 / _BEYOND_ONE
    ]
    if below:
        joint = " and " if ratios else ": "
        detail = (detail if ratios else "") + f"{joint}{' and '.join(below)} of their smallest"
    yield f"{_subject(forecast, far)} far beyond the runs{detail}"


def _laws_apart(forecast: "Forecast") -> Iterator[str]:
    """Usual laws with a better record that contradict the forecast."""
    low, high = forecast.interval(*forecast.points.values())
    own = record_summary(forecast).miss
    number = number_format(0.5 * (high - low))
    for law in forecast.usual:
        outside = np.flatnonzero((law.predicted < low) | (law.predicted > high))
        if not len(outside) or not law.rms_miss < own:
            continue
        row = int(outside[0])
        others = f", and at {len(outside) - 1} other points" if len(outside) > 1 else ""
        place = "" if len(low) == 1 else f" at {point_text(forecast, row)}"
        yield (
            f"the law {law.name}, which missed larger runs by less ({share_text(law.rms_miss)}, "
            f"the forecast {share_text(own)}), says {number(law.predicted[row])}{place}, outside "
            f"the {level_text(forecast.level)} interval{others}"
        )


def _run(forecast: "Forecast", row: int) -> str:
    inputs = forecast.runs.inputs
    where = ", ".join(
        f"{name} {cell_text(name, inputs[name][row])}"
        for name in forecast.law_class.inputs()
        if np.ndim(inputs[name][row]) == 0
    )
    name = forecast.runs.loss_name or "loss"
    return f"{row_name(forecast.runs.extra, row)} ({where}, {name} {forecast.runs.loss[row]:.5g})"
