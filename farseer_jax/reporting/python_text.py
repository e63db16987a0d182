"""Python code that makes a report, and each of its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column
from farseer_jax.laws.law import Law


def python_text(found: Forecast, given: Mapping[str, Any], results: Sequence[str]) -> str:
    """Python that makes the report again, then its answers one by one.

    Args:
        found: the forecast.
        given: further arguments of :func:`report`; None and empty ones are left out.
        results: names of the results that the report has.
    """
    points = _points(found)
    own = {name: value for name, value in given.items() if value is not None and value != ()}
    level = {} if found.level == 0.9 else {"level": found.level}
    lines = [
        f"report = fj.report({_arguments(['runs', points], {**own, **level})})",
        'report.save("report.html")',
        "",
        "# each result separately",
    ]
    fitting = {n: v for n, v in own.items() if n not in ("compute", "budget", "title", "holdouts")}
    lines.append(f"answer = fj.forecast({_arguments(['runs', points], {**fitting, **level})})")
    if "holdouts" in results and found.law is None:
        lines.append("fj.extrapolate(answer.runs)")
    if "split" in results:
        budgets = own.get("compute")
        written = (
            "6 * answer.points['N'] * answer.points['D']" if budgets is None else _text(budgets)
        )
        lines.append(f"fj.allocate(answer, {written})")
    if "next" in results:
        budget = own.get("budget")
        written = (
            "0.1 * (6 * answer.points['N'] * answer.points['D']).max()"
            if budget is None
            else _text(budget)
        )
        lines.append(f"fj.suggest_runs(answer, answer.points, budget={written})")
    return "\n".join(lines)


def comparison_text(points: Any, names: tuple[str, str], level: float) -> str:
    """Python that makes the report of two recipes again.

    Args:
        points: where they are compared; None for the usual points.
        names: of both.
        level: nominal coverage of the intervals.
    """
    own = {} if level == 0.9 else {"level": level}
    at = [] if points is None else [_text(points)]
    named = {"names": names, **own}
    page = _arguments(["runs", *at, "against=other"], named)
    return "\n".join(
        [
            f"report = fj.report({page})",
            'report.save("report.html")',
            "",
            "# the comparison alone",
            f"fj.compare_runs({_arguments(['runs', 'other', *at], named)})",
        ]
    )


def _points(found: Forecast) -> str:
    rows = zip(*(np.asarray(x).tolist() for x in found.points.values()), strict=True)
    if all(np.asarray(x).ndim == 1 for x in found.points.values()):
        return "[" + ", ".join(f"({', '.join(map(_text, row))})" for row in rows) + "]"
    kinds = found.law_class.inputs()
    labels = by_column(found.law_class, dict(found.points))
    named = {
        name: (labels[name] if kinds[name] == "category" else np.asarray(x)).tolist()
        for name, x in found.points.items()
    }
    return _text(named)


def _arguments(first: Sequence[str], named: Mapping[str, Any]) -> str:
    return ", ".join([*first, *(f"{name}={_text(value)}" for name, value in named.items())])


def _text(value: Any) -> str:
    """A value as Python."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, float):
        short = f"{value:g}".replace("e+", "e").replace("e0", "e")
        return short if float(short) == value else repr(value)
    if isinstance(value, tuple) and all(isinstance(own, float | int) for own in value):
        return "(" + ", ".join(map(_text, value)) + ")"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name!r}: {_text(own)}" for name, own in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    if isinstance(value, type) and issubclass(value, Law):
        return repr(value.name)
    return repr(value)
