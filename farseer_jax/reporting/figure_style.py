"""Axes, colours and hover texts of a report's figures, as plotly reads them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.plots.log_ticks import input_label, is_log
from farseer_jax.results.table import evenly
from farseer_jax.uncertainty.intervals import cell_text

# Okabe and Ito's hues, of a lightness that has contrast with white and with near-black.
COLOURS = ("#3b82c4", "#d9622b", "#1a9b74", "#b4699c", "#c48a12", "#6f7fd8", "#8a6d3b")
GREY = "#7d8590"
SCALE = ["#5a6fd8", "#3f9bc8", "#2fae8f", "#8fb23c", "#e0a526"]  # low to high, likewise
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
_MOST_MARKS = 800  # of one kind in a figure
_DIGITS = 7  # of numbers in the page
_BILLIONS = ("N", "D", "U")


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
    if name not in (*_BILLIONS, "C") and not is_log(values):
        return axis(title)
    powers = {"exponentformat": "B" if name in _BILLIONS else "power"}
    return {**axis(title), "type": "log", **powers}


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


def line(
    x: ArrayLike, y: ArrayLike, name: str, colour: str, *, dash: int = 0, **more: Any
) -> dict[str, Any]:
    """A curve."""
    look = {"color": colour, "width": 2, "dash": _DASHES[dash % len(_DASHES)]}
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
    is_logarithmic = name in _BILLIONS or is_log(values)
    shown = np.log10(values) if is_logarithmic else values
    low, high = float(shown.min()), float(shown.max())
    at = np.linspace(low, high, 5) if high > low else np.array([low])
    texts = [cell_text(name, float(f"{10.0**v if is_logarithmic else v:.2g}")) for v in at]
    scale = [[i / (len(SCALE) - 1), colour] for i, colour in enumerate(SCALE)]
    return {
        "color": plain(shown), "colorscale": scale, "cmin": low, "cmax": high,
        "colorbar": {
            "title": {"text": name, "side": "right"}, "thickness": 12, "outlinewidth": 0,
            "tickvals": plain(at), "ticktext": texts,
        },
    }  # fmt: skip


def translucent(colour: str, opacity: float) -> str:
    """A colour with an opacity."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity})"


def colour_at(share: float) -> str:
    """The colour at a share from 0 to 1 of the scale."""
    place = float(np.clip(share, 0.0, 1.0)) * (len(SCALE) - 1)
    low = min(int(place), len(SCALE) - 2)
    ends = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in SCALE[low : low + 2]])
    mixed = (ends[0] + (place - low) * (ends[1] - ends[0])).round().astype(int)
    return "#" + "".join(f"{part:02x}" for part in mixed)


def hover(rows: Mapping[str, Iterable[str]]) -> list[str]:
    """Hover texts: a line per name, for each point."""
    names = list(rows)
    return [
        "<br>".join(f"{name} {value}" for name, value in zip(names, own, strict=True))
        for own in zip(*rows.values(), strict=True)
    ]
