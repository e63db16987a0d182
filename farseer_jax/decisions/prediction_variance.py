"""The variance of ``ln`` loss, and of ``ln`` of the optimal D/N, of a fit to any of a set of runs.

The losses of all runs, made or not, are put on the fitted law. Any subset of them then has that law
as its fit, so that the derivatives of the fit in its losses are known without a search; and with
independent noise of ``ln`` loss σ_i,

    variance(S) = Σ_{i ∈ S} (d ln L(target) / d ln L_i)² σ_i² + (rate · length(S))²,

where the second term is the misfit of a law that extrapolates: the rate at which it drifts off, see
``uncertainty.calibration``, times how far the target lies outside the runs. A run whose size has
too few of them to take part extends no range. The optimal D/N of a budget has the first term alone:
hold-outs tell by how much losses were missed, not allocations.
"""

from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np

from farseer_jax.decisions.candidate_runs import Points
from farseer_jax.decisions.exchange_search import Rows
from farseer_jax.decisions.prediction_targets import Targets, log_quantities
from farseer_jax.methods.derivatives import Refit, Sensitivity
from farseer_jax.runs.checks import Floats

BLOCK = 64  # subsets in one call: what a core's cache holds


class Spread(NamedTuple):
    """Of some subsets.

    Attributes:
        noise: variance of ``ln`` loss from the runs' noise, ``(subset, target)``; infinite where
            the fit has no derivative.
        length: of the extrapolation, likewise.
        ratio: variance of ``ln`` of the optimal D/N from the runs' noise, ``(subset, budget)``.
        idle: whether some candidate's size has too few runs to take part, ``(subset,)``.
    """

    noise: Floats
    length: Floats
    ratio: Floats
    idle: Rows

    def total(self, rate: float) -> Floats:
        """Variance of ``ln`` loss, of noise and of misfit, ``(subset, target)``."""
        return self.noise + (rate * self.length) ** 2


@dataclass(frozen=True)
class Ensemble:
    """All runs, made or not, on one law.

    Attributes:
        refit: of all of them.
        points: theirs; those that exist come first, candidates last.
        losses: the law's.
        noise: standard deviation of ``ln`` loss, ``(run,)``.
        targets: whose variance it is.
        num_candidates: how many are not made.
    """

    refit: Refit
    points: Points
    losses: Floats
    noise: Floats
    targets: Targets
    num_candidates: int

    def spread(self, chosen: Rows) -> Spread:
        """Of subsets of the candidates, ``(subset, candidate)``, with all runs that exist."""
        return self.of_weights(self.weights(chosen))

    def weights(self, chosen: Rows) -> Floats:
        """1 for each run that is in, ``(subset, run)``."""
        made = np.ones((len(chosen), len(self.losses) - self.num_candidates))
        return np.concatenate([made, chosen], axis=1)

    def of_weights(self, weights: Floats) -> Spread:
        """Of subsets of all runs."""
        blocks = [
            self._block(weights[first : first + BLOCK]) for first in range(0, len(weights), BLOCK)
        ]
        return Spread(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    def check(self) -> None:
        """Refuse a fit without a derivative.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """
        made = self.weights(np.zeros((1, self.num_candidates), dtype=bool))
        found, _ = self._sensitivities(np.repeat(made, BLOCK, axis=0))
        evidence = jax.tree.map(lambda leaf: leaf[0], found.evidence)
        self.refit.check(self.losses, made[0], evidence)

    def _block(self, weights: Floats) -> Spread:
        num = len(weights)
        full = np.pad(weights, ((0, BLOCK - num), (0, 0)), mode="edge")
        found, holds = self._sensitivities(full)
        # of ln loss: both sides as derivatives of logarithms
        scale = np.where(full > 0, self.losses * self.noise, 0.0)
        noise = ((found.by_losses * scale[:, None]) ** 2).sum(axis=-1)
        noise = np.where(holds[:, None] & np.isfinite(noise), noise, np.inf)
        length = sum(
            _outside(np.log(target), np.log(values), found.taking_part)
            for target, values in zip(self.targets.points, self.points, strict=True)
        )
        num_targets = len(self.targets.N)
        idle = (full > 0) & ~found.taking_part
        idle = idle[:, len(self.losses) - self.num_candidates :].any(axis=1)
        return Spread(
            noise=noise[:num, :num_targets],
            length=np.asarray(length)[:num],
            ratio=noise[:num, num_targets:],
            idle=idle[:num],
        )

    def _sensitivities(self, weights: Floats) -> tuple[Sensitivity, Rows]:
        """Of ``ln`` of each target's loss and of each budget's optimal D/N."""
        arguments = tuple(self.targets)
        return self.refit.respond_each(log_quantities, arguments, self.losses, weights)


def _outside(target: Floats, values: Floats, inside: Rows) -> Floats:
    """E-folds of targets beyond the values that are inside, ``(subset, target)``."""
    high = np.where(inside, values, -np.inf).max(axis=1, keepdims=True)
    low = np.where(inside, values, np.inf).min(axis=1, keepdims=True)
    return np.maximum(target - high, 0.0) + np.maximum(low - target, 0.0)
