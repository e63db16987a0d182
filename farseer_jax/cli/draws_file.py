"""The file of draws that ``--out`` names: checked first, and gone on with after an interruption."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import FROM_1, Group, Settings, option
from farseer_jax.cli.output import STANDARD_OUTPUT, check_target

_REMEDY = "name a Parquet file to be written"


OUT = Group(
    "Keeping every refit",
    option("--out", "FILE", "Keep every refit in a Parquet file, also if the command is killed."),
    option(
        "--resume", help="Go on with the refits that --out holds already, if any.", is_flag=True
    ),
    option(
        "--chunk-size",
        FROM_1,
        "Refits between two writes: what a kill loses at most.",
        default=4096,
    ),
)


def check_out(settings: Settings) -> None:
    """Refuse a file of draws that cannot be written, before anything is read.

    Raises:
        UsageError: ``--resume`` without a file.
        Refusal: what is wrong with the file.
    """
    out, target = settings["out"], settings["target"]
    if out is None:
        if settings["resume"]:
            raise click.UsageError("--resume goes on with the refits of a file: name it by --out.")
        return
    if out == STANDARD_OUTPUT:
        raise Refusal(f"cannot write {out!r}: --out needs a file; {_REMEDY}")
    check_target(out, [settings["path"]], _REMEDY)
    if target is not None and os.path.realpath(out) == os.path.realpath(target):
        raise Refusal(f"--out and --json name the same file, {out!r}: name two")


def check_free(out: str, resume: bool) -> None:
    """Refuse a file that is there already, before anything is fitted.

    Raises:
        FileExistsError: there is a file, and no ``--resume``.
    """
    _store(out).check_free(resume=resume)


@contextlib.contextmanager
def keeping_draws(out: str | None) -> Iterator[None]:
    """Refits are made within: what an interruption left is said, and how to go on.

    Raises:
        KeyboardInterrupt: as before, with that sentence.
    """
    if out is None:
        yield
        return
    try:
        with _killed_as_interrupted():
            yield
    except KeyboardInterrupt:
        store = _store(out)
        raise KeyboardInterrupt(
            f"Interrupted: {store.num_kept():,} refits are kept in {store.parts}; the same "
            "command with --resume goes on from there."
        ) from None


@contextlib.contextmanager
def _killed_as_interrupted() -> Iterator[None]:
    """``kill`` and schedulers of clusters send SIGTERM: it ends a command as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may choose what a signal does
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _store(out: str) -> Any:
    from farseer_jax.uncertainty.draws_file import Store

    return Store(out, {})
