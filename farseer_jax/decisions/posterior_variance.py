"""The variance of targets with runs that do not exist yet.

Each member's posterior is Gaussian in its (linearised) law and its correlated errors. With K the
posterior covariance of responses at the targets t and at new runs S, in variances of the noise, and
w the weight of a new run, the runs S leave, whatever they reach,

    K_tt − K_tS (K_SS + I/w)⁻¹ K_St,

and move the member's mean by K_tS (K_SS + I/w)⁻¹ (y_S − mean_S). New runs are assumed to reach the
mean of all members, by which members come closer to one another as well. Noise, weights of members
and their widening stay as they are; what is a new size's own is no longer counted at a size that
gets a run. A target is a response, with the effect of its size; or ln of the optimal D/N of a
budget, which moves by −g'/g'' where g is the curve of losses along the budget, without effects of
sizes.
"""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.forecasting.posterior import Inputs, Posterior
from farseer_jax.forecasting.stack import Stack
from farseer_jax.methods.correlated_errors import ErrorColumns
from farseer_jax.runs.checks import Floats

Rows = NDArray[np.bool_]

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
class PosteriorVariance:
    """Variances of targets with any set of candidates.

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
        found = _with_sets(self.members, rows, self._expected)
        # a product of numbers, which is far faster than one of booleans
        is_new = rows.astype(np.float32) @ self.same_size.astype(np.float32) == 0.0
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
        """The mean of all members at the new runs, ``(run,)``."""
        return np.asarray(sum(own.share * own.runs for own in self.members))


def posterior_variance(
    stack: Stack,
    weight: float,
    candidates: Inputs,
    paid: Inputs,
    targets: Inputs,
    splits: Inputs,
) -> PosteriorVariance:
    """The variances of a stack's predictions with new runs.

    Args:
        stack: the members' posteriors.
        weight: of a new run; the noise is that of a run of weight 1.
        candidates: inputs of the runs that could be trained.
        paid: of runs that will be trained in any case.
        targets: of the points whose response is a target.
        splits: N and D of the optima of budgets whose D/N is a target, at 6 N D; empty otherwise.
    """
    num_targets, num_splits = _num(targets), _num(splits)
    parts = [candidates, paid, targets]
    if num_splits:
        parts.append(_around(splits))
    inputs = {name: np.concatenate([own[name] for own in parts]) for name in candidates}
    num_runs = _num(candidates) + _num(paid)
    joints = [_joint(posterior, inputs, 3 * num_splits) for posterior in stack.posteriors]
    curves = np.tensordot(
        stack.shares, np.array([mean[num_runs + num_targets :] for mean, _ in joints]), 1
    )
    functional = _functional(num_targets, curves.reshape(num_splits, 3))
    members = []
    for share, factor, posterior, (mean, root) in zip(
        stack.shares, stack.widening**2, stack.posteriors, joints, strict=True
    ):
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
    same_size = np.zeros((num_runs, num_targets + num_splits), dtype=bool)
    same_size[:, :num_targets] = _same_size(stack, inputs, num_runs, num_targets)
    return PosteriorVariance(members, same_size, _num(candidates))


def _num(inputs: Inputs) -> int:
    return len(next(iter(inputs.values())))


def _same_size(stack: Stack, inputs: Inputs, num_runs: int, num_targets: int) -> Rows:
    """Whether new runs have the sizes of targets, ``(run, target)``."""
    columns = next((own.columns for own in stack.posteriors if own.columns is not None), None)
    if columns is None:
        return np.zeros((num_runs, num_targets), dtype=bool)
    along = columns.along_of(inputs)
    sizes = along[num_runs : num_runs + num_targets]
    return np.isclose(along[:num_runs, None], sizes, rtol=0.0, atol=1e-9)


def _around(splits: Inputs) -> dict[str, Floats]:
    """Three points along the budget of each optimum: below it, the optimum, above it."""
    steps = 0.5 * _STEP * np.array([-1.0, 0.0, 1.0])
    N = splits["N"][:, None] * np.exp(-steps)
    D = splits["D"][:, None] * np.exp(steps)
    return {"N": N.ravel(), "D": D.ravel()}


def _functional(num_targets: int, curves: Floats) -> Floats:
    """Targets as combinations of responses at the points, ``(target, point)``.

    Args:
        num_targets: how many targets are responses at points.
        curves: the expected response around each optimum, ``(budget, 3)``.
    """
    num = len(curves)
    found = np.zeros((num_targets + num, num_targets + 3 * num))
    found[:num_targets, :num_targets] = np.eye(num_targets)
    curvature = (curves[:, 0] - 2.0 * curves[:, 1] + curves[:, 2]) / _STEP**2
    for row in range(num):
        first = num_targets + 3 * row
        slope = np.array([-0.5, 0.0, 0.5]) / _STEP
        found[num_targets + row, first : first + 3] = -slope / curvature[row]
    return found


def _joint(posterior: Posterior, inputs: Inputs, num_last: int) -> tuple[Floats, Floats]:
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


def _own_of_sizes(posterior: Posterior, targets: Inputs, num_splits: int) -> Floats:
    """Variance of what is the targets' sizes' own, over the noise's, ``(target,)``."""
    num = _num(targets)
    found = np.zeros(num + num_splits)
    if posterior.columns is not None and num:
        both = posterior.columns, _without_own(posterior.columns)
        whole, rest = (columns.at(targets).size_left for columns in both)
        found[:num] = whole - rest
    return found


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))


def _with_sets(
    members: Sequence[MemberCovariance], rows: Rows, expected: Floats
) -> list[tuple[Floats, Floats]]:
    """Mean and variance of each member's targets with subsets, ``(subset, target)`` each.

    What all subsets share, as those of a search do, is conditioned on once: each then solves a
    system of the few runs that are its own.
    """
    common = np.asarray(rows.all(axis=0))
    if not common.any():
        return [_with_runs(own, rows, expected) for own in members]
    others = np.asarray(rows.any(axis=0) & ~common)
    rest, left = rows[:, others], expected[others]
    return [_with_runs(_given(own, common, others, expected), rest, left) for own in members]


def _given(own: MemberCovariance, common: Rows, others: Rows, expected: Floats) -> MemberCovariance:
    """The posterior once the ``common`` runs are trained, at the ``others`` as new runs."""
    between, across = own.among_runs[np.ix_(common, others)], own.across[common]
    miss = (expected - own.runs)[common, None]
    among = own.among_runs[np.ix_(common, common)] + own.noise * np.eye(len(miss))
    gain = np.linalg.solve(among, np.concatenate([between, across, miss], axis=1))
    num = between.shape[1]
    of_others, of_targets, of_miss = gain[:, :num], gain[:, num:-1], gain[:, -1]
    return own._replace(
        runs=own.runs[others] + between.T @ of_miss,
        targets=own.targets + across.T @ of_miss,
        among_runs=own.among_runs[np.ix_(others, others)] - between.T @ of_others,
        across=own.across[others] - between.T @ of_targets,
        variance=np.maximum(own.variance - (across * of_targets).sum(axis=0), 0.0),
    )


def _with_runs(own: MemberCovariance, rows: Rows, expected: Floats) -> tuple[Floats, Floats]:
    """Mean and variance of the targets with subsets of new runs, ``(subset, target)`` each."""
    if not rows.any():
        shape = len(rows), len(own.targets)
        return np.broadcast_to(own.targets, shape), np.broadcast_to(own.variance, shape)
    most = int(rows.sum(axis=1).max())
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
