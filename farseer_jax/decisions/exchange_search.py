"""The affordable subset of candidates that minimises a variance, and the order to train it in.

Where few subsets are affordable, all are compared. Otherwise runs are added greedily, by the
decrease of ``ln`` variance per cost to a power, for three powers (each may be far from the best:
per cost spends on many small runs, whatever the cost on one large one). The best of these subsets
is improved by exchanges, in which a run is dropped for another, until none gains, and runs that the
others make superfluous are left out. Candidates are ordered by their last known decrease, so that
each pass evaluates only one block of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.posterior_variance import BLOCK, Rows
from farseer_jax.runs.checks import Floats

_GAIN = 1e-2  # least relative decrease of the variance that is worth a run of a set
_GAIN_NEXT = 1e-3  # and that is worth the next run, after which more is known
_MOST_PASSES = 3
_POWERS = (1.0, 0.5, 0.0)
_NEXT = 0.5  # power of the cost by which the next run is chosen
_LEAST = 1e-300


@dataclass(frozen=True)
class Choice:
    """The problem of a search.

    Attributes:
        costs: cost of each candidate, ``(candidate,)``.
        budget: largest cost of a subset.
        max_runs: largest number of runs of a subset.
        variance: the objective, from subsets ``(subset, candidate)`` to ``(subset,)``.
    """

    costs: Floats
    budget: float
    max_runs: int
    variance: Callable[[Rows], Floats]

    def affordable_with(self, subset: Rows) -> Rows:
        """Which other candidates are affordable beside those of a subset, ``(candidate,)``."""
        has_room = int(subset.sum()) < self.max_runs
        return ~subset & has_room & (self.costs[subset].sum() + self.costs <= self.budget)

    @property
    def each(self) -> Rows:
        """Each candidate alone, ``(candidate, candidate)``."""
        return np.eye(len(self.costs), dtype=bool)


class Found(NamedTuple):
    """A subset and its variance."""

    chosen: Rows
    variance: float


def best_subset(choice: Choice) -> tuple[Found, bool]:
    """The subset of least variance, and whether all affordable subsets were compared."""
    best = _best_of_all(choice)
    if best is not None:
        return best, True
    found = [_greedy(choice, _nothing(choice), power) for power in _POWERS]
    return _pruned(choice, _exchanged(choice, min(found, key=lambda one: one.variance))), False


def next_runs(choice: Choice, num: int) -> Found:
    """The first runs of the best set, or one after another; nothing if no run gains.

    Where few sets are affordable, all are compared: a run that is good by itself may cost what a
    better one needs. Otherwise each run is that of the largest decrease of ``ln`` variance per
    √cost. Per cost, many small runs would be taken before one that shows what they cannot; whatever
    the cost, one run would take the whole budget.
    """
    best = _best_of_all(choice)
    if best is None:
        return _greedy(choice, _nothing(choice), _NEXT, num, _GAIN_NEXT)
    first = np.isin(np.arange(len(choice.costs)), in_order(choice, best.chosen)[:num])
    return Found(first, float(choice.variance(first[None])[0]))


def _best_of_all(choice: Choice) -> Found | None:
    """The best of all affordable subsets; None if there are too many."""
    every = affordable_subsets(choice.costs, choice.budget, choice.max_runs)
    if every is None:
        return None
    variance = choice.variance(every)
    # the cheapest among equals
    order = np.lexsort((every @ choice.costs, np.round(variance / variance.min(), 9)))
    return Found(every[order[0]], float(variance[order[0]]))


def _nothing(choice: Choice) -> Found:
    nothing = np.zeros(len(choice.costs), dtype=bool)
    return Found(nothing, float(choice.variance(nothing[None])[0]))


def _greedy(
    choice: Choice, at: Found, power: float, most: int | None = None, gain: float = _GAIN
) -> Found:
    """Add the run of the largest decrease of ln variance / cost**power, while one gains."""
    each, score = choice.each, np.full(len(choice.costs), np.inf)
    for _ in range(len(choice.costs) if most is None else most):
        possible = choice.affordable_with(at.chosen)
        order = np.argsort(-score, kind="stable")
        order = order[possible[order]]
        known = not np.isinf(score[order]).any()
        better = None
        # by their last score, a block at a time; all of them before giving up
        for first in range(0, len(order), BLOCK):
            some = order[first : first + BLOCK]
            variance = choice.variance(each[some] | at.chosen)
            score[some] = _decrease(at.variance, variance) / choice.costs[some] ** power
            place = int(np.argmax(score[some]))
            gained = variance[place] < (1 - gain) * at.variance
            if gained and (better is None or score[some[place]] > score[better]):
                better = int(some[place])
            if better is not None and known:
                break
        if better is None:
            break
        chosen = at.chosen | each[better]
        at = Found(chosen, float(choice.variance(chosen[None])[0]))
    return at


def _decrease(before: float, after: Floats) -> Floats:
    """Decrease of ln variance."""
    return np.log(max(before, _LEAST)) - np.log(np.maximum(after, _LEAST))


def _exchanged(choice: Choice, at: Found) -> Found:
    """Drop a run for another, or for nothing, until no such exchange gains."""
    each = choice.each
    for _ in range(_MOST_PASSES):
        before = at.variance
        score = -choice.variance(each | at.chosen)
        for run in np.flatnonzero(at.chosen):
            at = _replaced(choice, at, each[run], score)
        at = _greedy(choice, at, 1.0)
        if at.variance >= (1 - _GAIN) * before:
            break
    return at


def _replaced(choice: Choice, at: Found, part: Rows, score: Floats) -> Found:
    """The best of a block of exchanges of one run, if it gains."""
    rest = at.chosen & ~part
    possible = choice.affordable_with(rest) & ~part
    order = np.argsort(-score, kind="stable")
    some = order[possible[order]][: BLOCK - 1]
    tried = np.concatenate([rest[None], choice.each[some] | rest])
    variance = choice.variance(tried)
    best = int(np.argmin(variance))
    if variance[best] < (1 - _GAIN) * at.variance:
        return Found(tried[best], float(variance[best]))
    return at


def _pruned(choice: Choice, at: Found) -> Found:
    """Without the runs that are not worth it given the others, the least worth first."""
    while at.chosen.any():
        rest = at.chosen & ~choice.each[at.chosen]
        variance = choice.variance(rest)
        best = int(np.argmin(variance))
        if variance[best] > (1 + _GAIN) * at.variance:
            break
        at = Found(rest[best], float(variance[best]))
    return at


def in_order(choice: Choice, chosen: Rows) -> list[int]:
    """The chosen candidates, first what :func:`next_runs` would take of them."""
    each, left = choice.each, list(np.flatnonzero(chosen))
    at, order = _nothing(choice), list[int]()
    while left:
        variance = choice.variance(each[left] | at.chosen)
        score = _decrease(at.variance, variance) / choice.costs[left] ** _NEXT
        place = int(np.argmax(score))
        at = Found(at.chosen | each[left[place]], float(variance[place]))
        order.append(int(left.pop(place)))
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
