"""The last digits of a constrained optimum: Newton steps with active constraints as equations.

An interior-point method leaves inactive bounds at a distance and active ones nearly reached. From
there it is known which are active: weights of corners that vanish are set to 0, active inequalities
become equations, and a few Newton steps solve the conditions to rounding.
"""

from typing import NamedTuple

import numpy as np

from farseer_jax.solvers.constrained.problem import ConstrainedProblem, Solution

_STEPS = 5
_RANK = 1e-10  # relative size below which a direction or a curvature counts as none


class _Conditions(NamedTuple):
    """The conditions at a point.

    Attributes:
        slope: of the objective, ``(element, q)``.
        hessian: of the Lagrangian, ``(element, q, q)``.
        values: of all inequalities, at most 0, ``(element, inequality)``.
        slopes: of all inequalities, ``(element, inequality, q)``.
        value: of the objective, ``(element,)``.
    """

    slope: np.ndarray
    hessian: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    value: np.ndarray


def polish(problem: ConstrainedProblem, found: Solution) -> Solution:
    """The solutions of an interior-point method to rounding, where that lowers their residuals."""
    with np.errstate(all="ignore"):
        return _polish(problem, found)


def _polish(problem: ConstrainedProblem, found: Solution) -> Solution:
    count = len(problem.constraints)
    nu = np.concatenate([found.multipliers, found.at_lower, found.at_upper], axis=1)
    here = _conditions(problem, found.z, found.weights, nu)
    active = -here.values < nu
    used = found.weights > _weight_multipliers(problem, found, here, nu)
    z, weights = found.z, _normalised(problem, np.where(used, found.weights, 0.0))
    nu = np.where(active, nu, 0.0)
    here = _conditions(problem, z, weights, nu)
    residual = _residual(problem, here, weights, nu)
    for _ in range(_STEPS):
        du, new_nu = _newton(problem, here, weights, active)
        new_z = z + du[:, : z.shape[1]]
        new_weights = weights + _weight_changes(problem, weights, du[:, z.shape[1] :])
        there = _conditions(problem, new_z, new_weights, new_nu)
        new_residual = _residual(problem, there, new_weights, new_nu)
        better = (new_residual < residual)[:, None]
        if not better.any():
            break
        z, weights, nu = (
            np.where(better, new, old)
            for new, old in ((new_z, z), (new_weights, weights), (new_nu, nu))
        )
        residual = np.where(better[:, 0], new_residual, residual)
        here = _conditions(problem, z, weights, nu)
    p = z.shape[1]
    sharp = Solution(
        z, weights, here.value, nu[:, :count], nu[:, count : count + p], nu[:, count + p :],
        residual,
    )  # fmt: skip
    keep = residual <= np.maximum(found.residual, 1e-12)
    return Solution(
        *(
            np.where(keep.reshape(-1, *(1,) * (new.ndim - 1)), new, old)
            for new, old in zip(sharp, found, strict=True)
        )
    )


def _conditions(
    problem: ConstrainedProblem, z: np.ndarray, weights: np.ndarray, nu: np.ndarray
) -> _Conditions:
    u = problem.at(z, weights)
    value, slope, hessian = problem.objective.derivatives(u)
    num, p = z.shape
    values, slopes = [], []
    for k, constraint in enumerate(problem.constraints):
        own = constraint.derivatives(u)
        values.append(own.value[:, None])
        slopes.append(own.gradient[:, None])
        hessian = hessian + nu[:, k, None, None] * own.hessian
    ends = np.eye(u.shape[1])[:p]
    slopes += [np.broadcast_to(sign * ends, (num, *ends.shape)) for sign in (-1.0, 1.0)]
    values = [*values, problem.lower - z, z - problem.upper]
    return _Conditions(
        slope, hessian, np.concatenate(values, axis=1), np.concatenate(slopes, axis=1), value
    )


def _newton(
    problem: ConstrainedProblem, here: _Conditions, weights: np.ndarray, active: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The change of the coordinates, and the multipliers after it."""
    num, q = here.slope.shape
    allowed = _allowed(problem, weights, q)
    slopes = np.where(active[:, :, None], here.slopes @ allowed, 0.0)
    system = np.zeros((num, q + active.shape[1], q + active.shape[1]))
    system[:, :q, :q] = allowed @ here.hessian @ allowed
    system[:, q:, :q] = slopes
    system[:, :q, q:] = slopes.swapaxes(1, 2)
    slope = np.einsum("eqr,er->eq", allowed, here.slope)
    right = np.concatenate([-slope, np.where(active, -here.values, 0.0)], axis=1)
    good = np.isfinite(system).all(axis=(1, 2)) & np.isfinite(right).all(axis=1)
    system = np.where(good[:, None, None], system, 0.0)
    # singular where a direction is flat or not allowed: the shortest step leaves it alone
    found = np.linalg.pinv(system, rcond=_RANK, hermitian=True) @ right[..., None]
    found = np.where(good[:, None], found[..., 0], np.nan)
    du = np.einsum("eqr,er->eq", allowed, found[:, :q])
    return du, np.where(active, found[:, q:], 0.0)


def _allowed(problem: ConstrainedProblem, weights: np.ndarray, q: int) -> np.ndarray:
    """Projectors on the directions that corners of positive weight span, ``(element, q, q)``."""
    num, d = len(weights), problem.corners.shape[1]
    projector = np.broadcast_to(np.eye(q), (num, q, q)).copy()
    if d:
        differences = _centred(problem, weights) * (weights > 0)[:, :, None]
        moments = _finite(np.einsum("eka,ekb->eab", differences, differences))
        values, vectors = np.linalg.eigh(moments)
        spans = values > _RANK * np.maximum(values[:, -1:], 1e-300)
        projector[:, q - d :, q - d :] = np.einsum("eak,ek,ebk->eab", vectors, spans, vectors)
    return projector


def _finite(arrays: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(arrays), arrays, 0.0)


def _centred(problem: ConstrainedProblem, weights: np.ndarray) -> np.ndarray:
    """Corners minus the convex combination of their block, ``(element, corner, d)``."""
    blocks, corners = problem.blocks, problem.corners
    means = np.einsum("ek,kb,kd->ebd", weights, blocks, corners, optimize=True)
    return corners - np.einsum("kb,ebd->ekd", blocks, means)


def _weight_changes(
    problem: ConstrainedProblem, weights: np.ndarray, change: np.ndarray
) -> np.ndarray:
    """Changes of the weights that change the combination of corners so, in proportion to them."""
    if not problem.corners.shape[1]:
        return np.zeros_like(weights)
    centred = _centred(problem, weights)
    moments = np.einsum("ek,eka,ekb->eab", weights, centred, centred, optimize=True)
    pull = np.linalg.pinv(_finite(moments), rcond=_RANK, hermitian=True) @ change[..., None]
    return weights * (centred @ pull)[..., 0]


def _normalised(problem: ConstrainedProblem, weights: np.ndarray) -> np.ndarray:
    if not weights.shape[1]:
        return weights
    return weights / ((weights @ problem.blocks) @ problem.blocks.T)


def _weight_multipliers(
    problem: ConstrainedProblem, found: Solution, here: _Conditions, nu: np.ndarray
) -> np.ndarray:
    """How fast the Lagrangian rises when a corner's weight is raised, ``(element, corner)``."""
    slope = here.slope + np.einsum("eiq,ei->eq", here.slopes, nu)
    centred = _centred(problem, found.weights)
    return np.einsum("ekd,ed->ek", centred, slope[:, found.z.shape[1] :])


def _residual(
    problem: ConstrainedProblem, here: _Conditions, weights: np.ndarray, nu: np.ndarray
) -> np.ndarray:
    """The largest violation: slopes, values, signs of multipliers, weights, ``(element,)``."""
    q, d = here.slope.shape[1], problem.corners.shape[1]
    slope = here.slope + np.einsum("eiq,ei->eq", here.slopes, nu)
    centred = _centred(problem, weights)
    rise = np.einsum("ekd,ed->ek", centred, slope[:, q - d :])
    parts = [
        np.abs(slope[:, : q - d]), np.maximum(here.values, 0.0), np.maximum(-nu, 0.0),
        np.abs(nu * here.values), np.maximum(-rise, 0.0), np.maximum(-weights, 0.0),
        np.abs(weights * rise),
    ]  # fmt: skip
    worst = np.concatenate(parts, axis=1).max(axis=1, initial=0.0)
    return np.where(np.isfinite(worst), worst, np.inf)


def lagrangian_slope(problem: ConstrainedProblem, found: Solution) -> np.ndarray:
    """The slope of the Lagrangian, ``(element, q)``: 0 but where corners bind."""
    nu = np.concatenate([found.multipliers, found.at_lower, found.at_upper], axis=1)
    with np.errstate(all="ignore"):
        here = _conditions(problem, found.z, found.weights, nu)
        return here.slope + np.einsum("eiq,ei->eq", here.slopes, nu)


def flat_directions(problem: ConstrainedProblem, found: Solution, tolerance: float) -> np.ndarray:
    """Directions along which neither the objective nor an active constraint changes.

    Args:
        problem: the problems.
        found: their solutions, from :func:`polish`.
        tolerance: the second derivative from which on a direction is curved.

    Returns:
        ``(element, direction, q)``; rows of zeros for the directions that are curved, or in which
        the active constraints allow no step.
    """
    nu = np.concatenate([found.multipliers, found.at_lower, found.at_upper], axis=1)
    with np.errstate(all="ignore"):
        here = _conditions(problem, found.z, found.weights, nu)
        q = here.slope.shape[1]
        allowed = _allowed(problem, found.weights, q)
        slopes = np.where((nu > 0.0)[:, :, None], here.slopes @ allowed, 0.0)
        inverse = np.linalg.pinv(slopes, rcond=_RANK)
        free = allowed - allowed @ inverse @ slopes
        curvature, slopes = _finite(here.hessian), _finite(slopes)
        # directions that are not free get a curvature far above the tolerance
        values, vectors = np.linalg.eigh(
            free @ curvature @ free + (np.eye(q) - free) * max(1.0, 1e3 * tolerance)
        )
    return np.where((values <= tolerance)[:, :, None], vectors.swapaxes(1, 2), 0.0)
