"""A forecast as text: the answer, its warnings, what it rests on, the usual laws."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.forecasting.forecast_record import record_summary
from farseer_jax.forecasting.forecast_table import (
    VARIANCE_PARTS,
    interval_texts,
    number_format,
    point_text,
)
from farseer_jax.forecasting.judging_runs import MOST
from farseer_jax.forecasting.usual_laws_text import usual_laws_parts
from farseer_jax.results.numbers import level_text, share_text, some_of
from farseer_jax.results.result import Headline, warned
from farseer_jax.results.table import Table
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast

_SOURCES = {
    "law": "parameters of the laws",
    "misfit": "their misfit",
    "size": "effect of the size",
    "noise": "noise",
}
_TOGETHER, _APART = "with correlated errors", "with independent errors"


def parts(forecast: "Forecast") -> Sequence[str | Table]:
    """Paragraphs and tables, in the order in which they are printed."""
    table = forecast.table()
    if len(table) == 1:
        answer: list[str | Table] = [warned(Headline(_answer(forecast, table)), forecast.warnings)]
    else:
        warnings = [warned("", forecast.warnings).strip()] if forecast.warnings else []
        answer = [_heading(forecast), table, *warnings]
    is_compared = forecast.observed is not None and len(table) > 1
    observed = [_observed(forecast, table)] if is_compared else []
    usual = usual_laws_parts(forecast) if forecast.usual else []
    return [*answer, *observed, _rests_on(forecast, table), *usual]


def _response(forecast: "Forecast") -> str:
    return forecast.runs.loss_name or "loss"


def _heading(forecast: "Forecast") -> str:
    return f"Forecast of the {_response(forecast)} from {len(forecast.runs)} runs"


def _answer(forecast: "Forecast", table: Table) -> str:
    """The answer at one point, in a sentence."""
    row = table.to_dataframe().iloc[0]
    half = 0.5 * (row["upper"] - row["lower"])
    number = number_format(np.array([half]))
    (own,) = interval_texts([row["lower"]], [row["upper"]], number)
    (run,) = interval_texts([row["run_lower"]], [row["run_upper"]], number)
    wide = f" (±{share_text(half / abs(row['predicted']))})" if row["predicted"] else ""
    found = (
        f"{_response(forecast)} at {point_text(forecast, 0)}: {number(row['predicted'])}\n"
        f"{level_text(forecast.level)} interval {own}{wide}; for a single run {run}"
    )
    if forecast.observed is None:
        return found
    where = "inside" if row["inside"] else "outside"
    error = "" if np.isnan(row["error"]) else f"; error {row['error']:+.2%}"
    return f"{found}\nobserved {number(row['observed'])}, {where} the interval of a run{error}"


def _observed(forecast: "Forecast", table: Table) -> str:
    """How predictions compare with observed losses."""
    frame = table.to_dataframe()
    frame = frame[frame["observed"].notna()]
    observed, predicted = frame["observed"].to_numpy(), frame["predicted"].to_numpy()
    num, inside = len(frame), int(frame["inside"].sum())
    subject = some_of(inside, num, f"observed value{'s' if num > 1 else ''}", "lies", "lie")
    found = f"{subject} in the {level_text(forecast.level)} interval of a run"
    error = np.abs(frame["error"].to_numpy())
    if np.isfinite(error).all():
        found += f"; mean error {share_text(error.mean())}"
    spread = float(np.sum((observed - observed.mean()) ** 2))
    if spread:
        found += f"; R² {1.0 - float(np.sum((observed - predicted) ** 2)) / spread:.4f}"
    sizes = frame["N"].nunique() if "N" in frame else num
    return found + _few_checks(sizes, num)


def _few_checks(num_sizes: int, num: int) -> str:
    """A clause on the sizes of observed runs: those of one size are no independent checks."""
    if num_sizes == num:
        return ""
    sizes = "one size" if num_sizes == 1 else f"{num_sizes} sizes"
    return f"; errors within a size move together: {sizes} to check, not {num} runs"


def _rests_on(forecast: "Forecast", table: Table) -> str:
    """The runs, the earlier extrapolations, the laws, and where the uncertainty comes from."""
    lines = [
        f"Rests on {len(forecast.runs):,} runs{_points(forecast)}: {_range(forecast)}; "
        f"noise of a run about the laws {on_the_scale(forecast, forecast.noise)}",
        *forecast.runs.notes,
        *_earlier(forecast),
        _laws(forecast),
    ]
    if len(table) == 1:
        row = table.to_dataframe().iloc[0]
        listed = (f"{_SOURCES[name]} {_whole(row[f'share_{name}'])}" for name in VARIANCE_PARTS)
        lines.append(f"Variance of a run there: {', '.join(listed)}")
    return "\n".join(lines)


def _points(forecast: "Forecast") -> str:
    """At how many points the runs lie, if most repeat another one's inputs."""
    num = forecast.stack.posteriors[0].problem.bound.num_runs
    return f" at {num:,} points" if 2 * num <= len(forecast.runs) else ""


def _earlier(forecast: "Forecast") -> list[str]:
    record = record_summary(forecast)
    if not record.num_holdouts:
        return ["No earlier extrapolation: the runs have too few sizes to hold larger ones out"]
    num = record.num_holdouts
    times = "once" if num == 1 else f"{num} times"
    checks = ""
    if record.num_runs > num:
        which = f"{num} check{'s'[: num != 1]}, not {record.num_runs:,}"
        checks = f"\nErrors of one hold-out move together: {which}"
    part = ""
    if len(forecast.runs) > MOST:
        part = f"\nHold-outs are of about {MOST:,} of the runs, drawn evenly over their sizes"
    return [
        f"Larger runs predicted from smaller ones, {times}: rms error "
        f"{on_the_scale(forecast, record.miss)}, {_whole(record.inside)} of "
        f"{record.num_runs:,} within their {level_text(forecast.level)} interval"
        f"{checks}{part}"
    ]


def _laws(forecast: "Forecast") -> str:
    """The members with their shares, largest first."""
    shown = [own for own in forecast.members if round(100 * own.share)]
    shown = sorted(shown, key=lambda own: -own.share)
    if forecast.law is None:
        names = [own.law.name if own.correlated else f"{own.law.name} {_APART}" for own in shown]
        found = "Members: "
    else:
        names = [_TOGETHER if own.correlated else _APART for own in shown]
        found = f"Law: {forecast.law.formula or forecast.law.name}; "
    listed = [f"{name} {_whole(own.share)}" for name, own in zip(names, shown, strict=True)]
    return found + ", ".join(listed)


def on_the_scale(forecast: "Forecast", value: float) -> str:
    """A difference on the link's scale: relative for a logarithm, else the number."""
    return share_text(value) if forecast.runs.link.name == "log" else f"{value:.2g}"


def _whole(share: float) -> str:
    return f"{share:.0%}".replace("%", " %")


def _range(forecast: "Forecast") -> str:
    """The range of each input that is a number."""
    found = []
    for name, kind in forecast.law_class.inputs().items():
        if kind not in NUMBERS:
            continue
        values = np.asarray(forecast.runs.inputs[name])
        low, high = cell_text(name, values.min()), cell_text(name, values.max())
        num = len(np.unique(values))
        sizes = f"{num} sizes, " if name == "N" and num > 1 else ""
        found.append(f"{sizes}{name} {low} to {high}" if low != high else f"{name} {low}")
    return ", ".join(found) or "mixtures"
