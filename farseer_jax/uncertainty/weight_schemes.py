"""Schemes that reweight runs: another choice of runs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farseer_jax.uncertainty.resampling import Draw, Named, Setting

_HALF = 0.5  # parameter of the Dirichlet distribution of sizes: the weights have variance 2


@dataclass(frozen=True)
class ResampleRuns(Named):
    """Runs drawn with replacement from all runs (the pairs bootstrap), as counts.

    Assumes nothing about the noise, but treats the grid as random, which it is not: a size may lose
    most of its runs.

    Example:
        >>> from farseer_jax import Farseer, ResampleRuns, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleRuns()).num_failed
        0
    """

    name: ClassVar[str] = "runs"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of a multinomial distribution."""
        return Draw(weights=_counts(rng, len(index), setting.num_units)[:, setting.unit])


@dataclass(frozen=True)
class ResampleSizes(Named):
    """Whole sizes, reweighted: the Bayesian bootstrap of clusters. The default.

    Errors within a size are correlated (its learning rate, its data order, what the law cannot
    follow), so the runs of a size keep their weights relative to each other. The weights of sizes
    are from a Dirichlet distribution, which leaves out no size, as drawing few sizes with
    replacement would. Its parameter is ½, so that their variance is 2 instead of Rubin's 1: a law
    follows the smallest and the largest sizes closely, and the residuals that are reweighted there
    are about √2 smaller than the errors. Sizes with a single run each are resampled as runs.

    Example:
        >>> from farseer_jax import Farseer, ResampleSizes, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleSizes()).scheme.name
        'sizes'
    """

    name: ClassVar[str] = "sizes"
    by_size: ClassVar[bool] = True

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weights of sizes with mean 1, as the weights of their runs."""
        weights = rng.standard_gamma(_HALF, (len(index), setting.num_sizes))
        weights *= setting.num_sizes / weights.sum(axis=1, keepdims=True)
        return Draw(weights=weights[:, setting.size])


@dataclass(frozen=True)
class ResampleWithinSizes(Named):
    """Runs drawn with replacement within each size, which keeps its number of runs.

    Example:
        >>> from farseer_jax import Farseer, ResampleWithinSizes, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleWithinSizes()).num_failed
        0
    """

    name: ClassVar[str] = "within-sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of multinomial distributions, one per size."""
        chosen = setting.pick_within_sizes(rng, len(index))
        return Draw(weights=_count(chosen, setting.num_units)[:, setting.unit])


@dataclass(frozen=True)
class BayesianBootstrap(Named):
    """Weights from a flat Dirichlet distribution (Rubin 1981); no run is ever left out.

    A smooth version of :class:`ResampleRuns`, and safer for small grids.

    Example:
        >>> from farseer_jax import BayesianBootstrap, Farseer, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, BayesianBootstrap()).num_failed
        0
    """

    name: ClassVar[str] = "bayesian"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weights with mean 1."""
        weights = rng.standard_exponential((len(index), setting.num_units))
        weights *= setting.num_units / weights.sum(axis=1, keepdims=True)
        return Draw(weights=weights[:, setting.unit])


def _counts(rng: np.random.Generator, num: int, num_items: int) -> np.ndarray:
    return _count(rng.integers(0, num_items, (num, num_items)), num_items)


def _count(chosen: np.ndarray, num_items: int) -> np.ndarray:
    """How often each item was chosen, ``(resample, item)``; one pass over all rows."""
    num = len(chosen)
    flat = (chosen + num_items * np.arange(num)[:, None]).ravel()
    return np.bincount(flat, minlength=num * num_items).reshape(num, num_items).astype(float)
