"""A batch's objective and its derivatives in the free parameters, by NumPy, in blocks of runs."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.objectives import rho, rho_slope, rho_weights
from farseer_jax.runtime.threads import in_threads
from farseer_jax.solvers.bound_function import BoundFunction
from farseer_jax.solvers.fit_problem import FitProblem


class Evaluation(NamedTuple):
    """The objective and its derivatives at one point of each batch element.

    Attributes:
        value: ``(element,)``.
        gradient: ``(element, free)``.
        majoriser: Gauss-Newton's matrix, ``(element, free, free)``; for robust ρ with the weights
            of squares that lie above it.
        hessian: the exact second derivatives where they were asked for, else the majoriser.
        finite: whether all of these are finite.
    """

    value: np.ndarray
    gradient: np.ndarray
    majoriser: np.ndarray
    hessian: np.ndarray
    finite: np.ndarray


class RunSums(NamedTuple):
    """Sums over runs, of which the objective and its derivatives consist.

    Attributes:
        value: ``(element,)``.
        gradient: ``(element, free)``.
        majoriser: ``(element, free, free)``.
        across: ``J W C`` and, last, ``r W C`` of the linear columns C, ``(element, free + 1,
            column)``; without columns where there are none.
        hessian: the exact second derivatives where they were asked for, else the majoriser.
    """

    value: np.ndarray
    gradient: np.ndarray
    majoriser: np.ndarray
    across: np.ndarray
    hessian: np.ndarray


class Evaluator:
    """Evaluates the objective of some batch elements.

    Args:
        problem: what is minimised.
        rows: the data set of each element.
        delta: of each element, more than 0; the problem's own by default.
    """

    def __init__(
        self, problem: FitProblem, rows: np.ndarray, delta: np.ndarray | None = None
    ) -> None:
        self.problem = problem
        self.rows = rows
        self.delta = np.full(len(rows), problem.delta) if delta is None else delta
        self._blocks = [(own, bound.take(rows)) for own, bound in problem.blocks]
        self._target = _take(problem.target, rows)
        self._weights = _take(problem.weights, rows)
        self._some_left_out = bool((self._weights == 0.0).any())
        whole = problem.correlated_weights
        self._correlated = None if whole is None else whole.take(rows)
        precision = problem.prior_precision
        self._precision = None if precision is None else _take(np.atleast_2d(precision), rows)
        mean = problem.prior_mean
        self._prior_mean = 0.0 if mean is None else _take(np.atleast_2d(mean), rows)
        # rounding of predictions of the size of the target, in the objective
        squares = np.sum(self._weights * self._target**2, axis=-1)
        self.noise = np.broadcast_to(4.0 * np.finfo(float).eps * np.sqrt(squares), rows.shape)
        if problem.delta == 0.0:
            self.noise = self.noise / np.sqrt(np.maximum(self.delta, 1e-300))

    @property
    def least_delta(self) -> np.ndarray:
        """The requested δ, ``(element,)``; where that is 0, one small beside the targets."""
        if self.problem.delta > 0.0:
            return np.full(len(self.rows), self.problem.delta)
        total = np.sum(self._weights, axis=-1, keepdims=True)
        mean = np.sum(self._weights * self._target, axis=-1, keepdims=True) / total
        spread = np.sum(self._weights * np.abs(self._target - mean), axis=-1) / total[:, 0]
        return np.broadcast_to(np.maximum(1e-9 * spread, 1e-300), self.rows.shape)

    def shrinks(self, value: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """Whether an optimum of the present δ is near enough to go on with a smaller one."""
        if self.problem.delta > 0.0:
            return predicted <= 0.03 * np.abs(value)
        edge = 0.5 * self.problem.num_free * np.mean(self._weights, axis=-1) * self.delta
        return predicted <= edge

    def take(self, places: np.ndarray) -> "Evaluator":
        """Some of the elements."""
        return Evaluator(self.problem, self.rows[places], self.delta[places])

    def mean_residual(self, free: np.ndarray) -> np.ndarray:
        """The mean size of the residuals, ``(element,)``."""
        columns, total = self._columns(self.problem.parameters(free)), np.zeros(len(free))
        for runs, bound in self._blocks:
            difference = bound.value(_of_runs(columns, runs)) - self._target[:, runs]
            sizes = np.abs(self._residuals(difference, runs)[0])
            total = total + np.sum(self._weights[:, runs] * sizes, axis=-1)
        return np.asarray(total / np.sum(self._weights, axis=-1))

    def rounding(self, value: np.ndarray) -> np.ndarray:
        """What rounding of the predictions does to an objective, ``(element,)``."""
        return self.noise * np.sqrt(2.0 * np.abs(value))

    def value(self, free: np.ndarray) -> np.ndarray:
        """The objective alone, ``(element,)``."""
        parameters = self.problem.parameters(free)
        columns, total = self._columns(parameters), np.zeros(len(free))
        across = np.zeros((len(free), 1, self._num_linear))
        for runs, bound in self._active_blocks():
            difference = bound.value(_of_runs(columns, runs)) - self._target[:, runs]
            value, slope, _ = self._rho(difference, runs)
            total = total + value
            across = across + self._across(slope[:, None], runs)
        if self._correlated is not None:
            total = total - 0.5 * np.sum(self._correlated.whitened(across)[:, 0] ** 2, axis=-1)
        return total + self._prior_value(parameters)

    def evaluate(self, free: np.ndarray, exact: np.ndarray) -> Evaluation:
        """The objective and its derivatives.

        Args:
            free: ``(element, free)``.
            exact: which elements need the exact second derivatives, ``(element,)``.
        """
        parameters = self.problem.parameters(free)
        sums = self._without_linear(self.sums(free, exact))
        value = sums.value + self._prior_value(parameters)
        gradient, majoriser, hessian = sums.gradient, sums.majoriser, sums.hessian
        self._add_priors(parameters, gradient, majoriser, hessian)
        finite = np.isfinite(value) & np.isfinite(gradient).all(-1)
        finite &= np.isfinite(majoriser).all((-1, -2)) & np.isfinite(hessian).all((-1, -2))
        return Evaluation(value, gradient, majoriser, hessian, finite)

    def sums(self, free: np.ndarray, exact: np.ndarray) -> RunSums:
        """The sums over runs, before the linear columns are eliminated; as :meth:`evaluate`."""
        columns = self._columns(self.problem.parameters(free))
        exact = exact & self.problem.function.twice_differentiable if exact.any() else exact
        found: RunSums | None = None
        for runs, bound in self._active_blocks():
            own = self._sums_of_block(runs, bound, columns, exact & (self._correlated is None))
            found = own if found is None else RunSums(*map(np.add, found, own))
        assert found is not None
        if self._correlated is not None and exact.any():
            fitted = self._correlated.coefficients(found.across[:, -1:])[:, 0]
            hessian = found.hessian.copy()
            hessian[exact] += self._curvature_of_blocks(columns, exact, fitted)
            found = found._replace(hessian=hessian)
        return found

    def _sums_of_block(
        self, runs: slice, bound: BoundFunction, columns: list[np.ndarray], exact: np.ndarray
    ) -> RunSums:
        columns = _of_runs(columns, runs)
        prediction, slopes = bound.value_and_gradient(columns)
        jacobian = self._whole_jacobian(slopes, runs)
        value, slope, (majorising, curving) = self._rho(prediction - self._target[:, runs], runs)
        gradient = np.matmul(jacobian, slope[:, :, None])[:, :, 0]
        weighted = jacobian * majorising[:, None]
        transposed = np.swapaxes(jacobian, 1, 2)
        majoriser = np.matmul(weighted, transposed)
        across = self._across(weighted, runs, slope)
        hessian = majoriser.copy()
        if exact.any():
            few = jacobian[exact]
            own = np.matmul(few * curving[exact][:, None], np.swapaxes(few, 1, 2))
            hessian[exact] = self._with_curvature(own, exact, runs, bound, columns, slope[exact])
        return RunSums(value, gradient, majoriser, across, hessian)

    def _across(
        self, weighted: np.ndarray, runs: slice, slope: np.ndarray | None = None
    ) -> np.ndarray:
        """``J W C`` of weighted rows, and ``r W C``, ``(element, row, column)``."""
        if self._correlated is None:
            return np.zeros((len(weighted), weighted.shape[1] + (slope is not None), 0))
        rows = weighted if slope is None else np.concatenate([weighted, slope[:, None]], axis=1)
        return self._correlated.columns.take(runs).inner(rows)

    def _without_linear(self, sums: RunSums) -> RunSums:
        """The sums after the linear columns are eliminated (Woodbury's identity)."""
        if self._correlated is None:
            return sums
        inner = self._correlated.whitened(sums.across)
        explained = np.matmul(inner, np.swapaxes(inner, 1, 2))
        return sums._replace(
            value=sums.value - 0.5 * explained[:, -1, -1],
            gradient=sums.gradient - explained[:, :-1, -1],
            majoriser=sums.majoriser - explained[:, :-1, :-1],
            hessian=sums.hessian - explained[:, :-1, :-1],
        )

    def _curvature_of_blocks(
        self, columns: list[np.ndarray], exact: np.ndarray, fitted: np.ndarray
    ) -> np.ndarray:
        """``Σ (P r) · ∇²η``, with ``P r = W (r − C u)``, of the elements in question."""
        assert self._correlated is not None
        total = np.zeros((int(exact.sum()), self.problem.num_free, self.problem.num_free))
        for runs, bound in self._active_blocks():
            own = _of_runs(columns, runs)
            difference = bound.value(own) - self._target[:, runs]
            _, slope, (weights, _) = self._rho(difference, runs)
            slope = slope - weights * self._correlated.columns.take(runs).outer(fitted)
            total = self._with_curvature(total, exact, runs, bound, own, slope[exact])
        return total

    def curved_gradient(self, free: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """``Jᵀ · W · η''``, η'' the predictions' second derivatives along a direction.

        Geodesic acceleration corrects a step by it (Transtrum & Sethna 2012), ``(element, free)``.
        """
        columns = self._columns(self.problem.parameters(free))
        basis = self.problem.basis
        moved = self._columns(direction if basis is None else _times(basis, direction))
        total = np.zeros((len(free), self.problem.num_free))
        across = np.zeros((len(free), self.problem.num_free + 1, self._num_linear))
        for runs, bound in self._active_blocks():
            own = _of_runs(columns, runs)
            prediction, slopes = bound.value_and_gradient(own)
            curvature = bound.curvature(own, _of_runs(moved, runs))
            if self._some_left_out:
                curvature = np.where(self._weights[:, runs] > 0.0, curvature, 0.0)
            jacobian = self._whole_jacobian(slopes, runs)
            _, _, (majorising, _) = self._rho(prediction - self._target[:, runs], runs)
            weighted = majorising * curvature
            total = total + np.matmul(jacobian, weighted[:, :, None])[:, :, 0]
            across = across + self._across(jacobian * majorising[:, None], runs, weighted)
        if self._correlated is not None:
            inner = self._correlated.whitened(across)
            total = total - np.matmul(inner[:, :-1], inner[:, -1, :, None])[:, :, 0]
        return total

    @property
    def _num_linear(self) -> int:
        return 0 if self._correlated is None else self._correlated.columns.num_columns

    def _active_blocks(self) -> Iterator[tuple[slice, BoundFunction]]:
        """The blocks of runs; those of weight 0 alone are left out, such as a hold-out's."""
        for place, (runs, bound) in enumerate(self._blocks):
            is_last = place == len(self._blocks) - 1
            if is_last or not self._some_left_out or self._weights[:, runs].any():
                yield runs, bound

    # --- parameters --------------------------------------------------------------------------

    def _columns(self, parameters: np.ndarray) -> list[np.ndarray]:
        """One array per component of the function, ``(element, 1)`` or ``(element, run)``."""
        places = self.problem.parameter_of
        if places is None or self.problem.group is None:
            return [parameters[:, k, None] for k in range(parameters.shape[1])]
        return [
            parameters[:, place[:1]]
            if (place == place[0]).all()
            else parameters[:, place[self.problem.group]]
            for place in places
        ]

    def _whole_jacobian(self, slopes: np.ndarray, runs: slice) -> np.ndarray:
        """Slopes of predictions in all free parameters, ``(element, free, run)``."""
        jacobian = self._jacobian(slopes, runs)
        if self._some_left_out and not np.isfinite(jacobian).all():
            left_out = np.broadcast_to(self._weights[:, None, runs] == 0.0, jacobian.shape)
            jacobian[left_out] = 0.0
        return jacobian

    def _jacobian(self, slopes: np.ndarray, runs: slice) -> np.ndarray:
        """Slopes in the function's components as slopes in the free parameters."""
        problem = self.problem
        if problem.parameter_of is not None and problem.group is not None:
            group, run = problem.group[runs], np.arange(slopes.shape[-1])
            spread = np.zeros((len(slopes), problem.num_parameters, len(run)))
            for k, place in enumerate(problem.parameter_of):
                spread[:, place[group], run] += slopes[:, k]
            slopes = spread
        return slopes if problem.basis is None else np.matmul(problem.basis.T, slopes)

    # --- the sum over runs -------------------------------------------------------------------

    def _residuals(self, difference: np.ndarray, runs: slice) -> Any:
        """Residuals, and their first and second slope in the prediction, if these are not 1, 0."""
        if self._some_left_out:
            difference = np.where(self._weights[:, runs] > 0.0, difference, 0.0)
        if self.problem.residual_scale is None:
            return difference, None, None
        return self.problem.residual_scale(difference)

    def _rho(
        self, difference: np.ndarray, runs: slice
    ) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Values ``(element,)``; slopes and curvatures in the prediction, ``(element, run)``."""
        problem, weights = self.problem, self._weights[:, runs]
        r, first, second = self._residuals(difference, runs)
        if np.isinf(problem.delta) and problem.quantile == 0.5:
            slope = weights * r
            value = 0.5 * np.sum(slope * r, axis=-1)
            majorising = curving = np.broadcast_to(weights, r.shape)
        elif problem.delta == 0.0:
            value, slope, majorising, curving = self._smoothed_absolute(r, weights)
        else:
            setting: Any = (r, self.delta[:, None], problem.quantile)  # annotated for JAX's arrays
            value = np.sum(weights * np.asarray(rho(*setting)), axis=-1)
            slope = weights * np.asarray(rho_slope(*setting))
            over, own = rho_weights(*setting)
            majorising, curving = weights * np.asarray(over), weights * np.asarray(own)
        if first is not None:
            majorising, curving = majorising * first**2, curving * first**2 + slope * second
            slope = slope * first
        return value, slope, (majorising, curving)

    def _smoothed_absolute(self, r: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, ...]:
        """``|r|`` with a round tip of width δ: Newton's steps see the runs that lie near it."""
        delta = self.delta[:, None]
        size = np.sqrt(r * r + delta * delta)
        quantile: Any = self.problem.quantile
        weights = weights * np.where(r > 0.0, 2.0 * quantile, 2.0 * (1.0 - quantile))
        value = np.sum(weights * (size - delta), axis=-1)
        return value, weights * r / size, weights / size, weights * delta**2 / size**3

    def _with_curvature(
        self,
        total: np.ndarray,
        exact: np.ndarray,
        runs: slice,
        bound: BoundFunction,
        columns: list[np.ndarray],
        slope: np.ndarray,
    ) -> np.ndarray:
        """``total + Σ slope · ∇²η`` over a block's runs, of the elements in question."""
        basis = self.problem.basis
        own = self._summed_hessian(exact, runs, bound, columns, slope)
        if basis is not None:
            own = np.matmul(basis.T, np.matmul(own, basis))
        size = own.shape[-1]
        total[:, :size, :size] += own
        return total

    def _summed_hessian(
        self,
        exact: np.ndarray,
        runs: slice,
        bound: BoundFunction,
        columns: list[np.ndarray],
        slope: np.ndarray,
    ) -> np.ndarray:
        """``Σ slope · ∇²η`` in the parameters, ``(element, parameter, parameter)``."""
        problem, count = self.problem, len(slope)
        groups: list[Any] = [slice(None)]
        if problem.group is not None and problem.parameter_of is not None:
            groups = _runs_of(problem.group[runs], problem.parameter_of.shape[1])
        bound, own = bound.take(self.rows[exact]), [column[exact] for column in columns]
        if (whole := bound.separable_hessian(own, slope, groups)) is not None:
            return self._in_parameters(whole)

        def sum_runs(second: Any) -> np.ndarray:
            if np.ndim(second) == 0 and second == 0.0:
                return np.zeros((len(groups), count))
            terms = slope * second
            if self._some_left_out:
                terms = np.where(slope == 0.0, 0.0, terms)
            return np.array([np.sum(terms[:, own], axis=-1) for own in groups])

        sums = bound.summed_hessian(own, sum_runs)
        result = np.zeros((count, problem.num_parameters, problem.num_parameters))
        pairs = zip(*np.triu_indices(problem.function.num_components), strict=True)
        for (first, second), values in zip(pairs, sums, strict=True):
            for g, value in enumerate(values):
                j, k = first, second
                if problem.parameter_of is not None:
                    j, k = problem.parameter_of[first, g], problem.parameter_of[second, g]
                result[:, j, k] += value
                if first != second:
                    result[:, k, j] += value
        return result

    def _in_parameters(self, sums: np.ndarray) -> np.ndarray:
        """Sums of each group in the components as one sum in the parameters of all groups."""
        places, num = self.problem.parameter_of, self.problem.num_parameters
        if places is None:
            return sums.sum(0)
        result = np.zeros((sums.shape[1], num, num))
        for own, group in zip(sums, places.T, strict=True):
            for j, k in np.ndindex(own.shape[1:]):
                result[:, group[j], group[k]] += own[:, j, k]
        return result

    # --- priors ------------------------------------------------------------------------------

    def _prior_value(self, parameters: np.ndarray) -> np.ndarray | float:
        if self._precision is None:
            return 0.0
        pull = parameters - self._prior_mean
        return 0.5 * np.sum(self._precision * pull**2, axis=-1)

    def _add_priors(
        self,
        parameters: np.ndarray,
        gradient: np.ndarray,
        majoriser: np.ndarray,
        hessian: np.ndarray,
    ) -> None:
        if self._precision is None:
            return
        problem = self.problem
        slope = self._precision * (parameters - self._prior_mean)
        precision = self._precision[:, :, None] * np.eye(self._precision.shape[1])
        if problem.basis is not None:
            precision = np.matmul(np.matmul(problem.basis.T, precision), problem.basis)
            slope = _times(problem.basis.T, slope)
        gradient += slope
        for matrix in (majoriser, hessian)[: 1 + (hessian is not majoriser)]:
            matrix += precision


def sums_of_data_sets(problem: FitProblem, free: np.ndarray) -> RunSums:
    """The sums of each data set at its free parameters, ``(data_set, free)``."""
    nothing = np.zeros(len(free), dtype=bool)
    if len(problem.blocks) == 1:
        return Evaluator(problem, np.arange(len(free))).sums(free, nothing)
    problem.prepare()

    def of_one(place: int) -> RunSums:
        return Evaluator(problem, np.array([place])).sums(free[[place]], nothing[:1])

    return RunSums(*map(np.concatenate, zip(*in_threads(of_one, range(len(free))), strict=True)))


def residuals_of_data_sets(problem: FitProblem, free: np.ndarray) -> np.ndarray:
    """Observed less predicted, 0 for runs of weight 0, ``(data_set, run)``."""
    found = np.zeros((len(free), problem.bound.num_runs))
    parameters = problem.parameters(free)
    for runs, bound in problem.blocks:
        active = np.broadcast_to(problem.weights[:, runs] > 0.0, found[:, runs].shape)
        some = np.flatnonzero(active.any(axis=1))
        missed = _take(problem.target, some)[:, runs] - bound.take(some).value(parameters[some])
        found[some, runs] = np.where(active[some], missed, 0.0)
    return found


def _take(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    return rows if len(rows) == 1 else rows[places]


def _times(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """``matrix · vector`` of each row: by a product per element, whose digits stay its own."""
    return np.matmul(matrix, vectors[:, :, None])[:, :, 0]


def _of_runs(columns: list[np.ndarray], runs: slice) -> list[np.ndarray]:
    """Parameters at some runs, of arrays ``(element, 1)`` or ``(element, run)``."""
    return [own if own.shape[1] == 1 else own[:, runs] for own in columns]


def _runs_of(group: np.ndarray, num_groups: int) -> list[np.ndarray]:
    return [np.flatnonzero(group == g) for g in range(num_groups)]
