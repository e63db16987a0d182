"""The affordable subset of candidates that minimises a variance.

Where few subsets are affordable, all are compared. Otherwise steps are added greedily, twice: by
the decrease of the variance per cost, and by the decrease alone (each may be far from the best: the
first spends on many small runs, the second on one large one). The better subset is improved by
exchanges, in which a part is dropped for a step, until none gains, and runs that the others make
superfluous are left out. Steps are ordered by their last
known decrease, so that each pass evaluates only one block of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.decisions.candidate_runs import Points
from farseer_jax.runs.checks import Floats

_GAIN = 1e-2  # least relative decrease of the variance that is worth a run
_MOST_PASSES = 3
_NEVER = 1e300  # in place of an infinite variance, whose differences would be NaN


Rows = NDArray[np.bool_]


@dataclass(frozen=True)
class Choice:
    """The problem of a search.

    Attributes:
        costs: cost of each candidate, ``(candidate,)``.
        budget: largest cost of a subset.
        max_runs: largest number of runs of a subset.
        steps: sets of candidates that may be added together, ``(step, candidate)``.
        groups: candidates of each size, ``(size, candidate)``.
        variance: the objective, from subsets ``(subset, candidate)`` to ``(subset,)``.
        block: number of subsets that cost no more than one.
    """

    costs: Floats
    budget: float
    max_runs: int
    steps: Rows
    groups: Rows
    variance: Callable[[Rows], Floats]
    block: int

    def fits(self, subsets: Rows) -> Rows:
        """Which subsets are affordable, ``(subset,)``."""
        return (subsets @ self.costs <= self.budget) & (subsets.sum(axis=1) <= self.max_runs)


class Found(NamedTuple):
    """A subset and its variance."""

    chosen: Rows
    variance: float


def best_subset(choice: Choice) -> tuple[Found, bool]:
    """The subset of least variance, and whether all affordable subsets were compared."""
    every = affordable_subsets(choice.costs, choice.budget, choice.max_runs)
    if every is not None:
        variance = choice.variance(every)
        # the cheapest among equals
        order = np.lexsort((every @ choice.costs, np.round(variance / variance.min(), 9)))
        return Found(every[order[0]], float(variance[order[0]])), True
    nothing = np.zeros(len(choice.costs), dtype=bool)
    start = Found(nothing, float(choice.variance(nothing[None])[0]))
    found = [_greedy(choice, start, power) for power in (1.0, 0.0)]
    return _pruned(choice, _exchanged(choice, min(found, key=lambda one: one.variance))), False


def _greedy(choice: Choice, at: Found, power: float) -> Found:
    """Add the step of the largest decrease / cost**power, while one gains."""
    score = np.full(len(choice.steps), np.inf)
    while True:
        new = choice.steps & ~at.chosen
        possible = new.any(axis=1) & choice.fits(new | at.chosen)
        order = np.argsort(-score, kind="stable")
        order = order[possible[order]]
        known = not np.isinf(score[order]).any()
        better = None
        # by their last score, a block at a time; all of them before giving up
        for first in range(0, len(order), choice.block):
            some = order[first : first + choice.block]
            variance = choice.variance(new[some] | at.chosen)
            decrease = at.variance - np.minimum(variance, _NEVER)
            score[some] = decrease / (new[some] @ choice.costs) ** power
            best = some[np.argmax(score[some])]
            gained = decrease[np.argmax(score[some])] > _GAIN * at.variance
            if gained and (better is None or score[best] > score[better]):
                better = best
            if better is not None and known:
                break
        if better is None:
            return at
        chosen = at.chosen | new[better]
        at = Found(chosen, float(choice.variance(chosen[None])[0]))


def _exchanged(choice: Choice, at: Found) -> Found:
    """Drop a part for a step, or for nothing, until no such exchange gains."""
    for _ in range(_MOST_PASSES):
        before = at.variance
        score = _decreases(choice, at)
        for part in _parts(choice, at.chosen):
            if (part & at.chosen).any():
                at = _replaced(choice, at, part, score)
        at = _greedy(choice, at, 1.0)
        if at.variance >= (1 - _GAIN) * before:
            break
    return at


def _pruned(choice: Choice, at: Found) -> Found:
    """Without the runs that are not worth it given the others, the least worth first."""
    while at.chosen.any():
        rest = at.chosen & ~np.eye(len(at.chosen), dtype=bool)[at.chosen]
        variance = choice.variance(rest)
        best = int(np.argmin(variance))
        if variance[best] > (1 + _GAIN) * at.variance:
            break
        at = Found(rest[best], float(variance[best]))
    return at


def _parts(choice: Choice, chosen: Rows) -> Rows:
    """What may be dropped: each size, then each run."""
    sizes = choice.groups & chosen
    return np.concatenate([sizes[sizes.sum(axis=1) > 1], np.eye(len(chosen), dtype=bool)[chosen]])


def _decreases(choice: Choice, at: Found) -> Floats:
    """Decrease of the variance by each step, whatever it costs, ``(step,)``."""
    return at.variance - np.minimum(choice.variance(choice.steps | at.chosen), _NEVER)


def _replaced(choice: Choice, at: Found, part: Rows, score: Floats) -> Found:
    """The best of a block of exchanges of one part, if it gains."""
    rest = at.chosen & ~part
    subsets = choice.steps | rest
    # without exchanges that put the whole part back
    possible = choice.fits(subsets) & (subsets != at.chosen).any(axis=1)
    order = np.argsort(-score, kind="stable")
    some = order[possible[order]][: choice.block - 1]
    tried = np.concatenate([rest[None], subsets[some]])
    variance = choice.variance(tried)
    best = int(np.argmin(variance))
    if variance[best] < (1 - _GAIN) * at.variance:
        return Found(tried[best], float(variance[best]))
    return at


def in_order(choice: Choice, chosen: Rows) -> list[int]:
    """The chosen candidates, size by size: first what lowers the variance most per cost."""
    costs = choice.costs
    left = [group & chosen for group in choice.groups if (group & chosen).any()]
    done, order = np.zeros_like(chosen), []
    while left:
        stack = np.array(left)
        variance = np.minimum(choice.variance(stack | done), _NEVER)
        worth = -variance if len(left) == 1 else (variance.max() - variance) / (stack @ costs)
        mine = left.pop(int(np.argmax(worth)))
        rows = np.flatnonzero(mine)
        order += [int(i) for i in rows[np.argsort(costs[rows], kind="stable")]]
        done = done | mine
    return order


MOST_SUBSETS = 4096


def affordable_subsets(costs: Floats, budget: float, max_runs: int) -> Rows | None:
    """Every affordable subset, ``(subset, candidate)``, the empty one first.

    Args:
        costs: cost of each candidate, ``(candidate,)``.
        budget: largest cost of a subset.
        max_runs: largest number of runs of a subset.

    Returns:
        The subsets; None if there are more than ``MOST_SUBSETS``.
    """
    found: list[tuple[tuple[int, ...], float]] = [((), 0.0)]
    for index, cost in enumerate(costs):
        found += [
            ((*chosen, index), spent + cost)
            for chosen, spent in found
            if len(chosen) < max_runs and spent + cost <= budget
        ]
        if len(found) > MOST_SUBSETS:
            return None
    rows = np.zeros((len(found), len(costs)), dtype=bool)
    for row, (chosen, _) in zip(rows, found, strict=True):
        row[list(chosen)] = True
    return rows


# Numbers of D in a ladder. All numbers would make a search several times as expensive, and single
# runs are added and dropped as well.
_LENGTHS = (2, 3, 4, 5, 6, 8, 11, 15, 20)


def exchange_steps(points: Points) -> Rows:
    """Single candidates, and ladders of neighbouring D at one size, ``(step, candidate)``."""
    num = len(points.N)
    steps = [np.eye(num, dtype=bool)]
    for N in np.unique(points.N):
        mine = np.flatnonzero(points.N == N)
        mine = mine[np.argsort(points.D[mine], kind="stable")]
        for length in {*_LENGTHS, len(mine)}:
            for first in range(len(mine) - length + 1):
                row = np.zeros((1, num), dtype=bool)
                row[0, mine[first : first + length]] = True
                steps.append(row)
    return np.unique(np.concatenate(steps), axis=0)
