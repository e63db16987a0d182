"""All subsets that a budget pays for, where they are few."""

import numpy as np

from farseer_jax.planning._moves import Rows
from farseer_jax.runs.checks import Floats

MOST_SUBSETS = 4096


def affordable_subsets(
    costs: Floats, budget: float, max_runs: int, most: int = MOST_SUBSETS
) -> Rows | None:
    """Every affordable subset, ``(subset, candidate)``, the empty one first.

    Args:
        costs: of the candidates, ``(candidate,)``.
        budget: what a subset may cost.
        max_runs: how many runs it may have.
        most: None is returned where there would be more.
    """
    found: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for index, cost in enumerate(costs):
        found += [
            ((*members, index), spent + cost)
            for members, spent in found
            if len(members) < max_runs and spent + cost <= budget
        ]
        if len(found) > most:
            return None
    rows = np.zeros((len(found), len(costs)), dtype=bool)
    for row, (members, _) in zip(rows, found, strict=True):
        row[list(members)] = True
    return rows
