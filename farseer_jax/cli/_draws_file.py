"""The file of draws that ``--out`` names: checked first, and gone on with after an interruption."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from farseer_jax.cli._errors import Refusal
from farseer_jax.cli._options import Decorated, decorate, option
from farseer_jax.cli._output import STANDARD_OUTPUT, check_file

DRAWS = "Keeping every refit"
_REMEDY = "name a Parquet file to be written"


def out_options(command: Decorated) -> Decorated:
    """``--out``, ``--resume`` and ``--chunk-size``."""
    return decorate(
        command,
        [
            option(
                "--out",
                metavar="FILE",
                group=DRAWS,
                help="Keep every refit in a Parquet file, also if the command is killed.",
            ),
            option(
                "--resume",
                is_flag=True,
                group=DRAWS,
                help="Go on with the refits that --out holds already, if any.",
            ),
            option(
                "--chunk-size",
                type=click.IntRange(1),
                metavar="NUMBER",
                default=4096,
                show_default=True,
                group=DRAWS,
                help="Refits between two writes: what a kill loses at most.",
            ),
        ],
    )


def check_out(out: str | None, target: str | None, path: Path | None, resume: bool) -> None:
    """Refuse a file of draws that cannot be written, before anything is read.

    Args:
        out: what ``--out`` named.
        target: what ``--json`` named.
        path: the file of runs.
        resume: whether to go on with what is there.

    Raises:
        UsageError: ``--resume`` without a file.
        Refusal: what is wrong with the file.
    """
    if out is None:
        if resume:
            raise click.UsageError("--resume goes on with the refits of a file: name it by --out.")
        return
    if out == STANDARD_OUTPUT:
        raise Refusal(f"cannot write {out!r}: --out is no text; {_REMEDY}")
    check_file(out, [path], _REMEDY)
    if target is not None and os.path.realpath(out) == os.path.realpath(target):
        raise Refusal(f"--out and --json name the same file, {out!r}: name two")


def check_free(out: str, resume: bool) -> None:
    """Refuse a file that is there already, before anything is fitted.

    Raises:
        FileExistsError: there is a file, and no ``--resume``.
    """
    with _options_named():
        _store(out).check_free(resume=resume)


@contextlib.contextmanager
def keeping_draws(out: str | None) -> Iterator[None]:
    """Refits are made within: what an interruption left is said, and how to go on.

    Raises:
        KeyboardInterrupt: as before, with that sentence.
        OSError: of the library, with its remedy in words of the shell.
    """
    if out is None:
        yield
        return
    try:
        with _killed_as_interrupted(), _options_named():
            yield
    except KeyboardInterrupt:
        store = _store(out)
        raise KeyboardInterrupt(
            f"Interrupted: {store.num_kept():,} refits are kept in {store.parts}; the same "
            "command with --resume goes on from there."
        ) from None


@contextlib.contextmanager
def _options_named() -> Iterator[None]:
    """Sentences of the library, with its ``resume`` as the option that it is here."""
    try:
        yield
    except OSError as error:
        if "(resume)" not in str(error):
            raise
        raise type(error)(str(error).replace("(resume)", "(--resume)")) from error


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
