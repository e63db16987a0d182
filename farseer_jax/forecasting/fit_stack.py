"""Fit all members of a forecast to all runs and to its hold-outs."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.forecasting.members import Member
from farseer_jax.forecasting.own_law_members import own_law_members
from farseer_jax.forecasting.posterior import Inputs, Posterior, fit_member
from farseer_jax.forecasting.rolling_limits import RollingLimits, rolling_limits
from farseer_jax.forecasting.stack import Record, Stack, record_of, shares_of
from farseer_jax.forecasting.standard_members import standard_members
from farseer_jax.laws.law import Center, Law
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import in_stages
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.solvers.estimated_noise import Noise, RowCounts
from farseer_jax.solvers.replicates import Replicates, replicates_of

_NOISE_OF_SPREAD = 0.01  # the guess on other scales than that of ln L


class FittedStack(NamedTuple):
    """The stack with the hold-outs that weigh its members."""

    stack: Stack
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
        rolling = rolling_limits(along, weights > 0.0)
        rows = weights * np.vstack([np.ones(len(weights)), rolling.fitted])
        averaged = cells_of(inputs, along, target, rows)
        features = columns.of_runs(averaged.inputs)
        data = columns, features, averaged.inputs, averaged.target, averaged.weights, noise
        posteriors: list[Posterior] = []
        for own in in_stages("fitting laws to the runs and to the smaller of them", members):
            # the stiffest says which runs are outliers
            first = posteriors[0].laplace.weights if posteriors else None
            posteriors.append(fit_member(own, *data, first, averaged.replicates))
        cell = None if averaged.replicates is None else averaged.replicates.cell
        records = [
            record_of(own, rolling, averaged.inputs, target, features, cell) for own in posteriors
        ]
    widening = np.array([own.widening for own in records])
    return FittedStack(Stack(posteriors, shares_of(records), widening), rolling, records)


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
    averages = found.averaged(weights)
    own = {name: values[found.first] for name, values in inputs.items()}
    return Cells(own, averages.target, averages.weights, found, RowCounts(weights, averages.within))


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
