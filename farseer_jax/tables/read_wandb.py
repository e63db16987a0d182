"""Weights & Biases runs: from its API, from a folder of offline runs, or similar objects."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from farseer_jax.tables.libraries import extra_library
from farseer_jax.tables.records import (
    PLAIN,
    Columns,
    columns_of,
    concatenated,
    flattened,
    repeated,
    unwrapped,
)
from farseer_jax.tables.wandb_files import offline_runs

# the columns of W&B's own exports, and the attributes of a run of its API that they are
_ATTRIBUTES: Final = {
    "Name": "name",
    "ID": "id",
    "State": "state",
    "Group": "group",
    "Job Type": "job_type",
    "Tags": "tags",
    "Created": "created_at",
}
_PROJECT: Final = re.compile(r"[^/\s]+/[^/\s]+")
_EXPECTED: Final = 'runs with config and summary, "entity/project", or a folder of offline runs'


def read_wandb(
    source: str | os.PathLike[str] | Iterable[Any],
    *,
    history: bool = False,
    filters: Mapping[str, Any] | None = None,
) -> Columns:
    """Read runs of Weights & Biases into the columns of a table.

    Args:
        source: ``"entity/project"``, whose runs are fetched by W&B's API; a folder with offline
            runs (``wandb/offline-run-*``) at any depth, or one such file; or any objects with
            ``config`` and ``summary``, such as ``wandb.Api().runs(…)`` or your own.
        history: one row per logged step, with the run's settings repeated, instead of one per
            run. Runs need ``scan_history()`` or ``history``, a table or a list of mappings.
        filters: which runs of a project to fetch, in the query language of W&B's API:
            ``{"state": "finished", "config.arm": "attn"}``.

    Returns:
        Arrays of shape (row,) by name, which `Runs.from_dataframe` and `fit` take. ``Name``,
        ``ID``, ``State``, ``Group``, ``Job Type``, ``Tags`` and ``Created`` are as in W&B's
        exports, where known. Settings are named ``config.`` and their path with dots, as in W&B's
        filters: ``config.model.n_params``. Metrics keep their names, such as ``eval/loss``, with
        the values of the summary, or of a step. Crashed runs are rows with missing values. Media
        and internal entries of W&B (``_wandb``) are left out.

    Raises:
        ModuleNotFoundError: the extra ``wandb`` is not installed; objects do not need it.
        FileNotFoundError: there is no such folder.
        TypeError: these are not runs.
        ValueError: the folder has no offline runs, a file is damaged, or the project could not be
            fetched.

    Example:
        >>> from types import SimpleNamespace
        >>> config, summary = {"model": {"n_params": 2e8}}, {"tokens": 4e9, "eval/loss": 3.4}
        >>> run = SimpleNamespace(name="small", state="finished", config=config, summary=summary)
        >>> columns = read_wandb([run])
        >>> {name: values.tolist() for name, values in columns.items()}
        {'Name': ['small'], 'State': ['finished'], 'config.model.n_params': [200000000.0],
         'tokens': [4000000000.0], 'eval/loss': [3.4]}
    """
    if isinstance(source, str) and not Path(source).expanduser().exists():
        if not _PROJECT.fullmatch(source):
            raise FileNotFoundError(
                f'{source}: no such folder; a project of W&B is written "entity/project"'
            )
        return _read_project(source, history, filters)
    if filters is not None:
        raise ValueError(
            'filters: expected a project such as "entity/project", got other runs; '
            "filter the rows of the table instead"
        )
    if isinstance(source, str | os.PathLike):
        return _columns(offline_runs(source), history)
    return _columns(_checked(source), history)


def _read_project(project: str, history: bool, filters: Mapping[str, Any] | None) -> Columns:
    """The columns of a project, by W&B's API."""
    wandb = extra_library("wandb", "wandb", "projects of Weights & Biases")
    try:
        # not lazy: that would be a request for each run
        runs = wandb.Api().runs(
            project, filters=dict(filters or {}), include_sweeps=False, lazy=False
        )
        return _columns(list(runs), history)
    except (wandb.errors.Error, ValueError, OSError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"{project!r} is not a folder, and could not be fetched as a W&B project: {reason}"
        ) from error


def _columns(runs: Sequence[Any], history: bool) -> Columns:
    """The columns of runs: of their summaries, or of all steps."""
    settings = columns_of([{**_attributes(run), **_config(run)} for run in runs])
    if not history:
        summaries = columns_of([_metrics(run.summary) for run in runs])
        return {**settings, **_renamed(summaries, settings, "summary")}
    steps = []
    for run in runs:  # columns of each at once, as records of all steps would take much memory
        rows = _steps(run) or [{}]  # a run without steps is a row as well
        steps.append((columns_of(rows), len(rows)))
    counts = [count for _, count in steps]
    logged = concatenated([table for table, _ in steps], counts)
    return {**repeated(settings, counts), **_renamed(logged, settings, "history")}


def _checked(source: Any) -> Sequence[Any]:
    """One run or many, checked to be runs."""
    if _is_run(source):
        return [source]
    if not isinstance(source, Iterable):
        raise TypeError(f"expected {_EXPECTED}, got {type(source).__name__}")
    runs = list(source)
    for position, run in enumerate(runs):
        if not _is_run(run):
            raise TypeError(
                f"expected {_EXPECTED}; element {position} is {type(run).__name__}, without them"
            )
    return runs


def _is_run(value: Any) -> bool:
    """Whether an object is like a run of the API."""
    return hasattr(value, "config") and hasattr(value, "summary")


def _attributes(run: Any) -> dict[str, object]:
    """The name, state and other attributes of a run."""
    found: dict[str, object] = {}
    for column, attribute in _ATTRIBUTES.items():
        value = getattr(run, attribute, None)
        if isinstance(value, list | tuple | set | frozenset):
            value = ", ".join(
                sorted(map(str, value)) if isinstance(value, set) else map(str, value)
            )
        if value is not None and value != "":
            found[column] = value if isinstance(value, str) else str(value)
    return found


def _config(run: Any) -> dict[str, object]:
    """The settings, without W&B's wrapping and internal entries."""
    config = json.loads(run.config) if isinstance(run.config, str) else run.config  # of the server
    settings = {name: value for name, value in dict(config).items() if name != "_wandb"}
    return flattened(unwrapped(settings), "config.")


def _metrics(record: Any) -> dict[str, object]:
    """Metrics of a summary or a step, without media and internal entries of W&B."""
    pairs = record.items() if hasattr(record, "items") else dict(record).items()
    return flattened(
        {
            name: value if type(value) in PLAIN else _data(value)
            for name, value in pairs
            if name != "_wandb"
        }
    )


def _data(value: Any) -> Any:
    """A metric, or an empty mapping for an image, a table or a histogram."""
    if hasattr(value, "items"):  # a mapping, or the part of a summary that acts as one
        value = {name: _data(part) for name, part in value.items()}
        return {} if "_type" in value else value
    return value


def _steps(run: Any) -> list[dict[str, object]]:
    """The logged steps of a run; complete, where the API's ``history()`` would be a sample."""
    if hasattr(run, "scan_history"):
        rows = run.scan_history()
    elif hasattr(run, "history"):
        rows = run.history() if callable(run.history) else run.history
    else:
        raise TypeError(
            f"run {getattr(run, 'name', '')!r}: expected scan_history() or history, which "
            f"history=True needs, got {type(run).__name__} without them"
        )
    return [_metrics(row) for row in _rows(rows)]


def _rows(table: Any) -> Iterable[Mapping[str, Any]]:
    """The rows of a history as mappings, of a table or as they are."""
    if not hasattr(table, "columns"):
        return table if isinstance(table, Iterable) else []
    import narwhals as nw  # not at the top: most histories are not tables

    return _without_nan(nw.from_native(table, eager_only=True).iter_rows(named=True))


def _without_nan(rows: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows in which NaN, which a table has where nothing was logged, is missing."""
    for row in rows:
        yield {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in row.items()
        }


def _renamed(metrics: Columns, taken: Columns, origin: str) -> Columns:
    """Metrics, with another name where a run's own column has theirs."""
    return {f"{origin}.{name}" if name in taken else name: v for name, v in metrics.items()}
