"""The points of a forecast: from pairs, a mapping of inputs, or runs."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.evaluate import flat_points
from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs

PointsLike: TypeAlias = Sequence[tuple[float, ...]] | np.ndarray | Mapping[str, ArrayLike] | Runs


def as_points(points: Any, law: type[Law]) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """Checked points, and their observed losses if they are runs.

    Args:
        points: pairs in the order of the law's inputs, a mapping of inputs, or runs.
        law: the law's class.

    Raises:
        ValueError: there are none, or an input is missing or not of its kind.
    """
    if isinstance(points, Runs):
        return law.columns(points), points.loss
    names = tuple(law.inputs())
    if hasattr(points, "columns"):  # a data frame
        points = {name: np.asarray(points[name]) for name in names if name in points.columns}
    if isinstance(points, Mapping):
        missing = [name for name in names if name not in points]
        if missing or len(points) > len(names):
            raise ValueError(
                f"points: expected the inputs {', '.join(names)}, got {', '.join(points) or 'none'}"
            )
        return flat_points(law, (), points)[0], None
    try:
        rows = np.atleast_2d(np.asarray(points, dtype=float))
    except (TypeError, ValueError):
        rows = np.zeros((0, 0))
    if rows.ndim != 2 or not len(rows) or rows.shape[1] != len(names):
        raise ValueError(
            f"points: expected rows of {', '.join(names)}, such as [(25.1e9, 5e11)], got {points!r}"
        )
    return flat_points(law, tuple(rows.T), {})[0], None
