"""Accuracies on public tables: larger runs predicted from smaller ones, and made tables.

Usage: ``python benchmarks/accuracy.py FOLDER > benchmarks/results/accuracy.json``, where FOLDER has
``olmo_tasks.csv`` and ``gadre_tasks.csv``.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

import farseer_jax as fj
from farseer_jax.example import TASK_CHANCE

_LEVEL, _REACH = 0.9, 1.645
_NUM_TABLES = 49
_POINTS = [(7e9, 2e12), (13e9, 5e12)]
_NOT_TASKS = {"run_id", "N", "D", "loss", "corpus", "loss_openlm", "avg_acc", "n_tasks"}


def earlier(found: fj.AccuracyForecast) -> dict[str, Any]:
    """Errors in points of larger runs predicted from smaller ones, and their coverage."""
    rows = found.approach_table().to_dataframe().set_index("approach")
    records = [
        found.record(task, place) for place in range(len(found.chains)) for task in found.tasks
    ]
    scores = np.concatenate([(own.predicted - own.observed) / own.sd for own in records])
    verdicts = [own.verdict for own in found.predictability]
    return {
        "error": {name: round(100 * float(own), 3) for name, own in rows["error"].items()},
        "error_of_average": {
            name: round(100 * float(own), 3)
            for name, own in rows["error_of_average"].items()
            if np.isfinite(own)
        },
        "num_predictions": len(scores),
        "inside_90": round(float(np.mean(np.abs(scores) < _REACH)), 3),
        "verdicts": {name: verdicts.count(name) for name in sorted(set(verdicts))},
    }


def far(table: fj.Columns, **options: Any) -> dict[str, Any]:
    """The runs of the two largest sizes, predicted from all smaller ones."""
    steps = np.round(np.log(np.asarray(table["N"], float)), 1)
    held = steps >= np.unique(steps)[-2]
    columns = {name: np.asarray(values) for name, values in table.items()}
    points = np.unique(np.stack([columns["N"], columns["D"]], axis=1)[held].astype(float), axis=0)
    small = {name: values[~held] for name, values in columns.items()}
    found = fj.forecast_accuracy(small, [tuple(own) for own in points], **options)
    inside, errors = [], []
    by = options.get("by")
    for row in found.to_dataframe().to_dict("records"):
        own = held & (columns["N"] == row["N"]) & (columns["D"] == row["D"])
        if by is not None:
            own &= columns[by] == row[by]
        observed = columns[row["task"]][own].astype(float) if row["task"] in columns else ()
        inside += [row["run_lower"] <= value <= row["run_upper"] for value in observed]
        errors += [abs(row["predicted"] - value) for value in observed]
    return {
        "num_predictions": len(inside),
        "error": round(100 * float(np.mean(errors)), 3),
        "inside_90": round(float(np.mean(inside)), 3),
    }


def timed(function: Any) -> tuple[Any, float]:
    """A result, and the CPU seconds of its second computation."""
    function()
    start = time.process_time()
    found = function()
    return found, round(time.process_time() - start, 2)


def made() -> dict[str, Any]:
    """Coverage of intervals at points far beyond made tables, whose truth is known."""
    N, D = np.array(_POINTS).T
    table = fj.example_tasks(N, D, noise=0.0)
    truth = {task: np.asarray(table[task], float) for task in TASK_CHANCE}
    truth["average of tasks"] = np.mean(list(truth.values()), axis=0)
    inside: dict[str, list[bool]] = {task: [] for task in truth}
    errors: list[np.ndarray] = []
    for seed in range(_NUM_TABLES):
        found = fj.forecast_accuracy(
            fj.example_tasks(seed=seed), _POINTS, chance=TASK_CHANCE, level=_LEVEL, seed=seed
        )
        frame = found.to_dataframe()
        for task, known in truth.items():
            own = frame[frame.task == task]
            inside[task] += [*((own.lower <= known) & (known <= own.upper))]
            errors += [np.abs(own.predicted - known)]
    return {
        "num_tables": _NUM_TABLES,
        "inside_90": round(float(np.mean([*inside.values()])), 3),
        "inside_90_of_each": {task: round(float(np.mean(own)), 3) for task, own in inside.items()},
        "mean_error": round(100 * float(np.mean(np.concatenate(errors))), 3),
    }


def main(folder: Path) -> None:
    """Print the results as JSON."""
    olmo = fj.read_table(folder / "olmo_tasks.csv")
    gadre = fj.read_table(folder / "gadre_tasks.csv")
    tasks = [name for name in gadre if name not in _NOT_TASKS]
    results: dict[str, Any] = {"made": made()}
    for name, table, options in (
        ("olmo", olmo, {}),
        ("gadre_average", gadre, {"tasks": "avg_acc", "task_loss": "loss", "by": "corpus"}),
        ("gadre_tasks", gadre, {"tasks": tasks, "task_loss": "loss", "by": "corpus"}),
    ):
        found, seconds = timed(lambda: fj.forecast_accuracy(table, **options))  # noqa: B023
        results[name] = {
            **earlier(found),
            "two_sizes_ahead": far(table, **options),
            "cpu_seconds_warm": seconds,
        }
    print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
