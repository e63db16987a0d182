"""Points (N, D) in the forms that users have them, and what runs there cost."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax._numbers import quantity_text
from farseer_jax.runs.checks import Floats, positive_floats, shown_rows
from farseer_jax.runs.columns import find_columns, table_columns
from farseer_jax.runs.runs import Runs

Cost = Callable[[Floats, Floats], ArrayLike] | ArrayLike | None


class Points(NamedTuple):
    """Checked N and D, ``(point,)`` each."""

    N: Floats
    D: Floats

    def __str__(self) -> str:
        N, D = (quantity_text(float(values[0])) for values in self)
        return f"{N}, {D}"

    def take(self, rows: NDArray[Any]) -> "Points":
        """Some of the points."""
        return Points(self.N[rows], self.D[rows])


NONE = Points(np.zeros(0), np.zeros(0))


def as_points(values: object, name: str) -> Points:
    """Points from runs, a table with columns for N and D, two arrays or rows of two numbers.

    Args:
        values: :class:`Runs`; a table or a mapping; a tuple of two NumPy arrays ``(N, D)``; one
            point ``(N, D)``, or a sequence of points.
        name: how messages call them.

    Raises:
        ValueError: these are no points, or none; or numbers are not positive.
    """
    if isinstance(values, Runs):
        return Points(values.N, values.D)
    columns: Any = values if isinstance(values, Mapping) else None
    if hasattr(values, "columns") or hasattr(values, "column_names"):
        columns = table_columns(values)
    if columns is not None:
        # no loss is needed: any column not otherwise in use stands in for it
        found = find_columns([*columns, ""], loss="")
        N, D = columns[found["N"]], columns[found["D"]]
    else:
        N, D = _two_columns(values, name)
    checked = [positive_floats(v, f"{name}: column {r!r}") for r, v in (("N", N), ("D", D))]
    if len(checked[0]) != len(checked[1]):
        raise ValueError(f"{name}: {len(checked[0])} N and {len(checked[1])} D; give as many")
    if not len(checked[0]):
        raise ValueError(f"{name}: there is none; give at least one point (N, D)")
    return Points(*checked)


def _two_columns(values: Any, name: str) -> tuple[Any, Any]:
    if isinstance(values, tuple) and len(values) == 2 and isinstance(values[0], np.ndarray):
        return np.atleast_1d(values[0]), np.atleast_1d(values[1])
    try:
        rows = np.asarray(values, dtype=float)
    except (TypeError, ValueError):
        rows = np.zeros((0, 0, 0))
    if rows.size == 0 and rows.ndim < 3:
        return (), ()
    if rows.ndim not in (1, 2) or rows.shape[-1] != 2:
        raise ValueError(
            f"{name}: give points as rows (N, D), such as [(7e9, 1e12)], as a table with columns "
            f"N and D, or as a tuple of two arrays; got {type(values).__name__}"
        )
    N, D = np.atleast_2d(rows).T
    return N, D


def costs_of(cost: Cost, points: Points, *, is_grid: bool) -> Floats:
    """What each run costs, ``(point,)``.

    Args:
        cost: a function of N and D, an array, or None for 6·N·D FLOPs.
        points: the candidates.
        is_grid: whether they are the default grid, which an array cannot be about.

    Raises:
        ValueError: the costs are not positive and finite, or not one for each candidate.
    """
    if cost is None:
        return 6.0 * points.N * points.D
    if not callable(cost) and is_grid:
        raise ValueError("cost: an array needs candidates of your own; give a function of N and D")
    values = np.asarray(cost(points.N, points.D) if callable(cost) else cost, dtype=float)
    if values.shape not in ((), points.N.shape):
        raise ValueError(
            f"cost: expected one for each of the {len(points.N)} candidates, got shape "
            f"{values.shape}"
        )
    values = np.broadcast_to(values, points.N.shape)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise ValueError(
            f"cost: {shown_rows(bad)} {'is' if len(bad) == 1 else 'are'} not positive and finite; "
            "a run that costs nothing more is one in progress: give it as in_progress"
        )
    return values
