"""``AccuracyForecast``: predicted accuracies of runs, with their uncertainty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from farseer_jax.accuracy.accuracy_tables import (
    accuracy_parts,
    approach_table,
    predictability_table,
    prediction_table,
    ranking_table,
)
from farseer_jax.accuracy.accuracy_warnings import accuracy_warnings
from farseer_jax.accuracy.chain import Chain
from farseer_jax.accuracy.predictability import Predictability, predictability_of
from farseer_jax.accuracy.ranking import Ranking, ranking_of
from farseer_jax.accuracy.recipe import approaches_of, average_column, combined
from farseer_jax.accuracy.records import TaskRecord
from farseer_jax.accuracy.task_columns import TaskColumn
from farseer_jax.forecasting.points import PointsLike
from farseer_jax.laws.law_json import law_to_dict  # noqa: F401  (its import registers laws)
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result, pickled_as_file
from farseer_jax.results.table import Table


@dataclass(frozen=True, eq=False, repr=False)
class AccuracyForecast(Result):
    """Accuracies on tasks at points, with intervals and hold-outs. Prints as tables.

    Attributes:
        chains: the chain of laws of each recipe.
        groups: labels of each recipe by column; one empty mapping without groups.
        columns: the tasks with their columns.
        records: hold-outs of each recipe, by approach and task.
        others: further columns that are accuracies by their names, which were not asked for.

    Example:
        >>> import farseer_jax as fj
        >>> found = fj.forecast_accuracy(fj.example_tasks(), [(7e9, 2e12)])
        >>> row = found.to_dataframe().iloc[0]
        >>> row.task, bool(row.lower < row.predicted < row.upper)
        ('easy_acc', True)
    """

    chains: tuple[Chain, ...]
    groups: tuple[Mapping[str, Any], ...]
    columns: tuple[TaskColumn, ...]
    records: tuple[tuple[TaskRecord, ...], ...]
    others: tuple[str, ...] = ()

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, without their average."""
        return tuple(own.name for own in self.columns)

    @property
    def level(self) -> float:
        """Nominal coverage of the intervals."""
        return self.chains[0].level

    @property
    def points(self) -> Mapping[str, np.ndarray]:
        """The points of the table, by input, ``(point,)``."""
        return self.chains[0].points

    @property
    def labels(self) -> tuple[str, ...]:
        """The name of each recipe; empty without groups."""
        return tuple(", ".join(map(str, own.values())) for own in self.groups)

    def at(self, points: PointsLike, *, level: float | None = None) -> "AccuracyForecast":
        """The same forecast at other points.

        Args:
            points: pairs ``(N, D)``, a mapping of inputs to arrays, or :class:`Runs`.
            level: nominal coverage of the intervals.

        Raises:
            ValueError: a point is not positive, or the level is not in (0, 1).
        """
        return replace(self, chains=tuple(own.at(points, level=level) for own in self.chains))

    def of(self, label: str) -> Chain:
        """The chain of a recipe.

        Raises:
            ValueError: the recipe is unknown.
        """
        if label not in self.labels:
            raise ValueError(f"recipe: expected one of {', '.join(self.labels)}, got {label!r}")
        return self.chains[self.labels.index(label)]

    @cached_property
    def predictability(self) -> tuple[Predictability, ...]:
        """How predictable each task is, by hold-outs; recipes one after another."""
        found = []
        for place, chain in enumerate(self.chains):
            for column in self._judged:
                record = self.record(column.name, place)
                step = chain.of_task(column.name)[0]
                found.append(predictability_of(record, step, column))
        return tuple(found)

    @property
    def _judged(self) -> tuple[TaskColumn, ...]:
        """The tasks, and their average if there are several."""
        own = self.columns
        return (*own, average_column(own)) if len(own) > 1 else own

    def record(self, task: str, recipe: int = 0) -> TaskRecord:
        """Hold-outs of a task by the approaches that predict it together."""
        steps = self.chains[recipe].of_task(task)
        own = [record for record in self.records[recipe] if record.task == task]
        return combined(own, approaches_of(steps))

    @cached_property
    def ranking(self) -> Ranking | None:
        """Which recipe is best at each point; None for a single recipe."""
        if len(self.chains) == 1:
            return None
        tasks = [own.name for own in self._judged]
        records = [[self.record(task, k) for task in tasks] for k in range(len(self.chains))]
        return ranking_of(self.chains, self.labels, records)

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the forecast, worst first."""
        return accuracy_warnings(self)

    __reduce__ = pickled_as_file

    def table(self) -> Table:
        """One row per recipe, point and task, and the average over tasks."""
        return prediction_table(self)

    def predictability_table(self) -> Table:
        """One row per recipe and task: how well larger runs were predicted from smaller ones."""
        return predictability_table(self)

    def approach_table(self) -> Table:
        """One row per approach: its hold-out errors over all tasks."""
        return approach_table(self)

    def ranking_table(self) -> Table:
        """One row per point, task and recipe: the probability that it is the best.

        Raises:
            ValueError: there is a single recipe.
        """
        if self.ranking is None:
            raise ValueError(
                "the forecast has a single recipe; name the column of the recipes, by='…'"
            )
        return ranking_table(self.ranking, self)

    def text_parts(self) -> Sequence[str | Table]:
        """The accuracies, the ranking, which tasks are predictable, and reasons to doubt them."""
        return accuracy_parts(self)

    def to_dict(self) -> dict[str, Any]:
        """The rows, warnings and hold-outs, for JSON.

        Accuracies, errors and scatter are fractions of 1: 0.016 is 1.6 points.
        """
        found: dict[str, Any] = {
            "tasks": list(self.tasks),
            "other_accuracies": list(self.others),
            "level": self.level,
            "rows": self.table().records(),
            "warnings": list(self.warnings),
            "predictability": self.predictability_table().records(),
            "approaches": self.approach_table().records(),
        }
        if self.ranking is not None:
            found["ranking"] = self.ranking_table().records()
            found["correlation_of_recipes"] = self.ranking.correlation
        return {name: or_null(value) for name, value in found.items()}

    def __repr__(self) -> str:
        num = len(next(iter(self.points.values())))
        return (
            f"AccuracyForecast({len(self.tasks)} tasks, {len(self.chains)} recipes, {num} points, "
            f"level={self.level:g})"
        )
