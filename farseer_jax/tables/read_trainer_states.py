"""Hugging Face Trainer runs: the ``trainer_state.json`` of their last checkpoints."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from farseer_jax.tables.folders import files_below, run_name
from farseer_jax.tables.records import Columns, columns_of, concatenated, flattened, repeated

STATE: Final = "trainer_state.json"

_CHECKPOINT: Final = re.compile(r"checkpoint-(\d+)")
_TOTALS: Final = ("num_input_tokens_seen", "total_flos")
_SETTINGS: Final = ("max_steps", "num_train_epochs", "train_batch_size")
_OTHER_NAMES: Final = {"loss": "train/loss"}  # not to be taken for the loss of an evaluation
_RESULTS: Final = ("all_results.json", "eval_results.json")  # evaluated after training


@dataclass(frozen=True)
class _State:
    """The state of a run at its last checkpoint."""

    path: Path
    run: Path
    values: Mapping[str, Any]

    @property
    def step(self) -> int:
        """The number of training steps."""
        return int(self.values.get("global_step") or 0)

    @property
    def log(self) -> list[dict[str, Any]]:
        """What was logged, in order."""
        return [record for record in self.values["log_history"] if isinstance(record, dict)]


def read_trainer_states(folder: str | os.PathLike[str], *, history: bool = False) -> Columns:
    """Read runs of Hugging Face's ``Trainer`` below a folder into the columns of a table.

    Args:
        folder: has output folders of the ``Trainer``, at any depth. A run is the folder above its
            ``checkpoint-*``; its last ``trainer_state.json`` is read.
        history: one row per logged step, with the run's settings repeated, instead of one per
            run.

    Returns:
        Arrays of shape (row,) by name, which `Runs.from_dataframe` and `fit` take: ``run``, the
        path from the folder; ``step``, the last one or that of the row; what was logged, such as
        ``train/loss``, ``eval_loss``, ``learning_rate`` and ``epoch``, each with its last value or
        that at this step; ``num_input_tokens_seen`` (missing where the trainer did not count) and
        ``total_flos``; ``max_steps``, ``num_train_epochs`` and ``train_batch_size``; and the
        model's ``config.json``, such as ``config.hidden_size``. With one row per run ``eval_step``
        is the step of ``eval_loss``, and results of an evaluation after training
        (``all_results.json``, ``eval_results.json``) fill in what was not logged. The training
        loss, which the trainer logs as ``loss``, is named ``train/loss``: it is the mean over the
        last logging interval, ``train_loss`` over all of training. Nothing is unpickled.

    Raises:
        FileNotFoundError: there is no such folder.
        ValueError: it has no ``trainer_state.json``, or one is damaged.

    Example:
        >>> import json, pathlib, tempfile
        >>> log = [{"step": 500, "epoch": 0.5, "loss": 3.6}, {"step": 500, "eval_loss": 3.7}]
        >>> state = {"global_step": 500, "num_input_tokens_seen": 2**20, "log_history": log}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     checkpoint = pathlib.Path(folder, "small", "checkpoint-500")
        ...     checkpoint.mkdir(parents=True)
        ...     _ = (checkpoint / "trainer_state.json").write_text(json.dumps(state))
        ...     _ = (checkpoint / "config.json").write_text('{"hidden_size": 64}')
        ...     columns = read_trainer_states(folder)
        >>> {name: values.tolist() for name, values in columns.items()}
        {'run': ['small'], 'step': [500], 'epoch': [0.5], 'train/loss': [3.6], 'eval_loss': [3.7],
         'eval_step': [500], 'num_input_tokens_seen': [1048576], 'config.hidden_size': [64]}
    """
    files = files_below(folder, lambda name: name == STATE)
    if not files:
        raise ValueError(f"{folder}: has no {STATE} of Hugging Face's Trainer at any depth")
    states = _last_states(files)
    names = np.array([run_name(state.run, folder) for state in states], dtype=object)
    settings = columns_of([_settings(state) for state in states])
    rows = [_by_step(state) if history else [_last(state)] for state in states]
    counts = [len(steps) for steps in rows]
    logged = concatenated([columns_of(steps) for steps in rows], counts)
    return {**repeated({"run": names}, counts), **logged, **repeated(settings, counts)}


def _last_states(files: list[Path]) -> list[_State]:
    """The last state of each run; at equal steps, the one next to the checkpoints."""
    of_runs: dict[Path, list[tuple[int, bool, Path]]] = {}
    for path in files:
        run = path.parent if path.parent.name else path.parent.resolve()  # not "."
        if checkpoint := _CHECKPOINT.fullmatch(run.name):
            run, step = run.parent, int(checkpoint[1])
        else:
            step = _state(path, run).step
        of_runs.setdefault(run, []).append((step, not checkpoint, path))
    return [_state(max(candidates)[2], run) for run, candidates in of_runs.items()]


def _state(path: Path, run: Path) -> _State:
    """Read one file."""
    values = _json(path)
    if not isinstance(values.get("log_history"), list):
        raise ValueError(f"{path}: expected a list log_history, which a {STATE} has")
    return _State(path, run, values)


def _json(path: Path) -> dict[str, Any]:
    """A file that is a JSON object."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # not UTF-8, or not JSON
        reason = next(iter(str(error).splitlines()))
        raise ValueError(
            f"{path}: cannot be read as JSON: {reason}; remove it or copy it again"
        ) from None
    if not isinstance(values, dict):
        raise ValueError(f"{path}: expected a JSON object, got {type(values).__name__}")
    return values


def _last(state: _State) -> dict[str, object]:
    """The last logged value of each name, in one row."""
    row: dict[str, object] = {"step": state.step}
    for record in state.log:
        row.update(_logged(record))
        if record.get("eval_loss") is not None:
            row["eval_step"] = record.get("step")
    for name in _TOTALS:  # of the last step, which need not have been logged
        if state.values.get(name):
            row[name] = state.values[name]
    for name, value in _results(state).items():
        row.setdefault(name, value)
    return row | {"step": state.step}


def _by_step(state: _State) -> list[dict[str, object]]:
    """One row per step: training and evaluation are logged in separate records."""
    rows: dict[object, dict[str, object]] = {}
    for record in state.log:
        step = record.get("step")
        rows.setdefault(step, {"step": step}).update(_logged(record))
    return list(rows.values()) or [{"step": state.step}]


def _logged(record: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """The values of a record, without tokens seen that the trainer did not count (0)."""
    for name, value in flattened(record).items():
        if name != "num_input_tokens_seen" or value:
            yield _OTHER_NAMES.get(name, name), value


def _settings(state: _State) -> dict[str, object]:
    """The settings of a run and of its model."""
    settings = {name: state.values[name] for name in _SETTINGS if name in state.values}
    for path in (state.path.parent / "config.json", state.run / "config.json"):
        if path.is_file():
            return settings | flattened(_json(path), "config.")
    return settings


def _results(state: _State) -> dict[str, object]:
    """Results of an evaluation after training, which the state lacks."""
    results: dict[str, object] = {}
    for path in (state.run / name for name in _RESULTS):
        if path.is_file() and not results:
            results = flattened(_json(path))
    return results
