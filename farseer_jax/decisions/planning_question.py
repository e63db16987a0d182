"""The arguments of ``suggest_runs``, checked: its model, its targets and its pool."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

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
from farseer_jax.decisions.run_pool import (
    Cost,
    TableOfPoints,
    continued_grid,
    costs_of,
    trained_rows,
)
from farseer_jax.fitting.result import Fit
from farseer_jax.forecasting.result import Forecast
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.checks import Floats


class Question(NamedTuple):
    """The model, the targets, and the pool with its costs; the pool is None for a grid."""

    model: PlanningModel
    targets: Targets
    pool: TableOfPoints | None
    costs: Floats


class Available(NamedTuple):
    """The pool or the extended grid, and which of its rows can be chosen.

    Attributes:
        inputs: the law's inputs at all rows.
        costs: of all rows, ``(row,)``.
        rows: those that are neither trained nor too expensive, ``(candidate,)``.
        notes: sentences about the other rows.
    """

    inputs: dict[str, np.ndarray]
    costs: Floats
    rows: NDArray[np.intp]
    notes: tuple[str, ...]


def as_question(
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
) -> Question:
    """The checked arguments of :func:`suggest_runs`.

    Raises:
        ValueError, TypeError: as there.
    """
    if isinstance(runs, Fit):
        law, runs = type(runs.law) if law is None else law, runs.runs
    if isinstance(runs, Forecast):
        if law is not None or method is not None or errors is not None:
            raise ValueError(
                "law, method and errors are taken from the forecast: leave them out, or pass "
                "its runs instead"
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
            "runs over N and D can be extended without it"
        )
    rows = reading.points(known if pool is None else pool, "pool", kind)
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
    return Question(model, Targets(points, budgets, optima_of(model, budgets)), own_pool, costs)


def _refuse_other_types(runs: object) -> None:
    is_table = (
        hasattr(runs, "columns") or hasattr(runs, "column_names") or isinstance(runs, Mapping)
    )
    if runs is not None and not is_table and not hasattr(runs, "select"):
        raise TypeError(
            f"suggest_runs: expected a table of runs, a forecast, a fit or None, got "
            f"{type(runs).__name__}"
        )


def available_runs(
    question: Question, budget: float, cost: Cost, reading: Reading, *, may_end: bool
) -> Available:
    """Which rows of the pool, or of the extended grid, can be chosen.

    Args:
        question: the checked arguments.
        budget: the largest total cost.
        cost: cost of a run.
        reading: how tables are read.
        may_end: whether an empty result is allowed, as at the end of a loop.

    Raises:
        ValueError: there is none.
    """
    model, targets, pool, costs = question
    if pool is None:
        inputs, costs = _grid(model, targets, budget, cost, reading)
        trained = np.zeros(len(costs), dtype=bool)
    else:
        inputs = pool.of_law(model.law)
        trained = trained_rows(inputs, model.inputs)
    too_dear = ~trained & (costs > budget)
    rows = np.flatnonzero(~trained & ~too_dear)
    if not len(rows):
        why = _why_none(trained, costs, budget)
        if may_end:
            return Available(inputs, costs, rows, (why,))
        raise ValueError(why)
    payable = {name: values[rows] for name, values in inputs.items()}
    num_targets = int(trained_rows(targets.points, payable).sum())
    counts = int(trained.sum()), int(too_dear.sum()), num_targets
    return Available(inputs, costs, rows, _pool_notes(*counts))


def _why_none(trained: NDArray[np.bool_], costs: Floats, budget: float) -> str:
    if trained.all():
        return (
            f"pool: all {len(trained)} rows were trained already; add rows, or repeat a row to "
            "train it again"
        )
    return (
        f"budget: all {int((~trained).sum())} remaining runs of the pool cost more than "
        f"{budget:.3g}; the cheapest costs {costs[~trained].min():.3g}"
    )


def _pool_notes(num_trained: int, num_too_dear: int, num_targets: int) -> tuple[str, ...]:
    """How many rows of the pool were left out, and why, as text."""
    notes = [
        f"{num} {one if num == 1 else many}"
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
            (
                num_targets,
                "target is within the budget: training it gives its loss directly",
                "targets are within the budget: training them gives their losses directly",
            ),
        )
        if num
    ]
    return tuple(notes)


def _grid(
    model: PlanningModel, targets: Targets, budget: float, cost: Cost, reading: Reading
) -> tuple[dict[str, np.ndarray], Floats]:
    """The extended grid and its costs, without runs that cost more than each target."""
    if not (cost is None or callable(cost) or isinstance(cost, str)):
        raise ValueError("cost: an array needs pool=; give it, or a function of N and D")
    around = {
        name: np.concatenate([targets.points[name], targets.optima[name]]) for name in ("N", "D")
    }
    assert model.inputs is not None
    names = tuple(model.law.inputs())
    own = reading._replace(columns_of={}, units=dict.fromkeys(names, 1.0))  # not a user's table

    def table(points: Mapping[str, np.ndarray]) -> TableOfPoints:
        return own.points({name: points[name] for name in names}, "pool", model.law)

    # Whoever pays for more than the costliest target trains the target itself.
    most = float(costs_of(cost, table(around), model.law).max()) * (1.0 + 1e-9)
    inputs = continued_grid(model.inputs, around, min(budget, most) if cost is None else np.inf)
    if len(inputs["N"]):
        found = table(inputs)
        costs = costs_of(cost, found, model.law)
        kept = costs <= most
        if kept.any():
            grid = {name: values[kept] for name, values in found.of_law(model.law).items()}
            return grid, costs[kept]
    if budget < most:
        raise ValueError(
            f"budget: {budget:.3g} is less than the cost of any run that would extend the grid of "
            "the runs; raise it, or give pool="
        )
    raise ValueError(
        f"targets: the costliest costs {most:.3g}, less than any run that would extend the grid of "
        "the runs: train it, or give pool="
    )


def runs_in_progress(
    question: Question, in_progress: object, reading: Reading
) -> dict[str, np.ndarray]:
    """The inputs of runs that are already paid for."""
    law = question.model.law
    if in_progress is None:
        return {name: values[:0] for name, values in question.targets.points.items()}
    return reading.points(in_progress, "in_progress", law).of_law(law)
