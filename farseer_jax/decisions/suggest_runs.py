"""Which runs to train next for a prediction or an allocation, within a budget."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.decisions.exchange_search import Choice, best_subset, in_order, next_run
from farseer_jax.decisions.planned_errors import PlannedErrors, weighed
from farseer_jax.decisions.planning_model import (
    PlanningModel,
    Reading,
    law_of,
    model_of_forecast,
    model_of_table,
    num_rows,
    with_entries,
)
from farseer_jax.decisions.planning_targets import (
    Targets,
    checked_budgets,
    optima_of,
    target_points,
)
from farseer_jax.decisions.posterior_variance import posterior_variance
from farseer_jax.decisions.run_pool import (
    Cost,
    TableOfPoints,
    continued_grid,
    costs_of,
    trained_rows,
)
from farseer_jax.decisions.suggest_runs_result import Suggestions
from farseer_jax.fitting.result import Fit
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import by_column
from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.checks import Floats, check_level
from farseer_jax.runtime.threads import one_blas_thread


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
    next_only: bool = False,
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
    """Choose the runs that most narrow predictions or allocations, within a budget.

    The objective is the variance of the response at the targets on the link's scale (``ln`` loss):
    of the law, of its misfit and of the effect of the target's size. New runs reduce it by the
    exact update of a Gaussian posterior, with the noise of a run; they are assumed to lie on its
    mean: only their inputs matter, not their losses. With the misfit in it, runs near the targets
    count for more than those at the extremes of the inputs, which a law alone would ask for.

    The posterior is that of :func:`forecast`, or, with a law of your own, that of the law with
    correlated errors and weak priors, which also serve where there are few runs or none: exponents
    as their starts are drawn, floors as a part of the best response.

    With ``compute`` the objective is the variance of ``ln`` of the optimal D/N of these budgets, by
    the law and its misfit. With both, each mean variance is divided by what it is now, and the two
    are averaged.

    To train, add the losses and ask again, pass the table of all runs so far and what is left of
    the budget: nothing else is remembered.

    Args:
        runs: the runs so far: a table or :class:`Runs`, None or an empty table before the first; or
            a :class:`Forecast`; or a :class:`Fit`, whose law and runs are taken.
        targets: where to predict the response: a point in the order of the law's inputs, a sequence
            of points, a tuple of NumPy arrays, :class:`Runs`, or a table; or ``"largest"``, the
            costliest tenth of the pool, as is usual if there are neither targets nor ``compute``.
        pool: runs that could be trained, in the same forms; rows with the inputs of a run were
            trained already and are left out, one for each run. None continues the grid of runs over
            N and D upwards, by its own steps.
        budget: the most that the suggestions may cost together.
        law: a law of your own, a class, a name or an expression, of any inputs; None is that of the
            forecast or fit, else the usual laws over N and D.
        cost: cost of a run: None is 6·N·D FLOPs; an expression in inputs and columns of the pool,
            such as ``"6*N*D*P"`` or ``"gpu_hours"``; a function of arrays, the inputs in the law's
            order; or an array with one cost for each row of the pool.
        compute: budgets in FLOPs whose optimal split into N and D to narrow, one or several.
        max_runs: largest number of runs to suggest.
        next_only: suggest the next run alone, by the decrease of ``ln`` variance per √cost, instead
            of a set of runs for the whole budget; faster, for a loop that asks again after each.
        in_progress: runs that are already paid for: counted as runs that exist.
        level: nominal probability of the intervals; None is that of the forecast, else 0.9.
        response: the column of the response, as in :func:`fit`.
        columns_of: columns of inputs that are not found by name.
        link: the scale on which errors of the response are comparable.
        kinds: kinds of an expression's inputs that are not positive numbers.
        real: parameters of an expression that may have either sign.
        units: factors of inputs.
        method: starts, fixed parameters and priors of a law of your own.
        errors: amplitudes and lengths of the correlated errors.

    Returns:
        The suggestions, possibly none. If more than 4,096 sets are affordable, they are the best
        that greedy steps and exchanges find.

    Raises:
        ValueError: an input is missing, points, costs, the budget or another number is invalid;
            every row of the pool was trained or costs more than the budget; or a budget of
            ``compute`` has no interior optimum.
        TypeError: ``runs`` is neither a table nor a forecast nor a fit.

    Example:
        >>> from farseer_jax import example_runs, forecast, suggest_runs
        >>> answer = forecast(example_runs().select(max_N=1e9), usual=False)
        >>> found = suggest_runs(answer, (25.1e9, 5e11), budget=1e21)
        >>> bool(found.standard_error_after[-1] < 0.6 * found.standard_error_now)
        True
        >>> pool = {"N": [5e8, 1e9, 5e8, 1e9, 2e9], "P": [1, 1, 4, 4, 8]}
        >>> law = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
        >>> first = suggest_runs(None, "largest", pool, 2e9, law=law, cost="N*P", next_only=True)
        >>> len(first), first.spent <= 2e9
        (1, True)
    """
    if level is not None:
        check_level(level)
    limit = _limit(budget, max_runs)
    reading = Reading(response, columns_of or {}, link, kinds, real, units or {})
    with one_blas_thread():
        question = _question(
            runs, targets, pool, compute, law, cost, level, reading, method, errors
        )
        available = _available(question, budget, cost, reading)
        paid = _paid(question, in_progress, reading)
        variances = posterior_variance(
            question.model.stack,
            question.model.run_weight,
            {name: values[available.rows] for name, values in available.inputs.items()},
            paid,
            question.targets.points,
            question.targets.optima,
        )
        planned = PlannedErrors(question.model, question.targets, variances)
        return _suggestions(planned, available, budget, limit, next_only)


class _Question(NamedTuple):
    """Checked arguments: the model, the targets, the pool and its costs, None for a grid."""

    model: PlanningModel
    targets: Targets
    pool: TableOfPoints | None
    costs: Floats


class _Available(NamedTuple):
    """The pool or the continued grid, and which of its rows can be chosen.

    Attributes:
        inputs: the law's inputs at all rows.
        costs: of all rows, ``(row,)``.
        rows: those that are neither trained nor too dear, ``(candidate,)``.
        notes: sentences about the others.
    """

    inputs: dict[str, np.ndarray]
    costs: Floats
    rows: NDArray[np.intp]
    notes: tuple[str, ...]


def _question(
    runs: object,
    targets: object,
    pool: object,
    compute: ArrayLike | None,
    law: object,
    cost: Cost,
    level: float | None,
    reading: Reading,
    method: LeastSquares | None,
    errors: CorrelatedErrors | None,
) -> _Question:
    if isinstance(runs, Fit):
        law, runs = type(runs.law) if law is None else law, runs.runs
    if isinstance(runs, Forecast):
        if law is not None or method is not None or errors is not None:
            raise ValueError(
                "law, method and errors are those of the forecast: leave them out, or pass its "
                "runs instead"
            )
        kind = runs.law_class
        known: object = runs.runs
        is_own = runs.law is not None
    else:
        _refuse_other_types(runs)
        runs = None if runs is None or not num_rows(runs) else runs
        kind, known = law_of(law, runs, pool, reading), runs
        is_own = law is not None
    if pool is None and (known is None or set(kind.inputs()) != {"N", "D"}):
        raise ValueError(
            "pool: expected a table of the runs that could be trained, got none; only a grid of "
            "runs over N and D can be continued without it"
        )
    rows = reading.points(known if pool is None else pool, "pool", kind.inputs())
    if not isinstance(runs, Forecast):
        kind = with_entries(kind, runs, reading, rows)
    costs = costs_of(None if pool is None else cost, rows, kind)
    budgets = checked_budgets(compute, kind)
    own_pool = None if pool is None else rows
    if targets is None and not len(budgets):
        if pool is None:
            raise ValueError(
                "targets: expected points (N, D) whose loss to predict, or budgets in FLOPs to "
                "split, as in compute=1e23, got neither"
            )
        targets = "largest"
    points = target_points(targets, kind, reading, own_pool, costs)
    if isinstance(runs, Forecast):
        model = model_of_forecast(runs, level)
    else:
        model = model_of_table(kind, is_own, runs, rows, costs, reading, method, errors, level)
    return _Question(model, Targets(points, budgets, optima_of(model, budgets)), own_pool, costs)


def _refuse_other_types(runs: object) -> None:
    is_table = (
        hasattr(runs, "columns") or hasattr(runs, "column_names") or isinstance(runs, Mapping)
    )
    if runs is not None and not is_table and not hasattr(runs, "select"):
        raise TypeError(
            f"suggest_runs: expected a table of runs, a forecast, a fit or None, got "
            f"{type(runs).__name__}"
        )


def _available(question: _Question, budget: float, cost: Cost, reading: Reading) -> _Available:
    """Which rows of the pool, or of the continued grid, can be chosen.

    Raises:
        ValueError: none can.
    """
    model, targets, pool, costs = question
    if pool is None:
        inputs, costs = _grid(model, targets, budget, cost, reading)
        trained = np.zeros(len(costs), dtype=bool)
    else:
        inputs = pool.of_law(model.law)
        trained = trained_rows(inputs, model.inputs)
    if trained.all():
        raise ValueError(
            f"pool: all {len(trained)} rows were trained already; add rows, or a row once more for "
            "a repeat"
        )
    too_dear = ~trained & (costs > budget)
    rows = np.flatnonzero(~trained & ~too_dear)
    if not len(rows):
        raise ValueError(
            f"budget: all {int(too_dear.sum())} runs that are left in the pool cost more than "
            f"{budget:.3g}; the cheapest costs {costs[~trained].min():.3g}"
        )
    return _Available(inputs, costs, rows, _pool_notes(int(trained.sum()), int(too_dear.sum())))


def _pool_notes(num_trained: int, num_too_dear: int) -> tuple[str, ...]:
    notes = []
    for num, one, many in (
        (
            num_trained,
            "row of the pool was trained already",
            "rows of the pool were trained already",
        ),
        (
            num_too_dear,
            "run costs more than the budget and was left out",
            "runs cost more than the budget and were left out",
        ),
    ):
        if num:
            notes.append(f"{num} {one if num == 1 else many}")
    return tuple(notes)


def _grid(
    model: PlanningModel, targets: Targets, budget: float, cost: Cost, reading: Reading
) -> tuple[dict[str, np.ndarray], Floats]:
    """The continued grid and its costs."""
    if not (cost is None or callable(cost) or isinstance(cost, str)):
        raise ValueError("cost: an array needs pool=; give it, or a function of N and D")
    around = {
        name: np.concatenate([targets.points[name], targets.optima[name]]) for name in ("N", "D")
    }
    assert model.inputs is not None
    inputs = continued_grid(model.inputs, around, budget if cost is None else np.inf)
    if not len(inputs["N"]):
        raise ValueError(
            f"budget: {budget:.3g} pays for no run that would continue the grid of the runs; "
            "raise it, or give pool="
        )
    names = tuple(model.law.inputs())
    table = reading.points({name: inputs[name] for name in names}, "pool", model.law.inputs())
    return table.of_law(model.law), costs_of(cost, table, model.law)


def _paid(question: _Question, in_progress: object, reading: Reading) -> dict[str, np.ndarray]:
    """The inputs of runs that are already paid for."""
    law = question.model.law
    if in_progress is None:
        return {name: values[:0] for name, values in question.targets.points.items()}
    return reading.points(in_progress, "in_progress", law.inputs()).of_law(law)


def _suggestions(
    planned: PlannedErrors, available: _Available, budget: float, limit: int, next_only: bool
) -> Suggestions:
    """Search the best set of candidates, and tell what it does."""
    rows, model = available.rows, planned.model
    now = planned.of(np.zeros((1, len(rows)), dtype=bool))

    def variance(chosen: Any) -> Floats:
        return weighed(planned.of(chosen), now)

    choice = Choice(available.costs[rows], budget * (1 + 1e-12), limit, variance)
    if next_only:
        best, exhaustive = next_run(choice), False
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
        link=model.link.name,
        title=model.title,
        is_prior=model.is_prior,
        notes=available.notes,
    )


def _limit(budget: float, max_runs: int | None) -> int:
    if not 0.0 < budget < np.inf:
        raise ValueError(f"budget: expected a positive number such as 1e22, got {budget!r}")
    if max_runs is None:
        return np.iinfo(np.int32).max
    if max_runs < 1:
        raise ValueError(f"max_runs: expected at least 1, got {max_runs!r}")
    return max_runs
