"""The tables and the text of a forecast of accuracies."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.accuracy.chain_table import AVERAGE, accuracy_text, points_text
from farseer_jax.accuracy.chain_warnings import floor_of
from farseer_jax.accuracy.recipe import approaches_of
from farseer_jax.results.numbers import level_text
from farseer_jax.results.result import Headline, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.accuracy.accuracy_forecast import AccuracyForecast
    from farseer_jax.accuracy.ranking import Ranking
    from farseer_jax.accuracy.records import TaskRecord


_WIDE = 0.5  # of the range from chance to 1: the runs do not determine the accuracy
NOT_DETERMINED = "not determined"


def prediction_table(forecast: "AccuracyForecast") -> Table:
    """One row per recipe, point and task, and the average over tasks.

    The verdict is that of the task's earlier extrapolations, or ``"not determined"`` where the
    interval covers more than half of the range from chance to 1.
    """
    tables = [chain.table() for chain in forecast.chains]
    joined = []
    for own in zip(*(table.columns for table in tables), strict=True):
        values = np.concatenate([np.asarray(column.values, dtype=object) for column in own])
        joined.append(_like(own[0], values))
    labels = _labels(forecast, len(tables[0]))
    verdict = Column("verdict", _verdicts(forecast, tables), str, "", left=True)
    return Table([*labels, *joined, verdict], noun="rows")


def _verdicts(forecast: "AccuracyForecast", tables: Sequence[Table]) -> list[str]:
    """The verdict of each row of the recipes' tables."""
    judged = iter(forecast.predictability)
    found = []
    for chain, table in zip(forecast.chains, tables, strict=True):
        of_task = {task: next(judged).verdict for task in chain.tasks}
        own = {column.name: column.values for column in table.columns}
        for task, low, high in zip(own["task"], own["lower"], own["upper"], strict=True):
            is_wide = high - low > _WIDE * (1.0 - floor_of(chain.of_task(task)[0]))
            found.append(NOT_DETERMINED if is_wide else of_task[task])
    return found


def _like(column: Column, values: np.ndarray) -> Column:
    if all(isinstance(value, float) for value in values):
        values = values.astype(float)
    return Column(
        column.name, values, column.text, column.heading, column.in_data, column.left,
        column.secondary,
    )  # fmt: skip


def _labels(forecast: "AccuracyForecast", num: int) -> list[Column]:
    """The columns of the recipes, each label ``num`` times."""
    names = list(forecast.groups[0])
    return [
        Column(name, np.repeat(np.array([own[name] for own in forecast.groups], object), num), str,
               left=True)
        for name in names
    ]  # fmt: skip


def predictability_table(forecast: "AccuracyForecast") -> Table:
    """One row per recipe and task: how well larger runs were predicted from smaller ones."""
    judged = forecast.predictability
    columns: dict[str, Any] = {
        name: [getattr(own, name) for own in judged] for name in judged[0]._fields
    }
    counts = [f"{own.num_above} of {own.num_runs}" for own in judged]
    has_counts = not np.isnan(columns["counting"]).all()
    return Table(
        [
            *_labels(forecast, len(judged) // len(forecast.chains)),
            Column("task", columns["task"], str, left=True),
            Column("error", columns["error"], points_text),
            Column("error_of_largest", columns["error_of_largest"], points_text, "repeating"),
            Column("scatter", columns["scatter"], points_text),
            Column("rise", columns["rise"], points_text),
            Column("counting", columns["counting"], points_text if has_counts else None),
            Column("num_above", columns["num_above"], None),
            Column("num_runs", columns["num_runs"], None),
            Column("above", counts, str, "above chance", in_data=False, secondary=True),
            Column("inside", columns["inside"], _share_text, "coverage", secondary=True),
            Column("verdict", columns["verdict"], str, "", left=True),
        ],
        noun="tasks",
    )


def _share_text(value: float) -> str:
    return "–" if np.isnan(value) else f"{100.0 * value:.0f} %"


def approach_table(forecast: "AccuracyForecast") -> Table:
    """One row per approach: its errors in earlier extrapolations, over all tasks."""
    every = [record for records in forecast.records for record in records]
    names = list(dict.fromkeys(record.approach for record in every))
    errors, average, shares = [], [], []
    for name in names:
        own = [record for record in every if record.approach == name]
        errors.append(_mean_error([record for record in own if record.task != AVERAGE]))
        average.append(_mean_error([record for record in own if record.task == AVERAGE]))
        shares.append(_share_of(forecast, name))
    first = [own for own in every if own.approach == names[0] and len(own.predicted)]
    for found, of_average in ((errors, False), (average, True)):
        known = [own.error_of_largest for own in first if (own.task == AVERAGE) == of_average]
        found.append(float(np.mean(known)) if known else np.nan)
    rows = [*names, "largest run repeated"]
    return Table(
        [
            Column("approach", rows, str, left=True),
            Column(
                "error", errors, points_text, "error of a task",
            ),
            Column("error_of_average", average, points_text, "of their average"),
            Column("share", [*shares, 0.0], lambda x: _share_text(x or np.nan), "weight"),
        ],
        noun="approaches",
    )  # fmt: skip


def _mean_error(records: Sequence["TaskRecord"]) -> float:
    """The mean of the errors of records with hold-outs; NaN without any."""
    known = [record.error for record in records if len(record.predicted)]
    return float(np.mean(known)) if known else float("nan")


def _share_of(forecast: "AccuracyForecast", approach: str) -> float:
    """The mean weight of an approach over recipes."""
    shares = [approaches_of(own.of_task(own.tasks[0])) for own in forecast.chains]
    return float(np.mean([own.get(approach, 0.0) for own in shares]))


def ranking_table(ranking: "Ranking", forecast: "AccuracyForecast") -> Table:
    """One row per point, task and recipe: the probability that it is the best."""
    num_recipes, num_points, num_tasks = ranking.predicted.shape
    rows = [(p, t, r) for p in range(num_points) for t in range(num_tasks)
            for r in ranking.order(p, t)]  # fmt: skip
    point, task, recipe = (np.array(own) for own in zip(*rows, strict=True))
    best = tuple(range(0, len(rows), num_recipes))
    return Table(
        [
            *(
                Column(name, np.asarray(x)[point], _cell(name))
                for name, x in forecast.points.items()
            ),
            Column("task", [ranking.tasks[k] for k in task], str, left=True),
            Column("recipe", [ranking.labels[k] for k in recipe], str, left=True),
            Column("predicted", ranking.predicted[recipe, point, task], accuracy_text),
            Column("probability", ranking.probability[recipe, point, task], _share_text,
                   "best with"),
        ],
        noun="rows",
        best=best,
    )  # fmt: skip


def _cell(name: str) -> Any:
    return lambda value: cell_text(name, value)


def accuracy_parts(forecast: "AccuracyForecast") -> Sequence[str | Table]:
    """Paragraphs and tables, in the order in which they are printed."""
    num_runs = sum(len(own.steps[0].runs.size) for own in forecast.chains)
    num_tasks = len(forecast.tasks)
    heading = f"Accuracy on {num_tasks} task{'s'[: num_tasks != 1]} from {num_runs} runs"
    if forecast.others:
        num, is_one = len(forecast.others), len(forecast.others) == 1
        heading += (
            f"; {num} other column{'' if is_one else 's'} of accuracies "
            f"({forecast.others[0]}{'' if is_one else ', …'}) not asked for"
        )
    warnings = [warned("", forecast.warnings).strip()] if forecast.warnings else []
    parts: list[str | Table] = [Headline(heading), forecast.table(), *warnings]
    if forecast.ranking is not None:
        parts += [_best_text(forecast), _average_ranking(forecast)]
    parts += [
        "Larger runs predicted from smaller ones, in points: mean error, that of repeating the\n"
        "accuracy of the largest smaller run, scatter of runs, and their rise with the loss",
        forecast.predictability_table(),
        forecast.approach_table(),
    ]
    return parts


def _best_text(forecast: "AccuracyForecast") -> str:
    """The best recipe at the last point, and the number of tasks on which one is clearly best."""
    ranking = forecast.ranking
    assert ranking is not None
    own = ranking.probability[:, -1, -1]
    order = ranking.order(-1, -1)
    over = "on average" if len(forecast.tasks) > 1 else f"on {forecast.tasks[0]}"
    at = ", ".join(f"{name} {cell_text(name, x[-1])}" for name, x in forecast.points.items())
    shares = [f"{ranking.labels[k]} {_share_text(own[k])}" for k in order]
    first = f"best {over} at {at}: {ranking.labels[order[0]]}"
    if not is_decided(own[order[0]], forecast.level):
        first = f"undecided which recipe is best {over} at {at}"
    sentences = [f"{first}; probabilities {', '.join(shares)}"]
    if len(forecast.tasks) > 1:
        of_tasks = ranking.probability[:, -1, : len(forecast.tasks)]
        num = int(is_decided(of_tasks.max(axis=0), forecast.level).sum())
        level = level_text(forecast.level)
        sentences.append(f"decided at {level} on {num} of {len(forecast.tasks)} tasks")
    if ranking.correlation:
        sentences.append(
            f"errors of the recipes at the same N and D have correlation {ranking.correlation:.1f} "
            "(by larger runs predicted from smaller ones)"
        )
    return ";\n".join(sentences)


def is_decided(probability: Any, level: float) -> Any:
    """Whether probabilities reach a level, in whole per cents as they are shown."""
    return np.round(probability, 2) >= level


def _average_ranking(forecast: "AccuracyForecast") -> Table:
    """The rows of the ranking for the average, or for the only task."""
    ranking = forecast.ranking
    assert ranking is not None
    table = ranking_table(ranking, forecast)
    names = next(own.values for own in table.columns if own.name == "task")
    return table.at([row for row, name in enumerate(names) if name == ranking.tasks[-1]])
