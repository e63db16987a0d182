"""The stack: members weighted by their earlier extrapolations, as one predictive distribution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.forecasting.posterior import Inputs, Moments, Posterior
from farseer_jax.forecasting.rolling_limits import RollingLimits
from farseer_jax.methods.correlated_errors import Features, RunFeatures

_PRIOR_MISSES = 3.0  # earlier extrapolations that the assumed errors are worth
_LEAST_SQUARE = 1e-12  # of a miss on the link's scale


@dataclass(frozen=True, eq=False)
class Record:
    """A member's earlier extrapolations: misses of the runs that each hold-out predicted.

    Attributes:
        holdout: of each predicted run, ``(predicted,)``.
        error: observed less predicted on the link's scale, ``(predicted,)``.
        sd: standard deviation of a run there, ``(predicted,)``.
        weight: near 0 for runs far from the others, ``(predicted,)``.
    """

    holdout: np.ndarray
    error: np.ndarray
    sd: np.ndarray
    weight: np.ndarray

    @property
    def miss(self) -> np.ndarray:
        """Root mean square error of each hold-out, ``(holdout,)``."""
        return np.sqrt(self._means(self.error**2))

    @property
    def widening(self) -> float:
        """The factor of standard deviations that the misses ask for, at least 1."""
        squares = self._means((self.error / self.sd) ** 2)
        total = _PRIOR_MISSES + float(squares.sum())
        return float(np.sqrt(max(1.0, total / (_PRIOR_MISSES + len(squares)))))

    def _means(self, values: np.ndarray) -> np.ndarray:
        num = int(self.holdout.max(initial=-1)) + 1
        own = [self.holdout == place for place in range(num)]
        return np.array([np.average(values[at], weights=self.weight[at]) for at in own])


def record_of(
    posterior: Posterior,
    rolling: RollingLimits,
    inputs: Inputs,
    target: np.ndarray,
    features: Features | RunFeatures | None = None,
    cell: np.ndarray | None = None,
) -> Record:
    """The record of a posterior whose data sets are all runs, then those of each limit.

    Args:
        posterior: of the data sets.
        rolling: the limits, with the rows that each predicts.
        inputs: the law's inputs at the runs.
        target: of the rows.
        features: the runs in terms of the columns, if these are known already.
        cell: the run of each row; None where these are the runs.
    """
    holdout, row = np.nonzero(rolling.predicted)
    weight = posterior.laplace.weights[0][row]
    weight = np.where(weight > 0.0, weight, 1e-12)  # so that no hold-out is without any
    error, sd = np.zeros(len(row)), np.zeros(len(row))
    own_size = 0.0 if posterior.columns is None else posterior.columns.own_size
    points = None if posterior.columns is None else features
    for place in range(len(rolling.limit)):
        own = row[holdout == place]
        runs, run = (
            (own, slice(None)) if cell is None else np.unique(cell[own], return_inverse=True)
        )
        at = posterior.moments(
            {name: x[runs] for name, x in inputs.items()},
            place + 1,
            None if points is None else points.pick(runs),
        )
        error[holdout == place] = target[own] - at.mean[run]
        sd[holdout == place] = np.sqrt(at.variance + at.noise * (1.0 + own_size**2))[run]
    return Record(holdout, error, sd, weight)


def shares_of(records: Sequence[Record]) -> np.ndarray:
    """Weights of members, ``Π_holdout 1 / rms miss``, scaled to sum to 1, ``(member,)``."""
    squares = [np.maximum(own.miss**2, _LEAST_SQUARE) for own in records]
    log_weight = np.array([-0.5 * np.log(own).sum() for own in squares])
    weight = np.exp(log_weight - log_weight.max())
    return np.asarray(weight / weight.sum())


@dataclass(frozen=True, eq=False)
class Stack:
    """The members' posteriors and their weights.

    Attributes:
        posteriors: of each member.
        shares: weight of each member, ``(member,)``.
        widening: factor of each member's standard deviations, ``(member,)``.
    """

    posteriors: Sequence[Posterior]
    shares: np.ndarray
    widening: np.ndarray

    @property
    def degrees(self) -> float:
        """Degrees of freedom of the predictive Student-t distribution."""
        own = np.array([float(posterior.laplace.degrees[0]) for posterior in self.posteriors])
        return float(self.shares @ own)

    def moments(self, inputs: Inputs) -> Moments:
        """Mean and variance at points; what members disagree about counts as the law's."""
        with np.errstate(over="ignore", invalid="ignore"):  # NaN where a law has no finite value
            return self._moments(inputs)

    def _moments(self, inputs: Inputs) -> Moments:
        parts = [posterior.moments(inputs) for posterior in self.posteriors]
        mean = sum(
            (share * own.mean for share, own in zip(self.shares, parts, strict=True)),
            start=np.zeros(1),
        )
        law = misfit = size = noise = np.zeros_like(mean)
        for share, factor, own in zip(self.shares, self.widening**2, parts, strict=True):
            law = law + share * (factor * own.law + (own.mean - mean) ** 2)
            misfit = misfit + share * factor * own.misfit
            size = size + share * factor * own.size
            noise = noise + share * factor * own.noise
        return Moments(mean, law, misfit, size, noise)

    def draws(
        self, inputs: Inputs, num: int, seed: int, *, size: bool = True
    ) -> tuple[np.ndarray, np.ndarray]:
        """Joint draws of the response without noise on the link's scale.

        Args:
            inputs: the law's inputs at the points.
            num: how many draws.
            seed: of the random numbers.
            size: whether the effects of the points' sizes are included.

        Returns:
            The draws, ``(draw, point)``, and the standard deviation of noise of each, ``(draw,)``.
        """
        rng = np.random.default_rng(seed)
        counts = rng.multinomial(num, self.shares)
        rows, noise = [], []
        for posterior, count, factor in zip(self.posteriors, counts, self.widening, strict=True):
            if count:
                rows.append(posterior.draws(inputs, int(count), float(factor), rng, size=size))
                noise.append(np.full(count, factor * posterior.laplace.noise[0]))
        order = rng.permutation(num)
        return np.concatenate(rows)[order], np.concatenate(noise)[order]
