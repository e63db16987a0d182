"""Optima over inputs of which some are whole numbers or labels, for laws at points."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from farseer_jax.decisions.input_constraints import Constraint
from farseer_jax.decisions.optimal_inputs import Cases, Optima, Search
from farseer_jax.decisions.search_space import Space
from farseer_jax.laws.law import Law

_AT_END = 1e-7  # multiplier from which on an end counts as active


@dataclass(frozen=True)
class OptimisationProblem:
    """What is optimised.

    Attributes:
        space: the numbers and mixtures that are varied.
        categories: labels of the categories that are varied, one-hot, ``(label, label)`` each.
        constraints: the constraints.
        known: the inputs that are given, ``(point,)`` or ``(point, share)``.
        limits: of the constraints, ``(constraint, point)``.
        at_least: given lower ends of shares.
        at_most: given upper ends of shares.
        maximise: whether the response is to be greatest.
        seed: of the starts.
    """

    space: Space
    categories: Mapping[str, np.ndarray]
    constraints: tuple[Constraint, ...]
    known: Mapping[str, np.ndarray]
    limits: np.ndarray
    at_least: Mapping[str, float]
    at_most: Mapping[str, float]
    maximise: bool
    seed: int

    def search(self, space: Space) -> Search:
        """A search in the space, or in the part that is left of it."""
        ends = self.at_least, self.at_most
        return Search(space, self.constraints, *ends, maximise=self.maximise)

    def best(self, losses: np.ndarray) -> np.ndarray:
        """The place of the best loss in each row; 0 if there is none."""
        losses = -losses if self.maximise else losses
        return np.argmin(np.where(np.isfinite(losses), losses, np.inf), axis=1)


class LabelledOptima(NamedTuple):
    """The optima of laws at points.

    Attributes:
        optima: in the coordinates of the whole space, ``(law × point, …)``, points fastest.
        labels: the best label of each category, by its place.
    """

    optima: Optima
    labels: Mapping[str, np.ndarray]


def solve(problem: OptimisationProblem, laws: Law, num_starts: int) -> LabelledOptima:
    """The optimum of each law at each point.

    Args:
        problem: what is optimised.
        laws: a law with leaves ``(law, …)``.
        num_starts: searches for each.
    """
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(laws)]
    num_points = problem.limits.shape[1]
    points = np.tile(np.arange(num_points), len(leaves[0]))
    cases = Cases(
        laws,
        tuple(np.repeat(leaf, num_points, axis=0) for leaf in leaves),
        {name: values[points] for name, values in problem.known.items()},
        problem.limits[:, points],
    )
    options = list(itertools.product(*(range(len(own)) for own in problem.categories.values())))
    rows = np.repeat(np.arange(len(cases)), len(options))
    places = np.tile(np.array(options).reshape(len(options), -1), (len(cases), 1))
    one_hot = {name: own[places[:, k]] for k, (name, own) in enumerate(problem.categories.items())}
    found = _whole_numbers(problem, cases.take(rows, **one_hot), num_starts)
    best = problem.best(found.loss.reshape(len(cases), -1))
    chosen = np.arange(len(cases)) * len(options) + best
    labels = {name: places[chosen, k] for k, name in enumerate(problem.categories)}
    return LabelledOptima(found.take(chosen), labels)


def _searched(problem: OptimisationProblem, space: Space, cases: Cases, num_starts: int) -> Optima:
    search = problem.search(space)
    if not space.varied:
        return search.at_once(cases)
    z, weights = space.starts(num_starts, problem.seed)
    return search.run(
        cases, *(np.broadcast_to(own, (len(cases), *own.shape)) for own in (z, weights))
    )


def _whole_numbers(problem: OptimisationProblem, cases: Cases, num_starts: int) -> Optima:
    """The optimum with whole counts: the best of those next to the optimum among real numbers."""
    space = problem.space
    relaxed = _searched(problem, space, cases, num_starts)
    if not space.counts:
        return relaxed
    columns = [space.columns.index(name) for name in space.counts]
    counts = np.exp(relaxed.x[:, columns])
    ends = np.array([[space.numbers[k].lower, space.numbers[k].upper] for k in columns])
    near = np.where(np.isfinite(counts), np.floor(counts + 1e-9), ends[:, 0])
    steps = np.array(list(itertools.product((0.0, 1.0), repeat=len(columns))))
    tried = np.clip(near[:, None] + steps, ends[:, 0], ends[:, 1]).reshape(-1, len(columns))
    rows = np.repeat(np.arange(len(cases)), len(steps))
    known = {name: tried[:, k] for k, name in enumerate(space.counts)}
    found = _searched(
        problem, space.without(space.counts), cases.take(rows, **known), max(4, num_starts // 2)
    )
    best = np.arange(len(cases)) * len(steps) + problem.best(found.loss.reshape(len(cases), -1))
    return _with_counts(relaxed, found.take(best), columns, np.log(tried[best]))


def _with_counts(
    relaxed: Optima, found: Optima, columns: list[int], coordinates: np.ndarray
) -> Optima:
    """The optimum in the coordinates of the whole space, which has counts at these columns."""
    places = [column - k for k, column in enumerate(columns)]

    def inserted(values: np.ndarray, what: Any, axis: int) -> np.ndarray:
        return np.insert(values, places, what, axis=axis)

    at_end = np.where(np.abs(relaxed.ends[:, columns]) > _AT_END, relaxed.ends[:, columns], 0.0)
    return found._replace(
        x=inserted(found.x, coordinates, 1),
        ends=inserted(found.ends, at_end, 1),
        slope=inserted(found.slope, 0.0, 1),
        flat=inserted(found.flat, 0.0, 2),
        excess=np.where(np.isfinite(found.loss), 0.0, relaxed.excess),
        num_starts=relaxed.num_starts,
        num_arrived=relaxed.num_arrived,
    )
