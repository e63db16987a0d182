"""Schemes of other weights: what would another choice of runs have given?"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farseer_jax.uncertainty.resampled_runs import Setting
from farseer_jax.uncertainty.scheme import Draw, Named


@dataclass(frozen=True)
class ResampleRuns(Named):
    """Runs drawn with replacement from all runs (the pairs bootstrap), as counts.

    Assumes nothing of the noise, and takes the grid for chance, which it is not: a size may lose
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
    """Whole sizes drawn with replacement (the cluster bootstrap).

    For laws that misfit some sizes as a whole: their runs err together.

    Example:
        >>> from farseer_jax import Farseer, ResampleSizes, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, ResampleSizes()).scheme.name
        'sizes'
    """

    name: ClassVar[str] = "sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Counts of sizes, each run's being its size's."""
        return Draw(weights=_counts(rng, len(index), setting.num_sizes)[:, setting.size])


@dataclass(frozen=True)
class ResampleWithinSizes(Named):
    """Runs drawn with replacement from those of their own size: every size keeps its number.

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
    """Weights from a flat Dirichlet distribution (Rubin 1981): no run is ever left out.

    The smooth counterpart of :class:`ResampleRuns`, and the safer one for small grids.

    Example:
        >>> from farseer_jax import BayesianBootstrap, Farseer, bootstrap, example_runs, fit
        >>> bootstrap(fit(Farseer, example_runs()), 100, BayesianBootstrap()).num_failed
        0
    """

    name: ClassVar[str] = "bayesian"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weights of mean 1."""
        weights = rng.standard_exponential((len(index), setting.num_units))
        weights *= setting.num_units / weights.sum(axis=1, keepdims=True)
        return Draw(weights=weights[:, setting.unit])


@dataclass(frozen=True)
class JackknifeRuns(Named):
    """Every run left out in turn: as many refits as distinct runs, nothing random.

    Example:
        >>> from farseer_jax import Farseer, JackknifeRuns, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeRuns())
        >>> jackknife.num_resamples
        337
    """

    name: ClassVar[str] = "jackknife-runs"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for one run each."""
        return Draw(weights=(setting.unit != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per distinct run."""
        return setting.num_units


@dataclass(frozen=True)
class JackknifeSizes(Named):
    """Every size left out in turn: as many refits as sizes, nothing random.

    Example:
        >>> from farseer_jax import Farseer, JackknifeSizes, bootstrap, example_runs, fit
        >>> jackknife = bootstrap(fit(Farseer, example_runs()), scheme=JackknifeSizes())
        >>> jackknife.num_resamples
        21
    """

    name: ClassVar[str] = "jackknife-sizes"

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """Weight 0 for the runs of one size each."""
        return Draw(weights=(setting.size != index[:, None]).astype(float))

    def num_draws(self, setting: Setting) -> int:
        """One per size."""
        return setting.num_sizes


def _counts(rng: np.random.Generator, num: int, num_items: int) -> np.ndarray:
    return _count(rng.integers(0, num_items, (num, num_items)), num_items)


def _count(chosen: np.ndarray, num_items: int) -> np.ndarray:
    """How often each item was chosen, ``(resample, item)``; one pass over all rows."""
    num = len(chosen)
    flat = (chosen + num_items * np.arange(num)[:, None]).ravel()
    return np.bincount(flat, minlength=num * num_items).reshape(num, num_items).astype(float)
