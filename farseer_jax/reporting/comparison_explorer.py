"""The explorer of two recipes: which wins at any N and D."""

from collections.abc import Mapping

import numpy as np

from farseer_jax.decisions.compare_runs import RunComparison
from farseer_jax.reporting.content import Explorer
from farseer_jax.reporting.explorer import exact_content, grid_content, logarithmic_axis, note_of
from farseer_jax.reporting.grid import Grid
from farseer_jax.results.numbers import level_text

_MOST = 400  # nodes of an axis


def comparison_explorer(found: RunComparison) -> Explorer:
    """Controls of N and D, with the difference of two recipes and its interval."""
    runs = {
        name: np.concatenate([np.asarray(own.inputs[name]) for own in found.runs])
        for name in ("N", "D")
    }
    kinks = {"N": np.unique(runs["N"]), "D": np.zeros(0)}
    axes = [
        logarithmic_axis(name, np.concatenate([own, found.asked[name]]), kinks[name], _MOST)
        for name, own in runs.items()
    ]

    def answers(inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        own = found.at(inputs)
        return {
            "value": own.difference, "low": own.lower, "high": own.upper,
            "probability": own.probability,
        }  # fmt: skip

    grid = Grid.of(axes, answers)
    content = {
        **grid_content(grid, {name: float(found.asked[name][0]) for name in runs}),
        "kind": "comparison",
        "names": list(found.names),
        "level": level_text(found.level),
        "decimals": 2,
        "ranges": {name: [float(own.min()), float(own.max())] for name, own in runs.items()},
        "exact": exact_content(axes, found.asked, answers(found.asked)),
    }
    return Explorer(content, note_of(grid, answers))
