"""Least squares with priors, where the noise and the outliers are estimated as well.

The minimum is that of a posterior density; the result is its Laplace approximation.
"""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.solvers.correlated_residuals import CorrelatedWeights
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.optima import RUNNING, Optima

# Residuals are small beside the losses: Gauss-Newton's steps converge as fast as Newton's.
_FIRST = Settings(max_steps=40, tolerance=1e-6, second_derivatives=False)
_ROUND = Settings(max_steps=3, tolerance=1e-6, second_derivatives=False)
_LEAST_EIGENVALUE = 1e-13  # of a matrix with a diagonal of ones: rounding
_LAST = Settings(max_steps=60, tolerance=1e-11, second_derivatives=False)


@dataclass(frozen=True)
class Noise:
    """What is known of the noise before the fit.

    Attributes:
        guess: its standard deviation, on the link's scale.
        strength: how many degrees of freedom the guess is worth.
        robust: whether runs far from the others lose weight.
        student_rounds: rounds with the weights of a Student-t of 4 degrees of freedom, by EM …
        cut_rounds: … and then rounds with full weight up to three standard deviations.
    """

    guess: float = 0.003
    strength: float = 1.0
    robust: bool = True
    student_rounds: int = 6
    cut_rounds: int = 2


class Laplace(NamedTuple):
    """The Laplace approximation of each data set's posterior.

    Attributes:
        free: the mode, ``(data_set, free)``.
        noise: standard deviation of the noise, ``(data_set,)``.
        degrees: its degrees of freedom, ``(data_set,)``.
        covariance: of the free parameters, in variances of the noise, ``(data_set, free, free)``.
        information: that of the runs alone, ``(data_set, free, free)``.
        weights: of the runs, outliers' reduced, ``(data_set, run)``.
        prior_precision: of the parameters, times the noise's variance, ``(data_set, parameter)``.
        jacobian: slopes of the predictions, ``(data_set, free, run)``.
        residuals: observed less predicted, 0 for runs of weight 0, ``(data_set, run)``.
        correlated: the weights of residuals after the linear columns are eliminated.
        status: how the last search ended, ``(data_set,)``.
    """

    free: np.ndarray
    noise: np.ndarray
    degrees: np.ndarray
    covariance: np.ndarray
    information: np.ndarray
    weights: np.ndarray
    prior_precision: np.ndarray
    jacobian: np.ndarray
    residuals: np.ndarray
    correlated: CorrelatedWeights
    status: np.ndarray

    @property
    def condition(self) -> float:
        """Condition number of the first data set's information, scaled to a diagonal of ones."""
        matrix = self.information[0]
        scale = np.sqrt(np.maximum(np.diagonal(matrix), 1e-300))
        values = np.linalg.eigvalsh(matrix / np.outer(scale, scale))
        return float(values[-1] / max(values[0], 1e-300))

    @property
    def weighted_residuals(self) -> np.ndarray:
        """``P · r``, ``(data_set, run)``."""
        return self.correlated.times(self.residuals)


def fit_with_noise(
    problem: FitProblem,
    starts: np.ndarray,
    noise: Noise,
    prior_degrees: np.ndarray | None = None,
    first_weights: np.ndarray | None = None,
) -> Laplace:
    """Minimise from each start, and go on from the best with estimated noise and weights.

    Data sets come in blocks of equal length. Starts serve the first of each block; the others
    (hold-outs of it) begin at its optimum.

    Errors have the covariance ``noise² · (W⁻¹ + linear · linearᵀ)``; priors are absolute. The
    variance of the noise is ``(q + ν₀ n₀²) / (M − γ + ν₀)``, where q is the objective of the M runs
    in multiples of it, γ the effective number of parameters, n₀ the guess and ν₀ its strength.

    Args:
        problem: squares; ``prior_precision`` is ``1 / sd²``, ``(parameter,)``.
        starts: ``(start, free)``, of one block; or ``(block, start, free)``.
        noise: what is known of the noise.
        prior_degrees: degrees of freedom of Student-t priors, inf for normal ones,
            ``(parameter,)``; their precisions are updated by EM.
        first_weights: of the runs in the first round, ``(data_set, run)``, such as those of a
            stiffer function: a flexible one bends to an outlier that it has not been told of.
    """
    state = _Rounds(problem, noise, prior_degrees, first_weights)
    starts = starts if starts.ndim == 3 else starts[None]
    block = len(problem.weights) // len(starts)
    first = np.arange(0, len(problem.weights), block)
    found = minimise(_some_data_sets(state.problem(), first), starts, _FIRST)
    best = found.free[np.arange(len(starts)), found.value.argmin(axis=1)]
    free = np.repeat(best, block, axis=0)
    if noise.robust:
        for number in range(noise.student_rounds + noise.cut_rounds):
            free = minimise(state.problem(), free[:, None], _ROUND).free[:, 0]
            state.update(free, student=number < noise.student_rounds)
    else:
        for _ in range(noise.cut_rounds):
            free = minimise(state.problem(), free[:, None], _ROUND).free[:, 0]
            state.update(free)
    last = minimise(state.problem(), free[:, None], _LAST)
    return laplace_at(state.problem(), last.free[:, 0], noise, last)


def _some_data_sets(problem: FitProblem, rows: np.ndarray) -> FitProblem:
    """Some of the data sets."""
    num, shapes = problem.num_data_sets, problem.function.input_shapes

    def some(values: np.ndarray | None, axes: int) -> Any:
        """Their rows, where the values have a row for each."""
        own = values is not None and np.ndim(values) == axes and len(values) == num > 1
        return values[rows] if own and values is not None else values

    return replace(
        problem,
        inputs={n: some(x, 2 + len(shapes.get(n, ()))) for n, x in problem.inputs.items()},
        target=some(problem.target, 2),
        weights=some(problem.weights, 2),
        prior_mean=some(problem.prior_mean, 2),
        prior_precision=some(problem.prior_precision, 2),
        linear=some(problem.linear, 3),
    )


class _Rounds:
    """Noise, weights and priors, from round to round."""

    def __init__(
        self,
        problem: FitProblem,
        noise: Noise,
        prior_degrees: np.ndarray | None,
        first_weights: np.ndarray | None,
    ) -> None:
        self.given, self.noise, self.prior_degrees = problem, noise, prior_degrees
        num_sets = len(problem.weights)
        self.weights = problem.weights if first_weights is None else first_weights
        self.variance = np.full(num_sets, noise.guess**2)
        precision = problem.prior_precision
        num = problem.num_parameters
        own = np.zeros(num) if precision is None else np.asarray(precision)
        self.precision = np.broadcast_to(own, (num_sets, num))
        self._problem: FitProblem | None = None
        self.mean = np.zeros(num) if problem.prior_mean is None else problem.prior_mean

    def problem(self) -> FitProblem:
        """The objective with the present noise and weights, in variances of the noise."""
        if self._problem is None:
            self._problem = replace(
                self.given,
                weights=self.weights,
                prior_mean=self.mean,
                prior_precision=self.precision * self.variance[:, None],
            )
        return self._problem

    def update(self, free: np.ndarray, student: bool | None = None) -> None:
        """Estimate the noise, the weights and the precisions of Student-t priors anew."""
        found = laplace_at(self.problem(), free, self.noise)
        self.variance = found.noise**2
        if student is not None:
            white = np.where(found.weights > 0.0, found.weighted_residuals, 0.0)
            with np.errstate(divide="ignore", invalid="ignore"):
                square = np.where(
                    found.weights > 0.0, (white / found.weights) ** 2 * self.given.weights, 0.0
                )
            square = square / self.variance[:, None]
            factor = 5.0 / (4.0 + square) if student else np.minimum(1.0, 9.0 / (square + 1e-300))
            self.weights = self.given.weights * factor
        if self.prior_degrees is not None and np.isfinite(self.prior_degrees).any():
            self._update_priors(free)
        self._problem = None

    def _update_priors(self, free: np.ndarray) -> None:
        given = self.given.prior_precision
        assert given is not None
        assert self.prior_degrees is not None
        pull = (self.given.parameters(free) - self.mean) ** 2 * given
        degrees = np.where(np.isfinite(self.prior_degrees), self.prior_degrees, 1e12)
        self.precision = given * (degrees + 1.0) / (degrees + pull)


def laplace_at(
    problem: FitProblem, free: np.ndarray, noise: Noise, found: Optima | None = None
) -> Laplace:
    """The approximation at a point.

    Args:
        problem: with the weights and the priors at that point, in variances of the noise.
        free: ``(data_set, free)``.
        noise: what was known of the noise before the fit.
        found: the search that ended there.
    """
    parameters = problem.parameters(free)
    prediction, slopes = problem.bound.value_and_gradient(parameters)
    basis = problem.basis
    jacobian = slopes if basis is None else np.matmul(basis.T, slopes)
    active = problem.weights > 0.0
    residuals = np.where(active, problem.target - prediction, 0.0)
    jacobian = np.where(active[:, None], jacobian, 0.0)
    correlated = problem.correlated_weights
    if correlated is None:
        none = np.zeros((jacobian.shape[2], 0))
        correlated = CorrelatedWeights.of(problem.weights, none)
    information = correlated.product(jacobian)
    own = problem.prior_precision
    assert own is not None
    prior = own[:, :, None] * np.eye(own.shape[1])
    if basis is not None:
        prior = np.matmul(np.matmul(basis.T, prior), basis)
    covariance = _inverse(information + prior)
    effective = np.trace(np.matmul(covariance, information), axis1=1, axis2=2)
    squares = np.sum(residuals * correlated.times(residuals), axis=1)
    degrees = np.maximum(active.sum(1) - effective, 0.0) + noise.strength
    variance = (squares + noise.strength * noise.guess**2) / degrees
    return Laplace(
        free,
        np.sqrt(variance),
        degrees,
        covariance,
        information,
        problem.weights,
        own,
        jacobian,
        residuals,
        correlated,
        np.full(len(free), RUNNING) if found is None else found.status[:, 0],
    )


def _inverse(matrix: np.ndarray) -> np.ndarray:
    """The inverse of each positive matrix; what it does not determine has a huge variance."""
    diagonal = np.diagonal(matrix, axis1=1, axis2=2)
    scale = np.where(diagonal > 0.0, 1.0 / np.sqrt(np.where(diagonal > 0.0, diagonal, 1.0)), 1.0)
    values, vectors = np.linalg.eigh(matrix * scale[:, :, None] * scale[:, None, :])
    values = np.maximum(values, _LEAST_EIGENVALUE)
    root = vectors * scale[:, :, None]
    return np.asarray(np.matmul(root / values[:, None, :], np.swapaxes(root, 1, 2)))
