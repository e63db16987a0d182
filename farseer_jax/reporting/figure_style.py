"""Axes, colours and hover texts of a report's figures, as plotly reads them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.plots.log_ticks import input_label, is_log
from farseer_jax.results.table import evenly
from farseer_jax.uncertainty.intervals import cell_text

# Okabe and Ito's hues, of a lightness that has contrast with white and with near-black.
COLOURS = ("#3b82c4", "#d9622b", "#1a9b74", "#b4699c", "#c48a12", "#6f7fd8", "#8a6d3b")
GREY = "#7d8590"
SCALE = ["#5a6fd8", "#3f9bc8", "#2fae8f", "#8fb23c", "#e0a526"]  # low to high, likewise
_LAWS = ("forecast", "farseer", "chinchilla", "coupled", "kaplan")
_LAW_COLOURS = tuple(COLOURS[i] for i in (0, 2, 3, 4, 5, 6))  # orange is for the points
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "x", "cross", "star", "hexagram")
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "2px,2px", "8px,2px")
_MOST_MARKS = 800  # of one kind in a figure
_DIGITS = 7  # of numbers in the page
_MOST_TICKS = 6
_SHORT_NAME = 8  # letters that fit above a colour bar
_FEW_VALUES = 6  # of an input, each of which has its own tick
COUNTS = ("N", "D", "U")  # inputs in millions and billions


class Look(NamedTuple):
    """How a law is drawn in every figure of a page.

    Attributes:
        colour: of its curve and marks.
        dash: the number of its dash.
        symbol: of its marks.
    """

    colour: str
    dash: int
    symbol: str


def looks(names: Iterable[str]) -> dict[str, Look]:
    """The looks of laws by name: the usual ones have their own, others follow in order.

    A law that comes again, with another method, has the same colour with another dash and symbol.

    Args:
        names: of laws, with or without a method, such as "Chinchilla, huber".
    """
    found: dict[str, Look] = {}
    colours: dict[str, int] = {law: place for place, law in enumerate(_LAWS)}
    taken: set[int] = set()
    for name in names:
        law = name.partition(",")[0].strip().lower()
        colour = colours.setdefault(law, len(colours))
        free = (own for own in (colour, *range(len(_LAWS), 99)) if own not in taken)
        mark = next(free)
        taken.add(mark)
        found[name] = Look(
            _LAW_COLOURS[colour % len(_LAW_COLOURS)], mark, _SYMBOLS[mark % len(_SYMBOLS)]
        )
    return found


def plain(values: ArrayLike) -> list[Any]:
    """Numbers for JSON, with seven digits; None where they are not finite."""
    found = np.asarray(values)
    if found.dtype.kind not in "fiu":
        return found.tolist()
    return [float(f"{v:.{_DIGITS}g}") if np.isfinite(v) else None for v in found.tolist()]


def input_axis(name: str, values: ArrayLike, label: str | None = None) -> dict[str, Any]:
    """An axis of an input, or of compute ``"C"``; logarithmic where that suits the values."""
    title = input_label(name) if label is None else label
    values = np.asarray(values, dtype=float)
    if name not in (*COUNTS, "C") and not is_log(values):
        return axis(title)
    powers = {"exponentformat": "B" if name in COUNTS else "power"}
    return {**axis(title), "type": "log", **powers}


def flops_axis(title: str, most: float) -> dict[str, Any]:
    """An axis of FLOPs from zero, with ticks such as 2×10²²."""
    power = int(np.floor(np.log10(most)))
    steps = (own * 10.0**power for own in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0))
    step = next(own for own in steps if most <= _MOST_TICKS * own)
    at = step * np.arange(int(1.05 * most / step) + 1)
    texts = ["0", *(_power_text(value) for value in at[1:].tolist())]
    return axis(title, rangemode="tozero", tickvals=plain(at), ticktext=texts)


def _power_text(value: float) -> str:
    mantissa, _, power = f"{value:.1e}".partition("e")
    times = "" if float(mantissa) == 1.0 else f"{float(mantissa):g}×"
    return f"{times}10<sup>{int(power)}</sup>"


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with a title."""
    return {"title": {"text": title}, "automargin": True, "zeroline": False, **more}


def layout(x: Mapping[str, Any], y: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The layout of a figure with two axes."""
    return {
        "xaxis": dict(x),
        "yaxis": dict(y),
        "hovermode": "closest",
        "dragmode": "zoom",
        "legend": {
            "orientation": "h",
            "y": 0.0,
            "yref": "container",
            "yanchor": "bottom",
            "x": 0.0,
        },
        "margin": {"l": 64, "r": 16, "t": 16, "b": 92},
        **more,
    }


def dash_of(number: int) -> str:
    """A dash as plotly names it."""
    return _DASHES[number % len(_DASHES)]


def line(
    x: ArrayLike, y: ArrayLike, name: str, colour: str, *, dash: int = 0, **more: Any
) -> dict[str, Any]:
    """A curve."""
    look = {"color": colour, "width": 2, "dash": dash_of(dash)}
    return {
        "type": "scatter", "mode": "lines", "x": plain(x), "y": plain(y), "name": name,
        "line": look, "hovertemplate": "%{y:.5g}<extra>" + name + "</extra>", **more,
    }  # fmt: skip


def band(
    x: ArrayLike, low: ArrayLike, high: ArrayLike, name: str, colour: str, opacity: float = 0.22,
    **more: Any,
) -> dict[str, Any]:  # fmt: skip
    """The area between two curves."""
    both = np.concatenate([np.asarray(x), np.asarray(x)[::-1]])
    ends = np.concatenate([np.asarray(high), np.asarray(low)[::-1]])
    return {
        "type": "scatter", "mode": "lines", "x": plain(both), "y": plain(ends), "name": name,
        "fill": "toself", "fillcolor": translucent(colour, opacity), "line": {"width": 0},
        "hoverinfo": "skip", **more,
    }  # fmt: skip


def points(
    x: ArrayLike, y: ArrayLike, name: str, texts: Sequence[str], colour: Any = GREY, **more: Any
) -> dict[str, Any]:
    """Marks with a text that is shown on hover; ``marker`` adds to their look.

    Of very many, evenly chosen ones are drawn, and the name says so.
    """
    marker = {"color": colour, "size": 7, **more.pop("marker", {})}
    if (num := len(texts)) > _MOST_MARKS:
        rows = evenly(num, _MOST_MARKS)
        x, y, texts = np.asarray(x)[rows], np.asarray(y)[rows], [texts[row] for row in rows]
        if isinstance(marker["color"], list):
            marker["color"] = [marker["color"][row] for row in rows]
        name = f"{name} ({len(rows):,} of {num:,} drawn)"
    return {
        "type": "scatter", "mode": "markers", "x": plain(x), "y": plain(y), "name": name,
        "marker": marker, "text": list(texts),
        "hovertemplate": "%{text}<extra></extra>", **more,
    }  # fmt: skip


def coloured(values: ArrayLike, name: str) -> dict[str, Any]:
    """A marker's look by the values of an input, with a colour bar."""
    values = np.asarray(values, dtype=float)
    is_logarithmic = name in COUNTS or is_log(values)
    shown = np.log10(values) if is_logarithmic else values
    low, high = float(shown.min()), float(shown.max())
    at, texts = _bar_ticks(values, name, is_logarithmic=is_logarithmic)
    side = "top" if len(name) <= _SHORT_NAME else "right"
    scale = [[i / (len(SCALE) - 1), colour] for i, colour in enumerate(SCALE)]
    return {
        "color": plain(shown), "colorscale": scale, "cmin": low, "cmax": high,
        "colorbar": {
            "title": {"text": name, "side": side}, "thickness": 12, "outlinewidth": 0,
            "tickvals": plain(at), "ticktext": texts,
        },
    }  # fmt: skip


def _bar_ticks(
    values: np.ndarray, name: str, *, is_logarithmic: bool
) -> tuple[np.ndarray, list[str]]:
    """Places and texts of a colour bar's ticks: the values if there are few, else five."""
    distinct = np.unique(values)
    if len(distinct) <= _FEW_VALUES:
        at = np.log10(distinct) if is_logarithmic else distinct
        return at, [cell_text(name, value) for value in distinct.tolist()]
    low, high = (float(np.log10(x) if is_logarithmic else x) for x in distinct[[0, -1]])
    at = np.linspace(low, high, 5)
    shown = 10.0**at if is_logarithmic else at
    for digits in range(3, _DIGITS):
        rounded = [float(f"{value:.{digits}g}") for value in shown.tolist()]
        if len(set(rounded)) == len(rounded):
            break
    if name in COUNTS:
        return at, [cell_text(name, value) for value in rounded]
    return at, [f"{value:.{digits}g}" for value in rounded]


def translucent(colour: str, opacity: float) -> str:
    """A colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def hover(rows: Mapping[str, Iterable[str]]) -> list[str]:
    """Hover texts: a line per name, for each point."""
    names = list(rows)
    return [
        "<br>".join(f"{name} {value}" for name, value in zip(names, own, strict=True))
        for own in zip(*rows.values(), strict=True)
    ]
