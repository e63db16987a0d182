"""Candidates that a search may choose from, and what is said of the others."""

from typing import NamedTuple

import numpy as np

from farseer_jax.planning._grid import continued_grid
from farseer_jax.planning._points import Cost, Points, as_points, costs_of
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.runs import Runs


class Offer(NamedTuple):
    """Candidates that can be paid, and how many there are that cannot, or would break a pair."""

    points: Points
    costs: Floats
    num_too_dear: int
    num_between: int


def offer_of(runs: Runs, targets: Points, candidates: object, budget: float, cost: Cost) -> Offer:
    """What can be paid of the candidates, or of the continued grid.

    Raises:
        ValueError: nothing is left, or points or costs are none.
    """
    is_grid = candidates is None
    if is_grid:
        points = continued_grid(runs, targets, np.inf if cost is not None else budget)
        if not len(points.N):
            raise ValueError(
                f"budget: {budget:.3g} pays for no run that would continue the grid of the runs; "
                "give candidates of your own"
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
    between = payable & _between(runs, points)
    keep = payable & ~between
    if not keep.any():
        raise ValueError(
            "candidates: all that the budget pays for lie between neighbouring D of runs of their "
            "size, and would part their pair; give D beyond them, or D of runs, which are repeats"
        )
    too_dear = int((~payable).sum())
    return Offer(points.take(keep), costs[keep], too_dear, int(between.sum()))


def _between(runs: Runs, points: Points) -> np.ndarray:
    """Which points lie between two neighbouring runs of one size less than two steps apart."""
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


def notes_of(offer: Offer, order: list[int]) -> tuple[str, ...]:
    """Sentences on what was left out, and on a choice of nothing."""
    notes = []
    if offer.num_too_dear:
        many = offer.num_too_dear
        notes.append(
            f"{many} candidate{' costs' if many == 1 else 's cost'} more than the budget and "
            f"{'was' if many == 1 else 'were'} left out"
        )
    if offer.num_between:
        notes.append(
            f"{offer.num_between} of the candidates lie between neighbouring D of runs of their "
            "size, would part their pair, and were left out"
        )
    if not order:
        notes.append("no affordable set of candidates lowers the standard error")
    return tuple(notes)
