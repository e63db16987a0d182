"""The variance of ``ln`` loss, and of ``ln`` of the optimal D/N, of fits to subsets of runs.

The losses of all runs, trained or not, are set to the fitted law. Every subset of them then has
that law as its fit, so that the derivatives of the fit in its losses are known without a search.
With independent noise σ_i of ``ln`` loss,

    variance(S) = Σ_{i ∈ S} (d ln L(target) / d ln L_i)² σ_i² + (rate · length(S))²,

where the second term is the misfit of a law that extrapolates: its rate of drift, see
``uncertainty.calibration``, times the distance of the target outside the runs. A run of a size with
too few runs to take part extends no range. The optimal D/N of a budget has the first term alone:
hold-outs show the errors of losses, not of allocations.
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
from farseer_jax.runs.coverage import distance_to_hull

BLOCK = 64  # subsets in one call: what fits a core's cache


class Spread(NamedTuple):
    """Variances of some subsets.

    Attributes:
        noise: variance of ``ln`` loss from the runs' noise, ``(subset, target)``; infinite where
            the fit has no derivative.
        length: length of the extrapolation, ``(subset, target)``.
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
    """All runs, trained or not, with losses on the fitted law.

    Attributes:
        refit: refits of all of them.
        points: N and D; runs that exist come first, candidates last.
        losses: losses of the law, ``(run,)``.
        noise: standard deviation of ``ln`` loss, ``(run,)``.
        targets: targets of the variance.
        num_candidates: number of candidates.
    """

    refit: Refit
    points: Points
    losses: Floats
    noise: Floats
    targets: Targets
    num_candidates: int

    def spread(self, chosen: Rows) -> Spread:
        """Variances with subsets of the candidates, ``(subset, candidate)``."""
        return self.of_weights(self.weights(chosen))

    def weights(self, chosen: Rows) -> Floats:
        """1 for each run that exists or is chosen, ``(subset, run)``."""
        made = np.ones((len(chosen), len(self.losses) - self.num_candidates))
        return np.concatenate([made, chosen], axis=1)

    def of_weights(self, weights: Floats) -> Spread:
        """Variances with subsets of all runs, ``(subset, run)``."""
        blocks = [
            self._block(weights[first : first + BLOCK]) for first in range(0, len(weights), BLOCK)
        ]
        return Spread(*(np.concatenate(parts) for parts in zip(*blocks, strict=True)))

    def check(self) -> None:
        """Check that the fit has a derivative.

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
        # from derivatives in the loss to derivatives in ln loss
        scale = np.where(full > 0, self.losses * self.noise, 0.0)
        noise = ((found.by_losses * scale[:, None]) ** 2).sum(axis=-1)
        noise = np.where(holds[:, None] & np.isfinite(noise), noise, np.inf)
        length = _lengths(self.points, found.taking_part[:num], self.targets.points)
        num_targets = len(self.targets.N)
        idle = (full > 0) & ~found.taking_part
        idle = idle[:, len(self.losses) - self.num_candidates :].any(axis=1)
        return Spread(
            noise=noise[:num, :num_targets],
            length=length,
            ratio=noise[:num, num_targets:],
            idle=idle[:num],
        )

    def _sensitivities(self, weights: Floats) -> tuple[Sensitivity, Rows]:
        """Derivatives of ``ln`` of each target's loss and of each budget's optimal D/N."""
        arguments = tuple(self.targets)
        return self.refit.respond_each(log_quantities, arguments, self.losses, weights)


def _lengths(runs: Points, inside: Rows, targets: Points) -> Floats:
    """Distance of targets from the hull of the runs of each subset, ``(subset, target)``."""
    known, asked = (np.log(np.stack([part.N, part.D], axis=1)) for part in (runs, targets))
    distinct, which = np.unique(inside, axis=0, return_inverse=True)
    nowhere = np.full(len(asked), np.inf)
    lengths = [distance_to_hull(known[own], asked) if own.any() else nowhere for own in distinct]
    return np.array(lengths).reshape(len(distinct), len(asked))[which.ravel()]
