"""Axes of a law's inputs: what they are called, and which are logarithmic."""

from typing import TYPE_CHECKING, Literal

import numpy as np

from farseer_jax.plots._style import count_ticks, plain_ticks
from farseer_jax.runs.usual_names import MEANINGS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

_SHORT = {"N": "parameters N", "D": "tokens D"}
_COUNTS = ("N", "D", "U")  # told in millions and billions


def is_number(values: np.ndarray) -> bool:
    """Whether a column holds numbers, not labels."""
    return np.asarray(values).dtype.kind in "biuf"


def is_log(values: np.ndarray) -> bool:
    """Whether a logarithmic axis suits: positive numbers that are more than a factor 3 apart."""
    values = np.asarray(values)
    return is_number(values) and bool(values.min() > 0 and values.max() > 3 * values.min())


def input_label(name: str) -> str:
    """The label of an axis: ``parameters N``, ``unique tokens U``, or the name alone."""
    if name in _SHORT:
        return _SHORT[name]
    return f"{MEANINGS[name]} {name}" if name in MEANINGS else name


def scale_axis(axes: "Axes", which: Literal["x", "y"], name: str, values: np.ndarray) -> None:
    """A logarithmic axis with its ticks, where it suits; N and D are always so."""
    if not (is_log(values) or name in _SHORT):
        return
    axes.set(**{f"{which}scale": "log"})
    scale_ticks(axes.xaxis if which == "x" else axes.yaxis, name)


def scale_ticks(axis: "Axis", name: str) -> None:
    """Ticks of a logarithmic axis of an input."""
    (count_ticks if name in _COUNTS else plain_ticks)(axis)
