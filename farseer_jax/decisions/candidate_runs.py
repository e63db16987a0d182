"""Candidate runs: points (N, D), what they cost, and which of them a search may choose."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import POSITIVE, Floats, checked_floats, shown_rows
from farseer_jax.runs.columns import table_columns
from farseer_jax.runs.find_columns import find_inputs
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
        """The points of these rows."""
        return Points(self.N[rows], self.D[rows])


NONE = Points(np.zeros(0), np.zeros(0))


def as_points(values: object, name: str) -> Points:
    """Points from runs, a table with columns for N and D, two arrays or rows of two numbers.

    Args:
        values: :class:`Runs`; a table or a mapping; a tuple of two NumPy arrays ``(N, D)``; one
            point ``(N, D)``, or a sequence of points.
        name: name of the caller's argument, for messages.

    Raises:
        ValueError: the values are not points, there are none, or a number is not positive.
    """
    if isinstance(values, Runs):
        return Points(values.N, values.D)
    columns: Any = values if isinstance(values, Mapping) else None
    if hasattr(values, "columns") or hasattr(values, "column_names"):
        columns = table_columns(values)
    if columns is not None:
        found = find_inputs(list(columns), {"N": "positive", "D": "positive"})
        N, D = (columns[str(found[name])] for name in ("N", "D"))
    else:
        N, D = _two_columns(values, name)
    checked = [
        checked_floats(v, f"{name}: column {r!r}", POSITIVE) for r, v in (("N", N), ("D", D))
    ]
    if len(checked[0]) != len(checked[1]):
        raise ValueError(
            f"{name}: expected as many N as D, got {len(checked[0])} N and {len(checked[1])} D"
        )
    if not len(checked[0]):
        raise ValueError(f"{name}: expected at least one point (N, D), got none")
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
            f"{name}: expected points as rows (N, D), such as [(7e9, 1e12)], as a table with "
            f"columns N and D, or as a tuple of two arrays, got {type(values).__name__}"
        )
    N, D = np.atleast_2d(rows).T
    return N, D


def costs_of(cost: Cost, points: Points, *, is_grid: bool) -> Floats:
    """Cost of each run, ``(point,)``.

    Args:
        cost: a function of N and D, an array, or None for 6·N·D FLOPs.
        points: the candidates.
        is_grid: whether they are the default grid, whose length the caller cannot know.

    Raises:
        ValueError: the costs are not positive and finite, or not one for each candidate.
    """
    if cost is None:
        return 6.0 * points.N * points.D
    if not callable(cost) and is_grid:
        raise ValueError("cost: an array needs candidates=; give them, or a function of N and D")
    values = np.asarray(cost(points.N, points.D) if callable(cost) else cost, dtype=float)
    if values.shape not in ((), points.N.shape):
        raise ValueError(
            f"cost: expected one number for each of the {len(points.N)} candidates, got an array "
            f"of shape {values.shape}"
        )
    values = np.broadcast_to(values, points.N.shape)
    bad = np.flatnonzero(~(np.isfinite(values) & (values > 0)))
    if len(bad):
        raise ValueError(
            f"cost: {shown_rows(bad)} {'is' if len(bad) == 1 else 'are'} not positive and finite; "
            "a run that is already paid for belongs to in_progress="
        )
    return values


_MOST_SIZES = 32
_LEAST_STEP = 1.4  # ratio of new sizes: closer ones tell the same
_LARGEST_STEP = 4.0  # ratio where the sizes or D of the runs lie further apart
_USUAL_STEP = 2.0  # ratio where there is only one size or D


def continued_grid(runs: Runs, targets: Points, budget: float) -> Points:
    """Runs that would continue a grid, each within a budget of FLOPs.

    First, larger D at the sizes of the runs, in steps of the typical ratio of neighbouring D.
    Second, sizes beyond the largest, in steps of the typical ratio of sizes (or a power of it,
    where sizes are close), with D from the smallest D of the largest size on. All stay within one
    step of the larger of the targets and the runs.

    Args:
        runs: runs that exist.
        targets: points at which the loss is predicted.
        budget: largest FLOPs of a single run.

    Returns:
        The points, by size; possibly none.
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


class Candidates(NamedTuple):
    """Affordable candidates, and how many were left out.

    Attributes:
        points: N and D of each.
        costs: cost of each, ``(candidate,)``.
        num_too_dear: candidates that cost more than the budget.
        num_between: candidates that would split a pair of neighbouring D.
    """

    points: Points
    costs: Floats
    num_too_dear: int
    num_between: int


def payable_candidates(
    runs: Runs, targets: Points, candidates: object, budget: float, cost: Cost, *, in_pairs: bool
) -> Candidates:
    """The affordable ones of the candidates, or of the continued grid.

    Args:
        runs: runs that exist.
        targets: points at which the loss is predicted.
        candidates: the candidates; None for the continued grid.
        budget: the most that one may cost.
        cost: cost of a run.
        in_pairs: whether candidates that would split a pair of neighbouring D are left out.

    Raises:
        ValueError: no candidate is left, or candidates or costs are invalid.
    """
    is_grid = candidates is None
    if is_grid:
        points = continued_grid(runs, targets, np.inf if cost is not None else budget)
        if not len(points.N):
            raise ValueError(
                f"budget: {budget:.3g} pays for no run that would continue the grid of the runs; "
                "raise it, or give candidates="
            )
    else:
        points = as_points(candidates, "candidates")
    costs = costs_of(cost, points, is_grid=is_grid)
    payable = costs <= budget
    if not payable.any():
        raise ValueError(
            f"candidates: all {len(costs)} cost more than the budget of {budget:.3g}; the cheapest "
            f"costs {costs.min():.3g}"
        )
    between = payable & _between(runs, points) & in_pairs
    keep = payable & ~between
    if not keep.any():
        raise ValueError(
            "candidates: all that the budget pays for lie between two neighbouring D of runs of "
            "their size, and would split that pair; give D beyond them, or repeat D of the runs"
        )
    too_dear = int((~payable).sum())
    return Candidates(points.take(keep), costs[keep], too_dear, int(between.sum()))


def _between(runs: Runs, points: Points) -> np.ndarray:
    """Which points lie between neighbouring runs of their size, less than two steps apart."""
    found = np.zeros(len(points.N), dtype=bool)
    sizes = [np.unique(runs.D[runs.N == N]) for N in np.unique(runs.N)]
    steps = np.concatenate([np.diff(np.log(D)) for D in sizes])
    widest = 1.5 * float(np.median(steps)) if len(steps) else 0.0
    for N, D in zip(np.unique(runs.N), sizes, strict=True):
        mine = points.N == N
        place = np.searchsorted(D, points.D)
        inside = mine & (place > 0) & (place < len(D)) & ~np.isin(points.D, D)
        at = np.clip(place, 1, len(D) - 1) if len(D) > 1 else np.ones_like(place)
        if len(D) > 1:
            found |= inside & (np.log(D[at] / D[at - 1]) <= widest)
    return found


def notes_of(candidates: Candidates, order: list[int]) -> tuple[str, ...]:
    """Sentences on candidates that were left out, and on an empty choice."""
    notes = []
    if candidates.num_too_dear:
        many = candidates.num_too_dear
        notes.append(
            f"{many} candidate{' costs' if many == 1 else 's cost'} more than the budget and "
            f"{'was' if many == 1 else 'were'} left out"
        )
    if candidates.num_between:
        notes.append(
            f"{candidates.num_between} of the candidates lie between two neighbouring D of runs of "
            "their size, would split that pair, and were left out"
        )
    if not order:
        notes.append("no affordable set of candidates lowers the standard error")
    return tuple(notes)
