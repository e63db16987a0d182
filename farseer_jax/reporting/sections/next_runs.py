"""Which runs to train next."""

from dataclasses import replace

import numpy as np

from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.reporting.content import Data, Figure, Item, Section
from farseer_jax.reporting.figure_style import COLOURS, axis, flops_axis, layout, points
from farseer_jax.results.numbers import share_text
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text


def next_runs(found: Suggestions, whose_budget: str) -> Section:
    """The suggested runs, and how much each reduces the uncertainty.

    Args:
        found: the suggestions.
        whose_budget: what the budget is, in words; empty where it was given.
    """
    texts = [own for own in found.text_parts() if isinstance(own, str)]
    tables = [own for own in found.text_parts() if isinstance(own, Table)]
    names = ("next_runs", "targets", "splits")
    captions = (
        "Runs in the order to train them, and the standard error after each",
        "Intervals at the forecast points, before and after",
        "Compute splits, before and after",
    )
    whose = f"; the budget is {whose_budget}" if whose_budget else " that were given"
    items: list[Item] = [f"{texts[0]} FLOPs{whose}."]
    if found.targets and len(found):
        tables[0] = _with_shares(found, tables[0])
    if len(found):
        items.append(_figure(found))
        shown = zip(names, captions, tables, strict=False)
        items += [Data(*own, is_open=True) for own in shown]
    items += texts[-1].split("\n")
    return Section("next", "Which runs to train next", items)


def _with_shares(found: Suggestions, table: Table) -> Table:
    """The table of the runs, with each cost as a share of the costliest point's."""
    plan = max(6.0 * own.inputs["N"] * own.inputs["D"] for own in found.targets)
    shares = ["", *(share_text(cost / plan) for cost in found.cost)]
    place = [own.name for own in table.columns].index("cost") + 1
    share = Column("share_of_plan", shares, str, "share of the costliest point")
    return replace(table, columns=[*table.columns[:place], share, *table.columns[place:]])


def _figure(found: Suggestions) -> Figure:
    """The standard error against what was spent."""
    spent = np.concatenate([[0.0], np.cumsum(found.cost)])
    after = found.standard_error_after if found.targets else found.ratio_error_after
    now = found.standard_error_now if found.targets else found.ratio_error_now
    error = 100.0 * np.concatenate([[now], np.asarray(after)])
    texts = [f"now: {error[0]:.3g} %"]
    for i, value in enumerate(error[1:]):
        own = ", ".join(f"{n} {cell_text(n, x[i])}" for n, x in found.inputs.items())
        texts.append(f"run {i + 1}: {own}<br>{found.cost[i]:.3g} FLOPs<br>then {value:.3g} %")
    trace = points(
        spent, error, "standard error", texts, COLOURS[3], mode="lines+markers",
        line={"shape": "hv", "color": COLOURS[3], "width": 2}, marker={"size": 9},
    )  # fmt: skip
    x = flops_axis("FLOPs spent on suggested runs", float(spent[-1]))
    y = axis("standard error of the forecast, %", rangemode="tozero")
    return Figure(
        "next_runs",
        "Standard error of the forecast after each suggested run.",
        [trace],
        layout(x, y, showlegend=False),
    )
