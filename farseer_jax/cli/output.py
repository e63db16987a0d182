"""Output of results: a table or JSON on standard output, and JSON in files."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.errors import Refusal, in_options
from farseer_jax.cli.terminal import shown_on
from farseer_jax.runtime.progress import progress_bar

if TYPE_CHECKING:
    from farseer_jax.results.table import Table

STANDARD_OUTPUT = "-"


@dataclass(frozen=True)
class Output:
    """A result of the library, and what a command adds to it.

    Attributes:
        result: the result, which prints itself, has ``file_content``, and can be drawn.
        text: what is printed instead of the result.
        warnings: warnings of the fit that the result does not have; None if it has all.
        above: other results, printed above it.
        below: other results, printed below it.
        more: further entries of the JSON.
        what: what was written, if not what the command usually writes.
        note: line on standard error at the end.
        drawn: what is drawn instead of the result, such as the fit of a prediction.
        drawing: further arguments of the function that draws it.
        figure: this function, if it is not the one that usually draws the command's result.
        exit_code: of the command, such as 1 where a check has found a fault.
    """

    result: Any
    text: object = None
    warnings: Sequence[str] | None = None
    above: Sequence[object] = ()
    below: Sequence[object] = ()
    more: Mapping[str, Any] = field(default_factory=dict)
    what: str | None = None
    note: str | None = None
    drawn: Any = None
    drawing: Mapping[str, Any] = field(default_factory=dict)
    figure: str | None = None
    exit_code: int = 0

    def parts(self) -> "list[str | Table]":
        """Paragraphs and tables, in the order in which they are printed."""
        *own, last = _parts_of(self.text or self.result)
        parts = [
            *(part for other in self.above for part in _parts_of(other)),
            *own,
            _with_warnings(last, self.warnings or ()),
            *(part for other in self.below for part in _parts_of(other)),
        ]
        return [_of_the_shell(part) for part in parts]

    def all_warnings(self) -> list[str]:
        """The lines of the text that warn."""
        lines = "\n".join(map(str, self.parts())).split("\n")
        return [line for line in lines if _warns(line)]

    def to_json(self) -> str:
        """What ``--json`` writes and ``from_json`` reads, with the warnings of the fit last."""
        from farseer_jax.results.digest import json_text

        own = getattr(self.result, "file_content", self.result.to_dict)  # a report has no file
        content = {**own(), **self.more}
        if self.warnings is not None:
            content["warnings"] = [*content.get("warnings", ()), *self.warnings]
        if "fields" in content:  # for readers the rest comes first
            content["fields"] = content.pop("fields")
        return json_text(content)


def _parts_of(result: Any) -> "Sequence[str | Table]":
    """The paragraphs and tables of a result; a text is one paragraph."""
    return [result] if isinstance(result, str) else result.text_parts()


def _with_warnings(part: "str | Table", warnings: Sequence[str]) -> "str | Table":
    """A part with warnings directly under it."""
    from farseer_jax.results.result import warned

    if isinstance(part, str):
        return warned(part, warnings)
    return replace(part, note=warned(part.note, warnings).strip()) if warnings else part


def _of_the_shell(part: "str | Table") -> "str | Table":
    """A part whose warnings name options of the shell."""
    from farseer_jax.results.result import Headline

    if not isinstance(part, str):
        return replace(part, note=_in_options(part.note))
    return Headline(_in_options(part)) if isinstance(part, Headline) else _in_options(part)


def _in_options(text: str) -> str:
    return "\n".join(
        in_options(line) if line.lower().startswith("warning: ") else line
        for line in text.split("\n")
    )


def paths_of(setting: Any) -> list[Path]:
    """The paths of a setting: none, one or several."""
    return setting if isinstance(setting, list) else [] if setting is None else [setting]


def check_target(target: str | None, inputs: Iterable[Path | None], remedy: str) -> None:
    """Check that an output file can be written, before anything is computed.

    Args:
        target: file that an option names, or standard output.
        inputs: files that are read, and must not be overwritten.
        remedy: what to do if it is not a regular file.

    Raises:
        Refusal: the file cannot be written.
    """
    if target is None or target == STANDARD_OUTPUT:
        return
    path = Path(target)
    problem = _problem(path, remedy)
    if problem is None and any(_same_file(path, source) for source in inputs):
        problem = "it is a file that this command reads; name another"
    if problem is not None:
        raise Refusal(f"cannot write {target!r}: {problem}")


def deliver(output: Output, target: str | None, what: str) -> None:
    """Write the JSON if a file is named, and print the table or the JSON.

    Args:
        output: the result.
        target: the file that ``--json`` names, ``-`` or None.
        what: content of the file, for the note on standard error.
    """
    if target == STANDARD_OUTPUT:
        _print(output.to_json().encode())  # JSON is UTF-8, whatever the terminal's encoding
    else:
        if target is not None:
            _write(Path(target), output.to_json())
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        with progress_bar():  # some results are computed when they are printed
            text = shown_on(sys.stdout, output.parts())
        _print(f"{text}\n".encode(encoding, errors="replace"))
        if target is not None:
            click.echo(f"{output.what or what} written to {target}", err=True)
    if output.note is not None:
        click.echo(output.note, err=True)


def naming(output: Output, dropped: Sequence[str]) -> Output:
    """A result that says which runs were left out, first in its text and last in its JSON."""
    if not dropped:
        return output
    line = f"left out: {', '.join(dropped)}"
    return replace(output, above=[line, *output.above], more={**output.more, "dropped": [*dropped]})


def _warns(line: str) -> bool:
    return line.lower().startswith("warning: ")


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
        return f"it is not a regular file; {remedy}"
    if not folder.is_dir():
        return f"there is no folder {str(folder)!r}; create it first"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"no permission to write in the folder {str(folder)!r}"
    return None


def _same_file(path: Path, source: Path | None) -> bool:
    return source is not None and path.exists() and source.exists() and path.samefile(source)
