"""Calibrated intervals: the law's misfit in extrapolation, estimated from rolling hold-outs.

A bootstrap captures the noise of the runs, but not that the law is wrong; the error of an
extrapolation by a wrong law grows in proportion to its length. So earlier extrapolations are
repeated within the data: fit up to a cutoff, and predict the larger sizes. The miss of an
extrapolation of length l is modelled as normal with variance

    standard error² + (rate · l)²,

where the standard error is the bootstrap's, and the rate of misfit is estimated from all hold-outs.
Its prior is a half-t with two degrees of freedom (Gelman 2006, *Prior distributions for variance
parameters in hierarchical models*, Bayesian Analysis 1), with density proportional to
(1 + rate² / s0²)^(−3/2): flat where the misfit is small relative to the sampling error, so that a
law may be right, and with a long tail, so that it may be far off. s0² is the harmonic mean of the
hold-outs' sampling variances per length². Misses after one cutoff have a common cause, so each
hold-out counts as one observation, whatever the number of its runs: the log likelihood of its sizes
is averaged. Hold-outs overlap, in what they fit and what they predict, but are treated as
independent. The interval is that of the mixture of normals over the posterior of the rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import Floats, check_level

# log odds rate² / s0² of the misfit relative to the sampling error
_LOG_ODDS = np.linspace(-14.0, 16.0, 121)


@dataclass(frozen=True, eq=False)
class Calibration(Result):
    """A law's misfit in extrapolation, estimated from rolling hold-outs.

    Attributes:
        rate: possible rates of misfit of ``ln loss`` per e-fold of length, ``(node,)``.
        probability: posterior probability of each rate, ``(node,)``.
        num_holdouts: number of hold-outs; with 0, nothing is known and nothing is added.
        miss_ratio: root mean square of the misses over their standard errors, each hold-out
            counting once: about 1 if the bootstrap alone is right; NaN without hold-outs.
        log_evidence: log marginal likelihood of the misses, up to a constant that depends on the
            number of hold-outs; among laws and methods scored on the same hold-outs, the one
            that extrapolated best has the largest.

    Example:
        >>> import numpy as np
        >>> misses = np.array([[0.02, 0.04], [0.0, 0.02]])  # 2 hold-outs of runs of 2 sizes
        >>> error = np.full((2, 2), 0.001)
        >>> length = np.array([[1.0, 2.0], [0.0, 1.0]])
        >>> found = calibrate([1e9, 2e9], misses, error, length, noise=0.0)
        >>> print(found)
        misfit 1.5 % per e-fold (90 %: 0.92 to 3.2 %), from 2 hold-outs
        >>> found.half_width(0.001, [0.0, 1.0], level=0.9).round(4)
        array([0.0016, 0.0301])
    """

    rate: Floats
    probability: Floats
    num_holdouts: int
    miss_ratio: float
    log_evidence: float

    def half_width(
        self, standard_error: ArrayLike, length: ArrayLike, *, level: float = 0.9
    ) -> Floats:
        """Half the width of the interval of ``ln loss`` around the fit's prediction.

        Args:
            standard_error: the bootstrap's standard error of ``ln loss``; for a new run, with its
                noise added in quadrature.
            length: :func:`extrapolation_length` of the points; broadcasts.
            level: nominal coverage probability.

        Raises:
            ValueError: the level is not between 0 and 1.
        """
        check_level(level)
        error, far = np.broadcast_arrays(*map(np.asarray, (standard_error, length)))
        return mixture_half_width(self.spreads(error, far), self.probability, level)

    def spreads(self, standard_error: Floats, length: Floats) -> Floats:
        """Standard deviation of a miss at each possible rate, ``(*shape, node)``."""
        return np.hypot(standard_error[..., None], self.rate * length[..., None])

    def inflation(
        self, standard_error: ArrayLike, length: ArrayLike, *, level: float = 0.9
    ) -> Floats:
        """Ratio of the interval's width to that of the bootstrap's normal interval, at least 1."""
        plain = central_deviate(level) * np.asarray(standard_error)
        half = self.half_width(standard_error, length, level=level)
        return np.maximum(np.divide(half, plain, out=np.ones_like(half), where=plain > 0), 1.0)

    def rate_quantile(self, probability: float) -> float:
        """A quantile of the rate of misfit."""
        place = np.searchsorted(np.cumsum(self.probability), probability)
        return float(self.rate[min(int(place), len(self.rate) - 1)])

    def table(self) -> Table:
        """One row per possible ``rate`` of misfit, with its ``probability``."""
        return Table([Column("rate", self.rate), Column("probability", self.probability)])

    def to_dict(self) -> dict[str, Any]:
        """``rates``, ``num_holdouts``, ``miss_ratio`` and ``log_evidence``, for JSON."""
        return {
            "num_holdouts": self.num_holdouts,
            "miss_ratio": or_null(self.miss_ratio),
            "log_evidence": self.log_evidence,
            "rates": self.table().records(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The rate of misfit, and the number of hold-outs."""
        if not self.num_holdouts:
            return ("not calibrated: no hold-out (too few sizes, or none could be refitted)",)
        low, middle, high = (100 * self.rate_quantile(p) for p in (0.05, 0.5, 0.95))
        many = "hold-out" if self.num_holdouts == 1 else "hold-outs"
        return (
            f"misfit {middle:.2g} % per e-fold (90 %: {low:.2g} to {high:.2g} %), "
            f"from {self.num_holdouts} {many}",
        )


def calibrate(
    N: ArrayLike,
    misses: ArrayLike,
    standard_errors: ArrayLike,
    length: ArrayLike,
    *,
    noise: ArrayLike,
    scored: ArrayLike | None = None,
) -> Calibration:
    """Estimate the rate of misfit from the misses of rolling hold-outs.

    The runs of a size are scored together: the mean square of their misses, minus the variance of
    the noise, against the mean square of their standard errors, plus the variance of the mean of
    the noise.

    Args:
        N: size of each run, ``(run,)``.
        misses: ln observed − ln predicted, ``(holdout, run)``.
        standard_errors: the bootstrap's, of ln predicted, without run noise, ``(holdout, run)``.
        length: lengths of the extrapolations, ``(holdout, run)``.
        noise: run-to-run standard deviation of ``ln loss``, a number or ``(run,)``.
        scored: which runs each hold-out predicts, ``(holdout, run)``; None takes those with
            positive length. Runs whose miss or standard error is not finite are not scored.

    Raises:
        ValueError: the shapes differ.
    """
    sizes, size_of_run = np.unique(np.asarray(N, dtype=float), return_inverse=True)
    miss, error, far = (np.asarray(x, dtype=float) for x in (misses, standard_errors, length))
    if miss.ndim != 2 or {miss.shape, error.shape, far.shape} != {(len(miss), len(size_of_run))}:
        raise ValueError(
            f"misses, standard_errors and length must have shape (holdout, {len(size_of_run)}), "
            f"got {miss.shape}, {error.shape} and {far.shape}"
        )
    use = (far > 0) if scored is None else np.asarray(scored, dtype=bool)
    use = use & np.isfinite(miss) & np.isfinite(error)
    noise2 = np.broadcast_to(np.square(np.asarray(noise, dtype=float)), miss.shape)
    of_size = (size_of_run[:, None] == np.arange(len(sizes))).astype(float)
    count = use @ of_size

    def mean(values: Floats) -> Floats:
        total = np.where(use, values, 0.0) @ of_size
        return np.divide(total, count, out=np.zeros_like(total), where=count > 0)

    unpredictable = mean(noise2)
    observed = _Scores(
        miss2=np.maximum(mean(miss**2) - unpredictable, 0.0),
        error2=mean(error**2) + unpredictable / np.maximum(count, 1.0),
        length2=mean(far**2),
        scored=count > 0,
    )
    return _posterior(observed)


class _Scores(NamedTuple):
    """Mean squares for each size after each cutoff, ``(holdout, size)``."""

    miss2: Floats
    error2: Floats
    length2: Floats
    scored: NDArray[np.bool_]


def _posterior(scores: _Scores) -> Calibration:
    """The posterior of the rate."""
    scored = scores.scored & (scores.error2 > 0)
    rows = (scored & (scores.length2 > 0)).any(axis=1)
    if not rows.any():
        return Calibration(np.zeros(1), np.ones(1), 0, math.nan, 0.0)
    has = scored[rows]
    miss2, length2 = scores.miss2[rows], scores.length2[rows]
    error2 = np.where(has, scores.error2[rows], 1.0)

    def each(values: Floats) -> Floats:  # one value per hold-out
        return np.where(has, values, 0.0).sum(axis=-1) / has.sum(axis=-1)

    rate2 = np.exp(_LOG_ODDS) / np.mean(each(length2) / each(error2))
    variance = error2 + rate2[:, None, None] * length2
    log_likelihood = -0.5 * each(np.log(variance) + miss2 / variance).sum(axis=1)
    # the half-t, as a density of the log odds rate² / s0²
    log_prior = 0.5 * _LOG_ODDS - 1.5 * np.logaddexp(0.0, _LOG_ODDS)
    log_density = log_likelihood + log_prior - np.log(np.exp(log_prior).sum())
    peak = log_density.max()
    probability = np.exp(log_density - peak)
    return Calibration(
        rate=np.sqrt(rate2),
        probability=probability / probability.sum(),
        log_evidence=float(peak + np.log(probability.sum())),
        num_holdouts=int(rows.sum()),
        miss_ratio=float(np.sqrt(each(miss2 / error2).mean())),
    )


_CDF_Z = np.linspace(0.0, 9.0, 8193)
_CENTRAL = np.array([math.erf(z / math.sqrt(2.0)) for z in _CDF_Z])  # P(|normal| ≤ z)


def central_deviate(level: float) -> float:
    """Number of standard deviations on either side that contain this probability."""
    return float(np.interp(level, _CENTRAL, _CDF_Z))


def central_probability(distance: Floats, spread: Floats) -> Floats:
    """Probability that a normal deviate with this spread is within a distance of 0."""
    z = np.divide(distance, spread, out=np.full(spread.shape, _CDF_Z[-1]), where=spread > 0)
    return np.interp(z, _CDF_Z, _CENTRAL)


def mixture_half_width(spread: Floats, probability: Floats, level: float) -> Floats:
    """Half of the central interval of a mixture of normals around 0.

    Args:
        spread: standard deviations, ``(*shape, node)``.
        probability: their weights, ``(node,)``.
        level: probability that the interval contains.
    """
    low, high = np.zeros(spread.shape[:-1]), _CDF_Z[-1] * spread.max(axis=-1)
    for _ in range(50):
        middle = (low + high) / 2
        is_short = central_probability(middle[..., None], spread) @ probability < level
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return (low + high) / 2
