"""Which of two recipes wins, where, and with what probability."""

import numpy as np

from farseer_jax.decisions.compare_runs import RunComparison
from farseer_jax.decisions.difference_forecast import UNDECIDED, DifferenceForecast
from farseer_jax.reporting.content import Card, Cards, Data, Figure, Item, Section, Warnings
from farseer_jax.reporting.figure_style import (
    COLOURS,
    axis,
    band,
    hover,
    input_axis,
    layout,
    line,
    points,
)
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.results.table import Table

_NUM = 60  # points of the curve


def winner(found: RunComparison) -> Section:
    """The winner at each point, and the difference along compute."""
    forecast = found.forecast
    items: list[Item] = [
        Cards([_card(forecast, i) for i in range(len(forecast.N))]),
        _figure(found),
        Data("comparison", "All points", forecast.table()),
    ]
    return Section("answer", "The answer", items)


def comparison_doubts(found: RunComparison) -> Section:
    """Reasons for caution about the comparison, and what it rests on."""
    texts = [own for own in found.text_parts() if isinstance(own, str)]
    lines = [line for own in texts for line in own.split("\n") if not line.startswith("warning: ")]
    return Section("doubts", "Reasons for caution", [Warnings(found.warnings), *lines])


def pairs(found: RunComparison) -> Section:
    """The runs of both recipes as a map, and the pairs at the same N and D."""
    items: list[Item] = [_map(found)]
    if len(found.points.N):
        items.append(Data("pairs", "Runs at the same N and D", found.points.table()))
    return Section("runs", "The runs of both recipes", items)


def _card(found: DifferenceForecast, row: int) -> Card:
    who = found.winner[row]
    a, b = found.names
    low, high = (_percent(end[row]) for end in (found.lower, found.upper))
    lines = [
        f"loss of {a} relative to {b}: {_percent(found.difference[row])}",
        f"{level_text(found.level)} interval {low} to {high}",
        f"probability that {a} wins: {found.probability[row]:.1%}".replace("%", " %"),
        f"{found.beyond[row]:.2g} e-folds beyond the runs"
        if found.beyond[row]
        else "within the runs",
    ]
    heading = f"N {quantity_text(found.N[row])}, D {quantity_text(found.D[row])}"
    return Card(heading, "undecided" if who == UNDECIDED else f"{who} wins", lines)


def _percent(value: float) -> str:
    return f"{100.0 * value:+.2f} %".replace("-", "−")


def _figure(found: RunComparison) -> Figure:
    """The difference against compute: pairs, and the forecast at the D/N of the first point."""
    a, b = found.names
    own = found.points
    ratio = float(found.asked["D"][0] / found.asked["N"][0])
    every = np.concatenate(
        [runs.N * runs.D for runs in found.runs] + [found.asked["N"] * found.asked["D"]]
    )
    C = np.geomspace(6.0 * every.min() / 1.5, 6.0 * every.max() * 1.5, _NUM)
    N = np.sqrt(C / (6.0 * ratio))
    along = found.at({"N": N, "D": ratio * N})
    name = f"D/N = {ratio:.3g}"
    traces = [
        band(
            C,
            100 * along.lower,
            100 * along.upper,
            name,
            COLOURS[0],
            showlegend=False,
            legendgroup=name,
        ),
        line(C, 100 * along.difference, name, COLOURS[0], legendgroup=name),
    ]
    if len(own.N):
        texts = hover({"N": map(quantity_text, own.N), "D": map(quantity_text, own.D),
                       "difference": map(_percent, own.difference)})  # fmt: skip
        traces.insert(
            0,
            points(6.0 * own.N * own.D, 100 * own.difference, "pairs of runs", texts, opacity=0.7),
        )
    asked = found.forecast
    texts = hover({"N": map(quantity_text, asked.N), "D": map(quantity_text, asked.D),
                   "difference": map(_percent, asked.difference)})  # fmt: skip
    star = {"symbol": "star", "size": 14, "line": {"width": 1, "color": "#ffffff"}}
    ends = {"type": "data", "symmetric": False, "color": COLOURS[1],
            "array": (100 * (asked.upper - asked.difference)).tolist(),
            "arrayminus": (100 * (asked.difference - asked.lower)).tolist()}  # fmt: skip
    traces.append(points(6.0 * asked.N * asked.D, 100 * asked.difference, "points", texts,
                         COLOURS[1], marker=star, error_y=ends))  # fmt: skip
    y = axis("difference of the losses, %", zeroline=True, zerolinecolor="#7d8590")
    return Figure(
        "difference",
        f"(loss {a} − loss {b}) / loss {b}: below zero {a} is better. The band is the "
        f"{level_text(found.level)} interval of the difference at {name}.",
        traces,
        layout(input_axis("C", C), y),
    )


def _map(found: RunComparison) -> Figure:
    traces = []
    for i, (name, runs) in enumerate(zip(found.names, found.runs, strict=True)):
        rows = {"N": map(quantity_text, runs.N), "D": map(quantity_text, runs.D)}
        texts = hover({name: [""] * len(runs), **rows, "loss": map("{:.5g}".format, runs.loss)})
        look = {"symbol": ("circle-open", "x-thin-open")[i], "size": 9, "line": {"width": 2}}
        traces.append(points(runs.N, runs.D, name, texts, COLOURS[(0, 1)[i]], marker=look))
    asked = found.asked
    texts = hover({"N": map(quantity_text, asked["N"]), "D": map(quantity_text, asked["D"])})
    traces.append(
        points(
            asked["N"],
            asked["D"],
            "points",
            texts,
            COLOURS[2],
            marker={"symbol": "star", "size": 14},
        )
    )
    both = [
        np.concatenate([*(runs.inputs[n] for runs in found.runs), asked[n]]) for n in ("N", "D")
    ]
    return Figure("map", "The runs of both recipes, and the points of comparison.", traces,
                  layout(input_axis("N", both[0]), input_axis("D", both[1])))  # fmt: skip


def losses(table: Table) -> Section:
    """The loss forecast for each recipe separately."""
    text = (
        "Each recipe is forecast separately. The difference above is more certain than the "
        "difference of these two forecasts, because errors that both recipes share cancel."
    )
    return Section(
        "losses",
        "Predicted loss of each recipe",
        [text, Data("losses", "Forecasts of both recipes", table, is_open=True)],
    )
