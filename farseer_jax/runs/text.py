"""What a table of runs says of itself."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from farseer_jax.runs.checks import Floats, short

_MAX_NAMES_SHOWN: Final = 6


def summary(N: Floats, D: Floats, loss: Floats, num_copies: int, extra: Sequence[str]) -> str:
    """How many runs there are, what they cover, and what else is known of them."""
    num_sizes = len(np.unique(N))
    sizes = "1 size" if num_sizes == 1 else f"{num_sizes} sizes"
    lines = [("runs", f"{len(N)}"), ("N", f"{sizes}, {range_text(N)}")]
    lines += [("D", range_text(D)), ("loss", range_text(loss))]
    if num_copies:
        lines += [("copies", f"{num_copies} (N, D and loss as in an earlier run)")]
    if extra:
        lines += [("extra", _some(extra))]
    width = max(len(label) for label, _ in lines)
    return "\n".join(f"{label:<{width}}  {text}" for label, text in lines)


def range_text(values: Floats) -> str:
    """The smallest and the largest value."""
    return f"{short(float(values.min()))} to {short(float(values.max()))}"


def _some(names: Sequence[str]) -> str:
    """The first names, and how many more."""
    left = len(names) - _MAX_NAMES_SHOWN
    shown = ", ".join(names[:_MAX_NAMES_SHOWN])
    return f"{shown} and {left} more" if left > 0 else shown
