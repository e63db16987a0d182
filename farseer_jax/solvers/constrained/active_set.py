"""The last digits of a constrained optimum: Newton steps with active constraints as equations.

An interior-point method leaves inactive bounds at a distance and active ones nearly reached. From
there it is known which are active: weights of corners that vanish are set to 0, active inequalities
become equations, and a few Newton steps solve the conditions to rounding.
"""

from typing import NamedTuple

import numpy as np

from farseer_jax.solvers.constrained.problem import ConstrainedProblem, Solution

_STEPS = 8
_SOLVED = 1e-12  # a residual of rounding
_RANK = 1e-10  # relative size below which a curvature counts as none
_SPAN = 1e-14  # relative size of a variance below which corners do not span a direction


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
    sharp = _active_set(problem, found)
    keep = sharp.residual <= np.maximum(found.residual, _SOLVED)
    return _where(keep, sharp, found)


def _where(keep: np.ndarray, new: Solution, old: Solution) -> Solution:
    """Elements of one or the other."""
    pairs = zip(new, old, strict=True)
    return Solution(*(np.where(keep.reshape(-1, *(1,) * (a.ndim - 1)), a, b) for a, b in pairs))


def _active_set(problem: ConstrainedProblem, found: Solution) -> Solution:
    """The best of a few Newton steps; what turns out to be active or inactive is changed."""
    p = found.z.shape[1]
    nu = np.concatenate([found.multipliers, found.at_lower, found.at_upper], axis=1)
    here = _conditions(problem, found.z, found.weights, nu)
    active = -here.values < nu
    used = found.weights > _weight_multipliers(problem, found, here, nu)
    z, weights = found.z, _normalised(problem, np.where(used, found.weights, 0.0))
    nu = np.where(active, nu, 0.0)
    best = None
    for _ in range(_STEPS):
        here = _conditions(problem, z, weights, nu)
        own = _solution(problem, here, z, weights, nu)
        best = own if best is None else _where(own.residual < best.residual, own, best)
        if (best.residual <= _SOLVED).all():
            break
        du, new_nu = _newton(problem, here, weights, active)
        new_z, new_weights = z + du[:, :p], weights + _weight_changes(problem, weights, du[:, p:])
        beyond = _conditions(problem, new_z, new_weights, new_nu).values > 0.0
        unused = _first_to_vanish(weights, new_weights)
        wrong = np.where(active, new_nu < 0.0, beyond)
        vanishes = np.asarray(unused.any(axis=1))[:, None]
        change = vanishes | np.asarray(wrong.any(axis=1))[:, None]
        fewer = _normalised(problem, np.where(unused, 0.0, weights))
        weights = np.where(change, np.where(vanishes, fewer, weights), new_weights)
        z, nu = np.where(change, z, new_z), np.where(change, nu, new_nu)
        active = np.where(change, active ^ wrong, active)
        nu = np.where(active, nu, 0.0)
    return best if best is not None else found


def _first_to_vanish(weights: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Which weight reaches 0 first on the way to the changed ones, if any does."""
    if not weights.shape[1]:
        return np.zeros(weights.shape, bool)
    share = np.where(changed < 0.0, weights / (weights - changed), np.inf)
    first = np.arange(weights.shape[1]) == share.argmin(axis=1)[:, None]
    return first & (changed < 0.0)


def _solution(
    problem: ConstrainedProblem, here: _Conditions, z: np.ndarray, weights: np.ndarray,
    nu: np.ndarray,
) -> Solution:  # fmt: skip
    count, p = len(problem.constraints), z.shape[1]
    return Solution(
        z, weights, here.value, nu[:, :count], nu[:, count : count + p], nu[:, count + p :],
        _residual(problem, here, weights, nu),
    )  # fmt: skip


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
        values, vectors = _moments(problem, weights)
        projector[:, q - d :, q - d :] = np.einsum("eak,ek,ebk->eab", vectors, values > 0, vectors)
    return projector


def _moments(problem: ConstrainedProblem, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and vectors of the corners' covariance; 0 in directions that they do not span."""
    centred = _centred(problem, weights)
    moments = np.einsum("ek,eka,ekb->eab", weights, centred, centred, optimize=True)
    values, vectors = np.linalg.eigh(_finite(moments))
    spans = values > _SPAN * np.maximum(values[:, -1:], 1e-300)
    return np.where(spans, values, 0.0), vectors


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
    values, vectors = _moments(problem, weights)
    inverse = np.where(values > 0.0, 1.0 / np.where(values > 0.0, values, 1.0), 0.0)
    pull = np.einsum("eak,ek,ebk,eb->ea", vectors, inverse, vectors, change)
    return weights * np.einsum("eka,ea->ek", _centred(problem, weights), pull)


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
