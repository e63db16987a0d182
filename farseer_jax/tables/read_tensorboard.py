"""TensorBoard runs: the scalars and hyperparameters in folders of event files."""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.tables.folders import files_below, run_name
from farseer_jax.tables.libraries import extra_library
from farseer_jax.tables.records import Columns, columns_of, concatenated, flattened, repeated

_PROCESSING: Final = "tensorboard.backend.event_processing.event_accumulator"
_NEEDED_FOR: Final = "event files of TensorBoard"
_DAMAGED: Final = re.compile(r"Truncated record in (.*) \(.*crc32 check")
_SESSION: Final = "_hparams_/session_start_info"


@dataclass(frozen=True)
class _Events:
    """What the event files of one folder hold."""

    folder: Path
    scalars: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]  # steps and values by tag
    hparams: dict[str, object]


def read_tensorboard(
    folder: str | os.PathLike[str],
    *,
    history: bool = False,
    tags: Sequence[str] | str | None = None,
) -> Columns:
    """Read TensorBoard's event files below a folder into the columns of a table.

    Args:
        folder: every folder at or below it that has event files is a run.
        history: one row per logged step, with the hyperparameters repeated, instead of one per
            run.
        tags: the tags to read, with wildcards: ``["eval/*", "tokens"]``; None reads all.

    Returns:
        Arrays of shape (row,) by name, which `Runs.from_dataframe` and `fit` take: ``run``, the
        path relative to the folder; ``step``, the last step or that of the row; scalars by their
        tags, at their last step or that of the row; hyperparameters (of TensorBoard's ``hparams``
        plugin) as ``hparams.lr``. Hyperparameters that PyTorch's ``add_hparams`` wrote to a
        separate folder are joined to the run above it; a run without any has those of the nearest
        folder above. TensorBoard stores scalars in float32. If a step was logged twice, the last
        value written counts.

    Raises:
        ModuleNotFoundError: the extra ``tensorboard`` is not installed.
        FileNotFoundError: there is no such folder.
        ValueError: it has no event files, or no run has one of the tags.

    Example:
        >>> import pathlib, tempfile
        >>> from tensorboard.compat.proto.event_pb2 import Event
        >>> from tensorboard.compat.proto.summary_pb2 import Summary
        >>> from tensorboard.summary.writer.event_file_writer import EventFileWriter
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     writer = EventFileWriter(str(pathlib.Path(folder, "small")))
        ...     for step, loss in [(100, 4.0), (200, 3.5)]:
        ...         value = Summary.Value(tag="eval/loss", simple_value=loss)
        ...         writer.add_event(Event(step=step, summary=Summary(value=[value])))
        ...     writer.close()
        ...     last = read_tensorboard(folder)
        >>> {name: values.tolist() for name, values in last.items()}
        {'run': ['small'], 'step': [200], 'eval/loss': [3.5]}
    """
    tags = [tags] if isinstance(tags, str) else tags
    files = files_below(folder, is_event_file)
    if not files:
        raise ValueError(
            f"{folder}: has no event files of TensorBoard (events.out.tfevents.*) at any depth"
        )
    runs = _with_hparams([_read(run) for run in dict.fromkeys(file.parent for file in files)])
    if tags is not None:
        runs = [_selected(run, tags) for run in runs]
        _refuse_missing_tags(folder, runs, tags)
    names = np.array([run_name(run.folder, folder) for run in runs], dtype=object)
    settings = columns_of([run.hparams for run in runs])
    steps = [_by_step(run.scalars) if history else _last(run.scalars) for run in runs]
    counts = [max((len(values) for values in table.values()), default=1) for table in steps]
    return {
        **repeated({"run": names}, counts),
        **concatenated(steps, counts),
        **repeated(settings, counts),
    }


def is_event_file(name: str) -> bool:
    """Whether a file holds events, by its name.

    Example:
        >>> is_event_file("events.out.tfevents.1700000000.host")
        True
    """
    return "tfevents" in name and not name.endswith(".profile-empty")


def _read(folder: Path) -> _Events:
    """Read the event files of one folder, in their order."""
    accumulator = extra_library(_PROCESSING, "tensorboard", _NEEDED_FOR)
    everything = dict.fromkeys((accumulator.SCALARS, accumulator.TENSORS), 0)
    little = dict.fromkeys((accumulator.IMAGES, accumulator.AUDIO, accumulator.HISTOGRAMS), 1)
    events = accumulator.EventAccumulator(
        str(folder), size_guidance={**everything, **little, accumulator.COMPRESSED_HISTOGRAMS: 1}
    )
    with _messages() as messages:
        events.Reload()
    # the last record of a killed run is cut off; that is not damage
    for damaged in filter(None, map(_DAMAGED.match, messages)):
        raise ValueError(
            f"{damaged[1]}: is damaged, and all events after the damage would be lost; copy it "
            f"again, or leave it out"
        )
    scalars = {
        tag: _series([(event.step, event.value) for event in events.Scalars(tag)])
        for tag in events.Tags()[accumulator.SCALARS]
    }
    for tag in events.Tags()[accumulator.TENSORS]:  # how newer writers store scalars
        if _plugin(events, tag) == "scalars":
            scalars[tag] = _series([(e.step, _number(e.tensor_proto)) for e in events.Tensors(tag)])
    return _Events(folder, scalars, _hparams(events))


@contextmanager
def _messages() -> Iterator[list[str]]:
    """Collect what TensorBoard logs, which is the only way in which it reports damage."""
    messages: list[str] = []

    def collect(record: logging.LogRecord) -> bool:
        messages.append(record.getMessage())
        return False  # nothing is printed

    logger = logging.getLogger("tensorboard")
    level = logger.level
    logger.setLevel(logging.DEBUG)
    logger.addFilter(collect)
    try:
        yield messages
    finally:
        logger.removeFilter(collect)
        logger.setLevel(level)


def _plugin(events: Any, tag: str) -> str:
    """The TensorBoard plugin that a tag belongs to."""
    try:
        return str(events.SummaryMetadata(tag).plugin_data.plugin_name)
    except KeyError:
        return ""


def _number(tensor: Any) -> float:
    """The value of a tensor without axes."""
    from tensorboard.util import tensor_util

    return float(tensor_util.make_ndarray(tensor).reshape(()))


def _series(events: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Steps, ascending, and the last value written at each."""
    values = dict(events)
    steps = sorted(values)
    return np.array(steps, np.int64), np.array([values[step] for step in steps], np.float64)


def _hparams(events: Any) -> dict[str, object]:
    """The hyperparameters that a run was started with."""
    from tensorboard.plugins.hparams import metadata

    try:
        content = events.PluginTagToContent(metadata.PLUGIN_NAME)[_SESSION]
    except KeyError:
        return {}
    started = metadata.parse_session_start_info_plugin_data(content)
    values = {
        name: getattr(value, kind)
        for name, value in sorted(started.hparams.items())
        if (kind := value.WhichOneof("kind")) in ("number_value", "string_value", "bool_value")
    }
    return flattened(values, "hparams.")


def _with_hparams(runs: list[_Events]) -> list[_Events]:
    """Give each run the hyperparameters in a folder above or just below it."""
    found = {run.folder: run for run in runs}
    joined = [run for run in runs if run.hparams and _is_part(run, found)]
    for part in joined:
        above = found[part.folder.parent]
        found[above.folder] = replace(
            above, scalars={**part.scalars, **above.scalars}, hparams=part.hparams
        )
        del found[part.folder]
    return [
        replace(run, hparams=run.hparams or _inherited(run.folder, found)) for run in found.values()
    ]


def _is_part(run: _Events, runs: dict[Path, _Events]) -> bool:
    """Whether `add_hparams` wrote this folder inside a run: each value once, at one step."""
    above = runs.get(run.folder.parent)
    if above is None or above.hparams or any(len(steps) > 1 for steps, _ in run.scalars.values()):
        return False
    siblings = [other for other in runs.values() if other.folder.parent == above.folder]
    return sum(bool(other.hparams) for other in siblings) == 1


def _inherited(folder: Path, runs: dict[Path, _Events]) -> dict[str, object]:
    """The hyperparameters of the nearest folder above."""
    above = (runs[parent] for parent in folder.parents if parent in runs)
    return next((run.hparams for run in above if run.hparams), {})


def _selected(run: _Events, tags: Collection[str]) -> _Events:
    """The run with the selected tags."""
    chosen = {
        tag: series
        for tag, series in run.scalars.items()
        if any(tag == wanted or fnmatchcase(tag, wanted) for wanted in tags)
    }
    return replace(run, scalars=chosen)


def _refuse_missing_tags(
    folder: str | os.PathLike[str], runs: list[_Events], tags: Collection[str]
) -> None:
    """Refuse tags that no run has."""
    found = {tag for run in runs for tag in run.scalars}
    for wanted in tags:
        if not any(tag == wanted or fnmatchcase(tag, wanted) for tag in found):
            raise ValueError(f"{folder}: no run has scalars with the tag {wanted!r}")


def _last(scalars: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Columns:
    """The last value of each tag, in one row."""
    if not scalars:
        return {}
    step = max(int(steps[-1]) for steps, _ in scalars.values())
    last = {_column(tag): values[-1:] for tag, (_, values) in scalars.items()}
    return {"step": np.array([step]), **last}


def _by_step(scalars: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]]) -> Columns:
    """The values of all tags, one row per logged step."""
    if not scalars:
        return {}
    all_steps = np.unique(np.concatenate([steps for steps, _ in scalars.values()]))
    columns: Columns = {"step": all_steps}
    for tag, (steps, values) in scalars.items():
        columns[_column(tag)] = np.full(len(all_steps), np.nan)
        columns[_column(tag)][np.searchsorted(all_steps, steps)] = values
    return columns


def _column(tag: str) -> str:
    """The column of a tag, renamed where the table itself has a column of that name."""
    return f"scalars.{tag}" if tag in ("run", "step") else tag
