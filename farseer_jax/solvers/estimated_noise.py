"""Least squares with priors, where the noise and the outliers are estimated as well.

The minimum is that of a posterior density; the result is its Laplace approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.solvers.column_matrix import ColumnMatrix
from farseer_jax.solvers.correlated_residuals import CorrelatedWeights
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.objective_evaluation import residuals_of_data_sets, sums_of_data_sets
from farseer_jax.solvers.optima import RUNNING, Optima
from farseer_jax.solvers.replicates import Replicates

# Residuals are small beside the losses: Gauss-Newton's steps converge as fast as Newton's.
_FIRST = Settings(max_steps=40, tolerance=1e-6, second_derivatives=False)
_ROUND = Settings(max_steps=3, tolerance=1e-6, second_derivatives=False)
_STEP = Settings(max_steps=2, tolerance=1e-6, second_derivatives=False)
_LEAST_EIGENVALUE = 1e-13  # of a matrix with a diagonal of ones: rounding
# With more runs than this, some of them serve for the first rounds.
_MANY, _SOME = 16_384, 8_192
_MOST_SETTLING, _SETTLED = 50, 1e-12  # of weights and noise at given residuals
_MOST_ROUNDS, _STEADY = 8, 1e-6  # … and of rounds, by the variance of the noise
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


class RowCounts(NamedTuple):
    """What the averages of replicates leave out.

    Attributes:
        weights: of all rows, ``(data_set, row)``.
        within: weighted squares within the cells, ``(data_set,)``.
    """

    weights: np.ndarray
    within: np.ndarray | float


class Laplace(NamedTuple):
    """The Laplace approximation of each data set's posterior.

    Attributes:
        free: the mode, ``(data_set, free)``.
        noise: standard deviation of the noise, ``(data_set,)``.
        degrees: its degrees of freedom, ``(data_set,)``.
        covariance: of the free parameters, in variances of the noise, ``(data_set, free, free)``.
        information: that of the runs alone, ``(data_set, free, free)``.
        weights: of the runs, outliers' reduced, ``(data_set, run)``; of all rows of replicates.
        prior_precision: of the parameters, times the noise's variance, ``(data_set, parameter)``.
        pull: ``J P r``, minus the slope of half the squares, ``(data_set, free)``.
        squares: ``rᵀ P r``, those within cells of replicates included, ``(data_set,)``.
        residuals: observed less predicted, 0 for runs of weight 0, ``(data_set, run)``.
        correlated: the weights of residuals after the linear columns are eliminated.
        expected: coefficients of these columns, ``(data_set, column)`` …
        change: … and how they change with the free parameters, ``(data_set, free, column)``.
        status: how the last search ended, ``(data_set,)``.
    """

    free: np.ndarray
    noise: np.ndarray
    degrees: np.ndarray
    covariance: np.ndarray
    information: np.ndarray
    weights: np.ndarray
    prior_precision: np.ndarray
    pull: np.ndarray
    squares: np.ndarray
    residuals: np.ndarray
    correlated: CorrelatedWeights
    expected: np.ndarray
    change: np.ndarray
    status: np.ndarray

    @property
    def condition(self) -> float:
        """Condition number of the first data set's information, scaled to a diagonal of ones."""
        matrix = self.information[0]
        scale = np.sqrt(np.maximum(np.diagonal(matrix), 1e-300))
        values = np.linalg.eigvalsh(matrix / np.outer(scale, scale))
        return float(values[-1] / max(values[0], 1e-300))

    @property
    def unexplained(self) -> np.ndarray:
        """Residuals less what the columns explain of them, ``(data_set, run)``."""
        return self.residuals - self.correlated.columns.outer(self.expected)


def fit_with_noise(
    problem: FitProblem,
    starts: np.ndarray,
    noise: Noise,
    prior_degrees: np.ndarray | None = None,
    first_weights: np.ndarray | None = None,
    replicates: Replicates | None = None,
) -> Laplace:
    """Minimise from each start, and go on from the best with estimated noise and weights.

    Where there are many runs, all this happens on some of them first. Rounds on all runs start from
    what it ends with, and each brings the weights of outliers and the noise, which depend on each
    other, to agreement; they thus end where cutting rounds on all runs would end, were there more.

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
        replicates: the rows that the problem's runs are averages of; None where they are rows.
    """
    state = _Rounds(problem, noise, prior_degrees, first_weights, replicates)
    some = _some_of_many(state)
    first = state if some is None else some
    free = first.first_optimum(starts)
    if noise.robust:
        free = first.rounds(free, [True] * noise.student_rounds)
    free = first.rounds(free, [_cut(noise)] * noise.cut_rounds)
    return state.ended(free) if some is None else state.gone_on(some.laplace(free))


def go_on_from(
    some: Laplace,
    problem: FitProblem,
    noise: Noise,
    prior_degrees: np.ndarray | None = None,
    replicates: Replicates | None = None,
) -> Laplace:
    """Go on from a fit to some of the runs, as :func:`fit_with_noise` does from its own.

    Args:
        some: that fit; its first data sets are those of the problem.
        problem: with all runs.
        noise: what is known of the noise.
        prior_degrees: degrees of freedom of Student-t priors, ``(parameter,)``.
        replicates: the rows that the problem's runs are averages of.
    """
    return _Rounds(problem, noise, prior_degrees, None, replicates).gone_on(some)


def _cut(noise: Noise) -> bool | None:
    """What rounds do with weights after those of Student's: cut them off, or nothing."""
    return False if noise.robust else None


def _some_data_sets(problem: FitProblem, rows: np.ndarray) -> FitProblem:
    """Some of the data sets."""
    num, shapes = problem.num_data_sets, problem.function.input_shapes

    def some(values: Any, axes: int) -> Any:
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


def _factors(square: np.ndarray, student: bool) -> np.ndarray:
    """Weights over those given, by squares in variances of the noise."""
    return 5.0 / (4.0 + square) if student else np.minimum(1.0, 9.0 / (square + 1e-300))


class _Rounds:
    """Noise, weights and priors, from round to round."""

    def __init__(
        self,
        problem: FitProblem,
        noise: Noise,
        prior_degrees: np.ndarray | None,
        first_weights: np.ndarray | None,
        replicates: Replicates | None,
    ) -> None:
        self.replicates, self.settles = replicates, False
        self.given, self.noise, self.prior_degrees = problem, noise, prior_degrees
        num_sets = len(problem.weights)
        self.given_weights = problem.weights if replicates is None else replicates.weights
        self.weights = self.given_weights if first_weights is None else first_weights
        self.variance = np.full(num_sets, noise.guess**2)
        precision = problem.prior_precision
        num = problem.num_parameters
        own = np.zeros(num) if precision is None else np.asarray(precision)
        self.precision = np.broadcast_to(own, (num_sets, num))
        self._misses: list[np.ndarray] = []
        self._within: float | np.ndarray = 0.0
        self._problem: FitProblem | None = None
        self.mean = np.zeros(num) if problem.prior_mean is None else problem.prior_mean

    def problem(self) -> FitProblem:
        """The objective with the present noise and weights, in variances of the noise."""
        if self._problem is None:
            target, weights, self._within = self.given.target, self.weights, 0.0
            if self.replicates is not None:
                target, weights, self._within = self.replicates.averaged(self.weights)
            self._problem = replace(
                self.given,
                target=target,
                weights=weights,
                prior_mean=self.mean,
                prior_precision=self.precision * self.variance[:, None],
            )
        return self._problem

    def first_optimum(self, starts: np.ndarray) -> np.ndarray:
        """The best of the optima from the starts of each block, ``(data_set, free)``."""
        starts = starts if starts.ndim == 3 else starts[None]
        block = len(self.weights) // len(starts)
        first = np.arange(0, len(self.weights), block)
        found = minimise(_some_data_sets(self.problem(), first), starts, _FIRST)
        best = found.free[np.arange(len(starts)), found.value.argmin(axis=1)]
        return np.repeat(best, block, axis=0)

    def rounds(self, free: np.ndarray, kinds: Sequence[bool | None]) -> np.ndarray:
        """Rounds of a few steps, after each of which the noise and the weights are estimated."""
        for student in kinds:
            settings = _STEP if self.settles else _ROUND
            free = minimise(self.problem(), free[:, None], settings).free[:, 0]
            self.update(free, student)
        return free

    def settled(self, free: np.ndarray) -> np.ndarray:
        """Rounds that cut outliers off, until the noise no longer changes."""
        for _ in range(_MOST_ROUNDS):
            before = self.variance
            free = self.rounds(free, [_cut(self.noise)])
            if np.abs(self.variance / before - 1.0).max() < _STEADY:
                break
        return free

    def laplace(self, free: np.ndarray, found: Optima | None = None) -> Laplace:
        """The approximation at a point, with the present noise and weights."""
        return laplace_at(self.problem(), free, self.noise, found, self._rows())

    def _rows(self) -> RowCounts | None:
        self.problem()
        return None if self.replicates is None else RowCounts(self.weights, self._within)

    def update(self, free: np.ndarray, student: bool | None = None) -> None:
        """Estimate the noise, the weights and the precisions of Student-t priors anew."""
        found = self.laplace(free)
        self.variance = found.noise**2
        if student is not None:
            self._reweigh(found.unexplained, self.problem().target, student)
            if self.settles:
                self._settle(found)
        if self.prior_degrees is not None and np.isfinite(self.prior_degrees).any():
            self._update_priors(free)
        self._problem = None

    def _reweigh(self, unexplained: np.ndarray, target: np.ndarray, student: bool) -> None:
        """Weights by the residuals of the rows, less what the columns explain."""
        given, before = self.given_weights, self.weights
        found = np.empty((len(unexplained), given.shape[1]))
        self._misses = []
        for place, own in enumerate(found):
            miss, weights = unexplained[place], given[place % len(given)]
            if self.replicates is not None:
                cell = self.replicates.cell
                miss = self.replicates.target + (miss - target[place])[cell]
            square = miss**2 * weights
            square[~(before[place % len(before)] > 0.0)] = 0.0
            own[:] = weights * _factors(square / self.variance[place], student)
            if self.settles:
                self._misses.append(square)
        self.weights = found

    def _settle(self, found: Laplace) -> None:
        """Weights that cut outliers off and the noise, until they agree at these residuals."""
        prior = self.noise.strength * self.noise.guess**2 + (found.expected**2).sum(axis=1)
        given = self.given_weights
        for place, square in enumerate(self._misses):
            for _ in range(_MOST_SETTLING):
                factor = _factors(square / self.variance[place], student=False)
                variance = (factor @ square + prior[place]) / found.degrees[place]
                change = abs(variance / self.variance[place] - 1.0)
                self.variance[place] = variance
                if change < _SETTLED:
                    break
            self.weights[place] = given[place % len(given)] * factor
        self._misses = []

    def ended(self, free: np.ndarray) -> Laplace:
        """The optimum with the present noise, weights and priors."""
        last = minimise(self.problem(), free[:, None], _LAST)
        return self.laplace(last.free[:, 0], last)

    def gone_on(self, some: Laplace) -> Laplace:
        """The optimum of rounds that start where a fit to some of the runs ended."""
        num = len(self.weights)
        free, self.variance = some.free[:num], some.noise[:num] ** 2
        self.settles = self.noise.robust
        if self.noise.robust:
            self._weigh_by(free, some.expected[:num])
        if self.prior_degrees is not None and np.isfinite(self.prior_degrees).any():
            self._update_priors(free)
        self._problem = None
        return self.ended(self.settled(free))

    def _weigh_by(self, free: np.ndarray, expected: np.ndarray) -> None:
        """Weights by the residuals at a point, less what the columns explain of them."""
        predicted, parameters = (
            np.empty((len(free), self.given.bound.num_runs)),
            self.given.parameters(free),
        )
        columns = [parameters[:, k, None] for k in range(parameters.shape[1])]
        for runs, bound in self.given.blocks:
            predicted[:, runs] = bound.value(columns)
        if self.given.linear is not None:
            predicted += ColumnMatrix.of(self.given.linear).outer(expected)
        target = np.broadcast_to(self.given.target, predicted.shape)
        self._reweigh(target - predicted, target, student=False)

    def _update_priors(self, free: np.ndarray) -> None:
        given = self.given.prior_precision
        assert given is not None
        assert self.prior_degrees is not None
        pull = (self.given.parameters(free) - self.mean) ** 2 * given
        degrees = np.where(np.isfinite(self.prior_degrees), self.prior_degrees, 1e12)
        self.precision = given * (degrees + 1.0) / (degrees + pull)


def _some_of_many(state: _Rounds) -> _Rounds | None:
    """The rounds of some of the runs, as many from each hold-out; None where there are not many."""
    problem, replicates = state.given, state.replicates
    num = problem.bound.num_runs
    if num <= _MANY:
        return None
    patterns = np.packbits(problem.weights > 0.0, axis=0)
    _, kind = np.unique(patterns, axis=1, return_inverse=True)
    kinds = int(kind.max()) + 1
    of_each = [np.flatnonzero(kind.ravel() == k) for k in range(kinds)]
    few = max(_SOME // kinds, 1)
    evenly = [own[np.unique(np.linspace(0, len(own) - 1, few).astype(int))] for own in of_each]
    cells = np.sort(np.concatenate(evenly))
    rows = cells
    if replicates is not None:
        replicates, rows = replicates.take(cells)
    shapes = problem.function.input_shapes
    linear = problem.linear
    some = replace(
        problem,
        inputs={
            name: np.take(values, cells, axis=-1 - len(shapes.get(name, ())))
            for name, values in problem.inputs.items()
        },
        target=problem.target[:, cells],
        weights=problem.weights[:, cells],
        linear=None if linear is None else ColumnMatrix.of(linear).take(cells),
    )
    return _Rounds(some, state.noise, state.prior_degrees, state.weights[:, rows], replicates)


def laplace_at(
    problem: FitProblem,
    free: np.ndarray,
    noise: Noise,
    found: Optima | None = None,
    rows: RowCounts | None = None,
) -> Laplace:
    """The approximation at a point.

    Args:
        problem: with the weights and the priors at that point, in variances of the noise.
        free: ``(data_set, free)``.
        noise: what was known of the noise before the fit.
        found: the search that ended there.
        rows: the rows that the problem's runs are averages of; None where they are rows.
    """
    correlated = problem.correlated_weights
    if correlated is None:
        none = np.zeros((problem.weights.shape[1], 0))
        correlated = CorrelatedWeights.of(problem.weights, none)
    sums = sums_of_data_sets(problem, free)
    inner = correlated.whitened(sums.across)
    explained = np.matmul(inner, np.swapaxes(inner, 1, 2))
    coefficients = np.matmul(inner, correlated.inverse)
    information = sums.majoriser - explained[:, :-1, :-1]
    own = problem.prior_precision
    assert own is not None
    prior = own[:, :, None] * np.eye(own.shape[1])
    if problem.basis is not None:
        prior = np.matmul(np.matmul(problem.basis.T, prior), problem.basis)
    covariance = _inverse(information + prior)
    effective = np.trace(np.matmul(covariance, information), axis1=1, axis2=2)
    squares = np.maximum(2.0 * sums.value - explained[:, -1, -1], 0.0)
    weights, within = (problem.weights, 0.0) if rows is None else rows
    squares = squares + within
    degrees = np.maximum((weights > 0.0).sum(1) - effective, 0.0) + noise.strength
    variance = (squares + noise.strength * noise.guess**2) / degrees
    return Laplace(
        free,
        np.sqrt(variance),
        degrees,
        covariance,
        information,
        weights,
        own,
        explained[:, :-1, -1] - sums.gradient,
        squares,
        residuals_of_data_sets(problem, free),
        correlated,
        -coefficients[:, -1],
        -coefficients[:, :-1],
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
