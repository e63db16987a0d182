"""The columns of any table: files, several files, folders of runs, tables in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Final

import numpy as np

from farseer_jax.tables.columns import Columns
from farseer_jax.tables.frames import columns_of_frame

_PATTERN: Final = frozenset("*?[")
_KIND: Final = re.compile(r"(trainer|tensorboard|wandb):")
_FILE: Final = "file"


def as_columns(source: object, table: str | None = None, *, history: bool = False) -> Columns:
    """The columns of a table from any source.

    Args:
        source: path of a file; a pattern of paths such as ``"runs/*.csv"``, or a list of paths,
            whose tables are concatenated, with a column ``file``; a folder of TensorBoard
            events, trainer states or offline runs of Weights & Biases; ``"wandb:entity/project"``;
            ``"-"`` for standard input; or a table in memory.
        table: sheet of an Excel file, table of a database, or a query in SQL.
        history: for logged runs, one row per logged step instead of one per run.

    Raises:
        OSError, ValueError: a file cannot be read; the message names it.
        TypeError: not a table.
    """
    if isinstance(source, Columns):
        return source
    if isinstance(source, str | PathLike):
        return _columns_of_path(source, table, history)
    if isinstance(source, list | tuple) and source and all(map(_is_path, source)):
        return _joined([_columns_of_path(path, table, history) for path in source])
    return Columns(columns_of_frame(source))


def _is_path(value: object) -> bool:
    return isinstance(value, str | PathLike)


def _columns_of_path(source: str | PathLike[str], table: str | None, history: bool) -> Columns:
    from farseer_jax.tables.files import read_file

    text, path = str(source), Path(source)
    if path.is_dir() or _KIND.match(text):
        from farseer_jax.tables.run_folders import read_folder

        found = read_folder(source, history=history)
        if found is not None:
            return Columns(found, text)
    if _PATTERN & set(text) and not path.exists():
        return _joined([_columns_of_path(own, table, history) for own in _matches(text)])
    return Columns(read_file(path, table), text)


def _matches(pattern: str) -> list[str]:
    import glob

    found = sorted(glob.glob(pattern, recursive=True))
    if not found:
        raise FileNotFoundError(f"{pattern}: no file matches")
    return found


def _joined(tables: Sequence[Columns]) -> Columns:
    """Tables concatenated; columns that a table lacks are missing in its rows."""
    if len(tables) == 1:
        return tables[0]
    names = list(dict.fromkeys(name for own in tables for name in own))
    columns = {name: _column([_or_missing(own, name) for own in tables]) for name in names}
    if _FILE not in columns:
        files = [np.full(own.num_rows, own.source, dtype=object) for own in tables]
        columns[_FILE] = np.concatenate(files)
    return Columns(columns, ", ".join(own.source for own in tables))


def _or_missing(table: Columns, name: str) -> np.ndarray:
    return table[name] if name in table else np.full(table.num_rows, np.nan)


def _column(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Parts of a column concatenated; as objects if some are text."""
    if all(part.dtype.kind in "fiu" for part in parts):
        return np.concatenate(parts)
    objects = [part.astype(object) for part in parts]
    for part in objects:
        part[[isinstance(value, float) and np.isnan(value) for value in part]] = None
    return np.concatenate(objects)
