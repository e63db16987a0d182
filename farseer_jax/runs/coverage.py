"""The runs' convex hull, and how far points lie beyond it: one rule for all results."""

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.runs.checks import Floats
from farseer_jax.runs.inputs import LOGARITHMIC
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.table import split_shares

_HEAVY, _ROUNDING = 1e3, 1e-4  # of the sum of weights, beside coordinates; of a distance
_MANY_COORDINATES = 4  # from which the faces of a hull are too many to list


def flat_inputs(runs: Runs, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Inputs of runs by column, ``(run,)``: a mixture as its shares."""
    return split_shares({name: runs.inputs[name] for name in names}, runs.shares)


def beyond_runs(runs: Runs, at: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether points lie outside the convex hull of the runs, ``(point,)``.

    Arguments as for :func:`distance_beyond`.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import example_runs
        >>> beyond_runs(example_runs(), {"N": np.array([1e9, 25e9])})
        array([False,  True])
    """
    return distance_beyond(runs, at) > 0.0


def distance_beyond(runs: Runs, at: Mapping[str, np.ndarray]) -> Floats:
    """Distance of points from the convex hull of the runs, ``(point,)``; 0 inside.

    In e-folds of positive inputs; NaN for points that are not finite.

    Args:
        runs: the fitted runs.
        at: points by column, ``(point,)``; the hull is that of these inputs, in logarithms if they
            are positive. Columns that are not numeric inputs of the runs are ignored.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import example_runs
        >>> distance_beyond(example_runs(), {"N": np.array([1e9, 25e9])}).round(2)
        array([0.  , 1.37])
    """
    known = flat_inputs(runs, [name for name in runs.inputs if name not in runs.labels])
    names = [name for name in known if name in at]
    if not names:
        return np.zeros(len(next(iter(at.values()), ())))
    inside, points = (
        np.stack([_coordinate(runs, name, source[name]) for name in names], axis=1)
        for source in (known, at)
    )
    return distance_to_hull(inside, points)


def extrapolation_length(runs: Runs, N: ArrayLike, D: ArrayLike) -> Floats:
    """How far beyond the runs a point lies: e-folds from their convex hull in (ln N, ln D).

    0 inside the hull. A size whose runs end at 90 B tokens does not cover 500 B because another
    size does. NaN for points that are not finite.

    Args:
        runs: the fitted runs.
        N: parameters.
        D: tokens, broadcastable with N.

    Example:
        >>> from farseer_jax import example_runs
        >>> extrapolation_length(example_runs(), [1e9, 25e9], [1e11, 5e11]).round(2)
        array([0.  , 2.17])
    """
    sizes, tokens = np.broadcast_arrays(np.asarray(N, float), np.asarray(D, float))
    found = distance_beyond(runs, {"N": sizes.ravel(), "D": tokens.ravel()})
    return found.reshape(sizes.shape)


def _coordinate(runs: Runs, name: str, values: ArrayLike) -> Floats:
    """Values of an input on the scale on which the hull is convex."""
    numbers = np.asarray(values, dtype=float)
    return np.log(numbers) if runs.kinds.get(name) in LOGARITHMIC else numbers


def distance_to_hull(points: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Distance of points from the convex hull of others; 0 inside, ``(at,)``; NaN if not finite.

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

    center = points.mean(axis=0)
    corners, faces = _hull(points - center)
    at = at - center
    found = np.where(np.isfinite(at).all(axis=1), 0.0, np.nan)
    outside = np.flatnonzero(np.isfinite(found))
    if faces is not None:
        over = at[outside] @ faces[:, :-1].T + faces[:, -1]
        outside = outside[(over > _ROUNDING).any(axis=1)]
    scale = max(float(np.abs(at[outside]).max(initial=0.0)), float(np.abs(corners).max()), 1.0)
    rows = np.vstack([corners.T, np.full(len(corners), _HEAVY * scale)])  # weights that sum to 1
    for i in outside:
        weights, _ = nnls(rows, np.append(at[i], _HEAVY * scale))
        nearest = corners.T @ (weights / weights.sum())
        distance = float(np.linalg.norm(at[i] - nearest))
        found[i] = distance if distance > _ROUNDING else 0.0
    return found


def _hull(points: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Corners of a hull, and its faces as ``normal · x + offset ≤ 0``; None if it has none."""
    from scipy.spatial import ConvexHull, QhullError

    distinct = np.unique(points, axis=0)
    if distinct.shape[1] == 1:
        low, high = distinct[[0, -1]]
        return distinct[[0, -1]], np.array([[-1.0, low[0]], [1.0, -high[0]]])
    if distinct.shape[1] > _MANY_COORDINATES:
        return distinct, None
    try:
        hull = ConvexHull(distinct)
    except QhullError:  # all on one line or plane
        return distinct, None
    return distinct[hull.vertices], hull.equations
