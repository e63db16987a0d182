"""The loss along each input around an optimum."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from farseer_jax.decisions.discrete_inputs import OptimisationProblem
from farseer_jax.decisions.input_constraints import Constraint, values_at
from farseer_jax.decisions.optimum import LossProfile
from farseer_jax.decisions.search_space import SCALES, Free, Hull
from farseer_jax.laws.evaluate import losses_at
from farseer_jax.laws.law import Law
from farseer_jax.solvers.root_finding import find_roots

_STEPS = 41
_AROUND = np.log(8.0)  # how far along an input without an end
_ACTIVE = 1e-7  # multiplier from which on a constraint counts as active

Point = Mapping[str, np.ndarray]  # all inputs of one point, with a leading axis of length 1


def loss_profiles(
    problem: OptimisationProblem, law: Law, point: Point, multipliers: np.ndarray
) -> tuple[LossProfile, ...]:
    """The loss along each number and share, around the optimum of the first point.

    Along a number in an active constraint another number changes so that the constraint stays
    active, as D does with N along a budget; along a share the others keep their proportions.

    Args:
        problem: what was optimised.
        law: the law.
        point: the optimum.
        multipliers: of the constraints there, ``(constraint,)``.
    """
    found = []
    active = [
        (own, limits[0])
        for own, limits, multiplier in zip(
            problem.constraints, problem.limits, multipliers, strict=False
        )
        if multiplier > _ACTIVE
    ]
    for free in problem.space.numbers:
        values = _steps(free, float(point[free.name][0]))
        points = _varied(point, {free.name: values})
        kept = next((own for own in active if free.name in own[0].names), None)
        others = [own for own in problem.space.numbers if own != free and own.kind != "count"]
        partner = None
        if kept is not None:
            partner = next((own for own in others if own.name in kept[0].names), None)
        if kept is not None and partner is not None:
            points[partner.name] = _kept(kept[0], kept[1], partner, points)
        losses = _losses(law, points)
        adjusted = "" if partner is None else partner.name
        found.append(LossProfile(free.name, values, losses, free.is_log, adjusted))
    return (*found, *(own for hull in problem.space.hulls for own in _of_hull(hull, law, point)))


def _steps(free: Free, best: float) -> np.ndarray:
    ends = free.scaled([free.lower, free.upper])
    if free.name in SCALES:
        ends = np.clip(free.scaled(best) + np.array([-_AROUND, _AROUND]), *ends)
    steps = np.linspace(float(ends[0]), float(ends[1]), _STEPS)
    values = np.exp(steps) if free.is_log else steps
    return np.unique(np.round(values)) if free.kind == "count" else values


def _kept(
    constraint: Constraint, limit: float, partner: Free, points: dict[str, np.ndarray]
) -> np.ndarray:
    """The values of a number at which a constraint is active; NaN where there are none."""
    num = len(points[partner.name])

    def excess(at: np.ndarray, place: np.ndarray) -> np.ndarray:
        own = {name: values[place] for name, values in points.items()}
        own[partner.name] = np.exp(at) if partner.is_log else at
        return values_at(constraint, own) - limit

    places = np.arange(num)
    low, high = (np.full(num, end) for end in partner.scaled([partner.lower, partner.upper]))
    ends = excess(low, places), excess(high, places)
    rows = np.flatnonzero(np.sign(ends[0]) * np.sign(ends[1]) < 0)
    roots = np.full(num, np.nan)
    roots[rows] = find_roots(excess, low[rows], high[rows], rows)
    return np.exp(roots) if partner.is_log else roots


def _of_hull(hull: Hull, law: Law, point: Point) -> list[LossProfile]:
    best = point[hull.name][0]
    tried = hull.center + hull.corners @ hull.basis.T
    found = []
    for k, share in enumerate(hull.shares):
        values = np.clip(np.linspace(tried[:, k].min(), tried[:, k].max(), _STEPS), 0.0, 1.0)
        rest = np.delete(best, k)
        others = rest / rest.sum() if rest.sum() > 0 else np.full(len(rest), 1.0 / len(rest))
        mixtures = np.insert(np.outer(1.0 - values, others), k, values, axis=1)
        losses = _losses(law, _varied(point, {hull.name: mixtures}))
        found.append(LossProfile(share, values, losses, is_log=False))
    return found


def _varied(point: Point, varied: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Points that differ in some inputs."""
    num = len(next(iter(varied.values())))
    return {name: varied.get(name, np.repeat(value, num, axis=0)) for name, value in point.items()}


def _losses(law: Law, points: dict[str, Any]) -> np.ndarray:
    """Losses; NaN where an input is NaN."""
    num = len(next(iter(points.values())))
    known = np.all([np.isfinite(own.reshape(num, -1)).all(axis=1) for own in points.values()], 0)
    losses = np.full(num, np.nan)
    if known.any():
        losses[known] = losses_at(law, {n: own[known] for n, own in points.items()}, ())[0]
    return losses
