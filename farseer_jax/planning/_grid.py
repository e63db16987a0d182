"""Candidates where none are given: the grid of the runs, continued upwards."""

import numpy as np

from farseer_jax.planning._points import Points
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.runs import Runs

_MOST_SIZES = 32
_LEAST_STEP = 1.4  # of new sizes: closer ones are as good as each other
_LARGEST_STEP = 4.0  # where the runs' own sizes or D lie further apart, or there is one only
_USUAL_STEP = 2.0


def continued_grid(runs: Runs, targets: Points, budget: float) -> Points:
    """Runs that would continue a grid, each within a budget of FLOPs.

    The sizes of the runs with more D, by the typical ratio of neighbouring D; and sizes beyond the
    largest, by the typical ratio of sizes (several of them, where they are close), with the D of
    the largest from its smallest on. Nothing lies beyond the larger of the targets and the runs by
    more than a step.

    Args:
        runs: of the fit.
        targets: where the loss is wanted.
        budget: FLOPs that a single run may take.

    Returns:
        The points, by size; there may be none.
    """
    sizes = np.unique(runs.N)
    step_N = _typical([sizes])
    step_N **= np.ceil(np.log(_LEAST_STEP) / np.log(step_N)) if step_N < _LEAST_STEP else 1
    step_D = _typical([np.unique(runs.D[runs.N == N]) for N in sizes])
    most_N = max(targets.N.max(), sizes[-1]) * step_N
    most_D = max(targets.D.max(), runs.D.max()) * step_D
    new = sizes[-1] * step_N ** np.arange(1, _MOST_SIZES + 1)
    first = runs.D[runs.N == sizes[-1]].min()
    starts = [(N, runs.D[runs.N == N].max() * step_D) for N in sizes]
    starts += [(N, first) for N in new[new < most_N]]
    points = [
        (N, D)
        for N, start in starts
        for D in _ladder(float(start), step_D, min(most_D, budget / (6.0 * N) * (1 + 1e-12)))
    ]
    N, D = np.array(points, dtype=float).reshape(-1, 2).T
    return Points(N, D)


def _typical(ladders: list[Floats]) -> float:
    """The median ratio of neighbours."""
    ratios = np.concatenate([values[1:] / values[:-1] for values in ladders])
    return min(float(np.median(ratios)), _LARGEST_STEP) if len(ratios) else _USUAL_STEP


def _ladder(start: float, step: float, most: float) -> list[float]:
    if start > most:
        return []
    return [start * step**k for k in range(int(np.log(most / start) / np.log(step)) + 1)]
