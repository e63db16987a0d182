"""``forecast_accuracy``: accuracies of larger runs, from a table of smaller runs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.accuracy.accuracy_forecast import AccuracyForecast
from farseer_jax.accuracy.recipe import APPROACHES, COMMON, fit_recipe
from farseer_jax.accuracy.task_columns import TaskColumn, find_tasks, other_tasks
from farseer_jax.close_names import unknown_name
from farseer_jax.fitting.arguments import columns_of_table, names_of
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.law import Law
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.find_columns import usual_columns
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import stage
from farseer_jax.tables.columns import Columns

_NEXT = 10.0  # times the compute of the largest run: where points are not given


def forecast_accuracy(
    runs: object,
    points: PointsLike | None = None,
    *,
    tasks: str | Sequence[str] | None = None,
    task_loss: str | Sequence[str] | None = None,
    by: str | Sequence[str] = (),
    approaches: str | Sequence[str] = "two-step",
    law: type[Law] | str | None = None,
    chance: float | Mapping[str, float] | None = None,
    questions: int | Mapping[str, int] | None = None,
    percent: bool = False,
    level: float = 0.9,
    columns_of: Mapping[str, str] | None = None,
    units: Mapping[str, float | None] | None = None,
    seed: int = 0,
) -> AccuracyForecast:
    """Forecast the accuracies of larger runs on tasks, with intervals and hold-outs.

    Accuracies are predicted in two steps: a :func:`forecast` of the loss on each task, and a
    logistic function of it (:class:`LogisticAccuracy`, with floor near chance and ceiling at 1).
    Other approaches are compared by how well each predicted larger runs from smaller ones: a
    logistic function of N and D in a single step (:class:`SingleStepAccuracy`), an exponential
    function of the loss (:class:`ExponentialAccuracy`), and, where each task has a loss of its own
    and the table one of all tasks besides, two steps with that common loss. Errors of all steps
    move together within a size; all tasks and hold-outs are fitted in one batch.

    Args:
        runs: :class:`Runs` or a table with N, D, losses and accuracies, a row per run.
        points: where to predict: pairs ``(N, D)``, or a mapping of N and D to arrays; a run of ten
            times the largest compute unless given.
        tasks: the columns of accuracies, names or patterns such as ``"*_acc"``; those that end in
            ``_acc`` and the like unless given.
        task_loss: the column of a loss for all tasks, or a pattern of one for each, ``"*_bpb"``;
            by default the one with the name of the task, else the table's loss.
        by: columns that tell recipes apart, which are then ranked.
        approaches: ``"two-step"``, ``"common-loss"``, ``"single-step"``, ``"exponential"``, or
            several, which are combined with weights by those earlier extrapolations.
        law: of the loss; the usual laws unless given.
        chance: accuracy of guessing, of all tasks or by task; usual benchmarks are known.
        questions: number of questions, of all tasks or by task, for the noise of counting.
        percent: whether accuracies are in per cent.
        level: nominal coverage of the intervals.
        columns_of: columns of N and D, if not found by name.
        units: factors of N and D.
        seed: of the draws behind intervals.

    Raises:
        ValueError: a column is missing, an accuracy is outside 0 to 1, or a setting is unknown.
        TypeError: ``runs`` is not a table.

    Example:
        >>> import farseer_jax as fj
        >>> found = fj.forecast_accuracy(fj.example_tasks(recipe="both"), [(7e9, 2e12)],
        ...                              by="recipe")
        >>> found.tasks
        ('easy_acc', 'medium_acc', 'hard_acc', 'guess_acc')
        >>> found.ranking.labels[int(found.ranking.probability[:, 0, -1].argmax())]
        'filtered'
    """
    check_level(level)
    used = _approaches(approaches)
    table = _columns_of(runs)
    groups = names_of(by)
    common = _common_loss(table, task_loss)
    found = find_tasks(_numbers(table, groups), tasks, task_loss, common, chance, questions)
    parts = _parts(table, found, common, by=groups, columns_of=columns_of, units=units)
    at = _next_point(parts) if points is None else as_points(points, Chinchilla)[0]
    apart = common if any(own.loss != common for own in found) else None
    if COMMON in used and apart is None:
        raise ValueError(
            f"approaches: {COMMON!r} needs a loss of all tasks, in a column such as loss, besides "
            "a loss on each task: leave it out"
        )
    recipes = []
    for number, part in enumerate(parts):
        with stage(" ".join(map(str, part.group.values())) or "runs"):
            recipes.append(
                fit_recipe(
                    part.runs, found, used, at, common=apart, law=law, level=level,
                    percent=percent, seed=seed + number,
                )
            )  # fmt: skip
    return AccuracyForecast(
        tuple(own.chain for own in recipes),
        tuple(part.group for part in parts),
        tuple(found),
        tuple(own.records for own in recipes),
        other_tasks(_numbers(table, (*groups, *parts[0].runs.inputs)), found),
    )


def _columns_of(runs: object) -> Columns:
    """The columns of a table, or of runs with further columns."""
    if not isinstance(runs, Runs):
        return columns_of_table(runs)
    loss = runs.loss_name or "loss"
    return Columns({**flat_inputs(runs, runs.inputs), loss: runs.loss, **runs.extra})


def _approaches(given: str | Sequence[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(names_of(given)))
    unknown = [name for name in names if name not in APPROACHES]
    if unknown or not names:
        what = unknown_name("approach", unknown[0] if unknown else "", tuple(APPROACHES))
        raise ValueError(f"approaches: {what}")
    return names


def _numbers(table: Columns, groups: Sequence[str]) -> list[str]:
    """The columns that may hold accuracies or losses."""
    return [name for name in table if name not in groups]


def _common_loss(table: Columns, task_loss: str | Sequence[str] | None) -> str | None:
    """The loss of all tasks: the one that is named, else the table's only loss."""
    if isinstance(task_loss, str) and task_loss in table:
        return task_loss
    if "loss" in table:
        return "loss"
    losses, _ = usual_columns("loss", list(table))
    return losses[0] if len(losses) == 1 else None


def _parts(
    table: Columns,
    tasks: Sequence[TaskColumn],
    common: str | None,
    *,
    by: Sequence[str],
    columns_of: Mapping[str, str] | None,
    units: Mapping[str, float | None] | None,
) -> list[Part]:
    """The runs of each recipe over N and D, with all columns."""
    kinds: dict[str, Any] = {"N": "positive", "D": "positive"}
    return bind_runs(
        table,
        kinds,
        columns_of=columns_of,
        response=common or tasks[0].loss,
        by=by,
        units=units,
        checked=True,
    )


def _next_point(parts: Sequence[Part]) -> dict[str, np.ndarray]:
    """A run of ten times the largest compute, with the same D/N."""
    N, D = (np.concatenate([getattr(part.runs, name) for part in parts]) for name in ("N", "D"))
    largest, factor = int(np.argmax(N * D)), np.sqrt(_NEXT)
    own = {"N": N[largest], "D": D[largest]}
    return {name: np.array([float(f"{x * factor:.4g}")]) for name, x in own.items()}
