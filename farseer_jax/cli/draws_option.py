"""The file of draws that ``--out`` writes and resumes, or that ``--check`` checks."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import FROM_1, Group, Settings, named, option
from farseer_jax.cli.output import STANDARD_OUTPUT, Output, check_target, paths_of

_REMEDY = "name a Parquet file to write"
_WITH_CHECK = ("num_resamples", "target")  # how many to refit, and the JSON
_NUM_REFITS = 10  # as in the library
FAULTS = 1  # exit code

OUT = Group(
    "Keeping every refit",
    option("--out", "FILE", "Keep every refit in a Parquet file, even if the command is killed."),
    option("--resume", help="Continue the refits that --out has already, if any.", is_flag=True),
    option(
        "--chunk-size",
        FROM_1,
        "Refits between two writes: the most that a kill can lose.",
        default=4096,
    ),
    option(
        "--check",
        click.Path(path_type=Path),
        "Check such a file instead, finished or not: its digests, its rows and some of its refits.",
        metavar="FILE",
    ),
)


def check_alone() -> None:
    """Refuse options that say how to make refits: ``--check`` keeps none.

    Raises:
        UsageError: another option is given.
    """
    params = click.get_current_context().command.params
    for param in params:
        if param.name not in (*_WITH_CHECK, "check") and named(str(param.name)):
            what = "RUNS" if isinstance(param, click.Argument) else param.opts[0]
            raise click.UsageError(
                f"{what} does not go with --check, which reads everything from its file: leave "
                "it out."
            )


def checked(path: str, num_refits: int | None) -> Output:
    """Check a file of draws; a fault sets the exit code."""
    import farseer_jax

    found = farseer_jax.check_draws(path, num_refits=num_refits or _NUM_REFITS)
    return Output(found, what="Check", exit_code=0 if found.intact else FAULTS)


def check_out(settings: Settings) -> None:
    """Check that a file of draws can be written, before anything is read.

    Raises:
        UsageError: ``--resume`` without a file.
        Refusal: the file cannot be written.
    """
    out, target = settings["out"], settings["target"]
    if out is None:
        if settings["resume"]:
            raise click.UsageError("--resume continues the refits of a file: name it by --out.")
        return
    if out == STANDARD_OUTPUT:
        raise Refusal(f"cannot write {out!r}: --out needs a file; {_REMEDY}")
    check_target(out, paths_of(settings["path"]), _REMEDY)
    if target is not None and os.path.realpath(out) == os.path.realpath(target):
        raise Refusal(f"--out and --json name the same file, {out!r}: name two")


def check_free(out: str, resume: bool) -> None:
    """Check that a file does not exist yet, before anything is fitted.

    Raises:
        FileExistsError: the file exists, and there is no ``--resume``.
    """
    _store(out).check_free(resume=resume)


@contextlib.contextmanager
def keeping_draws(out: str | None) -> Iterator[None]:
    """A context for refits: after an interruption, says what was kept and how to continue.

    Raises:
        KeyboardInterrupt: the refits were interrupted.
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
            "command with --resume continues from there."
        ) from None


@contextlib.contextmanager
def _killed_as_interrupted() -> Iterator[None]:
    """Treat SIGTERM, which ``kill`` and cluster schedulers send, like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signal handlers
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _store(out: str) -> Any:
    from farseer_jax.uncertainty.draws_file import Store

    return Store(out, {})
