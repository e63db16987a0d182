"""A batch's objective and its derivatives in the free parameters, by NumPy."""

import operator
from collections.abc import Iterable
from functools import cached_property, reduce
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.objectives import rho, rho_slope, rho_weights
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
        self._bound = problem.bound.take(rows)
        self._target = _take(problem.target, rows)
        self._weights = _take(problem.weights, rows)
        self._some_left_out = bool((self._weights == 0.0).any())
        whole = problem.correlated_weights
        self._correlated = None if whole is None else whole.take(rows)
        precision = problem.prior_precision
        self._precision = None if precision is None else _take(np.atleast_2d(precision), rows)
        mean = problem.prior_mean
        self._prior_mean = 0.0 if mean is None else _take(np.atleast_2d(mean), rows)
        self._blocks = [Evaluator(block, rows, self.delta) for block in problem.blocks]

    @cached_property
    def noise(self) -> np.ndarray:
        """Rounding of predictions of the size of the target, in the objective, ``(element,)``."""
        squares = np.sum(self._weights * self._target**2, axis=-1)
        noise = np.broadcast_to(4.0 * np.finfo(float).eps * np.sqrt(squares), self.rows.shape)
        if self.problem.delta == 0.0:
            return noise / np.sqrt(np.maximum(self.delta, 1e-300))
        return noise

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
        return self._sum_of_sizes(free) / np.sum(self._weights, axis=-1)

    def _sum_of_sizes(self, free: np.ndarray) -> np.ndarray:
        if self._blocks:
            return _sum_of(block._sum_of_sizes(free) for block in self._blocks)
        prediction = self._bound.value(self._columns(self.problem.parameters(free)))
        sizes = np.abs(self._residuals(prediction - self._target)[0])
        return np.asarray(np.sum(self._weights * sizes, axis=-1))

    def rounding(self, value: np.ndarray) -> np.ndarray:
        """What rounding of the predictions does to an objective, ``(element,)``."""
        return self.noise * np.sqrt(2.0 * np.abs(value))

    def value(self, free: np.ndarray) -> np.ndarray:
        """The objective alone, ``(element,)``."""
        parameters = self.problem.parameters(free)
        if self._blocks:
            value = _sum_of(block.value(free) for block in self._blocks)
        else:
            prediction = self._bound.value(self._columns(parameters))
            value = self._rho(prediction - self._target)[0]
        return value + self._prior_value(parameters)

    def evaluate(self, free: np.ndarray, exact: np.ndarray) -> Evaluation:
        """The objective and its derivatives.

        Args:
            free: ``(element, free)``.
            exact: which elements need the exact second derivatives, ``(element,)``.
        """
        if self._blocks:
            value, gradient, majoriser, hessian = self._sums_of_blocks(free, exact)
        else:
            value, gradient, majoriser, hessian = self._sums(free, exact)
        parameters = self.problem.parameters(free)
        value = value + self._prior_value(parameters)
        self._add_priors(parameters, gradient, majoriser, hessian)
        finite = np.isfinite(value) & np.isfinite(gradient).all(-1)
        finite &= np.isfinite(majoriser).all((-1, -2)) & np.isfinite(hessian).all((-1, -2))
        return Evaluation(value, gradient, majoriser, hessian, finite)

    def _sums(self, free: np.ndarray, exact: np.ndarray) -> tuple[np.ndarray, ...]:
        """Value, gradient, majoriser and Hessian without the priors."""
        problem = self.problem
        columns = self._columns(problem.parameters(free))
        prediction, slopes = self._bound.value_and_gradient(columns)
        jacobian = self._whole_jacobian(slopes)
        value, slope, (majorising, curving) = self._rho(prediction - self._target)
        gradient = np.matmul(jacobian, slope[:, :, None])[:, :, 0]
        majoriser = self._product(jacobian, majorising)
        hessian = majoriser
        if exact.any() and problem.function.twice_differentiable:
            hessian = majoriser.copy()
            hessian[exact] = self._hessian(exact, columns, jacobian, slope, curving)
        return value, gradient, majoriser, hessian

    def _sums_of_blocks(self, free: np.ndarray, exact: np.ndarray) -> list[np.ndarray]:
        parts = (block._sums(free, exact) for block in self._blocks)
        value, gradient, majoriser, hessian = (array.copy() for array in next(parts))
        for part in parts:
            for total, own in zip((value, gradient, majoriser, hessian), part, strict=True):
                total += own
        return [value, gradient, majoriser, hessian]

    def curved_gradient(self, free: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """``Jᵀ · W · η''``, η'' the predictions' second derivatives along a direction.

        Geodesic acceleration corrects a step by it (Transtrum & Sethna 2012), ``(element, free)``.
        """
        if self._blocks:
            return _sum_of(block.curved_gradient(free, direction) for block in self._blocks)
        problem = self.problem
        parameters = self.problem.parameters(free)
        columns = self._columns(parameters)
        prediction, slopes = self._bound.value_and_gradient(columns)
        along = direction if problem.basis is None else _times(problem.basis, direction)
        moved = self._columns(along)
        curvature = self._bound.curvature(columns, moved)
        if self._some_left_out:
            curvature = np.where(self._weights > 0.0, curvature, 0.0)
        jacobian = self._whole_jacobian(slopes)
        _, _, (majorising, _) = self._rho(prediction - self._target)
        if self._correlated is None:
            weighted = majorising * curvature
        else:
            weighted = self._correlated.times(curvature)
        return np.matmul(jacobian, weighted[:, :, None])[:, :, 0]

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

    def _whole_jacobian(self, slopes: np.ndarray) -> np.ndarray:
        """Slopes of predictions in all free parameters, ``(element, free, run)``."""
        jacobian = self._jacobian(slopes)
        if self._some_left_out and not np.isfinite(jacobian).all():
            left_out = np.broadcast_to(self._weights[:, None] == 0.0, jacobian.shape)
            jacobian[left_out] = 0.0
        return jacobian

    def _jacobian(self, slopes: np.ndarray) -> np.ndarray:
        """Slopes in the function's components as slopes in the free parameters."""
        problem = self.problem
        if problem.parameter_of is not None and problem.group is not None:
            runs = np.arange(slopes.shape[-1])
            spread = np.zeros((len(slopes), problem.num_parameters, len(runs)))
            for k, place in enumerate(problem.parameter_of):
                spread[:, place[problem.group], runs] += slopes[:, k]
            slopes = spread
        return slopes if problem.basis is None else np.matmul(problem.basis.T, slopes)

    # --- the sum over runs -------------------------------------------------------------------

    def _residuals(self, difference: np.ndarray) -> Any:
        """Residuals, and their first and second slope in the prediction, if these are not 1, 0."""
        if self._some_left_out:
            difference = np.where(self._weights > 0.0, difference, 0.0)
        if self.problem.residual_scale is None:
            return difference, None, None
        return self.problem.residual_scale(difference)

    def _rho(
        self, difference: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
        """Values ``(element,)``; slopes and curvatures in the prediction, ``(element, run)``."""
        problem, weights = self.problem, self._weights
        r, first, second = self._residuals(difference)
        if self._correlated is not None:
            slope = self._correlated.times(r)
            value = 0.5 * np.sum(slope * r, axis=-1)
            majorising = curving = np.broadcast_to(weights, r.shape)
        elif np.isinf(problem.delta) and problem.quantile == 0.5:
            slope = weights * r
            value = 0.5 * np.sum(slope * r, axis=-1)
            majorising = curving = np.broadcast_to(weights, r.shape)
        elif problem.delta == 0.0:
            value, slope, majorising, curving = self._smoothed_absolute(r)
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

    def _smoothed_absolute(self, r: np.ndarray) -> tuple[np.ndarray, ...]:
        """``|r|`` with a round tip of width δ: Newton's steps see the runs that lie near it."""
        delta = self.delta[:, None]
        size = np.sqrt(r * r + delta * delta)
        quantile: Any = self.problem.quantile
        weights = self._weights * np.where(r > 0.0, 2.0 * quantile, 2.0 * (1.0 - quantile))
        value = np.sum(weights * (size - delta), axis=-1)
        return value, weights * r / size, weights / size, weights * delta**2 / size**3

    def _hessian(
        self,
        exact: np.ndarray,
        columns: list[np.ndarray],
        jacobian: np.ndarray,
        slope: np.ndarray,
        curving: np.ndarray,
    ) -> np.ndarray:
        """Exact second derivatives of the sum over runs, of the elements in question."""
        problem, few = self.problem, jacobian[exact]
        hessian = self._product(few, curving[exact], exact)
        own = self._summed_hessian(exact, columns, slope[exact])
        if problem.basis is not None:
            own = np.matmul(problem.basis.T, np.matmul(own, problem.basis))
        size = own.shape[-1]
        hessian[:, :size, :size] += own
        return hessian

    def _summed_hessian(
        self, exact: np.ndarray, columns: list[np.ndarray], slope: np.ndarray
    ) -> np.ndarray:
        """``Σ slope · ∇²η`` in the parameters, ``(element, parameter, parameter)``."""
        problem, count = self.problem, len(slope)
        groups: list[Any] = [slice(None)] if problem.group is None else _runs_of(problem.group)
        bound, own = problem.bound.take(self.rows[exact]), [column[exact] for column in columns]
        if (whole := bound.separable_hessian(own, slope, groups)) is not None:
            return self._in_parameters(whole)

        def sum_runs(second: Any) -> np.ndarray:
            if np.ndim(second) == 0 and second == 0.0:
                return np.zeros((len(groups), count))
            terms = slope * second
            if self._some_left_out:
                terms = np.where(slope == 0.0, 0.0, terms)
            return np.array([np.sum(terms[:, runs], axis=-1) for runs in groups])

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

    def _product(
        self, jacobian: np.ndarray, curving: np.ndarray, some: np.ndarray | None = None
    ) -> np.ndarray:
        """The sum over runs of curvatures times slopes times slopes, ``(element, free, free)``."""
        if self._correlated is None:
            return np.matmul(jacobian * curving[:, None], np.swapaxes(jacobian, 1, 2))
        own = self._correlated if some is None else self._correlated.take(some)
        return own.product(jacobian)

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


def _sum_of(arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The sum of arrays that are made one after the other."""
    return reduce(operator.add, arrays)


def _take(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    return rows if len(rows) == 1 else rows[places]


def _times(matrix: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """``matrix · vector`` of each row: by a product per element, whose digits stay its own."""
    return np.matmul(matrix, vectors[:, :, None])[:, :, 0]


def _runs_of(group: np.ndarray) -> list[np.ndarray]:
    return [np.flatnonzero(group == g) for g in range(int(group.max()) + 1)]
