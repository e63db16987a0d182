"""``farseer completion``: tab completion of commands, options, laws, columns and files."""

import os
from pathlib import Path
from typing import NamedTuple

import click

from farseer_jax.cli.command_factory import Command
from farseer_jax.cli.command_line import shell_word
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import Choice, Group, option

SHELLS = ("bash", "zsh", "fish")
_MARK = "# completion of farseer"
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
    def line(self) -> str:
        """The line of the startup file that loads the script."""
        own = shell_word(str(self.script))
        return f"[ -r {own} ] && . {own}  {_MARK}"


def files_of(shell: str) -> Files:
    """Where the completion of a shell is installed, by the usual variables of the environment."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "farseer_jax"
    settings = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    if shell == "fish":
        return Files(settings / "fish" / "completions" / "farseer.fish", None)
    folder = Path(os.environ.get("ZDOTDIR") or home) if shell == "zsh" else home
    return Files(data / f"completion.{shell}", folder / f".{shell}rc")


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
        lines = _lines(files.startup)
        if files.line in lines:
            found.append(f"{files.startup} already loads it")
        else:
            kept = [own for own in lines if not own.endswith(_MARK)]
            _rewrite(files.startup, [*kept, files.line])
            found.append(f"Added to {files.startup}:\n  {files.line}")
    return [
        *found,
        "Open a new shell to use it",
        f"To undo it: farseer completion {shell} --uninstall",
    ]


def _uninstall(files: Files) -> list[str]:
    """Remove what `_install` wrote."""
    found = []
    if files.startup is not None:
        lines = _lines(files.startup)
        kept = [own for own in lines if not own.endswith(_MARK)]
        if kept != lines:
            _rewrite(files.startup, kept)
            found.append(f"Removed the line from {files.startup}")
    if files.script.exists():
        files.script.unlink()
        found.append(f"Removed {files.script}")
    return found or ["Nothing to remove: no completion is installed"]


def _written(path: Path, text: str) -> str:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return f"{path} is up to date"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return f"Completion script written to {path}"


def _lines(path: Path) -> list[str]:
    return path.read_text("utf-8", "surrogateescape").splitlines() if path.exists() else []


def _rewrite(path: Path, lines: list[str]) -> None:
    """Write in place, which keeps permissions and symbolic links of a file of the user's."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", "surrogateescape")


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
