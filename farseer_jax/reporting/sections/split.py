"""How to split compute between parameters and tokens."""

import numpy as np

from farseer_jax.decisions.allocation_result import Allocation, ratio_text
from farseer_jax.forecasting.result import Forecast
from farseer_jax.reporting.content import Card, Cards, Data, Figure, Item, Section, Warnings
from farseer_jax.reporting.figure_style import (
    COLOURS,
    axis,
    band,
    input_axis,
    layout,
    line,
    points,
)
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.uncertainty.intervals import Intervals

_MOST_CARDS = 6


def split(forecast: Forecast, found: Allocation, curve: Allocation) -> Section:
    """The best split of each requested budget, and its course from the runs to the budgets.

    Args:
        forecast: what it rests on.
        found: the allocation of the budgets asked for.
        curve: that of budgets from the runs' to these.
    """
    items: list[Item] = [
        Cards([_card(found, i) for i in range(min(len(found.compute), _MOST_CARDS))]),
        *([Warnings(found.warnings)] if found.warnings else []),
        _ratio(forecast, curve),
        _loss(curve),
        Data("split", "The best split of each budget", found.table()),
    ]
    return Section("split", "How to split compute", items)


def _card(found: Allocation, row: int) -> Card:
    heading = f"{found.compute[row]:.3g} FLOPs"
    if not np.isfinite(found.N[row]):
        return Card(heading, "no optimum", ["the loss has no minimum at this budget"])
    lines = [f"D {quantity_text(found.D[row])}, loss {found.loss[row]:.4f}"]
    ratio = f"{ratio_text(found.tokens_per_parameter[row])} tokens per parameter"
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        low, high = ratio_text(own.lower[row]), ratio_text(own.upper[row])
        ratio += f" ({level_text(own.level)}: {low} to {high})"
    lines.append(ratio)
    excess = found.excess_at_20[row]
    if np.isfinite(excess):
        lines.append(f"at 20 tokens per parameter the loss is {excess:+.2%}")
    return Card(heading, f"N {quantity_text(found.N[row])}", lines)


def _ratio(forecast: Forecast, found: Allocation) -> Figure:
    """D/N against compute, with that of the runs."""
    runs = forecast.runs
    compute = 6.0 * runs.N * runs.D
    texts = [
        f"run of {c:.3g} FLOPs<br>D/N {ratio_text(r)}"
        for c, r in zip(compute, runs.D / runs.N, strict=True)
    ]
    traces = [points(compute, runs.D / runs.N, "runs", texts, opacity=0.6, marker={"size": 5})]
    if found.intervals is not None:
        own = found.intervals["tokens per parameter"]
        traces.append(_band(found, own, COLOURS[0]))
    ratio = found.tokens_per_parameter
    traces += [
        line(found.compute, ratio, "best split", COLOURS[0],
             hovertemplate="%{x:.3g} FLOPs: D/N %{y:.3g}<extra></extra>"),
        line(found.compute, np.full_like(ratio, 20.0), "20 tokens per parameter", COLOURS[1],
             dash=2),
    ]  # fmt: skip
    both = np.concatenate([compute, found.compute])
    return Figure(
        "split",
        "Tokens per parameter that give the lowest loss for each budget, and those of the runs.",
        traces,
        layout(
            input_axis("C", both),
            {
                **axis("tokens per parameter D/N"),
                "type": "log",
                "dtick": "D2",
                "tickformat": ",.3~r",
            },
        ),
    )


def _loss(found: Allocation) -> Figure:
    """The loss at the best split against compute."""
    traces = []
    if found.intervals is not None:
        traces.append(_band(found, found.intervals["loss"], COLOURS[0]))
    traces.append(
        line(found.compute, found.loss, "loss at the best split", COLOURS[0],
             hovertemplate="%{x:.3g} FLOPs: %{y:.5g}<extra></extra>")
    )  # fmt: skip
    traces.append(
        line(found.compute, found.loss_at_20, "at 20 tokens per parameter", COLOURS[1], dash=2)
    )
    return Figure(
        "split_loss",
        "Loss at the best split of each compute budget.",
        traces,
        layout(input_axis("C", found.compute), axis("loss")),
    )


def _band(found: Allocation, own: Intervals, colour: str) -> dict[str, object]:
    known = np.isfinite(own.lower) & np.isfinite(own.upper)
    name = f"{level_text(own.level)} interval"
    return band(found.compute[known], own.lower[known], own.upper[known], name, colour)
