"""Many starts, roughly on some of the runs first: most of them meet there, and continue as one."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout, build_layout, thinned
from farseer_jax.methods.least_squares.any_law import build_fit_problem, objective_and_link
from farseer_jax.solvers.meetings import meetings
from farseer_jax.solvers.objective_evaluation import Evaluator
from farseer_jax.solvers.optima import CONVERGED, Optima

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares

# From so many starts on, they run on some of the runs first, roughly, and then on all of them.
_MANY, _ROUGH, _MOST_STEPS, _RUNS_PER_PARAMETER = 8192, 1e-4, 50, 3


def coarse_layout(
    layout: Layout, free: Free, num_starts: int, weights: np.ndarray
) -> Layout | None:
    """A few of the runs, where there are so many starts that a second compilation pays.

    Args:
        layout: layout of all runs.
        free: free parameters.
        num_starts: how many starts there are.
        weights: ``(row, run)``.
    """
    if num_starts < _MANY or len(weights) > 1:
        return None
    coarse = thinned(layout)
    if coarse is None:
        return None
    num_runs = np.count_nonzero(weights[0][coarse.run] * coarse.share)
    return coarse if num_runs >= _RUNS_PER_PARAMETER * free.basis.shape[1] else None


def rough(method: "LeastSquares") -> "LeastSquares":
    """The settings of the first stage."""
    return replace(method, tolerance=_ROUGH, max_steps=min(method.max_steps, _MOST_STEPS))


def met(
    method: "LeastSquares",
    coarse: Layout,
    free: Free,
    found: Optima,
    weights: np.ndarray,
    delta: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Which starts continue on all runs, and which of these each start is merged into.

    A start that did not converge continues by itself.

    Args:
        method: the settings.
        coarse: layout of the first stage.
        free: free parameters.
        found: where each start ended there.
        weights: ``(run,)``.
        delta: of the objective, more than 0.
    """
    share = coarse.run_share * weights
    runs = coarse.runs.select(mask=share > 0.0)
    layout = build_layout(coarse.law, runs, by_curves=False, center=coarse.center)
    objective, link = objective_and_link(method, layout)
    target, own = link.forward(runs.loss)[None], share[None, share > 0.0]
    inputs = dict(layout.inputs)
    problem = build_fit_problem(layout, free, objective, link, inputs, [target], [own])
    one, inexact = np.zeros(1, dtype=int), np.zeros(1, dtype=bool)

    def curvature(start: int) -> np.ndarray:
        at = found.free[start : start + 1]
        return Evaluator(problem, one, one + delta).evaluate(at, inexact).majoriser[0]

    return meetings(found.value, found.free, curvature, found.status == CONVERGED)
