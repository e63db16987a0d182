"""Which recipe has the best accuracies, with its probability."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from farseer_jax.accuracy.chain import Chain
from farseer_jax.accuracy.records import TaskRecord

_PRIOR_HOLDOUTS = 2.0  # hold-outs without a correlation that are added to those found
_MOST = 0.95
_SAME = 0.01  # relative difference of N and D of runs that belong together


class Ranking(NamedTuple):
    """Probabilities that each recipe is the best. The last task is the average of several.

    Attributes:
        labels: the recipes.
        tasks: names of the tasks, and of their average if there are several.
        predicted: accuracies, ``(recipe, point, task)``.
        probability: that it is the best, ``(recipe, point, task)``.
        correlation: of the errors of two recipes, by earlier extrapolations to the same N and D.
    """

    labels: tuple[str, ...]
    tasks: tuple[str, ...]
    predicted: np.ndarray
    probability: np.ndarray
    correlation: float

    def order(self, point: int, task: int) -> np.ndarray:
        """The recipes from the most to the least probable, then by predictions, ``(recipe,)``."""
        own = (-self.predicted[:, point, task], -self.probability[:, point, task])
        return np.lexsort(own)


def ranking_of(
    chains: Sequence[Chain],
    labels: Sequence[str],
    records: Sequence[Sequence[TaskRecord]] = (),
) -> Ranking:
    """Count in how many joint draws each recipe is the best.

    Recipes trained at the same N and D err alike: their draws are correlated as their earlier
    extrapolations were.

    Args:
        chains: one for each recipe.
        labels: their names.
        records: earlier extrapolations of each recipe, by task; recipes are independent without.
    """
    correlation = correlation_of(records)
    stack = np.stack([chain.simulated[0] for chain in chains])  # (recipe, draw, point, task)
    stack = paired(stack, correlation, chains[0].seed)
    is_best = stack == stack.max(axis=0)
    share = is_best / is_best.sum(axis=0)  # ties, such as at a floor, are shared
    predicted = np.stack([chain.predicted for chain in chains])
    return Ranking(tuple(labels), chains[0].tasks, predicted, share.mean(axis=1), correlation)


def correlation_of(records: Sequence[Sequence[TaskRecord]]) -> float:
    """The correlation of two recipes' misses at the same N and D, over all tasks; at least 0.

    Shrunk towards 0, the more so the fewer hold-outs there are.

    Args:
        records: of each recipe, task by task in the same order.
    """
    product = first = second = 0.0
    holdouts = set[int]()
    for one, other in combinations(records, 2):
        for own, its in zip(one, other, strict=True):
            here, there = _pairs(own, its)
            holdouts.update(own.holdout[here].tolist())
            product += float(own.scores[here] @ its.scores[there])
            first += float(own.scores[here] @ own.scores[here])
            second += float(its.scores[there] @ its.scores[there])
    if product <= 0.0:
        return 0.0
    found = product / np.sqrt(first * second)
    return min(_MOST, float(found) * len(holdouts) / (len(holdouts) + _PRIOR_HOLDOUTS))


def _pairs(one: TaskRecord, other: TaskRecord) -> tuple[np.ndarray, np.ndarray]:
    """Places of predictions of the same N and D from the same smaller sizes."""
    same = one.holdout[:, None] == other.holdout
    for name in ("N", "D"):
        ratio = np.log(getattr(one, name)[:, None] / getattr(other, name))
        same = same & (np.abs(ratio) < _SAME)
    here, there = np.nonzero(same)
    return here, there


def paired(stack: np.ndarray, correlation: float, seed: int) -> np.ndarray:
    """The draws of each recipe in another order, so that recipes are high and low together.

    The level of a draw is its mean over points; levels of two recipes have a normal copula.

    Args:
        stack: independent draws, ``(recipe, draw, point, task)``.
        correlation: of the levels of two recipes.
        seed: of the orders.
    """
    if correlation == 0.0:
        return stack
    num_recipes, num_draws, _, num_tasks = stack.shape
    rng = np.random.default_rng([seed, 11])
    found = np.empty_like(stack)
    spread = stack.std(axis=1, keepdims=True)
    middle = stack - stack.mean(axis=1, keepdims=True)
    level = (middle / np.where(spread > 0.0, spread, 1.0)).mean(axis=2)  # (recipe, draw, task)
    for task in range(num_tasks):
        shared = np.sqrt(correlation) * rng.standard_normal(num_draws)
        own = np.sqrt(1.0 - correlation) * rng.standard_normal((num_recipes, num_draws))
        place = np.argsort(np.argsort(shared + own, axis=1), axis=1)
        order = np.argsort(level[:, :, task], axis=1, kind="stable")
        for recipe in range(num_recipes):
            found[recipe, :, :, task] = stack[recipe, order[recipe][place[recipe]], :, task]
    return found
