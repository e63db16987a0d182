"""What went wrong, as one sentence of the shell and an exit code."""

import contextlib
import dis
import os
import traceback
from collections.abc import Iterator
from typing import NoReturn

import click

from farseer_jax._version import __version__
from farseer_jax.cli.wording import in_options

INTERRUPTED = 130
_RAISE = "RAISE_VARARGS"


class Refusal(click.ClickException):
    """Something that the user can put right."""

    exit_code = 2


class Defect(click.ClickException):
    """Something that only a developer can put right."""

    exit_code = 1


@contextlib.contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn every exception into a sentence on standard error and an exit code.

    Click prints both kinds of error, and ends quietly where a pipe was closed.
    """
    try:
        yield
    except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as interrupt:
        click.echo(str(interrupt) or "Interrupted.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        _report(error)


def _report(error: Exception) -> NoReturn:
    if _debugging():
        click.echo(traceback.format_exc(), err=True)
    if isinstance(error, OSError):
        raise Refusal(in_options(_os_sentence(error))) from None
    if isinstance(error, MemoryError):
        raise Refusal("not enough memory; select fewer runs or fewer candidates") from None
    if isinstance(error, ValueError | TypeError) and _raised_by_us(error):
        raise Refusal(in_options(_one_line(error))) from None
    raise Defect(
        f"farseer {__version__} failed in a way it should not "
        f"({type(error).__name__}: {_one_line(error)}); please report it, with the output of the "
        "same command under FARSEER_DEBUG=1"
    ) from None


def _raised_by_us(error: Exception) -> bool:
    """Whether a ``raise`` statement of this package made the error.

    A ``ValueError`` that JAX or NumPy raised is a defect here, not the user's mistake. The module
    alone does not tell: JAX removes its own frames from tracebacks.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return False
    frame = trace.tb_frame
    statement = dis.opname[frame.f_code.co_code[trace.tb_lasti]]
    return statement == _RAISE and str(frame.f_globals.get("__name__")).startswith("farseer_jax.")


def _os_sentence(error: OSError) -> str:
    """The library names the file in its sentence; the operating system names it apart."""
    if error.strerror is None:
        return _one_line(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines())


def _debugging() -> bool:
    return os.environ.get("FARSEER_DEBUG", "0") not in ("", "0")
