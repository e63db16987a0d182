"""A forecast as text: the answer, what it rests on, and what the usual laws say."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.forecasting.usual_laws import UsualLaw
from farseer_jax.laws.evaluate import by_column
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.result import warned
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast


def parts(forecast: "Forecast") -> Sequence[str | Table]:
    """Paragraphs and tables, in the order in which they are printed."""
    num = len(next(iter(forecast.points.values())))
    table = forecast.table()
    answer = (_answer(forecast, table),) if num == 1 else (_heading(forecast), table)
    found: list[str | Table] = [*answer[:-1]]
    last = answer[-1]
    if isinstance(last, str):
        found.append(warned(last, forecast.warnings))
    else:
        found += [last, *((warned("", forecast.warnings).strip(),) if forecast.warnings else ())]
    if forecast.observed is not None:
        found.append(_observed(forecast, table))
    found.append(_rests_on(forecast, table))
    if forecast.usual:
        found += [usual_table(forecast), *_reasons(forecast.usual)]
    return found


def _heading(forecast: "Forecast") -> str:
    return f"Forecast from {len(forecast.runs)} runs"


def _answer(forecast: "Forecast", table: Table) -> str:
    """The answer at one point, in a sentence."""
    row = table.to_dataframe().iloc[0]
    where = ", ".join(
        f"{name} = {cell_text(name, values[0])}"
        for name, values in by_column(forecast.law_class, dict(forecast.points)).items()
    )
    half = 0.5 * (row["upper"] - row["lower"]) / abs(row["predicted"])
    level = f"{forecast.level:.4g}"
    return (
        f"{where}: {row['predicted']:.5g}\n"
        f"{level} interval {row['lower']:.5g} to {row['upper']:.5g} (±{half:.2%}); "
        f"of a single run {row['run_lower']:.5g} to {row['run_upper']:.5g}"
    )


def _observed(forecast: "Forecast", table: Table) -> str:
    frame = table.to_dataframe()
    observed, predicted = frame["observed"].to_numpy(), frame["predicted"].to_numpy()
    spread = float(np.sum((observed - observed.mean()) ** 2))
    fit = f", R² {1.0 - float(np.sum((observed - predicted) ** 2)) / spread:.4f}" if spread else ""
    return (
        f"Of {len(frame)} observed losses {int(frame['inside'].sum())} lie in the "
        f"{forecast.level:.4g} interval of a run; mean error "
        f"{float(np.mean(np.abs(predicted / observed - 1.0))):.3%}{fit}"
    )


def _rests_on(forecast: "Forecast", table: Table) -> str:
    runs, record = forecast.runs, forecast.record
    lines = [f"Rests on {len(runs)} runs ({_range(forecast)})"]
    noise = float(np.sqrt(sum(own.share * own.noise**2 for own in forecast.members)))
    if runs.link.name == "log":
        lines[0] += f"; noise of a run {noise:.2%}"
    if len(record.miss):
        inside = np.abs(record.error) <= _reach(forecast) * record.sd
        lines.append(
            f"Larger runs predicted from the smaller: {len(record.miss)} times, missed by "
            f"{float(np.sqrt(np.mean(record.miss**2))):.2%} rms, {inside.mean():.0%} of "
            f"{len(inside)} runs in their {forecast.level:.4g} interval"
        )
    shares = sorted(forecast.members, key=lambda own: -own.share)
    lines.append(
        "Laws: "
        + ", ".join(
            f"{own.law.name}{'' if own.correlated else ' (independent errors)'} {own.share:.0%}"
            for own in shares
        )
    )
    if len(table) == 1:
        row = table.to_dataframe().iloc[0]
        parts = ("law", "misfit", "size", "noise")
        lines.append(
            "Variance of a run: "
            + ", ".join(f"{name} {row[f'share_{name}']:.0%}" for name in parts)
        )
    return "\n".join(lines)


def _reach(forecast: "Forecast") -> float:
    from scipy.special import stdtrit

    return float(stdtrit(forecast.stack.degrees, 0.5 * (1.0 + forecast.level)))


def _range(forecast: "Forecast") -> str:
    """The range of each input that is a number."""
    found = []
    for name, kind in forecast.law_class.inputs().items():
        if kind in ("mixture", "category"):
            continue
        values = forecast.runs.inputs[name]
        low, high = cell_text(name, values.min()), cell_text(name, values.max())
        num = len(np.unique(values))
        sizes = f"{num} sizes, " if name == "N" and num > 1 else ""
        found.append(f"{sizes}{name} {low} to {high}" if low != high else f"{name} {low}")
    return "; ".join(found)


def usual_table(forecast: "Forecast") -> Table:
    """What the usual laws say at the first point, and how they did on the hold-outs."""
    own = forecast.predict(**{name: x[:1] for name, x in forecast.points.items()})[0]
    laws = forecast.usual
    predicted = np.array([own, *(law.predicted[0] for law in laws)])
    record = forecast.record.miss
    miss = [_rms(record), *(_rms(law.miss) for law in laws)]
    E = [float("nan"), *(law.asymptote for law in laws)]
    misfit = [float("nan"), *(law.misfit for law in laws)]
    where = ", ".join(f"{name} {quantity_text(x[0])}" for name, x in forecast.points.items())
    percent = partial(_or_dash, "{:.2%}")
    return Table(
        [
            Column("law", ["forecast", *(law.name for law in laws)], left=True),
            Column("predicted", predicted, partial(_or_dash, "{:.5g}"), f"at {where}"),
            Column("difference", predicted / own - 1.0, partial(_or_dash, "{:+.2%}")),
            Column("miss", miss, percent, "missed larger runs by"),
            Column("misfit", misfit, percent, "misses its own by"),
            Column("E", E, partial(_or_dash, "{:.4g}"), "lowest loss"),
        ],
        noun="laws",
    )


def _reasons(laws: Sequence[UsualLaw]) -> list[str]:
    lines = [f"{law.name}: {law.reason}" for law in laws if law.reason]
    return ["\n".join(lines)] if lines else []


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")


def _or_dash(form: str, value: float) -> str:
    return form.format(value) if np.isfinite(value) else "–"
