"""Resampling schemes of the coverage study: losses and weights of refits, one function each.

A scheme takes what is known after one fit and returns the rows of the refits. Runs of weight 0 are
held out, and stay so.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

import farseer_jax as fj


class Known(NamedTuple):
    """One fit, and what a scheme may use.

    Attributes:
        runs: all runs; those held out have weight 0.
        weights: ``(run,)``, 0 or 1.
        log_fitted: ln predicted losses of this fit, ``(run,)``.
        noise: run-to-run standard deviation of ln loss, ``(run,)``.
    """

    runs: fj.Runs
    weights: np.ndarray
    log_fitted: np.ndarray
    noise: np.ndarray


Rows = tuple[np.ndarray, np.ndarray]
Scheme = Callable[[Known, np.random.Generator, int], Rows]


def wild_sizes(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Wild by clusters: each size's residuals keep or change their sign together."""
    _, size = np.unique(known.runs.N, return_inverse=True)
    signs = rng.choice([-1.0, 1.0], (num, size.max() + 1))[:, size]
    return _perturbed(known, signs * _residuals(known))


def wild(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Each run's residual keeps or changes its sign."""
    signs = rng.choice([-1.0, 1.0], (num, len(known.runs)))
    return _perturbed(known, signs * _residuals(known))


def residual(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Residuals drawn from those of all fitted runs."""
    pool = _residuals(known)[known.weights > 0]
    return _perturbed(known, rng.choice(pool - pool.mean(), (num, len(known.runs))))


def parametric(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """The losses as they are, with as much noise again."""
    deviates = known.noise * rng.standard_normal((num, len(known.runs)))
    return known.runs.loss * np.exp(deviates), np.tile(known.weights, (num, 1))


def pairs(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Runs drawn with replacement."""
    fitted = known.weights > 0
    return _weighted(known, fitted, rng.multinomial(fitted.sum(), _equal(fitted.sum()), num))


def bayesian(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Dirichlet weights of runs."""
    fitted = known.weights > 0
    return _weighted(known, fitted, rng.dirichlet(np.ones(fitted.sum()), num) * fitted.sum())


def sizes(known: Known, rng: np.random.Generator, num: int) -> Rows:
    """Sizes drawn with replacement, with all their runs."""
    fitted = known.weights > 0
    names, size = np.unique(known.runs.N[fitted], return_inverse=True)
    counts = rng.multinomial(len(names), _equal(len(names)), num)
    return _weighted(known, fitted, counts[:, size])


SCHEMES: dict[str, Scheme] = {
    scheme.__name__: scheme
    for scheme in (wild_sizes, parametric, wild, residual, bayesian, sizes, pairs)
}


def _equal(num: int) -> np.ndarray:
    return np.full(num, 1.0 / num)


def _residuals(known: Known) -> np.ndarray:
    """What ln observed − ln fitted is, 0 for runs that are held out."""
    return np.where(known.weights > 0, np.log(known.runs.loss) - known.log_fitted, 0.0)


def _perturbed(known: Known, deviations: np.ndarray) -> Rows:
    # a wild extrapolation of a hold-out must not become a loss that is refused: it has no weight
    base = np.where(known.weights > 0, known.log_fitted, np.log(known.runs.loss))
    return np.exp(base + deviations), np.tile(known.weights, (len(deviations), 1))


def _weighted(known: Known, fitted: np.ndarray, counts: np.ndarray) -> Rows:
    weights = np.zeros((len(counts), len(fitted)))
    weights[:, fitted] = counts
    return np.tile(known.runs.loss, (len(counts), 1)), weights
