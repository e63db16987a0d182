"""Which points lie outside the range of the runs."""

from collections.abc import Mapping

import numpy as np

from farseer_jax.fitting.result import flat_inputs
from farseer_jax.runs.runs import Runs


def beyond_runs(runs: Runs, at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether points lie outside the range of the runs in any input, ``(point,)``.

    Args:
        runs: the fitted runs.
        at: points by the names of columns, ``(point,)``; what is no number, or no input of the
            runs, is left out.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import example_runs
        >>> beyond_runs(example_runs(), {"N": np.array([1e9, 25e9])})
        array([False,  True])
    """
    known = flat_inputs(runs, [name for name in runs.inputs if name not in runs.labels])
    num = len(next(iter(at.values()), ()))
    far = np.zeros(num, dtype=bool)
    for name in set(at) & set(known):
        values = np.asarray(at[name], dtype=float)
        far |= (values < known[name].min()) | (values > known[name].max())
    return far
