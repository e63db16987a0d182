"""What a table of runs says of itself."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.runs.checks import Floats, short
from farseer_jax.runs.inputs import labels_of
from farseer_jax.runs.table import Table

_MAX_NAMES_SHOWN: Final = 6


def summary(table: Table, num_copies: int) -> str:
    """How many runs there are, what they cover, and what else is known of them."""
    lines = [("runs", f"{len(table.loss)}")]
    lines += [(name, _input(name, table)) for name in table.inputs]
    lines += [("loss", range_text(table.loss))]
    if table.link.name != "log":
        ends = f", {table.link.requirement}" if table.link.name == "logit" else ""
        lines += [("link", f"{table.link.name}{ends}")]
    if table.weights is not None:
        lines += [("weights", range_text(table.weights))]
    if num_copies:
        *first, last = [*table.inputs, "loss"]
        lines += [("copies", f"{num_copies} ({', '.join(first)} and {last} as in an earlier run)")]
    if table.extra:
        lines += [("extra", some(list(table.extra)))]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)


def range_text(values: Floats) -> str:
    """The smallest and the largest value."""
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def some(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    left = len(names) - _MAX_NAMES_SHOWN
    shown = ", ".join(names[:_MAX_NAMES_SHOWN])
    return f"{shown} and {left} more" if left > 0 else shown


def _input(name: str, table: Table) -> str:
    """What one input covers."""
    column: NDArray[Any] = table.inputs[name]
    if name in table.shares:
        return f"{len(table.shares[name])} shares: {some(table.shares[name])}"
    if table.kinds[name] == "category":
        labels = [str(label) for label in labels_of(column)]
        return f"{len(labels)} value{'s'[: len(labels) != 1]}: {some(labels)}"
    if name != "N":
        return range_text(column)
    num_sizes = len(np.unique(column))
    return f"{num_sizes} size{'s'[: num_sizes != 1]}, {range_text(column)}"
