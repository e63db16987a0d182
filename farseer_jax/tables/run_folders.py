"""Folders of logged runs: their kind and their columns."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from farseer_jax.tables.folders import files_below
from farseer_jax.tables.read_tensorboard import is_event_file, read_tensorboard
from farseer_jax.tables.read_trainer_states import STATE, read_trainer_states
from farseer_jax.tables.read_wandb import read_wandb
from farseer_jax.tables.records import Columns
from farseer_jax.tables.wandb_files import is_wandb_file


class _Kind(NamedTuple):
    """A kind of folder: what it is called, its files, and how it is read."""

    title: str
    is_file: Callable[[str], bool]
    read: Callable[..., Columns]


_KINDS: Final = {
    "trainer": _Kind(f"{STATE} of Hugging Face", lambda name: name == STATE, read_trainer_states),
    "tensorboard": _Kind("event files of TensorBoard", is_event_file, read_tensorboard),
    "wandb": _Kind("offline runs of W&B", is_wandb_file, read_wandb),
}


def read_folder(path: str | os.PathLike[str], *, history: bool = False) -> Columns | None:
    """Read a folder of logged runs of any known kind.

    Args:
        path: a folder with runs of one kind at any depth: of Hugging Face's Trainer, of
            TensorBoard, or offline runs of Weights & Biases. A prefix may give its kind:
            ``trainer:``, ``tensorboard:`` or ``wandb:``, and ``wandb:entity/project`` is a project.
        history: one row per logged step instead of one per run.

    Returns:
        Arrays of shape (row,) by name; None if the path is not a folder and has no such prefix.

    Raises:
        FileNotFoundError: the path has such a prefix, and there is no such folder.
        ModuleNotFoundError: the library that reads this kind is not installed.
        ValueError: the folder has runs of no kind or of several, or they cannot be read.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     state = pathlib.Path(folder, "small", "trainer_state.json")
        ...     state.parent.mkdir()
        ...     _ = state.write_text('{"global_step": 9, "log_history": [{"eval_loss": 3.1}]}')
        ...     columns = read_folder(folder)
        >>> columns["run"].tolist(), columns["eval_loss"].tolist()
        (['small'], [3.1])
        >>> read_folder("runs.csv") is None
        True
    """
    prefix, _, rest = os.fspath(path).partition(":")
    if prefix in _KINDS and rest:
        return _KINDS[prefix].read(rest, history=history)
    if not Path(path).expanduser().is_dir():
        return None
    kinds = [name for name, kind in _KINDS.items() if files_below(path, kind.is_file)]
    if len(kinds) == 1:
        return _KINDS[kinds[0]].read(path, history=history)
    if not kinds:
        raise ValueError(
            f"{path}: is a folder without runs; expected {STATE} (Hugging Face), "
            "events.out.tfevents.* (TensorBoard) or run-*.wandb (W&B) in it at any depth; for a "
            "table, give its file"
        )
    found = " and ".join(_KINDS[kind].title for kind in kinds)
    choices = " or ".join(f"{kind}:{os.fspath(path)}" for kind in kinds)
    raise ValueError(f"{path}: has {found}; say which to read, {choices}")
