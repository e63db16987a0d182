"""``farseer completion``: tab completion of commands, options, laws, columns and files."""

import contextlib
import os
import re
from pathlib import Path
from typing import NamedTuple

import click

from farseer_jax.cli.command_factory import Command
from farseer_jax.cli.command_line import shell_word
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import Choice, Group, option

SHELLS = ("bash", "zsh", "fish")
_MARK = "# completion of farseer"
_OWN_LINE = re.compile(
    rb"(?:^|\n)\[ -r [^\n]+ \] && \. [^\n]+  " + os.fsencode(_MARK) + rb"(?:\n|\Z)"
)
# zsh completes nothing before compinit, which some call nowhere
_BEFORE = {"zsh": "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }\n"}


class Files(NamedTuple):
    """Where the completion of a shell is installed.

    Attributes:
        script: file with the script.
        startup: file that the shell reads when it starts; None if it finds the script without one.
    """

    script: Path
    startup: Path | None

    @property
    def line(self) -> bytes:
        """The line of the startup file that loads the script, as bytes of that file."""
        own = shell_word(str(self.script))
        return os.fsencode(f"[ -r {own} ] && . {own}  {_MARK}")


def files_of(shell: str) -> Files:
    """Where the completion of a shell is installed, by the usual variables of the environment.

    Raises:
        Refusal: a file lies in the home folder, and the environment does not name it.
    """

    def folder(variable: str, *below_home: str) -> Path:
        given = os.environ.get(variable)
        return Path(given) if given else _home().joinpath(*below_home)

    if shell == "fish":
        settings = folder("XDG_CONFIG_HOME", ".config")
        return Files(settings / "fish" / "completions" / "farseer.fish", None)
    script = folder("XDG_DATA_HOME", ".local", "share") / "farseer_jax" / f"completion.{shell}"
    startup = folder("ZDOTDIR") if shell == "zsh" else _home()
    return Files(script, startup / f".{shell}rc")


def _home() -> Path:
    """The user's home folder."""
    found = None
    with contextlib.suppress(RuntimeError):  # neither HOME nor an entry of this user
        found = Path.home()
    if found is None or os.environ.get("HOME") == "":
        raise Refusal("the home folder is unknown: set HOME to it, such as HOME=/home/me")
    return found


def script_of(shell: str) -> str:
    """The script that has a shell ask ``farseer`` what a word may become, by click."""
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    assert kind is not None
    root = click.get_current_context().find_root().command
    source = kind(root, {}, "farseer", "_FARSEER_COMPLETE").source()
    return f"{_BEFORE.get(shell, '')}{source.strip()}\n"


def _install(shell: str, files: Files) -> list[str]:
    """Write what is not there yet; says what was written and how to undo it."""
    found = [_written(files.script, script_of(shell))]
    if files.startup is not None:
        startup, text = files.startup, _bytes(files.startup)
        if files.line in text.split(b"\n"):
            found.append(f"{startup} already loads it")
        else:
            _cut(startup, _without_own_lines(text))
            _append(startup, b"\n" + files.line + b"\n")
            found.append(f"Added to {startup}:\n  {os.fsdecode(files.line)}")
    return [
        *found,
        "Open a new shell to use it",
        f"To undo it: farseer completion {shell} --uninstall",
    ]


def _uninstall(files: Files) -> list[str]:
    """Remove what `_install` wrote."""
    found = []
    if files.startup is not None:
        kept = _without_own_lines(_bytes(files.startup))
        if _cut(files.startup, kept):
            found.append(f"Removed the line from {files.startup}")
    if files.script.exists():
        files.script.unlink()
        found.append(f"Removed {files.script}")
    return found or ["Nothing to remove: no completion is installed"]


def _written(path: Path, text: str) -> str:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return f"{path} is up to date"
    from farseer_jax.results.files import write_text

    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
    return f"Completion script written to {path}"


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _without_own_lines(text: bytes) -> bytes:
    """A startup file as it was before `_install`, byte for byte.

    The line that loads the script has a line break of its own before it, because the last line of
    the file may have none.
    """

    def ended(match: re.Match[bytes]) -> bytes:
        before, at_end = text[: match.start()], match.end() == len(text)
        return b"" if at_end or not before or before.endswith(b"\n") else b"\n"

    return _OWN_LINE.sub(ended, text)


def _append(path: Path, text: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab") as file:
            file.write(text)
    except OSError as error:
        if error.filename is not None:
            raise
        with path.open("r+b") as file:  # a full disk took a part of it
            file.truncate(before)
        raise Refusal(f"cannot write {str(path)!r}: {error.strerror}") from None


def _cut(path: Path, kept: bytes) -> bool:
    """Leave only some of the bytes of a file; says whether it had others.

    Writes in place, which keeps permissions and symbolic links, and over what is there, which a
    full disk does not stop.
    """
    if _bytes(path) == kept:
        return False
    with path.open("r+b") as file:
        file.write(kept)
        file.truncate()
    return True


def _run(shell: str | None, install: bool, uninstall: bool) -> None:
    if install and uninstall:
        raise click.UsageError("--install does not go with --uninstall: leave one of them out.")
    shell = shell or Path(os.environ.get("SHELL", "")).name
    if shell not in SHELLS:
        raise Refusal(f"unknown shell: name it, as in farseer completion {'|'.join(SHELLS)}")
    files = files_of(shell)
    if install:
        lines = _install(shell, files)
    elif uninstall:
        lines = _uninstall(files)
    else:
        lines = [script_of(shell).rstrip()]
    click.echo("\n".join(lines))


completion = Command(
    name="completion",
    callback=_run,
    arguments=[
        click.Argument(["shell"], type=Choice(SHELLS), required=False, metavar="[bash|zsh|fish]")
    ],
    groups=[
        Group(
            "Completion",
            option("--install", help="Install it for this user.", is_flag=True),
            option("--uninstall", help="Remove what --install wrote.", is_flag=True),
        )
    ],
    help="""Set up tab completion of commands, options, laws, columns and files.

    Prints the completion script of the shell (by default that of $SHELL).
    --install writes the script to a file, adds a line that loads it to the
    startup file of the shell, and prints what it wrote.
    """,
    short_help="Set up tab completion of commands, options and columns.",
    epilog="\b\nExamples:\n  farseer completion --install\n  farseer completion zsh --install\n"
    '  eval "$(farseer completion bash)"',
)
