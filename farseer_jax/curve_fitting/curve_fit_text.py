"""A fit of curves as text: the losses that runs will end at, warnings, and what they rest on."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.curves.curve import Curve
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.results.numbers import level_text, share_text
from farseer_jax.results.result import Headline, warned
from farseer_jax.results.table import Column, Table

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.result import CurveFit


def fit_table(fit: "CurveFit") -> Table:
    """One row per curve: how it fits, and the loss that it will end at."""
    curves, ends = fit.curves, []
    for own in curves:
        low, high = fit.interval(own.schedule, curve=own.name)
        ends.append((float(fit.predict(own.schedule, curve=own.name)), float(low), float(high)))
    final, low, high = np.array(ends).T
    going = np.array([is_running(own) for own in curves])
    number = number_format(0.5 * (high - low))
    texts = [f"{number(value)} [{number(a)}, {number(b)}]" for value, a, b in ends]
    return Table(
        [
            Column("curve", curves.names, left=True),
            *(Column(name, values) for name, values in curves.inputs.items()),
            Column("last_step", [int(own.steps[-1]) for own in curves], text=_count),
            Column("last_loss", [float(own.losses[-1]) for own in curves], text=number),
            Column("rms", _rms(fit), text=share_text, secondary=True),
            Column("final_step", [own.schedule.steps for own in curves], text=_count),
            Column("running", going, text=None),
            Column("final_loss", final, text=None),
            Column("lower", low, text=None),
            Column("upper", high, text=None),
            Column("final", texts, heading=f"final loss, {level_text(fit.level)}", in_data=False),
        ],
        noun="curves",
    )


def is_running(curve: Curve) -> bool:
    """Whether the schedule goes on after the last loss, by more than the log's interval."""
    interval = int(np.median(np.diff(curve.steps))) if len(curve) > 1 else 0
    return curve.schedule.steps > int(curve.steps[-1]) + interval


def fit_parts(fit: "CurveFit") -> Sequence[str | Table]:
    """Paragraphs and tables, in the order in which they are printed."""
    return [_heading(fit), fit.table(), *_warnings(fit), _rests_on(fit), *_laws(fit)]


def _heading(fit: "CurveFit") -> str:
    curves = fit.curves
    running = int(fit.table().to_dataframe()["running"].sum())
    points = sum(map(len, fit.thinned))
    going = f", {running} still running" if running else ""
    return Headline(
        f"Loss curves of {len(curves)} run{'s'[: len(curves) != 1]} ({points:,} points{going}), "
        f"law {fit.law.name}"
    )


def _warnings(fit: "CurveFit") -> list[str]:
    return [warned("", fit.warnings).strip()] if fit.warnings else []


def _rests_on(fit: "CurveFit") -> str:
    noise = f"noise of a point {share_text(fit.noise)}"
    own = fit.records[0]
    if not own.holdouts:
        return f"{noise}; no hold-outs: the curves are too few or too short"
    miss = ", ".join(
        f"{name} {share_text(value)}" for name, value in zip(own.holdouts, own.miss, strict=True)
    )
    return f"{noise}; misses on hold-outs: {miss}"


def _laws(fit: "CurveFit") -> list[Table]:
    if len(fit.records) < 2:
        return []
    return [
        Table(
            [
                Column("law", [own.law for own in fit.records], left=True),
                Column("miss", [own.rms for own in fit.records], text=share_text),
            ],
            noun="laws",
            note="miss: geometric mean over the hold-outs; the law with the least is used",
            best=(0,),
        )
    ]


def _rms(fit: "CurveFit") -> list[float]:
    """Root mean square residual of each curve, outliers left out."""
    labels = np.concatenate([np.full(len(own), own.name, dtype=object) for own in fit.thinned])
    found = []
    for own in fit.thinned:
        at = labels == own.name
        found.append(float(np.sqrt(np.average(fit.residuals[at] ** 2, weights=fit.weights[at]))))
    return found


def _count(value: float) -> str:
    return f"{int(value):,}"
