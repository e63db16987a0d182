"""Which law predicts larger runs from smaller ones best."""

import numpy as np

from farseer_jax.diagnostics.extrapolation import Extrapolation
from farseer_jax.diagnostics.extrapolation_tables import limit_table, ranking_table
from farseer_jax.diagnostics.extrapolation_verdict import verdict
from farseer_jax.reporting.content import Data, Figure, Section, Warnings
from farseer_jax.reporting.figure_style import axis, dash_of, input_axis, layout, looks, points
from farseer_jax.uncertainty.intervals import cell_text


def holdouts(found: Extrapolation) -> Section:
    """The ranking, the errors by limit, and the verdict."""
    return Section(
        "holdouts",
        "Which law predicts larger runs best",
        [
            *verdict(found).split("\n"),
            *([Warnings(found.warnings)] if found.warnings else []),
            _figure(found),
            Data(
                "holdouts",
                "Laws ranked by their errors on held-out runs",
                ranking_table(found),
                is_open=True,
            ),
            Data("holdout_errors", "Errors on the held-out runs, by limit", limit_table(found)),
        ],
    )


def _figure(found: Extrapolation) -> Figure:
    unit, factor = ("%", 100.0) if found.is_relative else ("", 1.0)
    traces = []
    look = looks(row.name for row in found.leaderboard)
    for i, row in enumerate(found.leaderboard):
        error = factor * np.asarray(found[row.name].held_out_error)
        texts = [
            f"{row.name}<br>{found.along} up to {cell_text(found.along, limit)}<br>{v:.3g} {unit}"
            for limit, v in zip(found.limits, error, strict=True)
        ]
        own = look[row.name]
        traces.append(
            points(found.limits, error, row.name, texts, own.colour, mode="lines+markers",
                   marker={"symbol": own.symbol, "size": 8},
                   line={"color": own.colour, "dash": dash_of(own.dash),
                         "width": 2 if i == 0 else 1.2})
        )  # fmt: skip
    title = f"mean error on the held-out runs{', %' * bool(unit)}"
    label = f"largest fitted {found.along}"
    return Figure(
        "holdouts",
        "Errors on the largest runs, held out, of fits to the runs up to each limit.",
        traces,
        layout(input_axis(found.along, found.limits, label), axis(title, type="log")),
    )
