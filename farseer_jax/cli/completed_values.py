"""What a shell completes as the value of an option: files, columns of the table, names."""

import contextlib
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path

import click
from click.shell_completion import CompletionItem

_LARGEST = 100e6  # bytes of a table that is read for the names of its columns
_TABLES = ("path", "path_a", "targets")  # arguments and options that name a table

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def completer(metavar: str | None, names: Sequence[str] = ()) -> Completer | None:
    """What completes an option, by how the help shows its value; None for numbers and formulas.

    Args:
        metavar: such as ``FILE`` or ``COLUMN``.
        names: names that the value may be, or of which it may be a list.
    """
    if names:
        return lambda context, parameter, text: _one_or_more(names, text)
    kind = (metavar or "").partition("|")[0]
    return {"FILE": _files, "COLUMN": _columns}.get(kind)


def _files(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    return [CompletionItem(text, type="file")]


def _columns(context: click.Context, parameter: click.Parameter, text: str) -> list[CompletionItem]:
    # click leaves arguments before an option without a value unparsed
    given = [*map(context.params.get, _TABLES), *context.args]
    paths = [path for own in given if own for path in (own if isinstance(own, list) else [own])]
    return _one_or_more(column_names(Path(paths[0])) if paths else [], text)


def column_names(path: Path) -> list[str]:
    """Names of the columns of a local table that need no quotes; none if it cannot be read."""
    with contextlib.suppress(Exception):  # a shell that completes a word shows no error
        if path.is_file() and path.stat().st_size <= _LARGEST:
            from farseer_jax.runs.read_table import read_table

            return [name for name in read_table(path) if shlex.quote(name) == name]
    return []


def _one_or_more(names: Sequence[str], text: str) -> list[CompletionItem]:
    """The names that begin as the last of a list ``a,b`` does."""
    before, comma, last = text.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{name}")
        for name in names
        if name.startswith(last) and name not in before.split(",")
    ]
