"""Quadratic models of the objectives of a batch, and their damped minima within bounds."""

import numpy as np

from farseer_jax.solvers.small_systems import Factors, active_bounds, factorise, solve_factorised


class QuadraticModel:
    """``gradient · step + ½ step · hessian · step`` of each batch element, in a box.

    Parameters are scaled by the roots of Gauss-Newton's diagonal, so that no step depends on their
    units (Marquardt 1963).

    Args:
        free: the model's centre, ``(element, free)``.
        gradient: ``(element, free)``.
        hessian: ``(element, free, free)``.
        scale: one over the root of Gauss-Newton's diagonal; 0 for a parameter without influence.
        lower: lower bounds, ``(free,)``.
        upper: upper bounds, ``(free,)``.
    """

    def __init__(
        self,
        free: np.ndarray,
        gradient: np.ndarray,
        hessian: np.ndarray,
        scale: np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
    ) -> None:
        self.free, self.gradient, self.hessian = free, gradient, hessian
        self.lower, self.upper = lower, upper
        self.active = active_bounds(free, gradient, lower, upper)
        fixed = self.active | (scale == 0.0)
        self.scale = np.where(fixed, 0.0, scale)
        self._eye = np.eye(free.shape[-1])
        self._matrix = hessian * self.scale[:, :, None] * self.scale[:, None, :]
        self._matrix += self._eye * fixed[:, None, :]
        self._gradient = gradient * self.scale

    def decrease(self, step: np.ndarray) -> np.ndarray:
        """The decrease that the model predicts for a step, ``(element,)``."""
        curved = np.matmul(self.hessian, step[:, :, None])[:, :, 0]
        return -np.sum(step * (self.gradient + 0.5 * curved), axis=-1)

    def newton_step(self) -> tuple[np.ndarray, np.ndarray]:
        """The step without damping or bounds, and whether the matrix is positive definite."""
        factors = factorise(self._matrix + 1e-14 * self._eye)
        return -solve_factorised(factors, self._gradient) * self.scale, factors.positive

    def damped_step(self, damping: np.ndarray) -> tuple[np.ndarray, np.ndarray, Factors]:
        """The damped step within bounds, the damping used, and the factors of the matrix.

        Where the matrix is not positive definite the damping is raised until it is.
        """
        damping = damping.copy()
        factors = factorise(self._damped(damping), 1e-15)
        bad = np.flatnonzero(~factors.positive)
        if len(bad):
            lowest = np.linalg.eigvalsh(self._matrix[bad])[:, 0]
            damping[bad] = np.maximum(2.0 * damping[bad], -1.5 * lowest + 1e-12)
            again = factorise(self._damped(damping)[bad], 1e-15)
            for whole, part in zip(factors, again, strict=True):
                whole[bad] = part
        step = -solve_factorised(factors, self._gradient) * self.scale
        return self._within_bounds(step, damping), damping, factors

    def _damped(self, damping: np.ndarray) -> np.ndarray:
        return self._matrix + damping[:, None, None] * self._eye

    def _within_bounds(self, step: np.ndarray, damping: np.ndarray) -> np.ndarray:
        """Cut steps at the bounds that they would cross, and solve again for other parameters."""
        at_bound = np.zeros(step.shape, dtype=bool)
        for _ in range(3):
            target = self.free + step
            crossing = (target < self.lower) | (target > self.upper)
            places = np.flatnonzero(crossing.any(-1))
            if not len(places):
                return step
            at_bound |= crossing
            step = np.clip(target, self.lower, self.upper) - self.free
            few, scale = at_bound[places], self.scale[places]
            fixed = np.where(few & (scale > 0.0), step[places] / scale, 0.0)
            matrix = self._matrix[places] + damping[places, None, None] * self._eye
            right = -self._gradient[places] - np.matmul(matrix, fixed[:, :, None])[:, :, 0]
            matrix = np.where(few[:, :, None] | few[:, None, :], self._eye, matrix)
            rest = solve_factorised(factorise(matrix), np.where(few, 0.0, right)) * scale
            step[places] = np.where(few, step[places], rest)
        return np.clip(self.free + step, self.lower, self.upper) - self.free


def scale_of(matrix: np.ndarray, before: np.ndarray) -> np.ndarray:
    """One over the roots of the diagonal; where that is 0, the scale before."""
    diagonal = np.diagonal(matrix, axis1=-2, axis2=-1)
    return np.where(diagonal > 0.0, 1.0 / np.sqrt(diagonal), before)
