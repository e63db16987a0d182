"""Where the batch elements of a solver ended."""

from typing import NamedTuple

import numpy as np

# How an element ended, in the codes of the report of the starts; and that it still runs.
CONVERGED, OUT_OF_STEPS, STALLED, NOT_FINITE = range(4)
RUNNING = 4


class Optima(NamedTuple):
    """Where every element ended, in NumPy.

    Attributes:
        free: the best point found, ``(…, free)``.
        value: the objective there, ``(…,)``.
        status: CONVERGED, OUT_OF_STEPS, STALLED or NOT_FINITE.
        steps: evaluations.
    """

    free: np.ndarray
    value: np.ndarray
    status: np.ndarray
    steps: np.ndarray
