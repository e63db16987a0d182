"""Which recipe has the best accuracies, with its probability."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.accuracy.chain import Chain


class Ranking(NamedTuple):
    """Probabilities that each recipe is the best. The last task is the average of several.

    Attributes:
        labels: the recipes.
        tasks: names of the tasks, and of their average if there are several.
        predicted: accuracies, ``(recipe, point, task)``.
        probability: that it is the best, ``(recipe, point, task)``.
    """

    labels: tuple[str, ...]
    tasks: tuple[str, ...]
    predicted: np.ndarray
    probability: np.ndarray


def ranking_of(chains: Sequence[Chain], labels: Sequence[str]) -> Ranking:
    """The share of joint draws in which each recipe is the best.

    Recipes are drawn independently. Errors that their runs share are ignored, so the probabilities
    tend to be too close to even.
    """
    stack = np.stack([chain.simulated[0] for chain in chains])  # (recipe, draw, point, task)
    is_best = stack == stack.max(axis=0)
    share = is_best / is_best.sum(axis=0)  # ties, such as at a floor, are shared
    predicted = np.stack([chain.predicted for chain in chains])
    return Ranking(tuple(labels), chains[0].tasks, predicted, share.mean(axis=1))
