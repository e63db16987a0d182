"""How predictable a task is: hold-outs compared with repeating the largest run."""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from farseer_jax.accuracy.chain_warnings import FEWEST_ABOVE, above_chance
from farseer_jax.accuracy.records import TaskRecord
from farseer_jax.accuracy.step import AccuracyStep
from farseer_jax.accuracy.task_columns import TaskColumn

Verdict: TypeAlias = Literal["predictable", "not shown", "not predictable", "at chance"]

_BETTER = 0.8  # of the error of repeating the largest run


class Predictability(NamedTuple):
    """How predictable a task is.

    Attributes:
        task: name of the task.
        error: mean absolute error on hold-outs; NaN without any.
        error_of_largest: the error of repeating the accuracy of the largest smaller run.
        scatter: standard deviation of runs around the law.
        counting: binomial standard deviation by the number of questions; NaN if it is not known.
        num_above: number of runs above the floor by more than twice their scatter.
        num_runs: number of runs.
        inside: share of the hold-out predictions whose 90 % interval contains the observed value.
        verdict: ``"predictable"``; ``"not shown"`` without hold-outs; ``"not predictable"`` if
            repeating the largest run was about as good; or ``"at chance"``.
    """

    task: str
    error: float
    error_of_largest: float
    scatter: float
    counting: float
    num_above: int
    num_runs: int
    inside: float
    verdict: Verdict


def predictability_of(record: TaskRecord, step: AccuracyStep, column: TaskColumn) -> Predictability:
    """Judge a task by its hold-outs."""
    known = step.runs.accuracy[~np.isnan(step.runs.accuracy)]
    num_above = int(above_chance(step).sum())
    counting = np.nan
    if column.num_questions is not None:
        counting = float(np.sqrt(np.mean(known * (1.0 - known)) / column.num_questions))
    scores = np.abs(record.predicted - record.observed) / record.sd
    inside = float(np.mean(scores * 1.0 < 1.645 * step.widening)) if len(scores) else np.nan
    return Predictability(
        column.name,
        record.error,
        record.error_of_largest,
        step.noise,
        counting,
        num_above,
        len(known),
        inside,
        _verdict(record, num_above, step.noise),
    )


def _verdict(record: TaskRecord, num_above: int, scatter: float) -> Verdict:
    if num_above < FEWEST_ABOVE:
        return "at chance"
    if not len(record.predicted):
        return "not shown"
    allowed = max(_BETTER * record.error_of_largest, scatter)
    return "predictable" if record.error <= allowed else "not predictable"
