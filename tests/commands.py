"""Commands of the shell, run in this process."""

import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner, Result

from farseer_jax.cli import main

TABLE = "n_params,tokens,final,bpc\n1e8,1e9,3.6,3.7\n1e8,2e9,3.4,3.5\n4e8,2e9,3.1,3.2\n"


def farseer(*args: object, input: str | bytes | None = None) -> Result:
    """Run a command in this process."""
    # click 8.1 mixes standard error into the output unless told not to
    can_mix = "mix_stderr" in inspect.signature(CliRunner).parameters
    runner = CliRunner(**({"mix_stderr": False} if can_mix else {}))
    return runner.invoke(main, [str(arg) for arg in args], input=input)


def command_named(name: str) -> click.Command:
    """A command of the shell."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def refused(result: Result, *parts: str, code: int = 2) -> None:
    """One error at the end of standard error, and nothing else; it lists several problems."""
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    lines = result.stderr.splitlines()
    (at,) = (at for at, line in enumerate(lines) if line.startswith("Error: "))
    below = lines[at + 1 :]  # the problems of a table, and the command that reads it
    assert all(line.startswith(("  ", "This reads it")) for line in below)
    for part in parts:
        assert part in result.stderr


def shell(
    *args: object, before: str = "", python: tuple[str, ...] = (), **kwargs: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    code = f"{before}\nfrom farseer_jax.cli import main\nmain(prog_name='farseer')"
    how = ["-c", code] if before else ["-m", "farseer_jax.cli"]
    environment = {**os.environ, "FARSEER_NO_CACHE": "1", **kwargs.pop("env", {})}
    environment.pop("XLA_FLAGS", None)  # of the tests: the shell has its own
    kwargs = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **kwargs}
    command = [sys.executable, *python, *how, *map(str, args)]
    return subprocess.run(command, text=True, env=environment, timeout=300, check=False, **kwargs)


def write(path: str, **columns: Any) -> dict[str, Any]:
    """A table as a CSV file; None is an empty field."""
    rows = [list(columns), *zip(*columns.values(), strict=True)]
    cells = [["" if value is None else str(value) for value in row] for row in rows]
    Path(path).write_text("\n".join(",".join(row) for row in cells) + "\n")
    return columns
