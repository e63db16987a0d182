"""Which runs to train next for a prediction or an allocation, within a budget."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.exchange_search import Choice, best_subset, in_order, next_runs
from farseer_jax.decisions.planned_errors import PlannedErrors, weighed
from farseer_jax.decisions.planning_model import Reading
from farseer_jax.decisions.planning_question import (
    Available,
    as_question,
    available_runs,
    runs_in_progress,
)
from farseer_jax.decisions.posterior_variance import posterior_variance
from farseer_jax.decisions.run_pool import Cost
from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.laws.evaluate import by_column
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.checks import Floats, check_level
from farseer_jax.runtime.progress import stage
from farseer_jax.runtime.threads import one_blas_thread

_NO_GAIN = "no affordable run reduces the standard error notably"


def suggest_runs(
    runs: object,
    targets: object = None,
    pool: object = None,
    budget: float = 0.0,
    *,
    law: object = None,
    cost: Cost = None,
    compute: ArrayLike | None = None,
    max_runs: int | None = None,
    num_next: int | None = None,
    in_progress: object = None,
    level: float | None = None,
    response: str | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    method: LeastSquares | None = None,
    errors: CorrelatedErrors | None = None,
) -> Suggestions:
    """Choose the runs that most reduce the uncertainty of a prediction, within a budget.

    The objective is the variance of the response at the targets on the link's scale (``ln`` loss):
    the sum of the variances of the law, of its misfit and of the effect of the target's size. It
    decreases with new runs by the exact update of a Gaussian posterior, given the noise of a run.
    New runs are assumed to lie on the posterior mean, so that only their inputs matter, not their
    losses. Because of the misfit, runs near the targets reduce the variance more than runs at the
    extremes of the inputs, which a law without misfit would prefer.

    The posterior is that of :func:`forecast`. For a law of your own it is that of the law with
    correlated errors and weak priors, so that few runs or none suffice: exponents have the
    distribution of their starts, and floors are a fraction of the lowest loss.

    With ``compute`` the objective is the variance of ``ln`` of the optimal D/N at these budgets,
    from the law and its misfit. With both targets and budgets, each mean variance is divided by its
    present value, and the two are averaged.

    To choose runs one after another, pass the table of all runs so far and the rest of the budget
    each time: no other state is kept.

    Args:
        runs: the runs so far: a table or :class:`Runs`, None or an empty table before the first; or
            a :class:`Forecast`; or a :class:`Fit`, whose law and runs are taken.
        targets: where to predict the response: a point in the order of the law's inputs, a sequence
            of points, a tuple of NumPy arrays, :class:`Runs`, or a table; or ``"largest"``, the
            costliest tenth of the pool, which is the default without ``compute``.
        pool: runs that could be trained, in the same forms; rows with the inputs of a run were
            trained already and are left out, one row for each run. None extends the grid of the
            runs over N and D to larger values, by its own steps, without runs that cost more than
            the costliest target or budget of ``compute``.
        budget: the largest total cost of the suggestions.
        law: a law of any inputs, as a class, a name or an expression; by default that of the
            forecast or fit, or else the usual laws over N and D.
        cost: cost of a run: None is 6·N·D FLOPs; an expression in inputs and columns of the pool,
            such as ``"6*N*D*P"`` or ``"gpu_hours"``; a function of arrays, the inputs in the law's
            order; or an array with one cost for each row of the pool.
        compute: one or several budgets in FLOPs, whose optimal split into N and D is of interest.
        max_runs: largest number of runs to suggest.
        num_next: suggest only this many runs, for a loop that asks again after each: the first of
            the best set if all sets can be compared, else the runs with the largest decrease of
            ``ln`` variance per √cost, which takes less time than a set for the whole budget.
        in_progress: runs that are already paid for; they count as trained.
        level: nominal probability of the intervals; None is that of the forecast, else 0.9.
        response: the column of the response, as in :func:`fit`.
        columns_of: columns of inputs that are not found by name.
        link: the scale on which errors of the response are comparable.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.
        units: factors of inputs.
        method: starts, fixed parameters and priors of a law of your own.
        errors: amplitudes and length scales of the correlated errors.

    Returns:
        The suggestions, possibly none. If more than 4,096 sets are affordable, they are the best
        set found by a greedy search with exchanges.

    Raises:
        ValueError: an input is missing, points, costs, the budget or another number is invalid;
            every row of the pool was trained or costs more than the budget (with ``num_next``
            there are no suggestions then: the loop ends); or a budget of ``compute`` has no
            interior optimum.
        TypeError: ``runs`` is neither a table nor a forecast nor a fit.

    Example:
        >>> from farseer_jax import example_runs, forecast, suggest_runs
        >>> answer = forecast(example_runs().select(max_N=1e9), usual=False)
        >>> found = suggest_runs(answer, (25.1e9, 5e11), budget=1e21)
        >>> bool(found.standard_error_after[-1] < 0.6 * found.standard_error_now)
        True
        >>> pool = {"N": [5e8, 1e9, 5e8, 1e9, 2e9], "P": [1, 1, 4, 4, 8]}
        >>> law = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
        >>> first = suggest_runs(None, "largest", pool, 2e9, law=law, cost="N*P", num_next=1)
        >>> len(first), first.spent <= 2e9
        (1, True)
    """
    if level is not None:
        check_level(level)
    limit = _limit(budget, max_runs)
    _check_whole("num_next", num_next)
    reading = Reading(response, columns_of or {}, link, kinds, real, units or {})
    with one_blas_thread():
        question = as_question(
            runs, targets, pool, compute, law, cost, level, reading, method, errors
        )
        available = available_runs(question, budget, cost, reading, may_end=num_next is not None)
        paid = runs_in_progress(question, in_progress, reading)
        with stage(f"variances after each of {len(available.rows):,} runs"):
            variances = posterior_variance(
                question.model.stack,
                question.model.run_weight,
                {name: values[available.rows] for name, values in available.inputs.items()},
                paid,
                question.targets.points,
                question.targets.optima,
            )
        planned = PlannedErrors(question.model, question.targets, variances)
        with stage(f"choosing among {len(available.rows):,} runs"):
            return _suggestions(planned, available, budget, limit, num_next)


def _suggestions(
    planned: PlannedErrors, available: Available, budget: float, limit: int, num_next: int | None
) -> Suggestions:
    """Search for the best set of candidates, and compute its effect."""
    rows, model = available.rows, planned.model
    now = planned.of(np.zeros((1, len(rows)), dtype=bool))

    def variance(chosen: Any) -> Floats:
        return weighed(planned.of(chosen), now)

    choice = Choice(available.costs[rows], budget * (1 + 1e-12), limit, variance)
    if num_next is not None:
        best, exhaustive = next_runs(choice, num_next), False
    else:
        best, exhaustive = best_subset(choice)
    order = in_order(choice, best.chosen)
    steps = np.zeros((len(order) + 1, len(rows)), dtype=bool)
    for number, index in enumerate(order, 1):
        steps[number:, index] = True
    errors, ends, chosen = planned.of(steps), steps[[0, -1]], rows[order]
    columns = by_column(model.law, available.inputs)
    return Suggestions(
        inputs={name: values[chosen] for name, values in columns.items()},
        trained={} if model.inputs is None else by_column(model.law, model.inputs),
        row=chosen,
        cost=available.costs[chosen],
        standard_error_after=errors.response[1:],
        standard_error_now=float(errors.response[0]),
        ratio_error_after=errors.ratio[1:],
        ratio_error_now=float(errors.ratio[0]),
        targets=planned.target_rows(ends),
        splits=planned.split_rows(ends),
        level=model.level,
        budget=float(budget),
        exhaustive=exhaustive,
        is_next=num_next is not None,
        link=model.link.name,
        title=model.title,
        is_prior=model.is_prior,
        notes=(*available.notes, *[_NO_GAIN] * bool(len(rows) and not order)),
    )


def _limit(budget: float, max_runs: int | None) -> int:
    if not 0.0 < budget < np.inf:
        raise ValueError(f"budget: expected a positive number such as 1e22, got {budget!r}")
    _check_whole("max_runs", max_runs)
    return np.iinfo(np.int32).max if max_runs is None else int(max_runs)


def _check_whole(name: str, number: int | None) -> None:
    if number is None:
        return
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
        raise ValueError(f"{name}: expected a whole number, at least 1, got {number!r}")
