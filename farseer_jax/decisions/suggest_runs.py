"""Which runs to train next for a prediction or an allocation, within a budget."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.candidate_runs import (
    NONE,
    Cost,
    Points,
    as_points,
    notes_of,
    payable_candidates,
)
from farseer_jax.decisions.exchange_search import Choice, best_subset, exchange_steps, in_order
from farseer_jax.decisions.prediction_targets import Targets, as_targets, optimal_points
from farseer_jax.decisions.prediction_variance import BLOCK, Ensemble
from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.decisions.target_errors import (
    basis_of,
    errors_of,
    split_rows,
    target_rows,
    weighed,
)
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError
from farseer_jax.methods.piecewise.design import build_design
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.checks import Floats, check_level
from farseer_jax.runs.noise import Noise, estimate_noise
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.selection import without_copies
from farseer_jax.uncertainty.calibration import Calibration
from farseer_jax.uncertainty.holdouts import calibration_of
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.schemes_by_name import as_scheme

Misfit = Literal["hold-outs"] | Calibration | float | None


def suggest_runs(
    fit: Fit,
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
    level: float = 0.9,
) -> Suggestions:
    """Choose the runs that most narrow predictions or allocations, within a budget.

    The objective is the variance of ``ln`` loss at the targets: from the runs' noise, by the exact
    derivatives of the fit in each loss, and from the misfit of a law that extrapolates, at the rate
    seen in earlier extrapolations inside the runs. The candidates are assumed to lie on the fitted
    law: only their N and D matter, not their losses, which are unknown.

    With ``compute`` it is the variance of ``ln`` of the optimal D/N of these budgets, from the
    runs' noise alone: hold-outs show the errors of losses, not of allocations. With both, each
    mean variance is divided by what it is now, and the two are averaged.

    Args:
        fit: a fit that has derivatives (:func:`differentiable`).
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
        in_progress: runs that are already paid for: counted as runs of the fit.
        misfit: rate of drift of the law where it extrapolates: ``"hold-outs"`` estimates it as the
            calibrated intervals of :func:`bootstrap` do (seconds); a :class:`Calibration`, such as
            ``bootstrap(…).calibration``; a number, ``ln`` loss per e-fold; None assumes that the
            law is exact.
        noise: run-to-run standard deviation of ``ln`` loss; estimated from the runs unless given.
        level: nominal probability of the intervals.

    Returns:
        The suggestions, possibly none. A new size gets as many runs as it needs to take part in all
        stages of the fit, or none. If more than 4,096 sets are affordable, the suggestions are the
        best that greedy steps and exchanges find.

    Raises:
        ValueError: points, costs, the budget or another number is invalid; every candidate costs
            more than the budget; a budget of ``compute`` has no interior optimum; or the runs do
            not show their noise.
        NoDerivativeError: the fit has no derivative, for example because an exponent is at a bound
            of its search; the message has the remedy.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit, suggest_runs
        >>> result = fit(Farseer, example_runs().select(max_N=1e9))
        >>> found = suggest_runs(result, (25.1e9, 5e11), budget=1e21, misfit=0.003)
        >>> bool(found.standard_error_after[-1] < 0.3 * found.standard_error_now)
        True
        >>> found.targets[0].flag
        'far outside the runs by 3.27 e-folds'
    """
    check_level(level)
    require_N_and_D("suggest_runs", type(fit.law))
    aims = as_targets(targets, compute)
    limit = _limit(budget, max_runs)
    paid = NONE if in_progress is None else as_points(in_progress, "in_progress")
    optima = optimal_points(fit.law, aims.compute)
    places = Points(*(np.concatenate(both) for both in zip(aims.points, optima, strict=True)))
    payable = payable_candidates(fit.runs, places, candidates, budget, cost)
    found_noise = _noise(fit.runs, noise)
    ensemble = build_ensemble(fit, paid, payable.points, aims, found_noise)
    ensemble.check()
    # hold-outs say nothing about allocations
    calibration = _calibration(fit, misfit if len(aims.N) else None)
    rate = calibration.rate_quantile(0.5)
    now = errors_of(ensemble.spread(np.zeros((1, len(payable.costs)), dtype=bool)), rate)

    def variance(chosen: Any) -> Floats:
        spread = ensemble.spread(chosen)
        # a run or two of a new size would seem to fix its U, which assumes that the law is exact
        return np.where(spread.idle, np.inf, weighed(errors_of(spread, rate), now))

    choice = Choice(
        costs=payable.costs,
        budget=budget * (1 + 1e-12),
        max_runs=limit,
        steps=exchange_steps(payable.points),
        groups=payable.points.N == np.unique(payable.points.N)[:, None],
        variance=variance,
        block=BLOCK,
    )
    best, exhaustive = best_subset(choice)
    order = in_order(choice, best.chosen)
    steps = np.zeros((len(order) + 1, len(payable.costs)), dtype=bool)
    for number, index in enumerate(order, 1):
        steps[number:, index] = True
    spread = ensemble.spread(steps)
    errors = errors_of(spread, rate)
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
        targets=target_rows(fit, aims.points, spread, calibration, level),
        splits=split_rows(fit.runs, aims, optima, spread, level),
        level=level,
        budget=float(budget),
        exhaustive=exhaustive,
        title=f"{fit.law.name.title()} law by {fit.method.name}, {len(fit.runs)} runs",
        basis=basis_of(found_noise, _misfit_text(calibration, misfit), aims),
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


def _noise(runs: Runs, noise: float | None) -> Noise | float:
    if noise is not None:
        if not 0.0 < noise < np.inf:
            raise ValueError(f"noise: expected a positive number such as 5e-4, got {noise!r}")
        return noise
    try:
        return estimate_noise(runs)
    except ValueError as error:
        raise ValueError(f"{error}; give it, such as noise=5e-4") from None


def build_ensemble(
    fit: Fit, paid: Points, candidates: Points, targets: Targets, noise: Noise | float
) -> Ensemble:
    """The runs of a fit, those paid for and the candidates, on the fit's law.

    Raises:
        NoDerivativeError: the method or its settings have no derivatives.
    """
    if not isinstance(fit.method, Differentiable):
        raise NoDerivativeError(
            f"the method {fit.method.name!r} has no derivatives of its fits (`refit`)"
        )
    runs = fit.runs
    # copies of a run share its noise
    keep = without_copies(runs.N, runs.D, runs.loss)
    parts = [Points(runs.N[keep], runs.D[keep]), paid, candidates]
    N, D = (np.concatenate(values) for values in zip(*parts, strict=True))
    losses = np.asarray(evaluate(fit.law, N, D))
    # made distinct for the layout: a repeat of a run has its own noise, while a copy does not
    apart = losses * (1 + 1e-12 * np.arange(len(N)))
    every = Runs(N, D, apart, N_unit=1.0, D_unit=1.0)
    design: Any = _layout_method(fit).prepare(type(fit.law), every)
    refit = fit.method.refit(design, every, fit.law, None)
    spread = np.full(len(N), noise) if isinstance(noise, float) else noise.of_runs(every)
    return Ensemble(refit, Points(N, D), losses, spread, targets, len(candidates.N))


def _layout_method(fit: Fit) -> Any:
    """The method with the step of D of the fit's runs, whatever the candidates."""
    if isinstance(fit.method, Piecewise) and fit.method.ratio is None:
        return replace(fit.method, ratio=float(build_design(fit.runs).ratio))
    return fit.method


def _calibration(fit: Fit, misfit: Misfit) -> Calibration:
    if misfit == "hold-outs":
        return calibration_of(fit, as_scheme(None, Setting.of(fit)), 0)
    if isinstance(misfit, Calibration):
        return misfit
    if isinstance(misfit, str) or not (misfit is None or 0.0 <= misfit < np.inf):
        raise ValueError(
            'misfit: expected "hold-outs", a Calibration, a number such as 0.002 or None, '
            f"got {misfit!r}"
        )
    return Calibration(np.array([misfit or 0.0]), np.ones(1), 0, np.nan, 0.0)


def _misfit_text(calibration: Calibration, misfit: Misfit) -> str:
    if misfit is None:
        return "; the law is assumed to be exact"
    if calibration.num_holdouts or misfit == "hold-outs":
        return f", and {calibration}"
    return f", and misfit {calibration.rate_quantile(0.5):.2%} per e-fold"
