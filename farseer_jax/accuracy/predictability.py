"""How predictable a task is: hold-outs compared with repeating the largest run."""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from farseer_jax.accuracy.chain_warnings import FEWEST_ABOVE, above_chance
from farseer_jax.accuracy.records import TaskRecord
from farseer_jax.accuracy.step import AccuracyStep
from farseer_jax.accuracy.task_columns import TaskColumn
from farseer_jax.laws.evaluate import evaluate

Verdict: TypeAlias = Literal["predictable", "not shown", "not predictable", "at chance"]

_BETTER = 0.8  # of the error of repeating the largest run
_CLEAR = 3.0  # times the scatter of runs: the rise of an accuracy that is seen in them
# From good to bad: of several recipes the worst is told.
VERDICTS: tuple[Verdict, ...] = ("predictable", "not shown", "not predictable", "at chance")


class Predictability(NamedTuple):
    """How predictable a task is.

    Attributes:
        task: name of the task.
        error: mean absolute error on hold-outs; NaN without any.
        error_of_largest: the error of repeating the accuracy of the largest smaller run.
        scatter: standard deviation of runs around the law.
        rise: range of the accuracies of the runs by the law.
        counting: standard deviation by the number of questions; NaN where it is not known.
        num_above: how many runs are above the floor by more than their scatter.
        num_runs: how many runs there are.
        inside: share of the earlier extrapolations inside their 90 % interval.
        verdict: ``"predictable"``; ``"not shown"`` without hold-outs; ``"not predictable"`` where
            repeating the largest run was about as good, or the rise is within three times the
            scatter; ``"at chance"``.
    """

    task: str
    error: float
    error_of_largest: float
    scatter: float
    rise: float
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
    scores = np.abs(record.scores)
    inside = float(np.mean(scores < 1.645 * step.widening)) if len(scores) else np.nan
    counted = {name: values[step.weights > 0.0] for name, values in step.runs.inputs.items()}
    rise = float(np.ptp(evaluate(step.law, **counted)))
    return Predictability(
        column.name,
        record.error,
        record.error_of_largest,
        step.noise,
        rise,
        counting,
        num_above,
        len(known),
        inside,
        _verdict(record, num_above, step.noise, rise),
    )


def _verdict(record: TaskRecord, num_above: int, scatter: float, rise: float) -> Verdict:
    if num_above < FEWEST_ABOVE:
        return "at chance"
    if not len(record.predicted):
        return "not shown"
    gains = record.error <= _BETTER * record.error_of_largest
    return "predictable" if gains and rise >= _CLEAR * scatter else "not predictable"
