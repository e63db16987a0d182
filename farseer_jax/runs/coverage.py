"""The range that runs cover, and how far points lie outside it."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.table import split_shares

_HEAVY, _ROUNDING = 1e3, 1e-4  # of the sum of weights, beside coordinates; of a distance


def flat_inputs(runs: Runs, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Inputs of runs by column, ``(run,)``: a mixture as its shares."""
    return split_shares({name: runs.inputs[name] for name in names}, runs.shares)


def beyond_runs(runs: Runs, at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether points lie outside the range of the runs in any input, ``(point,)``.

    Args:
        runs: the fitted runs.
        at: points by column, ``(point,)``; columns that are not numeric inputs of the runs are
            ignored.

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


def extrapolation_length(runs: Runs, N: ArrayLike, D: ArrayLike) -> Floats:
    """How far outside the runs a point lies: e-folds of N plus e-folds of D, 0 within the range.

    Args:
        runs: the fitted runs.
        N: parameters.
        D: tokens, broadcastable with N.

    Example:
        >>> from farseer_jax import example_runs
        >>> extrapolation_length(example_runs(), [1e9, 25e9], 5e11).round(2)
        array([0.  , 1.37])
    """
    return _outside(N, runs.N) + _outside(D, runs.D)


def _outside(values: ArrayLike, inside: Floats) -> Floats:
    log_value = np.log(np.asarray(values, dtype=float))
    low, high = np.log(inside.min()), np.log(inside.max())
    return np.maximum(log_value - high, 0.0) + np.maximum(low - log_value, 0.0)


def distance_to_hull(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Distance of points from the convex hull of others; 0 inside, ``(at,)``.

    Args:
        points: coordinates such as ln N and ln D, ``(point, coordinate)``.
        at: ``(at, coordinate)``.

    Example:
        >>> import numpy as np
        >>> triangle = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
        >>> distance_to_hull(triangle, np.array([[0.2, 0.2], [1.0, 1.0], [-2.0, 0.0]])).round(3)
        array([0.   , 0.707, 2.   ])
    """
    from scipy.optimize import nnls

    corners = np.unique(points, axis=0)
    scale = max(float(np.abs(at).max(initial=0.0)), float(np.abs(corners).max()), 1.0)
    rows = np.vstack([corners.T, np.full(len(corners), _HEAVY * scale)])  # weights that sum to 1
    found = []
    for point in at:
        weights, _ = nnls(rows, np.append(point, _HEAVY * scale))
        nearest = corners.T @ (weights / weights.sum())
        distance = float(np.linalg.norm(point - nearest))
        found.append(distance if distance > _ROUNDING else 0.0)
    return np.array(found)
