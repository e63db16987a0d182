"""Offline runs of Weights & Biases: the records of their ``.wandb`` files.

The wandb library has no public function to read these files. They hold its protocol buffers in the
log format of LevelDB, with CRC-32 and a different header:
https://github.com/google/leveldb/blob/main/doc/log_format.md
"""

from __future__ import annotations

import json
import os
import struct
import time
import zlib
from collections.abc import Iterator, MutableMapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from farseer_jax.tables.folders import files_below
from farseer_jax.tables.libraries import extra_library

_SUFFIX: Final = ".wandb"
_MAGIC: Final = b":W&B"
_HEADER_BYTES: Final = 7
_BLOCK_BYTES: Final = 32768
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
_RUNNING_SECONDS: Final = 300  # after which W&B calls a run that no longer reports crashed


@dataclass
class OfflineRun:
    """A run read from its files, with the attributes of a run of W&B's API."""

    id: str = ""
    name: str | None = None
    state: str = "crashed"
    group: str | None = None
    job_type: str | None = None
    tags: list[str] = field(default_factory=list)
    created_at: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    written: dict[str, Any] = field(default_factory=dict)  # the summary's own records
    last: dict[str, Any] = field(default_factory=dict)  # the last logged value of each metric
    history: list[dict[str, Any]] = field(default_factory=list)

    @property
    def summary(self) -> dict[str, Any]:
        """The written summary, and the last values of all other metrics."""
        return {**self.last, **self.written}


def is_wandb_file(name: str) -> bool:
    """Whether a file is the log of a run, by its name.

    Example:
        >>> is_wandb_file("run-8dah4s4l.wandb")
        True
    """
    return name.startswith("run-") and name.endswith(_SUFFIX)


def offline_runs(path: str | os.PathLike[str]) -> list[OfflineRun]:
    """Read the runs of a folder, or of one file.

    Args:
        path: a folder with ``run-*.wandb`` files at any depth, or such a file.

    Returns:
        The runs in the order of their files. The files of a resumed run are one run.

    Raises:
        ModuleNotFoundError: the extra ``wandb`` is not installed.
        FileNotFoundError: there is no such folder.
        ValueError: there are no such files, or one is damaged before its end.
    """
    path = Path(path).expanduser()
    files = [path] if path.is_file() else files_below(path, is_wandb_file)
    if not files:
        raise ValueError(f"{path}: has no offline runs of W&B (run-*.wandb) at any depth")
    messages = extra_library("wandb.proto.wandb_internal_pb2", "wandb", "offline runs of W&B")
    runs: dict[tuple[str, str, str], OfflineRun] = {}
    for file in files:
        key = ("", "", str(file))  # of a file that ends before it names its run
        run = OfflineRun(id=file.name.removeprefix("run-").removesuffix(_SUFFIX))
        if time.time() - file.stat().st_mtime < _RUNNING_SECONDS:
            run.state = "running"
        for data in _records(file):
            record = messages.Record.FromString(data)
            if record.HasField("run"):
                key = (record.run.entity, record.run.project, record.run.run_id)
                state, run = run.state, runs.get(key, run)
                run.state = state  # that of its last file
            _add(run, record)
        runs[key] = run
    return list(runs.values())


def _add(run: OfflineRun, record: Any) -> None:
    """Add one record to its run."""
    kind = record.WhichOneof("record_type")
    if kind == "run":
        _add_run(run, record.run)
    elif kind == "config":
        _update(run.config, record.config)
    elif kind == "summary":
        _update(run.written, record.summary)
    elif kind == "history":
        row: dict[str, Any] = {}
        _set(row, record.history.item)
        if record.history.HasField("step"):
            row.setdefault("_step", record.history.step.num)
        run.history.append(row)
        run.last.update(row)
    elif kind == "exit":
        run.state = "failed" if record.exit.exit_code else "finished"


def _add_run(run: OfflineRun, record: Any) -> None:
    """Add the description of a run; a later one completes it."""
    run.id = record.run_id or run.id
    run.name = record.display_name or run.name
    run.group = record.run_group or run.group
    run.job_type = record.job_type or run.job_type
    run.tags = list(record.tags) or run.tags
    if record.HasField("start_time") and run.created_at is None:
        started = datetime.fromtimestamp(record.start_time.seconds, UTC)
        run.created_at = started.strftime("%Y-%m-%dT%H:%M:%SZ")
    _update(run.config, record.config)
    if record.HasField("summary"):
        _update(run.written, record.summary)


def _update(values: dict[str, Any], record: Any) -> None:
    """Change settings or a summary as a record says."""
    _set(values, record.update)
    for item in record.remove:
        *path, last = item.nested_key or [item.key]
        _inner(values, path).pop(last, None)


def _set(values: dict[str, Any], items: Any) -> None:
    """Set the values of items, each under its name or path of names."""
    for item in items:
        *path, last = item.nested_key or [item.key]
        _inner(values, path)[last] = json.loads(item.value_json)


def _inner(values: dict[str, Any], path: list[str]) -> MutableMapping[str, Any]:
    """The mapping at a path, which is made where there is none."""
    for name in path:
        if not isinstance(values.get(name), dict):
            values[name] = {}
        values = values[name]
    return values


def _records(file: Path) -> Iterator[bytes]:
    """The complete records of a file: a killed run leaves half a record at its end."""
    log = file.read_bytes()
    if log and not log.startswith(_MAGIC[: len(log)]):
        raise ValueError(f"{file}: is not a W&B file: it does not begin with {_MAGIC.decode()}")
    position = _HEADER_BYTES
    begun: bytes | None = None  # the parts so far of a record that goes over blocks, maybe empty
    while position + _HEADER_BYTES <= len(log):
        left = _BLOCK_BYTES - position % _BLOCK_BYTES
        checksum, length, kind = struct.unpack_from("<IHB", log, position)
        if left < _HEADER_BYTES or not (length or kind):  # the block ends, or its rest is unused
            position += left
            continue
        end = position + _HEADER_BYTES + length
        if end > len(log) and _HEADER_BYTES + length <= left:
            return
        data = log[position + _HEADER_BYTES : end]
        is_in_order = kind in ((_FULL, _FIRST) if begun is None else (_MIDDLE, _LAST))
        is_whole = zlib.crc32(data, zlib.crc32(bytes([kind]))) == checksum
        if not is_whole or not is_in_order:
            raise ValueError(
                f"{file}: is damaged at byte {position} of {len(log)}; copy it again, or leave it "
                f"out"
            )
        begun = (begun or b"") + data
        if kind in (_FULL, _LAST):
            yield begun
            begun = None
        position = end
