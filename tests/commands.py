"""Commands of the shell, run in this process."""

import inspect

import click
from click.testing import CliRunner, Result

from farseer_jax.cli import main


def farseer(*args: object) -> Result:
    """Run a command in this process."""
    # click 8.1 mixes standard error into the output unless told not to
    can_mix = "mix_stderr" in inspect.signature(CliRunner).parameters
    runner = CliRunner(**({"mix_stderr": False} if can_mix else {}))
    return runner.invoke(main, [str(arg) for arg in args])


def command_named(name: str) -> click.Command:
    """A command of the shell."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return command


def refused(result: Result, *parts: str, code: int = 2) -> None:
    """One error on standard error, and nothing else."""
    assert result.exit_code == code
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert errors == [result.stderr.splitlines()[-1]]
    for part in parts:
        assert part in result.stderr
