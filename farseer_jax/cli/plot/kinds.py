"""The kinds of figures by name, and by the results that they draw."""

import importlib
from typing import Any

import click

# The kinds, in the file of this folder that has them.
BY_SOURCE = {
    "results": (
        "accuracy", "allocation", "annealed", "choices", "comparison", "comparison-surface",
        "error-by-value", "extrapolation", "forecast", "influence", "line", "loss-curves",
        "optimum", "predictability", "prediction", "schedule", "suggestions",
    ),
    "fits": ("curves", "fit", "map", "residuals", "shape", "starts", "surface"),
    "runs": ("counts", "differences", "forms", "inspection", "methods", "views"),
}  # fmt: skip
KINDS = {kind: module for module, kinds in BY_SOURCE.items() for kind in kinds}
# of several kinds that draw a class of results, the one for `farseer plot FILE.json`
_FIRST = {
    "AccuracyForecast": "accuracy",
    "FitComparison": "comparison",
    "Extrapolation": "extrapolation",
    "fit": "fit",
}


def kind_named(name: str) -> click.Command:
    """The subcommand of a kind."""
    module = importlib.import_module(f"farseer_jax.cli.plot.{KINDS[name]}")
    found: click.Command = getattr(module, name.replace("-", "_"))
    return found


def kind_of(result: str) -> str | None:
    """The kind that draws files of a class of results; None without one."""
    if result in _FIRST:
        return _FIRST[result]
    return next((name for name in KINDS if result in _figure_of(name).classes), None)


def _figure_of(name: str) -> Any:
    return getattr(kind_named(name), "figure")  # noqa: B009  (click knows no such attribute)
