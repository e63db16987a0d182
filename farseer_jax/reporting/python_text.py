"""Python code that makes a report, and each of its results."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column
from farseer_jax.reporting.python_value import law_arguments, python_arguments, python_value

_OF_PAGE = ("compute", "budget", "title", "holdouts")


def python_text(found: Forecast, given: Mapping[str, Any], results: Mapping[str, Any]) -> str:
    """Python that makes the report again, then its answers one by one.

    Args:
        found: the forecast.
        given: further arguments of :func:`report`; None and empty ones are left out.
        results: the results that the report has, by name.
    """
    points = _points(found)
    own = {name: value for name, value in given.items() if value is not None and value != ()}
    own = law_arguments(own.get("law")) | own
    if own.get("method") == type(found.method)():
        del own["method"]
    level = {} if found.level == 0.9 else {"level": found.level}
    lines = [
        f"report = fj.report({_arguments(['runs', points], {**own, **level})})",
        'report.save("report.html")',
        "",
        "# each result separately",
    ]
    fitting = {name: value for name, value in own.items() if name not in _OF_PAGE}
    lines.append(f"answer = fj.forecast({_arguments(['runs', points], {**fitting, **level})})")
    if "holdouts" in results:
        laws = "" if found.law is None else ', [(answer.law_class, "forecast"), answer.law_class]'
        lines.append(f"fj.extrapolate(answer.runs{laws})")
    if "split" in results:
        lines.append(f"fj.allocate(answer, {python_value(results['split'].compute)})")
    if "next" in results:
        budget = python_value(results["next"].budget)
        lines.append(f"fj.suggest_runs(answer, answer.points, budget={budget})")
    return "\n".join(lines)


def comparison_text(points: Any, names: tuple[str, str], level: float) -> str:
    """Python that makes the report of two recipes again.

    Args:
        points: where they are compared; None for the usual points.
        names: of both.
        level: nominal coverage of the intervals.
    """
    own = {} if level == 0.9 else {"level": level}
    at = [] if points is None else [python_value(points)]
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
        return python_value(list(rows))
    kinds = found.law_class.inputs()
    labels = by_column(found.law_class, dict(found.points))
    named = {
        name: (labels[name] if kinds[name] == "category" else np.asarray(x)).tolist()
        for name, x in found.points.items()
    }
    return python_value(named)


def _arguments(first: Sequence[str], named: Mapping[str, Any]) -> str:
    return ", ".join([*first, *python_arguments(named)])
