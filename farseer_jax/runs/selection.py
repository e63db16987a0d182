"""Which runs of a table are meant."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.text import range_text


def selected(
    N: Floats, D: Floats, bounds: Mapping[str, float | None], mask: ArrayLike | None
) -> NDArray[np.bool_]:
    """True for each run within bounds that a mask has too, ``(run,)``.

    Args:
        N: of the runs, ``(run,)``.
        D: likewise.
        bounds: ``min_N``, ``max_N``, ``min_D`` and ``max_D``, each included, or None.
        mask: True for each run that may stay, ``(run,)``.

    Raises:
        ValueError: no run is left, or the mask does not fit.
    """
    keep = np.ones(len(N), dtype=bool) if mask is None else _checked(mask, len(N))
    asked = {name: bound for name, bound in bounds.items() if bound is not None}
    for name, bound in asked.items():
        values = N if name.endswith("N") else D
        keep &= values >= bound if name.startswith("min") else values <= bound
    if not keep.any():
        conditions = [f"{name}={bound:g}" for name, bound in asked.items()]
        conditions += [] if mask is None else ["this mask"]
        raise ValueError(
            f"no run is left with {', '.join(conditions)}: these {len(N)} runs have "
            f"N from {range_text(N)} and D from {range_text(D)}; widen the selection"
        )
    return keep


def without_copies(N: Floats, D: Floats, loss: Floats) -> NDArray[np.bool_]:
    """True for each run that is no exact copy of an earlier one, ``(run,)``."""
    _, first = np.unique(np.stack([N, D, loss], axis=1), axis=0, return_index=True)
    keep = np.zeros(len(N), dtype=bool)
    keep[first] = True
    return keep


def _checked(mask: ArrayLike, num_runs: int) -> NDArray[np.bool_]:
    """A copy of a selection mask."""
    array = np.array(mask)
    if array.dtype != np.bool_ or array.shape != (num_runs,):
        raise ValueError(
            f"mask: has type {array.dtype} and shape {array.shape}; "
            f"give True or False for each of the {num_runs} runs"
        )
    return array
