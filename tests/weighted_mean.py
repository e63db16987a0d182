"""A method that costs nothing, to test what surrounds refits: E is the weighted mean loss."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np

from farseer_jax import Chinchilla, Fit, Outcome, Runs
from farseer_jax.methods.method import Solved, SolvedBatch


@dataclass(frozen=True)
class WeightedMean:
    """Fails where fewer than ``min_sizes`` sizes have weight."""

    name: ClassVar[str] = "weighted-mean"

    min_sizes: int = 0

    def prepare(self, law: Any, runs: Runs) -> np.ndarray:
        return runs.N[:, None] == np.unique(runs.N)

    def fit_one(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> Solved:
        raise NotImplementedError

    def fit_block(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        fails = ((weights @ design) > 0).sum(axis=1) < self.min_sizes
        mean = (weights * losses).sum(axis=1) / weights.sum(axis=1)
        law = law_of(np.where(fails, np.nan, mean))
        code = np.where(fails, Outcome.too_few_sizes.code, Outcome.success.code)
        return SolvedBatch(law, code, np.where(fails, np.nan, 0.0))

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "min_sizes": self.min_sizes}


def law_of(E: Any) -> Chinchilla:
    """A law, or a stack of them, that only E makes different."""
    ones = np.ones_like(E)
    return Chinchilla(E=E, A=ones, B=ones, alpha=0.5 * ones, beta=0.5 * ones)


def mean_fit(num_sizes: int = 4, num_D: int = 5, min_sizes: int = 0, seed: int = 0) -> Fit:
    """Losses of mean 3 and SD 0.1 on a grid, fitted by their mean."""
    N, D = np.meshgrid(
        2e8 * 2.0 ** np.arange(num_sizes), 1e9 * 2.0 ** np.arange(num_D), indexing="ij"
    )
    loss = 3 + 0.1 * np.random.default_rng(seed).standard_normal(N.size)
    return fit_of(law_of(loss.mean()), Runs(N.ravel(), D.ravel(), loss), WeightedMean(min_sizes))


def fit_of(law: Any, runs: Runs, method: Any) -> Fit:
    """A fit as if made: its law is given."""
    report = SimpleNamespace(to_dict=dict)
    return Fit(law, runs, method, Outcome.success, np.zeros(len(runs)), report)
