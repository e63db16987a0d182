"""A primal-dual interior-point method for batches of small problems, by NumPy.

Each problem minimises a smooth function of a few coordinates ``u = (z, h)`` under inequalities,
with ``z`` in a box and ``h`` a convex combination of given corners, ``h = Vᵀw``, ``w ≥ 0``, with
weights that sum to 1 in each block. Newton steps on the conditions of Karush, Kuhn and Tucker with
the barrier μ (Nocedal & Wright 2006, chapter 19), from strictly feasible points; exact second
derivatives make the last steps quadratic. Corners cost little however many there are: their weights
are eliminated, and each linear system has about twice as many unknowns as coordinates.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from farseer_jax.solvers.constrained.problem import ConstrainedProblem, Solution

_FIRST_BARRIER, _LAST_BARRIER = 1e-2, 1e-8
_TO_BOUNDARY = 0.995  # share of the way to the nearest bound that one step may go
_MOST_STEPS = 150
_MOST_HALVINGS = 30
_DUAL_RANGE = 1e10  # factor by which a multiplier may differ from that of the central path
_ROUNDING = 1e-13  # of the merit function


class _Iterate(NamedTuple):
    """Primal and dual variables; slacks follow from the primal ones."""

    z: np.ndarray
    weights: np.ndarray
    nu: np.ndarray  # multipliers of the constraints, the lower and the upper ends
    nu_weights: np.ndarray
    eta: np.ndarray  # of the sums of weights


class _Local(NamedTuple):
    """What a step needs to know at an iterate."""

    value: np.ndarray
    gradient: np.ndarray
    slack: np.ndarray
    slopes: np.ndarray  # of all inequalities, (element, inequality, q)
    hessian: np.ndarray  # of the Lagrangian


def minimise(
    problem: ConstrainedProblem,
    z: np.ndarray,
    weights: np.ndarray,
    stop: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Solution:
    """Solve each problem from a strictly feasible point.

    Args:
        problem: the problems.
        z: ``(element, p)``, strictly inside the box and the constraints.
        weights: ``(element, corner)``, positive, with sums of 1.
        stop: tells which coordinates ``(element, q)`` are good enough to stop at.
    """
    with np.errstate(all="ignore"):
        return _minimise(problem, z, weights, stop)


def _minimise(
    problem: ConstrainedProblem,
    z: np.ndarray,
    weights: np.ndarray,
    stop: Callable[[np.ndarray], np.ndarray] | None,
) -> Solution:
    num = len(z)
    barrier = np.full(num, _FIRST_BARRIER)
    slack = _slacks(problem, z, weights)
    at = _Iterate(
        z, weights, barrier[:, None] / slack, barrier[:, None] / weights,
        np.zeros((num, problem.blocks.shape[1])),
    )  # fmt: skip
    done = np.zeros(num, bool)
    for _ in range(_MOST_STEPS):
        here = _local(problem, at)
        barrier, done_now = _next_barrier(problem, at, here, barrier)
        done |= done_now
        if stop is not None:
            done |= stop(problem.at(at.z, at.weights))
        if done.all():
            break
        step = _step(problem, at, here, barrier)
        at, moved = _walk(problem, at, here, step, barrier, ~done)
        done |= ~moved
    here = _local(problem, at)
    count, p = len(problem.constraints), z.shape[1]
    return Solution(
        at.z, at.weights, here.value, at.nu[:, :count], at.nu[:, count : count + p],
        at.nu[:, count + p :], _residual(problem, at, here, np.zeros(num)),
    )  # fmt: skip


def _slacks(problem: ConstrainedProblem, z: np.ndarray, weights: np.ndarray) -> np.ndarray:
    u = problem.at(z, weights)
    own = [-c.value(u)[:, None] for c in problem.constraints]
    return np.concatenate([*own, z - problem.lower, problem.upper - z], axis=1)


def _local(problem: ConstrainedProblem, at: _Iterate) -> _Local:
    u = problem.at(at.z, at.weights)
    value, gradient, hessian = problem.objective.derivatives(u)
    hessian = hessian.copy()
    num, p = at.z.shape
    slacks, slopes = [], []
    for k, constraint in enumerate(problem.constraints):
        own = constraint.derivatives(u)
        slacks.append(-own.value[:, None])
        slopes.append(own.gradient[:, None])
        hessian += at.nu[:, k, None, None] * own.hessian
    ends = np.eye(u.shape[1])[:p]
    slopes += [np.broadcast_to(sign * ends, (num, *ends.shape)) for sign in (-1.0, 1.0)]
    slack = np.concatenate([*slacks, at.z - problem.lower, problem.upper - at.z], axis=1)
    return _Local(value, gradient, slack, np.concatenate(slopes, axis=1), hessian)


def _residual(
    problem: ConstrainedProblem, at: _Iterate, here: _Local, barrier: np.ndarray
) -> np.ndarray:
    """The largest violation of the conditions with a barrier, ``(element,)``."""
    p, mu = at.z.shape[1], barrier[:, None]
    slope = here.gradient + np.einsum("eiq,ei->eq", here.slopes, at.nu)
    of_weights = slope[:, p:] @ problem.corners.T + at.eta @ problem.blocks.T - at.nu_weights
    parts = [slope[:, :p], of_weights, here.slack * at.nu - mu, at.weights * at.nu_weights - mu]
    worst = np.abs(np.concatenate(parts, axis=1)).max(axis=1, initial=0.0)
    return np.where(np.isfinite(worst), worst, np.inf)


def _next_barrier(
    problem: ConstrainedProblem, at: _Iterate, here: _Local, barrier: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The barrier, lowered where its problem is solved well enough; and where all is solved."""
    for _ in range(4):
        solved = _residual(problem, at, here, barrier) <= 10.0 * barrier
        lower = np.maximum(np.minimum(0.2 * barrier, barrier**1.5), _LAST_BARRIER)
        if not (solved & (lower < barrier)).any():
            break
        barrier = np.where(solved, lower, barrier)
    return barrier, solved & (barrier <= _LAST_BARRIER)


class _Step(NamedTuple):
    """A direction, and the slope of the merit function along it."""

    z: np.ndarray
    weights: np.ndarray
    nu: np.ndarray
    nu_weights: np.ndarray
    eta: np.ndarray
    slope: np.ndarray


def _step(problem: ConstrainedProblem, at: _Iterate, here: _Local, barrier: np.ndarray) -> _Step:
    """Newton's direction; where the barrier function is not convex, that of a convex model."""
    scaled = here.slopes * (at.nu / here.slack)[:, :, None]
    matrix = here.hessian + np.einsum("eiq,eir->eqr", scaled, here.slopes)
    pull = here.gradient + np.einsum("eiq,ei->eq", here.slopes, barrier[:, None] / here.slack)
    matrix = _convex(matrix, _curvature_of_weights(problem, at))
    du, dw, eta = _direction(problem, at, matrix, pull, barrier)
    slope = (pull * du).sum(axis=1) - barrier * (dw / at.weights).sum(axis=1)
    p = at.z.shape[1]
    change = np.einsum("eiq,eq->ei", here.slopes, du)
    mu = barrier[:, None]
    d_nu = (mu + at.nu * change) / here.slack - at.nu
    d_nu_weights = (mu - at.nu_weights * dw) / at.weights - at.nu_weights
    return _Step(du[:, :p], dw, d_nu, d_nu_weights, eta - at.eta, slope)


def _direction(
    problem: ConstrainedProblem,
    at: _Iterate,
    matrix: np.ndarray,
    pull: np.ndarray,
    barrier: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Changes of the coordinates and of the weights, and the multipliers of the sums.

    Unknowns are the change of u, the slope ``y`` in h after the step, and η: the row of a weight
    reads ``(ν/w)·dw = μ/w − V·y − η``, which gives dw and, summed over corners, the change of h.
    """
    corners, blocks = problem.corners, problem.blocks
    num, q = pull.shape
    d, m = corners.shape[1], blocks.shape[1]
    p = q - d
    spread = at.weights / at.nu_weights  # (element, corner)
    rest = barrier[:, None] / at.nu_weights
    both = np.concatenate([corners, blocks], axis=1)
    sums = np.einsum("ek,ka,kb->eab", spread, both, both, optimize=True)
    system = np.zeros((num, q + d + m, q + d + m))
    system[:, :q, :q] = matrix
    system[:, p:q, q : q + d] = -np.eye(d)
    system[:, q : q + d, p:q] = np.eye(d)
    system[:, q:, q:] = sums
    right = np.concatenate([-pull, rest @ both], axis=1)
    found = _solved(system, right)
    du, y, eta = found[:, :q], found[:, q : q + d], found[:, q + d :]
    dw = rest - spread * (y @ corners.T + eta @ blocks.T)
    return du.copy(), dw, eta.copy()


def _solved(system: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The solutions, with rows and columns scaled; zero where a system is singular."""
    if not system.shape[1]:
        return right
    bad = ~np.isfinite(system).all(axis=(1, 2)) | ~np.isfinite(right).all(axis=1)
    system = np.where(bad[:, None, None], np.eye(system.shape[1]), system)
    scale = np.abs(system).max(axis=2)
    scale = np.where(scale > 0, scale, 1.0)
    system, right = system / scale[:, :, None], np.where(bad[:, None], 0.0, right) / scale
    try:
        return np.linalg.solve(system, right[..., None])[..., 0]
    except np.linalg.LinAlgError:
        return np.stack(
            [np.linalg.lstsq(a, b, rcond=None)[0] for a, b in zip(system, right, strict=True)]
        )


def _curvature_of_weights(problem: ConstrainedProblem, at: _Iterate) -> np.ndarray:
    """The Hessian of the weights' barrier in the coordinates, ``(element, q, q)``."""
    corners, blocks = problem.corners, problem.blocks
    p, d = at.z.shape[1], corners.shape[1]
    whole = np.zeros((len(at.z), p + d, p + d))
    if d:
        spread = at.weights / at.nu_weights
        total = np.einsum("ek,kb->eb", spread, blocks)
        means = np.einsum("ek,kb,kd->ebd", spread, blocks, corners, optimize=True)
        means /= total[:, :, None]
        moments = np.einsum("ek,ka,kc->eac", spread, corners, corners, optimize=True)
        moments -= np.einsum("eb,eba,ebc->eac", total, means, means)
        values, vectors = np.linalg.eigh(np.where(np.isfinite(moments), moments, 0.0))
        values = np.maximum(values, 1e-16 * np.maximum(values[:, -1:], 1e-300))
        whole[:, p:, p:] = np.einsum("eak,ek,eck->eac", vectors, 1.0 / values, vectors)
    return whole


def _convex(matrix: np.ndarray, of_weights: np.ndarray) -> np.ndarray:
    """The matrix where its sum with the weights' is positive definite, else changed to be so.

    Then the eigenvalues of the sum get their absolute values: the step leaves saddle points.
    """
    total = matrix + of_weights
    total = np.where(np.isfinite(total), total, 0.0)
    values, vectors = np.linalg.eigh(0.5 * (total + total.swapaxes(1, 2)))
    largest = np.abs(values).max(axis=1, keepdims=True, initial=1e-4)
    bad = (values <= 1e-13 * largest).any(axis=1)
    if not bad.any():
        return matrix
    values = np.maximum(np.abs(values[bad]), 1e-8 * largest[bad])
    changed = matrix.copy()
    changed[bad] = np.einsum("eqk,ek,erk->eqr", vectors[bad], values, vectors[bad])
    changed[bad] -= of_weights[bad]
    return changed


def _walk(
    problem: ConstrainedProblem, at: _Iterate, here: _Local, step: _Step, barrier: np.ndarray,
    moving: np.ndarray,
) -> tuple[_Iterate, np.ndarray]:  # fmt: skip
    """Along the step as far as the bounds and the merit function allow; and which moved."""
    box = np.concatenate([at.z - problem.lower, problem.upper - at.z], axis=1)
    d_box = np.concatenate([step.z, -step.z], axis=1)
    length = np.minimum(_reach(box, d_box), _reach(at.weights, step.weights))
    dual = np.minimum(_reach(at.nu, step.nu), _reach(at.nu_weights, step.nu_weights))
    merit = _merit(here.value, here.slack, at.weights, barrier)
    noise = _ROUNDING * np.maximum(1.0, np.abs(merit))
    waiting = moving.copy()
    z, weights = at.z.copy(), at.weights.copy()
    slack = here.slack.copy()
    for _ in range(_MOST_HALVINGS):
        trial_z = at.z + length[:, None] * step.z
        trial_weights = at.weights + length[:, None] * step.weights
        trial_slack = _slacks(problem, trial_z, trial_weights)
        value = problem.objective.value(problem.at(trial_z, trial_weights))
        new = _merit(value, trial_slack, trial_weights, barrier)
        accepted = waiting & (new <= merit + 1e-4 * length * step.slope + noise)
        accepted &= (trial_slack > (1.0 - _TO_BOUNDARY) * 0.1 * here.slack).all(axis=1)
        z[accepted], weights[accepted] = trial_z[accepted], trial_weights[accepted]
        slack[accepted] = trial_slack[accepted]
        waiting &= ~accepted
        if not waiting.any():
            break
        length = np.where(waiting, 0.5 * length, length)
    moved = moving & ~waiting
    share = np.where(moved, dual, 0.0)[:, None]
    mu = barrier[:, None]
    nu = np.clip(at.nu + share * step.nu, mu / slack / _DUAL_RANGE, mu / slack * _DUAL_RANGE)
    nu_weights = np.clip(
        at.nu_weights + share * step.nu_weights,
        mu / weights / _DUAL_RANGE, mu / weights * _DUAL_RANGE,
    )  # fmt: skip
    kept = moved[:, None]
    if weights.shape[1]:  # sums drift by rounding only
        weights = weights / ((weights @ problem.blocks) @ problem.blocks.T)
    return _Iterate(
        z, weights, np.where(kept, nu, at.nu), np.where(kept, nu_weights, at.nu_weights),
        np.where(kept, at.eta + share * step.eta, at.eta),
    ), moved  # fmt: skip


def _reach(values: np.ndarray, changes: np.ndarray) -> np.ndarray:
    """The longest step that keeps positive values positive, at most 1, ``(element,)``."""
    ratio = np.where(changes < 0.0, -_TO_BOUNDARY * values / changes, 1.0)
    return np.minimum(1.0, ratio.min(axis=1, initial=1.0))


def _merit(
    value: np.ndarray, slack: np.ndarray, weights: np.ndarray, barrier: np.ndarray
) -> np.ndarray:
    logs = np.log(slack).sum(axis=1) + np.log(weights).sum(axis=1)
    merit = value - barrier * logs
    return np.where(np.isfinite(merit), merit, np.inf)
