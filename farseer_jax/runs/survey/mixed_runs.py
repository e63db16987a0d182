"""Whether the runs of one fit belong together, by their further columns."""

from typing import Any

import numpy as np

from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey import mixed_rows


def mixed_runs(runs: Runs) -> tuple[str, ...]:
    """Sentences on checkpoints of one run, targets, or several arms among runs.

    Args:
        runs: the runs of one fit.

    Example:
        >>> N, arm = np.tile(np.geomspace(1e8, 1e9, 8), 2), ["a"] * 8 + ["b"] * 8
        >>> loss = (1e13 / N) ** 0.1 * np.where(np.array(arm) == "a", 1.0, 0.97)
        >>> [sentence[:47] for sentence in mixed_runs(Runs(N, 20 * N, loss, {"arm": arm}))]
        ['8 points have several rows whose losses differ ']
    """
    columns = {name: np.asarray(values) for name, values in runs.extra.items()}
    numbers: dict[str, Any] = {
        name: values for name, values in runs.inputs.items() if runs.kinds[name] in NUMBERS
    }
    training = mixed_rows.Training(numbers, None)
    found = mixed_rows.mixed(columns, training, [*runs.inputs.values()], runs.loss)
    return tuple(problem.what for problem in found)
