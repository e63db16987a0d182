"""Which runs to train next for a prediction or an allocation, within a budget."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.candidate_runs import (
    NONE,
    Candidates,
    Cost,
    Points,
    as_points,
    notes_of,
    payable_candidates,
)
from farseer_jax.decisions.exchange_search import Choice, best_subset, exchange_steps, in_order
from farseer_jax.decisions.planned_fits import FitPlan, Misfit, plan_by_fit
from farseer_jax.decisions.planned_forecasts import ForecastPlan, plan_by_forecast
from farseer_jax.decisions.prediction_targets import as_targets
from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.runs.checks import Floats, check_level
from farseer_jax.runtime.threads import one_blas_thread


def suggest_runs(
    source: Forecast | Fit,
    targets: object = None,
    candidates: object = None,
    budget: float = 0.0,
    *,
    compute: ArrayLike | None = None,
    cost: Cost = None,
    max_runs: int | None = None,
    in_progress: object = None,
    misfit: Misfit = "hold-outs",
    noise: float | None = None,
    level: float | None = None,
) -> Suggestions:
    """Choose the runs that most narrow predictions or allocations, within a budget.

    By a forecast the objective is the variance of ``ln`` loss at the targets that its own intervals
    have: of the law, of its misfit and of the effect of the target's size. New runs reduce it by
    the exact update of a Gaussian posterior, with the noise of a run, for each member of the
    forecast; they are assumed to lie on its mean: only their N and D matter, not their losses.

    By a fit it is the variance by the runs' noise, independent between runs, by the exact
    derivatives of the fit in each loss, and by the misfit of a law that extrapolates, at the rate
    seen in earlier extrapolations inside the runs.

    With ``compute`` it is the variance of ``ln`` of the optimal D/N of these budgets: by a forecast
    that of the law and its misfit, by a fit that of the noise alone. With both, each mean variance
    is divided by what it is now, and the two are averaged.

    Args:
        source: a forecast over N and D; or a fit that has derivatives (:func:`differentiable`).
        targets: where to predict the loss: a point ``(N, D)``, a sequence of points, a tuple of two
            NumPy arrays, :class:`Runs`, or a table with columns for N and D. None for targets in
            ``compute`` alone.
        candidates: runs that could be trained, in the same forms; a point where a run exists means
            a repeat. None continues the grid of the runs upwards, by its own steps.
        budget: the most that the suggestions may cost together.
        compute: budgets in FLOPs whose optimal split into N and D to narrow, one or several.
        cost: cost of a run: None is 6·N·D FLOPs; a function of arrays N and D; or an array with one
            cost for each candidate.
        max_runs: largest number of runs to suggest.
        in_progress: runs that are already paid for: counted as runs that exist.
        misfit: of a fit, rate of drift of the law where it extrapolates: ``"hold-outs"`` estimates
            it as the calibrated intervals of :func:`bootstrap` do (seconds); a
            :class:`Calibration`, such as ``bootstrap(…).calibration``; a number, ``ln`` loss per
            e-fold; None assumes that the law is exact. A forecast has its own.
        noise: of a fit, run-to-run standard deviation of ``ln`` loss; estimated from the runs
            unless given. A forecast has its own.
        level: nominal probability of the intervals; None is that of the forecast, else 0.9.

    Returns:
        The suggestions, possibly none. By a fit, a new size gets as many runs as it needs to take
        part in all stages, or none. If more than 4,096 sets are affordable, the suggestions are the
        best that greedy steps and exchanges find.

    Raises:
        ValueError: points, costs, the budget or another number is invalid; every candidate costs
            more than the budget; a budget of ``compute`` has no interior optimum; the runs do not
            show their noise; or ``misfit`` or ``noise`` with a forecast.
        NoDerivativeError: the fit has no derivative, for example because an exponent is at a bound
            of its search; the message has the remedy.
        TypeError: ``source`` is neither a forecast nor a fit.

    Example:
        >>> from farseer_jax import example_runs, forecast, suggest_runs
        >>> answer = forecast(example_runs().select(max_N=1e9), usual=False)
        >>> found = suggest_runs(answer, (25.1e9, 5e11), budget=1e21)
        >>> bool(found.standard_error_after[-1] < 0.6 * found.standard_error_now)
        True
        >>> _, high = answer.interval(25.1e9, 5e11)
        >>> bool(abs(found.targets[0].before[1] / high - 1) < 1e-9)
        True
    """
    if not isinstance(source, Forecast | Fit):
        raise TypeError(
            f"suggest_runs: expected a forecast or a fit, got {shown(source)}; pass forecast(runs)"
        )
    law = source.law_class if isinstance(source, Forecast) else type(source.law)
    require_N_and_D("suggest_runs", law)
    if level is not None:
        check_level(level)
    aims = as_targets(targets, compute)
    limit = _limit(budget, max_runs)
    paid = NONE if in_progress is None else as_points(in_progress, "in_progress")

    def payable(splits: Points) -> Candidates:
        """The affordable candidates, given the optima of the budgets."""
        places = Points(*(np.concatenate(both) for both in zip(aims.points, splits, strict=True)))
        return payable_candidates(
            source.runs, places, candidates, budget, cost, in_pairs=isinstance(source, Fit)
        )

    with one_blas_thread():
        plan: ForecastPlan | FitPlan
        if isinstance(source, Forecast):
            _refuse_of_fits(misfit, noise)
            plan = plan_by_forecast(source, paid, payable, aims, level)
        else:
            plan = plan_by_fit(source, paid, payable, aims, misfit, noise, level or 0.9)
        return _suggestions(plan, budget, limit)


def _refuse_of_fits(misfit: Misfit, noise: float | None) -> None:
    for name, given in (("misfit", misfit != "hold-outs"), ("noise", noise is not None)):
        if given:
            raise ValueError(f"{name}: a forecast estimates its own; leave it out, or pass a fit")


def _suggestions(plan: ForecastPlan | FitPlan, budget: float, limit: int) -> Suggestions:
    """Search the best set of candidates, and tell what it does."""
    payable = plan.payable
    now = plan.errors(np.zeros((1, len(payable.costs)), dtype=bool))

    def variance(chosen: Any) -> Floats:
        return plan.variance(chosen, now)

    choice = Choice(
        costs=payable.costs,
        budget=budget * (1 + 1e-12),
        max_runs=limit,
        steps=exchange_steps(payable.points),
        groups=payable.points.N == np.unique(payable.points.N)[:, None],
        variance=variance,
        block=plan.block,
    )
    best, exhaustive = best_subset(choice)
    order = in_order(choice, best.chosen)
    steps = np.zeros((len(order) + 1, len(payable.costs)), dtype=bool)
    for number, index in enumerate(order, 1):
        steps[number:, index] = True
    errors, ends = plan.errors(steps), steps[[0, -1]]
    return Suggestions(
        N=payable.points.N[order],
        D=payable.points.D[order],
        flops=6.0 * payable.points.N[order] * payable.points.D[order],
        cost=payable.costs[order],
        standard_error_after=errors.loss[1:],
        standard_error_now=float(errors.loss[0]),
        noise_error_now=float(errors.noise[0]),
        noise_error_after=float(errors.noise[-1]),
        ratio_error_after=errors.ratio[1:],
        ratio_error_now=float(errors.ratio[0]),
        targets=plan.target_rows(ends),
        splits=plan.split_rows(ends),
        level=plan.level,
        budget=float(budget),
        exhaustive=exhaustive,
        title=plan.title,
        basis=plan.basis,
        notes=notes_of(payable, order),
    )


def _limit(budget: float, max_runs: int | None) -> int:
    if not 0.0 < budget < np.inf:
        raise ValueError(f"budget: expected a positive number such as 1e22, got {budget!r}")
    if max_runs is None:
        return np.iinfo(np.int32).max
    if max_runs < 1:
        raise ValueError(f"max_runs: expected at least 1, got {max_runs!r}")
    return max_runs
