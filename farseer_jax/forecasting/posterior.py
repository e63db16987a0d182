"""The posterior of one member: its law, the correlated errors and the noise."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from farseer_jax.forecasting.members import Member
from farseer_jax.methods.correlated_errors import ErrorColumns, Features, RunFeatures
from farseer_jax.solvers.column_matrix import row_blocks
from farseer_jax.solvers.estimated_noise import Laplace, Noise, fit_with_noise, go_on_from
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.replicates import Replicates

_DRAWS = 128  # laws at once
Inputs = Mapping[str, np.ndarray]


class Moments(NamedTuple):
    """Mean and variance at points on the link's scale, ``(point,)`` each, or a sum of such.

    Attributes:
        mean: of the response without noise.
        law: variance by the law's parameters.
        misfit: variance by the law's misfit.
        size: variance by the effect of the point's size.
        noise: variance of a run's noise.
    """

    mean: np.ndarray
    law: np.ndarray
    misfit: np.ndarray
    size: np.ndarray
    noise: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """Variance of the mean, without a run's noise."""
        return self.law + self.misfit + self.size


@dataclass(frozen=True, eq=False)
class Posterior:
    """A member fitted to one set of runs, or to several that differ in their weights.

    Attributes:
        member: the member.
        columns: the columns of the correlated errors; None where errors are independent.
        problem: the runs; those of equal inputs averaged.
        laplace: the posterior of each data set.
    """

    member: Member
    columns: ErrorColumns | None
    problem: FitProblem
    laplace: Laplace

    def without_holdouts(self) -> "Posterior":
        """The same without the hold-outs' residuals and weights of runs, of which there are many.

        It predicts from all runs alone.
        """
        fit, problem = self.laplace, self.problem
        if len(problem.weights) == 1:
            return self
        of_all = replace(
            problem,
            target=problem.target[[0]],
            weights=problem.weights[[0]],
            prior_precision=fit.prior_precision[[0]],
        )
        kept = fit._replace(
            weights=fit.weights[[0]],
            residuals=fit.residuals[[0]],
            correlated=fit.correlated.take(np.array([0])),
        )
        return Posterior(self.member, self.columns, of_all, kept)

    @cached_property
    def coefficients(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of the columns given the law: mean, slope in free parameters, covariance over noise².

        ``(data_set, column)``, ``(data_set, free, column)``, ``(data_set, column, column)``.
        """
        fit = self.laplace
        return fit.expected, fit.change, fit.correlated.covariance

    def moments(
        self, inputs: Inputs, data_set: int = 0, points: Features | RunFeatures | None = None
    ) -> Moments:
        """Mean and variance at points.

        Args:
            inputs: the law's inputs, ``(point,)`` each; a mixture ``(point, share)``.
            data_set: which of the fits.
            points: the points in terms of the columns, if they are known already.
        """
        parts = [
            self._moments(
                {name: x[rows] for name, x in inputs.items()},
                data_set,
                None if points is None else points.take(rows),
            )
            for rows in row_blocks(len(next(iter(inputs.values()))))
        ]
        return (
            parts[0] if len(parts) == 1 else Moments(*map(np.concatenate, zip(*parts, strict=True)))
        )

    def _moments(self, inputs: Inputs, data_set: int, points: Features | None) -> Moments:
        fit, member = self.laplace, self.member
        bound = member.function.bind(member.inputs_of(inputs))
        value, slopes = bound.value_and_gradient(member.parameters(fit.free[data_set])[None])
        mean, slope = value[0], member.basis.T @ slopes[0]
        misfit = size = np.zeros(len(mean))
        if self.columns is not None:
            points = self.columns.at(inputs) if points is None else points
            expected, change, covariance = (array[data_set] for array in self.coefficients)
            mean = mean + points.matrix @ expected
            slope = slope + change @ points.matrix.T
            size, misfit = _shares_of_variance(points, covariance, self.columns.num_size)
        variance = fit.noise[data_set] ** 2
        law = np.sum(fit.covariance[data_set] @ slope * slope, axis=0)
        law = np.maximum(law, 0.0)  # rounding, where the runs do not determine a parameter
        return Moments(
            mean, variance * law, variance * misfit, variance * size, np.full(len(mean), variance)
        )

    def draws(
        self,
        inputs: Inputs,
        num: int,
        widening: float,
        rng: np.random.Generator,
        *,
        size: bool,
        at: Inputs | None = None,
    ) -> np.ndarray:
        """Draws of the response without noise on the link's scale, ``(draw, point)``.

        Args:
            inputs: the law's inputs at the points; ``(draw, point)`` where they are drawn too.
            num: how many draws.
            widening: factor of the standard deviations.
            rng: source of random numbers.
            size: whether the effects of sizes are included.
            at: the points at which errors are drawn, if the inputs are drawn too.
        """
        fit, member = self.laplace, self.member
        at = inputs if at is None else at
        scale = self._scales(num, widening, rng)
        moved = rng.standard_normal((num, fit.free.shape[1])) @ _root(fit.covariance[0]).T
        moved *= scale[:, None]
        parameters = member.parameters(fit.free[0] + moved)
        bound = member.function.bind(member.inputs_of(inputs))
        drawn: np.ndarray = bound.value(parameters)
        if self.columns is None:
            return drawn
        points = self.columns.at(at)
        covariance = self.coefficients[2][0]
        normal = rng.standard_normal((num, len(covariance)))
        u = self._expected(parameters) + scale[:, None] * (normal @ _root(covariance).T)
        matrix = points.matrix.copy()
        if not size:
            matrix[:, : self.columns.num_size] = 0.0
        left = self.columns.left_at(at, size=size)
        own = rng.standard_normal((num, left.shape[1])) @ left.T
        return drawn + u @ matrix.T + scale[:, None] * own

    def _expected(self, parameters: np.ndarray) -> np.ndarray:
        """Expected coefficients of the columns by drawn laws, ``(draw, column)``."""
        first, active = self.laplace.correlated.take(np.array([0])), self.problem.weights[0] > 0.0
        found = []
        for own in np.split(parameters, range(_DRAWS, len(parameters), _DRAWS)):
            sums = np.zeros((1, len(own), first.columns.num_columns))
            for rows, bound in self.problem.blocks:
                missed = self.problem.target[0, rows] - bound.value(own)
                weighted = np.where(active[rows], missed * first.weights[0, rows], 0.0)
                with np.errstate(invalid="ignore"):  # NaN for a law that is infinite at a run
                    sums += first.columns.take(rows).inner(weighted[None])
            found.append(first.coefficients(sums)[0])
        return np.concatenate(found)

    def _scales(self, num: int, widening: float, rng: np.random.Generator) -> np.ndarray:
        """The noise of each draw: its variance has an inverse χ² distribution."""
        degrees, noise = float(self.laplace.degrees[0]), float(self.laplace.noise[0])
        return noise * widening * np.sqrt(degrees / rng.chisquare(degrees, num))


def fit_member(
    member: Member,
    columns: ErrorColumns,
    features: Features | RunFeatures,
    inputs: Inputs,
    target: np.ndarray,
    weights: np.ndarray,
    noise: Noise,
    first_weights: np.ndarray | None = None,
    replicates: Replicates | None = None,
    some: Laplace | None = None,
) -> Posterior:
    """Fit a member to runs.

    Args:
        member: the member.
        columns: of the runs' correlated errors.
        features: the runs in terms of them.
        inputs: the law's inputs at the runs.
        target: responses on the link's scale, ``(run,)``.
        weights: ``(data_set, run)``.
        noise: what is known of the noise.
        first_weights: of the runs in the first round, ``(data_set, run)``.
        replicates: the rows that the runs are averages of; the first weights are then of rows.
        some: a fit to some of the runs, from which this one goes on.
    """
    if replicates is not None and member.correlated:
        own = weights_with_left(features, replicates.weights, replicates.cell)
        replicates = replicates._replace(weights=own)
    problem = problem_of(member, features, inputs, target, weights)
    if some is not None:
        found = go_on_from(some, problem, noise, member.prior_degrees, replicates)
    else:
        found = fit_with_noise(
            problem, member.starts, noise, member.prior_degrees, first_weights, replicates
        )
    return posterior_of(member, columns, problem, found)


def posterior_of(
    member: Member, columns: ErrorColumns, problem: FitProblem, laplace: Laplace
) -> Posterior:
    """The posterior; without columns where errors are independent."""
    return Posterior(member, columns if member.correlated else None, problem, laplace)


def problem_of(
    member: Member,
    features: Features | RunFeatures,
    inputs: Inputs,
    target: np.ndarray,
    weights: np.ndarray,
) -> FitProblem:
    """The objective of a member, with its priors."""
    with np.errstate(divide="ignore"):
        precision = np.where(np.isinf(member.prior_sd), 0.0, member.prior_sd**-2.0)
    return FitProblem(
        member.function,
        member.inputs_of(inputs),
        target,
        weights if not member.correlated else weights_with_left(features, weights),
        offset=member.offset,
        basis=member.basis,
        lower=member.lower,
        upper=member.upper,
        prior_mean=member.prior_mean,
        prior_precision=precision,
        linear=features.matrix if member.correlated else None,
    )


def weights_with_left(
    features: Features | RunFeatures, weights: np.ndarray, cell: np.ndarray | None = None
) -> np.ndarray:
    """Weights that count as noise what columns leave out, where they cannot explain all.

    Args:
        features: the runs in terms of the columns.
        weights: of runs, ``(data_set, run)``; of rows, where these have cells.
        cell: the run of each row.
    """
    left = features.size_left + features.smooth_left
    if left.max() < 1e-3:
        return weights
    return np.asarray(weights / (1.0 + weights * (left if cell is None else left[cell])))


def _shares_of_variance(
    points: Features, covariance: np.ndarray, num_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Variance by size and by misfit, over the noise's; what they share is halved."""
    size, smooth = points.matrix[:, :num_size], points.matrix[:, num_size:]
    own = np.sum(size @ covariance[:num_size, :num_size] * size, axis=1)
    other = np.sum(smooth @ covariance[num_size:, num_size:] * smooth, axis=1)
    both = np.sum(size @ covariance[:num_size, num_size:] * smooth, axis=1)
    first, second = own + points.size_left, other + points.smooth_left
    total = np.maximum(first + second + 2.0 * both, 0.0)
    share = first / np.maximum(first + second, 1e-300)
    return share * total, (1.0 - share) * total


def _root(covariance: np.ndarray) -> np.ndarray:
    """A matrix whose product with its transpose is the covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
