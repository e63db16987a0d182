"""The inputs at which laws are least: many cases, each from many starts, in one batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.decisions.input_constraints import Constraint
from farseer_jax.decisions.search_space import SCALES, Space
from farseer_jax.laws.compute_optimal import HIGHEST, LOWEST
from farseer_jax.laws.input_derivatives import Bound, LossOfInputs
from farseer_jax.solvers.constrained.active_set import (
    flat_directions,
    lagrangian_slope,
    polish,
)
from farseer_jax.solvers.constrained.interior_point import minimise
from farseer_jax.solvers.constrained.problem import (
    ConstrainedProblem,
    Derivatives,
    Linear,
    Smooth,
    Solution,
)

_INSIDE = 0.02  # how far inside the constraints a search starts, on the scale of their logarithms
_SAME = 1e-6  # relative difference of losses of one optimum
_DUST = 1e-14  # of a share, or of a distance from an end
_ROUNDING = 1e-12  # of a cost that equals its limit
_MOST_ELEMENTS = 8192  # of one batch: fits in a CPU's cache


@dataclass(frozen=True)
class OnSpace:
    """A function of all coordinates as one of the solver's, on the scale that suits the solver.

    Attributes:
        bound: the function.
        base: all coordinates where the solver's are 0.
        matrix: all coordinates per coordinate of the solver.
        first_share: the place of the first share of a mixture.
        scale: of its values; None for their logarithm.
        offset: taken from the scaled value, ``(element,)`` or a number.
    """

    bound: Bound
    base: np.ndarray
    matrix: np.ndarray
    first_share: int
    scale: float | None
    offset: Any = 0.0

    def at(self, u: np.ndarray) -> np.ndarray:
        """All coordinates, ``(element, coordinate)``."""
        return without_dust(self.base + u @ self.matrix.T, self.first_share)

    def value(self, u: np.ndarray) -> np.ndarray:
        """``(element,)``."""
        value = self.bound.value(self.at(u))
        return (np.log(value) if self.scale is None else value / self.scale) - self.offset

    def derivatives(self, u: np.ndarray) -> Derivatives:
        """The chain rule."""
        value, slope, second = self.bound.derivatives(self.at(u))
        # where a share is 0, curvatures may be infinite, in directions that are not searched
        second = np.where(np.isfinite(second), second, 0.0)
        slope = slope @ self.matrix
        second = self.matrix.T @ second @ self.matrix
        if self.scale is not None:
            scale = self.scale
            return Derivatives(value / scale - self.offset, slope / scale, second / scale)
        slope = slope / value[:, None]
        second = second / value[:, None, None] - slope[:, :, None] * slope[:, None, :]
        return Derivatives(np.log(value) - self.offset, slope, second)


@dataclass(frozen=True)
class WithExcess:
    """``function − t`` of coordinates with t after the numbers: how far constraints are from held.

    Attributes:
        function: of the coordinates without t.
        place: of t.
    """

    function: Smooth
    place: int

    def value(self, u: np.ndarray) -> np.ndarray:
        """``(element,)``."""
        return self.function.value(np.delete(u, self.place, axis=1)) - u[:, self.place]

    def derivatives(self, u: np.ndarray) -> Derivatives:
        """With −1 for the slope in t."""
        own = self.function.derivatives(np.delete(u, self.place, axis=1))
        slope = np.insert(own.gradient, self.place, -1.0, axis=1)
        second = np.insert(np.insert(own.hessian, self.place, 0.0, 1), self.place, 0.0, 2)
        return Derivatives(own.value - u[:, self.place], slope, second)


class Cases(NamedTuple):
    """Laws and what is known beside them: one case each.

    Attributes:
        law: a law whose leaves have a leading axis ``(case,)``.
        leaves: its leaves, ``(case, …)``.
        known: inputs that are not varied, ``(case,)`` or ``(case, share)``.
        limits: of the constraints, ``(constraint, case)``.
    """

    law: Any
    leaves: tuple[np.ndarray, ...]
    known: Mapping[str, np.ndarray]
    limits: np.ndarray

    def __len__(self) -> int:
        return self.limits.shape[1]

    def take(self, rows: np.ndarray, **more: np.ndarray) -> "Cases":
        """Some of the cases, with further inputs known."""
        known = {name: values[rows] for name, values in self.known.items()}
        return Cases(
            self.law, tuple(leaf[rows] for leaf in self.leaves), known | more, self.limits[:, rows]
        )


class Optima(NamedTuple):
    """The optimum of each case.

    Attributes:
        x: all coordinates, ``(case, coordinate)``; NaN without a feasible point.
        loss: the least loss, ``(case,)``.
        multipliers: of the constraints, then of those on shares and on tokens per parameter,
            ``(case, constraint)``: by how much ln loss falls per e-fold of a limit; for a loss that
            may be negative or is maximised, by how much of its size it improves.
        ends: multipliers of the upper ends of numbers, or of the lower ones with the sign turned.
        slope: of the Lagrangian in the coordinates, ``(case, coordinate)``: not 0 along mixtures
            where their hull ends.
        flat: directions in which the loss does not change, ``(case, direction, coordinate)``.
        residual: of the conditions of Karush, Kuhn and Tucker, ``(case,)``.
        excess: how far the constraints are from being satisfiable, ``(case,)``; 0 if they are.
        num_starts: searches from feasible points, ``(case,)``.
        num_arrived: those that ended at the least loss, ``(case,)``.
    """

    x: np.ndarray
    loss: np.ndarray
    multipliers: np.ndarray
    ends: np.ndarray
    slope: np.ndarray
    flat: np.ndarray
    residual: np.ndarray
    excess: np.ndarray
    num_starts: np.ndarray
    num_arrived: np.ndarray

    def take(self, rows: np.ndarray) -> "Optima":
        """Some of the cases."""
        return Optima(*(part[rows] for part in self))


class Search:
    """The search for optima of cases in a space.

    Args:
        space: the space.
        constraints: the constraints.
        at_least: lower ends of shares, by column.
        at_most: upper ends of shares.
        maximise: whether the response is to be greatest.
        flatness: second derivative below which a direction counts as flat.
    """

    def __init__(
        self,
        space: Space,
        constraints: Sequence[Constraint],
        at_least: Mapping[str, float],
        at_most: Mapping[str, float],
        *,
        maximise: bool = False,
        flatness: float = 1e-9,
    ) -> None:
        self.space, self.constraints, self.flatness = space, tuple(constraints), flatness
        self.maximise = maximise
        self._base, self._matrix = space.base, space.matrix
        self._linear = [*self._share_ends(at_least, at_most), *self._ratio_ends()]

    def _share_ends(self, low: Mapping[str, float], high: Mapping[str, float]) -> list[Linear]:
        found = []
        for sign, ends in ((-1.0, low), (1.0, high)):
            for name, end in ends.items():
                if name in self.space.columns[len(self.space.numbers) :]:
                    row = self.space.columns.index(name)
                    limit = sign * (end - self._base[row])
                    found.append(Linear(sign * self._matrix[row], limit))
        return found

    def _ratio_ends(self) -> list[Linear]:
        """No one trains beyond these tokens per parameter, and optima there are meaningless."""
        names = [free.name for free in self.space.numbers]
        if not set(SCALES) <= set(names):
            return []
        ratio = self._matrix[names.index("D")] - self._matrix[names.index("N")]
        return [Linear(ratio, np.log(HIGHEST)), Linear(-ratio, -np.log(LOWEST))]

    def run(self, cases: Cases, z: np.ndarray, weights: np.ndarray) -> Optima:
        """The optima of cases from starts, in batches of bounded size.

        Args:
            cases: the cases.
            z: numbers' coordinates, ``(case, start, number)``.
            weights: of corners, ``(case, start, corner)``.
        """
        size = max(1, _MOST_ELEMENTS // z.shape[1])
        scales = self._scales(cases, z, weights)
        parts = [
            self._run(cases.take(rows), z[rows], weights[rows], scales)
            for rows in np.array_split(np.arange(len(cases)), -(-len(cases) // size))
        ]
        return Optima(*(np.concatenate(own) for own in zip(*parts, strict=True)))

    def _run(
        self, cases: Cases, z: np.ndarray, weights: np.ndarray, scales: Sequence[float | None]
    ) -> Optima:
        num, num_starts = z.shape[:2]
        case_of = np.repeat(np.arange(num), num_starts)
        z, weights = z.reshape(len(case_of), -1), weights.reshape(len(case_of), -1)
        z, weights, excess = self._inside(cases.take(case_of), scales, z, weights)
        feasible = np.flatnonzero(excess < 0.0)
        least_excess = np.maximum(excess.reshape(num, -1).min(axis=1), 0.0)
        case_of, z, weights = case_of[feasible], z[feasible], weights[feasible]
        found = minimise(self._problem(cases.take(case_of), scales), z, weights)
        best, arrived = self._best(found, case_of, num)
        own = self._optima(cases, found, best, scales, least_excess)
        starts = np.bincount(case_of, minlength=num)
        return own._replace(num_starts=starts, num_arrived=arrived)

    def at_once(self, cases: Cases) -> Optima:
        """The cases where nothing is left to vary."""
        num = len(cases)
        nothing = np.zeros((num, 0))
        loss, *values = (function.value(nothing) for function in self._functions(cases))
        pairs = zip(values, cases.limits, strict=True)
        over = [value - limit - _ROUNDING * np.abs(limit) for value, limit in pairs]
        excess = np.maximum(0.0, np.max([np.zeros(num), *over], axis=0))
        loss = np.where((excess == 0.0) & np.isfinite(loss), loss, np.nan)
        ones = np.ones(num, int)
        multipliers = np.zeros((num, len(self.constraints)))
        return Optima(
            nothing, loss, multipliers, nothing, nothing, np.zeros((num, 0, 0)), 0.0 * loss,
            excess, ones, ones,
        )  # fmt: skip

    def _functions(self, cases: Cases) -> list[Bound]:
        """The loss and the constraints of all coordinates."""
        varied = self.space.varied
        loss = LossOfInputs.of(cases.law, varied).bind(cases.leaves, cases.known)
        return [loss, *(own.at(cases.known, varied, len(cases)) for own in self.constraints)]

    def _scales(self, cases: Cases, z: np.ndarray, weights: np.ndarray) -> tuple[float | None, ...]:
        """The scale of each function: None (a logarithm) if it is positive at all starts."""
        num, num_starts = z.shape[:2]
        u = np.concatenate([z, weights @ self.space.corners], axis=2).reshape(num * num_starts, -1)
        x = self._base + u @ self._matrix.T
        found, sizes = list[float | None](), []
        limits = [np.ones(1), *cases.limits]
        with np.errstate(all="ignore"):
            functions = self._functions(cases.take(np.repeat(np.arange(num), num_starts)))
            for function, limit in zip(functions, limits, strict=True):
                values = function.value(x)
                values = values[np.isfinite(values)]
                is_log = bool((values > 0.0).all() and (limit > 0.0).all())
                sizes.append(float(np.median(np.abs(values))) if len(values) else 1.0)
                found.append(None if is_log else sizes[-1] or 1.0)
        if self.maximise:
            found[0] = -(sizes[0] or 1.0)
        return tuple(found)

    def _problem(self, cases: Cases, scales: Sequence[float | None]) -> ConstrainedProblem:
        limits = [np.ones(len(cases)), *cases.limits]
        functions = [
            OnSpace(
                bound, self._base, self._matrix, len(self.space.numbers), scale,
                np.log(limit) if scale is None else (limit if k else 0.0) / scale,
            )
            for k, (bound, scale, limit) in enumerate(
                zip(self._functions(cases), scales, limits, strict=True)
            )
        ]  # fmt: skip
        lower, upper = np.repeat(self.space.ends[:, None], len(cases), axis=1)
        return ConstrainedProblem(
            functions[0], [*functions[1:], *self._linear], lower, upper, self.space.corners,
            self.space.blocks,
        )  # fmt: skip

    def _inside(
        self, cases: Cases, scales: Sequence[float | None], z: np.ndarray, weights: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Starts moved inside the constraints, and their largest value there."""
        problem = self._problem(cases, scales)
        excess = _worst(problem, problem.at(z, weights))
        rows = np.flatnonzero((excess > -_INSIDE) & np.isfinite(excess))
        if not len(rows):
            return z, weights, excess
        p, t = z.shape[1], excess[rows, None] + 1.0
        some = self._problem(cases.take(rows), scales)
        slope = np.zeros(some.at(z[rows], weights[rows]).shape[1] + 1)
        slope[p] = 1.0
        relaxed = ConstrainedProblem(
            Linear(slope, 0.0), [WithExcess(own, p) for own in some.constraints],
            np.concatenate([some.lower, np.full_like(t, -1.0)], axis=1),
            np.concatenate([some.upper, t + 10.0], axis=1), some.corners, some.blocks,
        )  # fmt: skip

        def is_inside(u: np.ndarray) -> np.ndarray:
            return _worst(some, np.delete(u, p, axis=1)) < -_INSIDE

        found = minimise(relaxed, np.concatenate([z[rows], t], axis=1), weights[rows], is_inside)
        z, weights = z.copy(), weights.copy()
        z[rows], weights[rows] = found.z[:, :p], found.weights
        excess[rows] = _worst(some, some.at(z[rows], weights[rows]))
        return z, weights, excess

    def _best(
        self, found: Solution, case_of: np.ndarray, num: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """The best search of each case (−1 without one), and how many ended there."""
        value = np.where(np.isfinite(found.value), found.value, np.inf)
        # an optimum at the end of the range of tokens per parameter counts only without another
        count = len(self.constraints) + len(self._linear)
        ratio = found.multipliers[:, count - 2 : count] if self._ratio_ends() else np.zeros((1, 1))
        is_end = (ratio > 1e-6).any(axis=1) & np.ones(len(value), bool)
        best, arrived = np.full(num, -1), np.zeros(num, int)
        order = np.lexsort((value, is_end, case_of))
        firsts = order[np.unique(case_of[order], return_index=True)[1]] if len(order) else order
        best[case_of[firsts]] = firsts
        best = np.where(np.isfinite(value[best]) if len(value) else False, best, -1)
        has = best[case_of] >= 0
        near = has & (value <= value[best[case_of]] + _SAME)
        np.add.at(arrived, case_of[near], 1)
        return best, arrived

    def _optima(
        self, cases: Cases, found: Solution, best: np.ndarray, scales: Sequence[float | None],
        excess: np.ndarray,
    ) -> Optima:  # fmt: skip
        known = np.flatnonzero(best >= 0)
        problem = self._problem(cases.take(known), scales)
        own = polish(problem, Solution(*(part[best[known]] for part in found)))
        # without rounding errors at the ends
        z = np.where((own.at_lower > 0.0) & (own.z - problem.lower < _DUST), problem.lower, own.z)
        z = np.where((own.at_upper > 0.0) & (problem.upper - z < _DUST), problem.upper, z)
        own = own._replace(z=z)
        x = self._base + problem.at(own.z, own.weights) @ self._matrix.T
        x = without_dust(x, len(self.space.numbers))

        def spread(values: np.ndarray) -> np.ndarray:
            whole = np.full((len(cases), *values.shape[1:]), np.nan)
            whole[known] = values
            return whole

        return Optima(
            x=spread(x),
            loss=spread(self._functions(cases.take(known))[0].value(x)),
            multipliers=spread(own.multipliers),
            ends=spread(own.at_upper - own.at_lower),
            slope=spread(lagrangian_slope(problem, own) @ self._matrix.T),
            flat=spread(flat_directions(problem, own, self.flatness) @ self._matrix.T),
            residual=spread(own.residual),
            excess=np.where(best >= 0, 0.0, excess),
            num_starts=np.zeros(len(cases), int),
            num_arrived=np.zeros(len(cases), int),
        )


def _worst(problem: ConstrainedProblem, u: np.ndarray) -> np.ndarray:
    """The largest constraint, ``(element,)``; −1 without constraints."""
    with np.errstate(all="ignore"):
        values = [own.value(u) for own in problem.constraints]
    worst = np.max([np.full(len(u), -1.0), *values], axis=0)
    return np.where(np.isnan(worst), np.inf, worst)


def without_dust(x: np.ndarray, first_share: int) -> np.ndarray:
    """Shares without the rounding errors of 0."""
    if first_share < x.shape[1]:
        shares = x[:, first_share:]
        shares[shares < _DUST] = 0.0
    return x
