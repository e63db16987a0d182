"""Variable projection on a large table: the profile on some of its runs, the minima on all."""

from typing import NamedTuple

import numpy as np

from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.large_tables import parts_of
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.traced_loss import scaled_loss
from farseer_jax.methods.variable_projection.profile import Found, distinct
from farseer_jax.methods.variable_projection.solve import (
    SAME_POINT,
    Plan,
    build_problem,
    find_minima,
    profile,
)
from farseer_jax.methods.variable_projection.terms import natural_free
from farseer_jax.solvers.fit_problem import FitProblem, relative_residuals
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise

_MOST_MINIMA = 2  # of some of the runs that are searched for on all


class Profiled(NamedTuple):
    """The profile and its minima.

    Attributes:
        values: the objective at every candidate, ``(candidate,)``.
        minima: the minima, best first.
    """

    values: np.ndarray
    minima: Found


def profile_and_minima(
    plan: Plan, layout: Layout, losses: np.ndarray, weights: np.ndarray, num: int
) -> Profiled:
    """The profile of losses and weights ``(run,)``, and its minima.

    Of a large table, the profile is that of a few thousand runs, in proportion to the objectives of
    the best minimum; the minima are those of all runs.

    Args:
        plan: the search.
        layout: the runs.
        losses: ``(run,)``.
        weights: ``(run,)``.
        num: how many minima of the profile to search for.
    """
    first, *others = parts_of(layout, losses, weights, seed=0)
    problem = build_problem(plan, first.layout, first.losses[None], first.weights[None])
    found = profile(plan, problem)
    minima, values = find_minima(plan, problem, found, num), found.finite_value
    if not others:
        return Profiled(values, minima)
    best = float(minima.value[0])
    for part in others:
        minima = _minima_near(plan, part.layout, minima, part.losses, part.weights)
    ratio = float(minima.value[0]) / best if best > 0.0 else 1.0
    return Profiled(values * ratio, minima)


def _minima_near(
    plan: Plan, layout: Layout, minima: Found, losses: np.ndarray, weights: np.ndarray
) -> Found:
    """The minima next to others, by Newton's method in all parameters, best first."""
    form, objective = plan.form, plan.objective
    link = Link("identity" if objective.residual == "absolute" else "log")
    free = natural_free(form, plan.fixed, plan.low, plan.high)
    problem = FitProblem(
        scaled_loss(layout.law, link),
        layout.law.columns(layout.runs),
        link.forward(losses),
        weights * layout.run_share,
        delta=objective.delta,
        quantile=objective.quantile,
        residual_scale=relative_residuals if objective.residual == "relative" else None,
        offset=free.offset,
        basis=free.basis,
        lower=free.lower,
        upper=free.upper,
    )
    some = [part[..., :_MOST_MINIMA] for part in minima]
    starts = np.concatenate([some[1], some[0]]).T
    settings = Settings(max_steps=plan.max_steps, tolerance=plan.tolerance)
    points, value, status, _ = (part[0] for part in minimise(problem, starts, settings))
    num = len(form.coefficients)
    ended = Found(points.T[num:], points.T[:num], value, status)
    return distinct(ended, SAME_POINT * (plan.high - plan.low))
