"""The report of two tables of runs: which recipe wins, and with what probability."""

from typing import Any

from farseer_jax.decisions.compare_runs import RunComparison, compare_runs
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.forecast_table import interval_texts, number_format
from farseer_jax.forecasting.points import PointsLike
from farseer_jax.reporting.comparison_explorer import comparison_explorer
from farseer_jax.reporting.content import Section
from farseer_jax.reporting.result import Report
from farseer_jax.reporting.sections.winner import comparison_doubts, losses, pairs, winner
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.results.table import Column, Table


def comparison_report(
    runs: tuple[object, object],
    points: PointsLike | None,
    names: tuple[str, str],
    level: float,
    title: str,
    python: str,
) -> Report:
    """The report of two recipes.

    Args:
        runs: the runs of A and of B.
        points: where to compare.
        names: of A and B.
        level: nominal coverage of the intervals.
        title: of the page.
        python: Python code that makes the report.
    """
    found = compare_runs(*runs, points, names=names, level=level)
    sections = [
        winner(found),
        comparison_doubts(found),
        Section("explore", "Explore", [comparison_explorer(found)]),
        pairs(found),
        losses(_losses(found)),
    ]
    return Report(
        title=title or f"{names[0]} against {names[1]}",
        summary=_summary(found),
        results={"comparison": found},
        sections=tuple(sections),
        tables=dict(zip(names, found.runs, strict=True)),
        settings={"level": level_text(level)},
        python=python,
        reading="runs = …  # the table\nother = …  # that of the other recipe",
    )


def _summary(found: RunComparison) -> str:
    return str(found.forecast.text_parts()[0]) if len(found.forecast.N) == 1 else _verdict(found)


def _verdict(found: RunComparison) -> str:
    own = found.forecast
    rows = [
        f"{who} at N {quantity_text(N)}, D {quantity_text(D)}"
        for who, N, D in zip(own.winner, own.N, own.D, strict=True)
    ]
    return "Lower loss: " + "; ".join(rows)


def _losses(found: RunComparison) -> Table:
    """Forecasts of both at the points."""
    columns: list[Any] = [
        Column("N", found.asked["N"], quantity_text),
        Column("D", found.asked["D"], quantity_text),
    ]
    for name, runs in zip(found.names, found.runs, strict=True):
        own = forecast(runs, dict(found.asked), usual=False, level=found.level)
        predicted, (low, high) = (
            own.predict(*found.asked.values()),
            own.interval(*found.asked.values()),
        )
        number = number_format(0.5 * (high - low))
        columns += [
            Column(f"loss {name}", predicted, number),
            Column(f"lower {name}", low, None),
            Column(f"upper {name}", high, None),
            Column(f"interval {name}", interval_texts(low, high, number), in_data=False,
                   heading=f"{level_text(found.level)} interval"),
        ]  # fmt: skip
    return Table(columns, noun="points")
