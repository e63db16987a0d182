"""The variance of a forecast with runs that do not exist yet.

Each member's posterior is Gaussian in its (linearised) law and its correlated errors. With K the
posterior covariance of responses at the targets t and at new runs S, in variances of the noise, and
w the weight of a new run, the runs S leave, whatever they reach,

    K_tt − K_tS (K_SS + I/w)⁻¹ K_St,

and move the member's mean by K_tS (K_SS + I/w)⁻¹ (y_S − mean_S). New runs are assumed to reach the
forecast's mean, by which members come closer to one another as well. Noise, weights of members and
their widening stay as they are; what is a new size's own is no longer counted at a size that gets a
run. A target is a loss, with the effect of its size; or ln of the
optimal D/N of a budget, which moves by −g'/g'' where g is the curve of losses along the budget,
without effects of sizes.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.candidate_runs import Points
from farseer_jax.decisions.exchange_search import Rows
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.forecasting.result import Forecast
from farseer_jax.methods.correlated_errors import ErrorColumns
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.checks import Floats

BLOCK = 256  # subsets in one call
_STEP = 0.3  # in ln D/N, of the differences that stand for derivatives along a budget


class MemberCovariance(NamedTuple):
    """A member's posterior at new runs and targets, in its variances (widening included).

    Attributes:
        share: weight of the member.
        noise: variance of a new run's noise.
        runs: mean at new runs, ``(run,)``.
        targets: mean at targets, ``(target,)``.
        among_runs: covariance of new runs, ``(run, run)``.
        across: covariance of new runs and targets, ``(run, target)``.
        variance: of the targets, ``(target,)``.
        own: of what is a target size's own while it has no run, ``(target,)``.
    """

    share: float
    noise: float
    runs: Floats
    targets: Floats
    among_runs: Floats
    across: Floats
    variance: Floats
    own: Floats


@dataclass(frozen=True, eq=False)
class ForecastVariance:
    """Variances of targets with any set of candidates, by a forecast.

    Attributes:
        members: posteriors at the candidates, then at runs already paid for, and at the targets.
        same_size: whether a new run has a target's size, ``(run, target)``.
        num_candidates: number of candidates.
    """

    members: Sequence[MemberCovariance]
    same_size: Rows
    num_candidates: int

    def of(self, chosen: Rows) -> Floats:
        """Variance of each target with subsets of the candidates, ``(subset, target)``."""
        parts = [
            self._block(chosen[first : first + BLOCK]) for first in range(0, len(chosen), BLOCK)
        ]
        return np.concatenate(parts)

    def _block(self, chosen: Rows) -> Floats:
        num_paid = len(self.members[0].runs) - self.num_candidates
        rows = np.concatenate([chosen, np.ones((len(chosen), num_paid), dtype=bool)], axis=1)
        found = [_with_runs(own, rows, self._expected) for own in self.members]
        is_new = ~(rows @ self.same_size)
        shares = np.array([own.share for own in self.members])
        means = np.array([mean for mean, _ in found])
        middle = np.tensordot(shares, means, 1)
        variances = np.array(
            [
                variance + is_new * own.own
                for own, (_, variance) in zip(self.members, found, strict=True)
            ]
        )
        return np.asarray(np.tensordot(shares, variances + (means - middle) ** 2, 1))

    @property
    def _expected(self) -> Floats:
        """The forecast's mean at the new runs, ``(run,)``."""
        return np.asarray(sum(own.share * own.runs for own in self.members))


def forecast_variance(
    forecast: Forecast, candidates: Points, paid: Points, targets: Points, splits: Points
) -> ForecastVariance:
    """The variances of a forecast with new runs.

    Args:
        forecast: the forecast, over N and D.
        candidates: runs that could be trained.
        paid: runs that will be trained in any case.
        targets: points whose loss is a target.
        splits: optima of budgets whose D/N is a target, at 6 N D.
    """
    around = _around(splits)
    parts = (candidates, paid, targets, around)
    inputs = {name: np.concatenate([own[i] for own in parts]) for i, name in enumerate("ND")}
    num_runs, num_splits = len(candidates.N) + len(paid.N), len(splits.N)
    functional = _functional(forecast, len(targets.N), splits)
    stack = forecast.stack
    weight = float(np.median(weights_of(forecast.runs)))
    members = []
    for share, factor, posterior in zip(
        stack.shares, stack.widening**2, stack.posteriors, strict=True
    ):
        mean, root = _joint(posterior, inputs, 3 * num_splits)
        runs, targeted = root[:num_runs], functional @ root[num_runs:]
        scale = factor * posterior.laplace.noise[0] ** 2
        members.append(
            MemberCovariance(
                share=float(share),
                noise=float(scale / weight),
                runs=mean[:num_runs],
                targets=functional @ mean[num_runs:],
                among_runs=scale * (runs @ runs.T),
                across=scale * (runs @ targeted.T),
                variance=scale * (targeted**2).sum(1),
                own=scale * _own_of_sizes(posterior, targets, num_splits),
            )
        )
    sizes = np.append(targets.N, np.full(num_splits, np.nan))
    same_size = np.isclose(inputs["N"][:num_runs, None], sizes, rtol=1e-9)
    return ForecastVariance(members, same_size, len(candidates.N))


def _around(splits: Points) -> Points:
    """Three points along the budget of each optimum: below it, the optimum, above it."""
    steps = 0.5 * _STEP * np.array([-1.0, 0.0, 1.0])
    N = splits.N[:, None] * np.exp(-steps)
    D = splits.D[:, None] * np.exp(steps)
    return Points(N.ravel(), D.ravel())


def _functional(forecast: Forecast, num_targets: int, splits: Points) -> Floats:
    """Targets as combinations of responses at the points, ``(target, point)``."""
    num = len(splits.N)
    found = np.zeros((num_targets + num, num_targets + 3 * num))
    found[:num_targets, :num_targets] = np.eye(num_targets)
    if not num:
        return found
    around = _around(splits)
    values = ForecastSurface(forecast).mean(np.log(around.N), np.log(around.D)).reshape(num, 3)
    curvature = (values[:, 0] - 2.0 * values[:, 1] + values[:, 2]) / _STEP**2
    for row in range(num):
        first = num_targets + 3 * row
        slope = np.array([-0.5, 0.0, 0.5]) / _STEP
        found[num_targets + row, first : first + 3] = -slope / curvature[row]
    return found


def _joint(posterior: Posterior, inputs: dict[str, Floats], num_last: int) -> tuple[Floats, Floats]:
    """Mean, and a root of the covariance in variances of the noise, ``(point, …)``.

    Args:
        posterior: the member's posterior.
        inputs: the points.
        num_last: how many of them, the last, are without an effect of their size.
    """
    fit, member = posterior.laplace, posterior.member
    bound = member.function.bind(member.inputs_of(inputs))
    value, slopes = bound.value_and_gradient(member.parameters(fit.free[:1]))
    mean, slope = value[0], member.basis.T @ slopes[0]
    last = slice(len(mean) - num_last, None)
    parts = []
    if posterior.columns is not None:
        columns = _without_own(posterior.columns)
        matrix, num_size = columns.at(inputs).matrix, columns.num_size
        matrix[last, :num_size] = 0.0
        expected, change, covariance = (array[0] for array in posterior.coefficients)
        mean = mean + matrix @ expected
        slope = slope + change @ matrix.T
        left = columns.left_at(inputs)
        num_misfit = columns.left_at(inputs, size=False).shape[1]
        left[last, : left.shape[1] - num_misfit] = 0.0
        parts = [matrix @ _root(covariance), left]
    return mean, np.concatenate([slope.T @ _root(fit.covariance[0]), *parts], axis=1)


def _without_own(columns: ErrorColumns) -> ErrorColumns:
    """The columns without what is a new size's own."""
    found = copy(columns)
    found.errors = replace(columns.errors, own_size=0.0)
    return found


def _own_of_sizes(posterior: Posterior, targets: Points, num_splits: int) -> Floats:
    """Variance of what is the targets' sizes' own, over the noise's, ``(target,)``."""
    found = np.zeros(len(targets.N) + num_splits)
    if posterior.columns is not None and len(targets.N):
        inputs = {"N": targets.N, "D": targets.D}
        both = posterior.columns, _without_own(posterior.columns)
        whole, rest = (columns.at(inputs).size_left for columns in both)
        found[: len(targets.N)] = whole - rest
    return found


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _with_runs(own: MemberCovariance, rows: Rows, expected: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the targets with subsets of new runs, ``(subset, target)`` each."""
    most = max(int(rows.sum(axis=1).max(initial=0)), 1)
    order = np.argsort(~rows, axis=1, kind="stable")[:, :most]
    taken = np.take_along_axis(rows, order, axis=1)
    both = taken[:, :, None] & taken[:, None, :]
    among = np.where(both, own.among_runs[order[:, :, None], order[:, None, :]], 0.0)
    places = np.arange(most)
    among[:, places, places] += own.noise
    across = np.where(taken[:, :, None], own.across[order], 0.0)
    miss = np.where(taken, (expected - own.runs)[order], 0.0)
    gain = np.linalg.solve(among, across)
    mean = own.targets + np.einsum("sr,srt->st", miss, gain)
    variance = own.variance - np.einsum("srt,srt->st", across, gain)
    return mean, np.maximum(variance, 0.0)
