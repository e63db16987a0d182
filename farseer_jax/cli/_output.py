"""Where results go: a table or JSON on standard output, JSON in a file."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli._errors import Refusal

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

STANDARD_OUTPUT = "-"


def check_target(target: str | None, inputs: Iterable[Path | None]) -> None:
    """Refuse an output file that cannot be written, before anything is computed.

    Args:
        target: what ``--json`` named.
        inputs: files that are read, and must not be overwritten.

    Raises:
        Refusal: what is wrong with the file.
    """
    if target is None or target == STANDARD_OUTPUT:
        return
    check_file(target, inputs, f"use --json {STANDARD_OUTPUT} for standard output")


def check_file(target: str, inputs: Iterable[Path | None], remedy: str) -> None:
    """The same for an output that can only be a file.

    Args:
        target: what the option named.
        inputs: files that are read, and must not be overwritten.
        remedy: what to do where it is no regular file.

    Raises:
        Refusal: what is wrong with the file.
    """
    path = Path(target)
    problem = _problem(path, remedy)
    if problem is None and any(_same_file(path, source) for source in inputs):
        problem = "it is a file that this command reads; name another"
    if problem is not None:
        raise Refusal(f"cannot write {target!r}: {problem}")


def json_text(content: Mapping[str, Any]) -> str:
    """What ``--json`` writes."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def with_warnings(found: object, fit: "Fit") -> str:
    """What is printed, and what to know of the fit itself, which is not printed."""
    return f"{found}" + "".join(f"\nwarning: {sentence}" for sentence in fit.warnings)


def deliver(
    table: Callable[[], str], as_json: Callable[[], str], target: str | None, what: str
) -> None:
    """Write the JSON where it was asked for, and print the table or the JSON.

    Args:
        table: makes what people read.
        as_json: makes what programs read.
        target: what ``--json`` named: a file, ``-`` or nothing.
        what: what the file holds, for the note on standard error.
    """
    if target == STANDARD_OUTPUT:
        _print(as_json().encode())  # JSON is UTF-8, whatever the terminal speaks
        return
    if target is not None:
        _write(Path(target), as_json())
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    _print(f"{table()}\n".encode(encoding, errors="replace"))
    if target is not None:
        click.echo(f"{what} written to {target}", err=True)


def _print(text: bytes) -> None:
    try:
        click.echo(text, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Refusal(f"cannot write to standard output: {error.strerror}") from None


def _write(path: Path, text: str) -> None:
    from farseer_jax.results.files import write_text

    try:
        write_text(path, text)
    except OSError as error:
        reason = error.strerror if error.strerror is not None else str(error)
        raise Refusal(reason if str(path) in reason else f"cannot write {path}: {reason}") from None


def _problem(path: Path, remedy: str) -> str | None:
    folder = path.parent
    if path.is_dir():
        return "it is a directory; name a file in it"
    if path.exists() and not path.is_file():
        return f"it is no regular file; {remedy}"
    if not folder.is_dir():
        return f"there is no folder {str(folder)!r}; create it first"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"no permission to write in the folder {str(folder)!r}"
    return None


def _same_file(path: Path, source: Path | None) -> bool:
    return source is not None and path.exists() and source.exists() and path.samefile(source)
