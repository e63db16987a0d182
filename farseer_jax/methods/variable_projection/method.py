"""The settings of variable projection."""

from dataclasses import dataclass, replace
from functools import lru_cache
from threading import Lock
from typing import Any, ClassVar

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.derivatives import EndToEndRefit, build_refit
from farseer_jax.methods.end_to_end.determination import determination
from farseer_jax.methods.end_to_end.identifiability import Optimum
from farseer_jax.methods.end_to_end.layout import Layout, build_layout
from farseer_jax.methods.end_to_end.optima import solved, solved_batch
from farseer_jax.methods.end_to_end.settings import EndToEndMethod, check_number, free_of
from farseer_jax.methods.method import Solved, SolvedBatch, weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.variable_projection.checks import check_form, check_law, ranges
from farseer_jax.methods.variable_projection.large_tables import profile_and_minima
from farseer_jax.methods.variable_projection.profile import Found
from farseer_jax.methods.variable_projection.report import ProfileReport
from farseer_jax.methods.variable_projection.solve import (
    Plan,
    build_problem,
    refit,
)
from farseer_jax.methods.variable_projection.terms import build_form, natural_free, natural_numbers
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.optima import CONVERGED, NOT_FINITE

_EQUAL = 1e-6  # of an objective: minima closer than this fit equally well


@dataclass(frozen=True)
class VariableProjection(EndToEndMethod):
    """Search the exponents of a law, and solve for what it is linear in at each of them.

    For laws that declare linear parameters (``Law.linear``) and have one or two other free ones,
    such as :class:`Chinchilla`, linear in E, A and B for given α and β. The objective at the best
    linear parameters is a function of the exponents alone, the *profile*. It is computed on a grid
    of exponents, and the grid's lowest minima are polished by Newton steps, so no starts are
    needed. At every candidate the linear parameters minimise the same objective that is reported,
    to rounding; those that are positive in the law may be exactly 0.

    Least absolute deviations (δ = 0) are the limit of Huber's objective, with δ from 1e-1 down to
    1e-10 in half decades, each optimum extrapolated from the two before. The reported objective is
    the sum of absolute residuals itself.

    Source: Golub & Pereyra (1973); for scaling laws, Czech et al., *Problems with Chinchilla
    Approach 2*, with plain least squares inside.

    Args:
        objective: an :class:`Objective` or the name of one.
        num_candidates: values of each exponent, evenly spaced: a step in an exponent changes
            ``N^−α`` by the same factor everywhere.
        num_polished: minima of the grid that are polished.
        refit_candidates: values of each exponent that each refit of a batch tries, beside the
            minima of all runs.
        max_steps: Newton steps of the exponents.
        tolerance: relative decrease of the objective below which a minimum is reached.
        fixed: parameters at fixed values, by name: ``{"E": 1.69}``.
        tied: groups of parameters that are equal: ``[("alpha", "beta")]``.
        bounds: ranges of exponents, ``{"alpha": (0.1, 0.6)}``; those not named lie between 0.01
            and 1.5 (published ones between 0.05 and 0.9).

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> from farseer_jax import Chinchilla, VariableProjection, example_runs, fit
        >>> robust = fit(Chinchilla, example_runs(), VariableProjection("huber"))
        >>> robust.outcome.name, robust.diagnostics.num_candidates
        ('success', 1024)
        >>> alpha = robust.diagnostics.within(rise=0.5)["alpha"]  # of the objective, by a half
        >>> alpha[0] <= float(robust.law.alpha) <= alpha[1]
        True
    """

    name: ClassVar[str] = "variable-projection"

    objective: Objective | str = "squared"
    num_candidates: int = 32
    num_polished: int = 8
    refit_candidates: int = 0
    max_steps: int = 100
    tolerance: float = 1e-13
    fixed: Any = ()
    tied: Any = ()
    bounds: Any = ()

    def __post_init__(self) -> None:
        self.normalise(
            {"num_candidates": 3, "num_polished": 1, "refit_candidates": 0, "max_steps": 1}
        )

    def prepare(self, law: type[Law], runs: Runs) -> Layout:
        """Lay the runs out, and refuse laws, runs and settings that cannot be fitted."""
        check_law(law, runs)
        layout = build_layout(law, runs)
        free_of(self, layout)
        _plan(self, layout)
        return layout

    def fit_one(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64."""
        layout, plan = design, _plan(self, design)
        check_number(layout, weights, free_of(self, layout))
        values, minima = profile_and_minima(plan, layout, losses, weights, self.num_polished)
        law = _law_of(plan, minima)
        best = _law_at(law, 0)
        equal = np.flatnonzero(minima.value <= minima.value[0] * (1.0 + _EQUAL))
        judged = determination(
            Optimum.of_law(
                layout,
                free_of(self, layout),
                best,
                losses,
                weights,
                is_converged=bool(minima.status[0] == CONVERGED),
            ),
            _law_at(law, equal) if len(equal) > 1 else None,
        )
        report = ProfileReport(
            objective=float(minima.value[0]),
            exponents=tuple(names[0] for names in plan.form.exponents),
            axes=plan.axes,
            profile=values.reshape(tuple(map(len, plan.axes))),
            minima=minima.exponents.T,
            minima_objective=minima.value,
            num_copies=layout.num_copies,
            doubts_about_runs=judged.doubts,
            vanished=judged.vanished,
        )
        outcome = judged.outcome(Outcome.from_code(int(_outcome(plan, minima)[0])))
        return solved(layout, best, outcome, losses, weights, report)

    def fit_block(self, design: Layout, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Refit stacks of losses and weights, ``(batch, run)``, from the minima of all runs."""
        layout, plan = design, _plan(self, design)
        problem = build_problem(plan, layout, losses, weights)
        with _ALONE:
            minima = _minima(layout, self)
        found = refit(plan, problem, minima, self.refit_candidates)
        law, outcome = _law_of(plan, found), _outcome(plan, found)
        return solved_batch(layout, free_of(self, layout), law, outcome, losses, weights)

    def refit(self, design: Layout, runs: Runs, law: Law, found: Any) -> EndToEndRefit:
        """The fit as a function of losses and weights that JAX differentiates."""
        del found  # the law is the optimum
        plan = _plan(self, design)
        free = natural_free(plan.form, plan.fixed, plan.low, plan.high)
        start = natural_numbers(plan.form, law)
        objective = design.objective(self.objective)
        return build_refit(design, free, objective, start, runs.loss, natural=True)


def _objective(method: VariableProjection, layout: Layout) -> Objective:
    """The objective in terms of the predicted losses themselves."""
    objective, link = layout.objective(method.objective), layout.link
    if link.name == "logit":
        raise ValueError(
            "variable projection needs residuals of the response itself, but the runs have the "
            "link 'logit': fit the law with `LeastSquares(…)`"
        )
    is_plain = objective.residual == "link" and link.name == "identity"
    return replace(objective, residual="absolute") if is_plain else objective


def _plan(method: VariableProjection, layout: Layout) -> Plan:
    """The plan of these settings for a law and its runs."""
    objective, bounds = _objective(method, layout), dict(method.bounds)
    form = build_form(layout.law, objective.residual, dict(method.fixed), method.tied)
    check_form(form, bounds)
    low, high = ranges(form, bounds)
    absolute = objective.residual == "absolute"
    return Plan(
        form=form,
        objective=objective,
        axes=tuple(np.linspace(low, high, method.num_candidates, axis=-1)),
        fixed=np.array([value for _, value in method.fixed], dtype=np.float64),
        low=low,
        high=high,
        unit=float(np.exp(np.log(np.abs(layout.runs.loss)).mean())) if absolute else 1.0,
        tolerance=method.tolerance,
        max_steps=method.max_steps,
    )


_ALONE = Lock()  # blocks of refits run in threads: the first one finds the minima for all


@lru_cache(maxsize=4)
def _minima(layout: Layout, method: VariableProjection) -> Found:
    """The minima of the fit to all runs: where refits start."""
    plan, runs = _plan(method, layout), layout.runs
    return profile_and_minima(plan, layout, runs.loss, weights_of(runs), method.num_polished).minima


def _law_of(plan: Plan, found: Found) -> Law:
    """The laws of minima, leaves ``(minimum,)``; fixed parameters keep all their digits."""
    form, num = plan.form, len(found.value)
    leaves = {n: np.full(num, v) for n, v in zip(form.fixed, plan.fixed, strict=True)}
    for groups, rows in (
        (form.exponents, found.exponents),
        (form.coefficients, found.coefficients),
    ):
        for names, row in zip(groups, rows, strict=True):
            leaves |= dict.fromkeys(names, row)
    return form.law(**leaves)


def _law_at(law: Law, place: Any) -> Law:
    """One of a stack of laws, or some."""
    return type(law)(**{name: getattr(law, name)[place] for name in law.parameter_names()})


def _outcome(plan: Plan, found: Found) -> np.ndarray:
    """The code of each minimum's :class:`Outcome`."""
    code = np.where(found.status == CONVERGED, Outcome.success.code, Outcome.not_converged.code)
    bounded = np.array(plan.form.bounded)[:, None]
    code = np.where(((found.coefficients <= 0.0) & bounded).any(0), Outcome.bound_active.code, code)
    low, high = plan.low[:, None], plan.high[:, None]
    at_edge = ((found.exponents <= low) | (found.exponents >= high)).any(0)
    code = np.where(at_edge, Outcome.exponent_at_edge.code, code)
    return np.where(found.status == NOT_FINITE, Outcome.not_finite.code, code)
