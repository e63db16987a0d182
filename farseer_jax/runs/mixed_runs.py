"""Whether runs that are fitted together belong together, by their further columns."""

from typing import Any

import numpy as np

from farseer_jax.runs import mixed_rows
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.runs import Runs


def mixed_runs(runs: Runs) -> tuple[str, ...]:
    """Sentences on checkpoints of one run, targets, or several arms among runs.

    Args:
        runs: the runs of one fit.

    Example:
        >>> extra = {"arm": ["a", "b"] * 3}
        >>> N, D = [1e8, 1e8, 2e8, 2e8, 4e8, 4e8], [1e9] * 6
        >>> runs = Runs(N, D, [3.6, 3.5, 3.3, 3.2, 3.1, 3.0], extra)
        >>> [sentence[:47] for sentence in mixed_runs(runs)]
        ['3 points have several rows whose losses differ ']
    """
    columns = {name: np.asarray(values) for name, values in runs.extra.items()}
    numbers: dict[str, Any] = {
        name: values for name, values in runs.inputs.items() if runs.kinds[name] in NUMBERS
    }
    training = mixed_rows.Training(numbers, None)
    found = mixed_rows.mixed(columns, training, [*runs.inputs.values()], runs.loss)
    return tuple(problem.what for problem in found)
