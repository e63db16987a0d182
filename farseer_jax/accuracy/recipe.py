"""The accuracies of one recipe: all approaches fitted to its runs, weighted by hold-outs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import numpy as np

from farseer_jax.accuracy.chain import Chain
from farseer_jax.accuracy.chain_table import AVERAGE
from farseer_jax.accuracy.records import (
    PREDICTION_FIELDS,
    EarlierLosses,
    TaskRecord,
    earlier_losses,
    record_of,
    shares_of,
)
from farseer_jax.accuracy.step import (
    AccuracyStep,
    FittedStep,
    StepRuns,
    StepSpec,
    fit_steps,
    rolling_sizes,
)
from farseer_jax.accuracy.step_law import step_prior
from farseer_jax.accuracy.task_columns import TaskColumn, checked_accuracy
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.catalogue.accuracy import (
    ExponentialAccuracy,
    LogisticAccuracy,
    SingleStepAccuracy,
)
from farseer_jax.laws.law import Law
from farseer_jax.runs.checks import POSITIVE, floats_of, refuse_bad_rows
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import in_stages, stage


class Approach(NamedTuple):
    """How accuracies are predicted.

    Attributes:
        law: of the accuracy.
        loss: from which loss: that of the task, the common one of all tasks, or none.
    """

    law: type[Law]
    loss: Literal["task", "common", "none"]


COMMON = "common-loss"
APPROACHES: Mapping[str, Approach] = {
    "two-step": Approach(LogisticAccuracy, "task"),
    COMMON: Approach(LogisticAccuracy, "common"),
    "single-step": Approach(SingleStepAccuracy, "none"),
    "exponential": Approach(ExponentialAccuracy, "task"),
}
_FEWEST_RUNS = 5
AVERAGE_LOSS = "average of losses"


class Recipe(NamedTuple):
    """The accuracies of one recipe.

    Attributes:
        chain: the chain that predicts them.
        records: hold-outs of each approach and task.
    """

    chain: Chain
    records: tuple[TaskRecord, ...]


def fit_recipe(
    runs: Runs,
    tasks: Sequence[TaskColumn],
    used: Sequence[str],
    points: Mapping[str, np.ndarray],
    *,
    common: str | None,
    law: type[Law] | str | None,
    level: float,
    percent: bool,
    seed: int,
) -> Recipe:
    """Fit the runs of one recipe.

    Args:
        runs: over N and D, with the columns of the tasks among the extra ones.
        tasks: the tasks.
        used: the approaches that predict; all are compared.
        points: where to predict.
        common: the loss of all tasks, where the tasks have losses of their own besides.
        law: of the loss; None for the usual ones.
        level: nominal coverage of the intervals.
        percent: whether accuracies are in per cent.
        seed: of the draws.
    """
    runs = _without_copies(runs, tasks)
    weights = np.ones(len(runs)) if runs.weights is None else runs.weights / runs.weights.mean()
    rolling = rolling_sizes(runs.N, weights > 0.0)
    accuracies = {own.name: _accuracy(runs, own, percent) for own in tasks}
    losses = {name: _loss(runs, name) for name in dict.fromkeys(own.loss for own in tasks)}
    if len(tasks) > 1:
        average = average_column(tasks)
        tasks = [*tasks, average]
        accuracies[AVERAGE] = np.mean([*accuracies.values()], axis=0)
        if average.loss not in losses:
            losses[average.loss] = np.mean([*losses.values()], axis=0)
    if common is not None and common not in losses:
        losses[common] = _loss(runs, common)
    first: dict[str, Forecast] = {}
    earlier: dict[str, EarlierLosses] = {}
    for name in in_stages("forecasting losses", list(losses)):
        first[name] = _forecast(runs, name, losses[name], points, law, level)
        earlier[name] = earlier_losses(first[name], rolling, runs.N, runs.D, losses[name])
    fitted: dict[str, list[FittedStep]] = {}
    records: dict[str, list[TaskRecord]] = {}
    with stage("fitting accuracies"):
        for approach, (kind, _) in APPROACHES.items():
            if approach == COMMON and common is None:
                continue
            names = [loss_of(approach, own, common) for own in tasks]
            specs = [
                _spec(kind, runs, own, losses.get(name), accuracies[own.name], weights)
                for own, name in zip(tasks, names, strict=True)
            ]
            fitted[approach] = fit_steps(kind, specs, rolling)
            records[approach] = [
                record_of(step, approach, rolling, earlier.get(name), runs.N, runs.D)
                for step, name in zip(fitted[approach], names, strict=True)
            ]
    shares = shares_of([records[approach] for approach in used])
    needed = list(dict.fromkeys(loss_of(name, own, common) for own in tasks for name in used))
    sources = {name: place for place, name in enumerate(filter(None, needed))}
    steps = tuple(
        replace(
            fitted[approach][place].step,
            source=sources.get(loss_of(approach, own, common), -1),
            share=float(share),
            widening=records[approach][place].widening,
            chance=own.chance,
            approach=approach,
        )
        for place, own in enumerate(tasks)
        for approach, share in zip(used, shares, strict=True)
    )
    chain = Chain(tuple(first[name] for name in sources), steps, points, level, seed)
    return Recipe(chain, tuple(own for found in records.values() for own in found))


def loss_of(approach: str, task: TaskColumn, common: str | None) -> str:
    """The loss from which an approach predicts a task; empty for none."""
    return {"task": task.loss, "common": common or "", "none": ""}[APPROACHES[approach].loss]


def average_column(tasks: Sequence[TaskColumn]) -> TaskColumn:
    """The average over tasks as a task of its own, from the mean of their losses.

    An average of predictions would add up the errors of all that are little more than guesses.
    """
    losses = list(dict.fromkeys(own.loss for own in tasks))
    loss = losses[0] if len(losses) == 1 else AVERAGE_LOSS
    return TaskColumn(AVERAGE, loss, float(np.mean([own.chance for own in tasks])), None)


def combined(records: Sequence[TaskRecord], shares: Mapping[str, float]) -> TaskRecord:
    """The combined hold-outs of several approaches on one task.

    Args:
        records: of one task, by all approaches.
        shares: weights of the approaches that predict.
    """
    own = [record for record in records if shares.get(record.approach, 0.0) > 0.0]
    if len(own) == 1:
        return own[0]
    common = _common(own)
    weight = np.array([shares[record.approach] for record in own])[:, None]
    rows = [
        {name: getattr(record, name)[k] for name in PREDICTION_FIELDS}
        for record, k in zip(own, common, strict=True)
    ]
    predicted = np.sum(weight * np.array([row["predicted"] for row in rows]), axis=0)
    apart = np.array([row["predicted"] - predicted for row in rows])
    variance = np.sum(weight * (np.array([row["sd"] for row in rows]) ** 2 + apart**2), axis=0)
    first = np.sum(weight * np.array([row["first_sd"] for row in rows]), axis=0)
    together = {**rows[0], "predicted": predicted, "sd": np.sqrt(variance), "first_sd": first}
    return TaskRecord(own[0].task, "combined", **together)


def _common(records: Sequence[TaskRecord]) -> list[np.ndarray]:
    """Places of the predictions that all records have, in the same order."""
    keys = [list(zip(own.holdout.tolist(), own.run.tolist(), strict=True)) for own in records]
    shared = sorted(set(keys[0]).intersection(*keys[1:]))
    return [np.array([own.index(key) for key in shared], dtype=int) for own in keys]


def _without_copies(runs: Runs, tasks: Sequence[TaskColumn]) -> Runs:
    """The runs without rows that are equal to another in N, D, losses and accuracies."""
    names = {name for own in tasks for name in (own.name, own.loss)} & set(runs.extra)
    columns = [floats_of(runs.extra[name], f"column {name!r}") for name in sorted(names)]
    table = np.column_stack([runs.N, runs.D, runs.loss, *columns])
    _, first = np.unique(table, axis=0, return_index=True, equal_nan=True)
    if len(first) == len(runs):
        return runs
    return runs.select(mask=np.isin(np.arange(len(runs)), first))


def _accuracy(runs: Runs, task: TaskColumn, percent: bool) -> np.ndarray:
    if task.name not in runs.extra:
        raise ValueError(f"the task {task.name!r} is an input or the loss: name another column")
    found = checked_accuracy(runs.extra[task.name], task.name, percent=percent)
    known = found[~np.isnan(found)]
    if len(known) < _FEWEST_RUNS:
        raise ValueError(
            f"column {task.name!r}: expected accuracies of {_FEWEST_RUNS} runs or more, got "
            f"{len(known)}: leave the task out"
        )
    return found


def _loss(runs: Runs, name: str) -> np.ndarray:
    """The loss on a task, NaN where it is missing, ``(run,)``."""
    own = runs.loss if name == runs.loss_name else runs.extra[name]
    found = floats_of(own, f"column {name!r}")
    known = np.flatnonzero(~np.isnan(found))
    refuse_bad_rows(found[known], f"column {name!r}", POSITIVE, known)
    if not len(known) or np.ptp(found[known]) == 0.0:
        raise ValueError(
            f"column {name!r}: the loss is the same in all runs, so no accuracy can be predicted "
            "from it; name another column, task_loss='…'"
        )
    return found


def _forecast(
    runs: Runs,
    name: str,
    loss: np.ndarray,
    points: Mapping[str, np.ndarray],
    law: type[Law] | str | None,
    level: float,
) -> Forecast:
    """The forecast of one loss from the runs that have it."""
    known = np.isfinite(loss)
    weights = None if runs.weights is None else runs.weights[known]
    own = Runs(
        runs.N[known], runs.D[known], loss[known], weights=weights, loss_name=name,
        N_unit=1.0, D_unit=1.0,
    )  # fmt: skip
    given: Any = dict(points)
    return forecast(own, given, law=law, level=level, usual=False)


def _spec(
    law: type[Law],
    runs: Runs,
    task: TaskColumn,
    loss: np.ndarray | None,
    accuracy: np.ndarray,
    weights: np.ndarray,
) -> StepSpec:
    inputs = {"N": runs.N, "D": runs.D} if loss is None else {"task_loss": loss}
    own = StepRuns(inputs, runs.N, accuracy, weights)
    known = np.isfinite(accuracy) if loss is None else np.isfinite(accuracy) & np.isfinite(loss)
    some = {name: values[known] for name, values in inputs.items()}
    return StepSpec(task.name, own, step_prior(law, some, accuracy[known], task.chance))


def approaches_of(steps: Sequence[AccuracyStep]) -> dict[str, float]:
    """The shares of the approaches of one task's steps."""
    return {step.approach: step.share for step in steps}
