"""A fit of curves as text: final losses, warnings, and what they are based on."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.forecasting.forecast_table import interval_texts, number_format
from farseer_jax.results.numbers import capitalised, level_text, quantity_text, share_text
from farseer_jax.results.result import Headline, warned
from farseer_jax.results.table import Column, Table, as_text

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.result import CurveFit, CurveRecord

_COUNTS = ("N", "N_active", "B", "D")
_MOST_ANSWERS = 5  # runs whose final loss has a line of its own
_END = "end of "  # of a curve, as hold-outs are named


def fit_table(fit: "CurveFit") -> Table:
    """One row per curve: the quality of the fit and the final loss."""
    curves = fit.curves
    final, low, high = _final_losses(fit)
    number = number_format(0.5 * (high - low))
    steps = [own.schedule.steps for own in curves]
    inputs = [
        Column(name, values, quantity_text if name in _COUNTS else as_text)
        for name, values in curves.inputs.items()
    ]
    return Table(
        [
            Column("curve", curves.names, left=True),
            *inputs,
            Column("last_step", [int(own.steps[-1]) for own in curves], "{:,}".format, "logged to"),
            Column("last_loss", [float(own.losses[-1]) for own in curves], number, "last loss"),
            Column("rms", _rms(fit), share_text, "rms error", secondary=True),
            Column("final_step", steps, "{:,}".format, "final step"),
            Column("running", [own.is_running for own in curves], text=None),
            Column("final_loss", final, number, "final loss"),
            Column("lower", low, text=None),
            Column("upper", high, text=None),
            Column(
                "final",
                interval_texts(low, high, number),
                heading=level_text(fit.level),
                in_data=False,
            ),
        ],
        noun="curves",
    )


def fit_parts(fit: "CurveFit") -> Sequence[str | Table]:
    """Paragraphs and tables, in the order in which they are printed."""
    return [
        warned(_headline(fit), fit.warnings),
        rests_on(fit),
        fit.table(),
        *([_records_table(fit.records)] if fit.records[0].holdouts else []),
    ]


def fit_content(fit: "CurveFit") -> Mapping[str, Any]:
    """The fit, for JSON."""
    law = fit.law
    return {
        "law": law.name,
        "formula": law.formula,
        "parameters": law.parameters(),
        "noise": fit.noise,
        "warnings": [*fit.warnings],
        "rows": fit.table().records(),
        "laws": _records_table(fit.records).records(),
        "holdouts": [
            {"holdout": name, "miss": float(miss)}
            for name, miss in zip(fit.records[0].holdouts, fit.records[0].miss, strict=True)
        ],
    }


def _final_losses(fit: "CurveFit") -> np.ndarray:
    """The loss at the end of each schedule and the ends of its interval, ``(3, curve)``."""
    from farseer_jax.curve_fitting.schedule_ends import ScheduleEnd, end_losses

    ends = [ScheduleEnd(own.name, own.schedule, own.inputs) for own in fit.curves]
    found = end_losses(fit, ends, fit.level)
    return np.stack([found.loss, found.lower, found.upper])


def _headline(fit: "CurveFit") -> str:
    """The final losses of the runs that are still going; otherwise what was fitted."""
    going = [own.is_running for own in fit.curves]
    if not 0 < sum(going) <= _MOST_ANSWERS:
        more = f", {sum(going)} of them still running" if any(going) else ""
        return Headline(
            f"Loss curves of {_counted(len(fit.curves), 'run')}{more}: {fit.law.name} law"
        )
    final, low, high = _final_losses(fit)[:, going]
    number = number_format(0.5 * (high - low))
    ends = interval_texts(low, high, number)
    names = [own.name for own in fit.curves if own.is_running]
    steps = [own.schedule.steps for own in fit.curves if own.is_running]
    return Headline(
        "\n".join(
            f"final loss of {name} at step {step:,}: {number(loss)}, "
            f"{level_text(fit.level)} interval {end}"
            for name, step, loss, end in zip(names, steps, final, ends, strict=True)
        )
    )


def rests_on(fit: "CurveFit") -> str:
    """The law, and to what it was fitted."""
    points = sum(map(len, fit.thinned))
    rows = sum(map(len, fit.curves))
    text = (
        f"{capitalised(fit.law.name)} law, fitted to {_counted(len(fit.curves), 'curve')}: "
        f"{points:,} points from {rows:,} logged losses; noise per point "
        f"{share_text(fit.noise)}"
    )
    if not fit.records[0].holdouts:
        text += "\nNo hold-outs: the curves are too few or too short to test the law"
    return text


def _records_table(records: "Sequence[CurveRecord]") -> Table:
    """The errors of each law on held-out curves and held-out ends of curves."""
    ends = [np.array([own.startswith(_END) for own in record.holdouts]) for record in records]
    of_curves = [_mean(own.miss[~end]) for own, end in zip(records, ends, strict=True)]
    of_ends = [_mean(own.miss[end]) for own, end in zip(records, ends, strict=True)]
    several = len(records) > 1
    best = "; the law with the smallest error is used" if several else ""
    return Table(
        [
            Column("law", [own.law for own in records], left=True),
            Column("miss", [_mean(own.miss) for own in records], _share, "hold-out error"),
            Column("miss_of_curves", of_curves, _share, "whole curves"),
            Column("miss_of_ends", of_ends, _share, "ends of curves"),
            Column("widening", [own.widening for own in records], _factor, "intervals widened"),
        ],
        noun="laws",
        note="hold-out error: rms error of ln loss on a curve, or its last 40 %, left out of the "
        f"fit\n(geometric mean){best}",
        best=(0,) if several else (),
    )


def _mean(misses: np.ndarray) -> float:
    """Their geometric mean; NaN without any."""
    return float(np.exp(np.log(misses).mean())) if len(misses) else np.nan


def _share(value: float) -> str:
    return share_text(value) if np.isfinite(value) else "–"


def _factor(value: float) -> str:
    return f"{value:.2f} times" if value > 1.0 else "no"


def _rms(fit: "CurveFit") -> list[float]:
    """Root mean square residual of each curve, without outliers."""
    labels = np.concatenate([np.full(len(own), own.name, dtype=object) for own in fit.thinned])
    found = []
    for own in fit.thinned:
        at = labels == own.name
        found.append(float(np.sqrt(np.average(fit.residuals[at] ** 2, weights=fit.weights[at]))))
    return found


def _counted(num: int, noun: str) -> str:
    return f"{num:,} {noun}{'s'[: num != 1]}"
