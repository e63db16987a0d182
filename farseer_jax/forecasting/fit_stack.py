"""Fit all members of a forecast to all runs and to its hold-outs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.forecasting.judging_runs import judging_runs
from farseer_jax.forecasting.members import Member
from farseer_jax.forecasting.own_law_members import own_law_members
from farseer_jax.forecasting.posterior import Inputs, Posterior, fit_member
from farseer_jax.forecasting.rolling_limits import RollingLimits, rolling_limits
from farseer_jax.forecasting.stack import Record, Stack, record_of, shares_of
from farseer_jax.forecasting.standard_members import standard_members
from farseer_jax.laws.law import Center, Law
from farseer_jax.methods.correlated_errors import CorrelatedErrors, ErrorColumns, RunFeatures
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import in_stages
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.solvers.estimated_noise import Noise, RowCounts
from farseer_jax.solvers.replicates import Replicates, replicates_of

_NOISE_OF_SPREAD = 0.01  # the guess on other scales than that of ln L


class FittedStack(NamedTuple):
    """The stack with the hold-outs that weigh its members.

    Attributes:
        stack: the members, fitted to all runs.
        judging: the runs that judge the members; None for all.
        rolling: the hold-outs of these.
        records: of each member.
    """

    stack: Stack
    judging: np.ndarray | None
    rolling: RollingLimits
    records: list[Record]


def fit_stack(
    runs: Runs, law: type[Law] | None, errors: CorrelatedErrors, method: LeastSquares
) -> FittedStack:
    """Fit the members to all runs and to the runs below each rolling limit.

    Args:
        runs: the runs.
        law: the user's law; None for the standard members over N and D.
        errors: amplitudes and lengths of the correlated errors.
        method: starts and fixed parameters of the user's law.
    """
    members = members_of(runs, law, method)
    inputs, target = inputs_of(runs, law), runs.link.forward(runs.loss)
    return fit_members(members, errors, inputs, target, mean_one(weights_of(runs)), noise_of(runs))


def fit_members(
    members: Sequence[Member],
    errors: CorrelatedErrors,
    inputs: Inputs,
    target: np.ndarray,
    weights: np.ndarray,
    noise: Noise,
) -> FittedStack:
    """Fit members to all runs and to the runs below each rolling limit.

    Args:
        members: the members, the stiffest first.
        errors: amplitudes and lengths of the correlated errors.
        inputs: the laws' inputs at the runs.
        target: responses on the link's scale, ``(run,)``.
        weights: of the runs, ``(run,)``; without any above 0, the posteriors are the priors.
        noise: what is known of the noise.
    """
    with one_blas_thread():
        columns = errors.columns(members[0].kinds, inputs)
        along = columns.along_of(inputs)
        data = _Data(columns, inputs, along, target, weights, noise)
        rolling = rolling_limits(along, weights > 0.0)
        judging = judging_runs(along, rolling)
        if judging is not None:
            rolling = rolling.take(judging)
        judged = data if judging is None else data.take(judging)
        posteriors, records = _fit_with_holdouts(members, judged, rolling)
        if judging is not None:
            posteriors = _fit_to_all(posteriors, data)
    widening = np.array([own.widening for own in records])
    stack = Stack(posteriors, shares_of(records), widening)
    return FittedStack(stack, judging, rolling, records)


class _Data(NamedTuple):
    """What members are fitted to; arrays have a row per run."""

    columns: ErrorColumns
    inputs: Inputs
    along: np.ndarray
    target: np.ndarray
    weights: np.ndarray
    noise: Noise

    def take(self, runs: np.ndarray) -> "_Data":
        """Some of the runs."""
        inputs = {name: values[runs] for name, values in self.inputs.items()}
        own = self.along[runs], self.target[runs], self.weights[runs]
        return _Data(self.columns, inputs, *own, self.noise)

    def averaged(self, weights: np.ndarray) -> "tuple[Cells, RunFeatures]":
        """The cells with weights ``(data_set, run)``, and these in terms of the columns."""
        cells = cells_of(self.inputs, self.along, self.target, weights)
        return cells, self.columns.of_runs(cells.inputs)


def _fit_with_holdouts(
    members: Sequence[Member], data: _Data, rolling: RollingLimits
) -> tuple[list[Posterior], list[Record]]:
    """Fit the members to the runs and to those below each limit, and compare the next larger."""
    rows = data.weights * np.vstack([np.ones(len(data.weights)), rolling.fitted])
    cells, features = data.averaged(rows)
    own = data.columns, features, cells.inputs, cells.target, cells.weights, data.noise
    cell = None if cells.replicates is None else cells.replicates.cell
    posteriors, records = list[Posterior](), list[Record]()
    first: np.ndarray | None = None
    for member in in_stages("fitting laws to the runs and to the smaller of them", members):
        fitted = fit_member(member, *own, first_weights=first, replicates=cells.replicates)
        if first is None:  # the stiffest says which runs are outliers
            first = fitted.laplace.weights
        records.append(record_of(fitted, rolling, cells.inputs, data.target, features, cell))
        posteriors.append(fitted.without_holdouts())
    return posteriors, records


def _fit_to_all(posteriors: Sequence[Posterior], data: _Data) -> list[Posterior]:
    """Fit members to all runs, from where their fits to some of these ended."""
    cells, features = data.averaged(data.weights[None])
    own = data.columns, features, cells.inputs, cells.target, cells.weights, data.noise
    return [
        fit_member(some.member, *own, replicates=cells.replicates, some=some.laplace)
        for some in in_stages("fitting laws to all runs", posteriors)
    ]


class Cells(NamedTuple):
    """Runs of equal inputs as one: what the laws are fitted to.

    Attributes:
        inputs: of the cells.
        target: their weighted means, ``(cell,)`` or ``(data_set, cell)``.
        weights: sums of weights, ``(data_set, cell)``.
        replicates: the runs that they are averages of; None where each run is a cell.
        rows: what the averages leave out; None likewise.
    """

    inputs: dict[str, np.ndarray]
    target: np.ndarray
    weights: np.ndarray
    replicates: Replicates | None
    rows: RowCounts | None = None

    def reweighted(self, target: np.ndarray, weights: np.ndarray) -> "Cells":
        """The same cells with other weights of the runs.

        Args:
            target: of the runs, ``(run,)``.
            weights: ``(data_set, run)``.
        """
        if self.replicates is None:
            return self._replace(target=target, weights=weights)
        averages = self.replicates.averaged(weights)
        rows = RowCounts(weights, averages.within)
        return self._replace(target=averages.target, weights=averages.weights, rows=rows)


def cells_of(inputs: Inputs, along: np.ndarray, target: np.ndarray, weights: np.ndarray) -> Cells:
    """Average runs of equal inputs, which loses nothing (:mod:`farseer_jax.solvers.replicates`).

    Args:
        inputs: the laws' inputs at the runs.
        along: the coordinate of the input whose values have an effect each, ``(run,)``.
        target: responses on the link's scale, ``(run,)``.
        weights: ``(data_set, run)``.
    """
    found = replicates_of(inputs, along, target, weights)
    if found is None:
        return Cells(dict(inputs), target, weights, None)
    own = {name: values[found.first] for name, values in inputs.items()}
    return Cells(own, target, weights, found).reweighted(target, weights)


def mean_one(weights: np.ndarray) -> np.ndarray:
    """Weights scaled to a mean of 1: the noise is that of a run of mean weight."""
    return np.asarray(weights / weights.mean())


def members_of(runs: Runs, law: type[Law] | None, method: LeastSquares) -> list[Member]:
    """The members of a forecast."""
    if law is None:
        center = Center(*(float(np.exp(np.log(x).mean())) for x in (runs.N, runs.D)))
        return standard_members(runs, center)
    return own_law_members(law, runs, method)


def inputs_of(runs: Runs, law: type[Law] | None) -> dict[str, np.ndarray]:
    """The inputs of the members' laws at the runs."""
    return {"N": runs.N, "D": runs.D} if law is None else law.columns(runs)


def noise_of(runs: Runs) -> Noise:
    """What is known of the runs' noise before the fit."""
    if runs.link.name == "log":
        return Noise()
    return Noise(guess=_NOISE_OF_SPREAD * float(np.std(runs.link.forward(runs.loss))))
