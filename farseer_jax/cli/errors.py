"""Errors as one sentence in terms of the command line, and an exit code."""

import contextlib
import dis
import io
import os
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from typing import IO, Any

import click

from farseer_jax._version import __version__
from farseer_jax.cli.command_line import command_named, shell_word, this_command, with_options
from farseer_jax.cli.terminal import is_coloured
from farseer_jax.runs.table_problems import TableError
from farseer_jax.runtime.memory import TooLargeError

INTERRUPTED = 130
_ERROR = "Error"
_OTHER_NAMES = {"table_name": "table"}  # arguments of the library, where settings differ
_RAISE = "RAISE_VARARGS"
_VALUE = r"\"[^\"]*\"|'[^']*'|\([^()]*\)|[\w.+-]+"
_LITERAL = r"\{[^{}]*\}|\[[^\[\]]*\]"  # {'E': 1.69} or [('alpha', 'beta')]
_METHOD = re.compile(r"`?\b([A-Z][a-zA-Z]+)\(…?\)`?")  # `LeastSquares(…)`
# Messages for both: `N_unit=1e9 (shell: --N-unit 1e9)`, `x=1 in Python or --x 1 in the shell`.
_BOTH = re.compile(
    r"`?\w+=(?:\{[^{}]*\}|\"[^\"]*\"|\S+) (?:\(shell: ([^()]*)\)|in Python or (--.+?) in the shell)"
)


class Refusal(click.ClickException):
    """An error that the user can correct, in terms of the command line."""

    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(in_options(message))


class TableRefusal(click.ClickException):
    """A table that cannot be read: all problems, and the command that reads it."""

    exit_code = 2

    def __init__(self, error: "TableError") -> None:
        name = f"{error.source}: " if error.source else ""
        sentences = [in_options(problem) for problem in error.problems]
        text = name + sentences[0]
        if len(sentences) > 1:
            lines = (f"  {at}. {what}" for at, what in enumerate(sentences, start=1))
            text = "\n".join([f"{name}the table has {len(sentences)} problems:", *lines])
        for way in error.ways:
            command = with_options(way.options)
            if command is not None:
                text += f"\nThis reads it{f' {way.case}' if way.case else ''}:\n  {command}"
        super().__init__(text)


class _Coloured(click.ClickException):
    """An error as a terminal with colours shows it: its first word in red, commands in bold."""

    def __init__(self, error: click.ClickException) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def exit_code(self) -> int:  # type: ignore[override]  # a class variable of click
        """That of the error."""
        return self.error.exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error."""
        text = io.StringIO()
        self.error.show(text)
        for line in text.getvalue().splitlines():
            word, colon, rest = line.partition(": ")
            if word == _ERROR and colon:
                line = f"{click.style(f'{word}:', fg='red', bold=True)} {rest}"
            elif line.startswith("  farseer "):
                line = click.style(line, bold=True)
            click.echo(line, file=file, err=True, color=True)


class Defect(click.ClickException):
    """An error that only a developer can correct."""

    exit_code = 1


@contextlib.contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn every exception into a sentence on standard error and an exit code.

    Click prints both kinds of error, and exits quietly if a pipe was closed.
    """
    try:
        yield
    except click.ClickException as error:
        raise _shown(error) from None
    except (click.exceptions.Exit, click.Abort, BrokenPipeError):
        raise
    except KeyboardInterrupt as interrupt:
        click.echo(str(interrupt) or "Interrupted.", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        if _debugging():
            click.echo(traceback.format_exc(), err=True)
        raise _shown(_as_sentence(error)) from None


def _shown(error: click.ClickException) -> click.ClickException:
    return _Coloured(error) if is_coloured(sys.stderr) else error


def _as_sentence(error: Exception) -> click.ClickException:
    if isinstance(error, TableError):
        return TableRefusal(error)
    if isinstance(error, OSError):
        return Refusal(_os_sentence(error))
    if isinstance(error, MemoryError):
        ours = isinstance(error, TooLargeError)
        return Refusal(
            _one_line(error) if ours else "not enough memory; select fewer runs or fewer candidates"
        )
    if isinstance(error, ValueError | TypeError | LookupError) and _raised_by_us(error):
        return Refusal(_one_line(error))
    return Defect(
        f"farseer {__version__} failed in a way it should not "
        f"({type(error).__name__}: {_one_line(error)}); please report it, with the output of the "
        "same command under FARSEER_DEBUG=1"
    )


def _raised_by_us(error: Exception) -> bool:
    """Whether the error comes from a ``raise`` statement of this package.

    A ``ValueError`` from JAX or NumPy is a defect of this package, not the user's mistake. The
    module alone is no evidence, because JAX removes its own frames from tracebacks.
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
    """The message, with the name of the file if the operating system gives it separately."""
    if error.strerror is None:
        return _one_line(error)
    return f"{error.filename}: {error.strerror}" if error.filename else error.strerror


def _one_line(error: Exception) -> str:
    return " ".join(str(error).splitlines())


def _debugging() -> bool:
    return os.environ.get("FARSEER_DEBUG", "0") not in ("", "0")


def in_options(sentence: str) -> str:
    """A sentence of the library with options in place of Python arguments.

    Settings of commands have the names of the library's arguments: `fixed=` becomes `--fix`, and
    ``ratio=(low, high)`` becomes ``--ratio low:high``.

    Args:
        sentence: a warning, or the message of an error.
    """
    options = _options_by_argument()
    sentence = _BOTH.sub(lambda match: match[1] or match[2], sentence)
    if not options:
        return sentence
    sentence = _METHOD.sub(lambda match: _method_option(match[1]) or match[0], sentence)
    any_name, long_name = _one_of(options), _one_of(name for name in options if "_" in name)

    def spelled(match: re.Match[str]) -> str:
        return options.get(match["name"], match[0])

    def with_value(match: re.Match[str]) -> str:
        return f"{spelled(match)}{_value(match['value'])}"

    for pattern, replacement in (
        (rf"`?\b{any_name}=`?(?=[\s,;:.)]|$)", spelled),  # (fixed=)
        (rf"\b{any_name}=(?P<value>{_LITERAL})", with_value),  # fixed={'E': 1.69}
        (rf"(?<=\s\(){any_name}=(?P<value>\"[^\"]*\"|'[^']*')", with_value),  # (link='log')
        (r"(?<=\()(?P<name>resume)(?=\))", spelled),  # (resume)
        (rf"(?i:(?<=\braise )|(?<=\bfewer )){any_name}\b", spelled),  # raise num_starts
        (rf"\b{long_name}=(?P<value>{_VALUE})", with_value),  # min_N=1e9
        (rf"\b(?P<name>table)=(?P<value>{_VALUE})", with_value),  # table="evals"
        # noise=5e-4, or influence(fit, at, noise=5e-4); after these words only, because some names
        # are those of columns too
        (
            rf"(?i:(?<=\b(?:pass|give|take) )|(?<=\b(?:say|set|use) )|(?<=such as )|(?<=as in ))"
            rf"(?P<call>\w+\((?:\w+, )*)?{any_name}=(?P<value>{_VALUE})(?(call)\))",
            with_value,
        ),
    ):
        sentence = re.sub(pattern, replacement, sentence)
    return sentence


def _method_option(class_name: str) -> str | None:
    """The option that names a method; None for another class."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", class_name).lower()
    (own,) = (param for param in command_named("fit").params if param.name == "method")
    assert isinstance(own.type, click.Choice)
    return f"{own.opts[0]} {name}" if name in own.type.choices else None


def _options_by_argument() -> dict[str, str]:
    """``{"fixed": "--fix"}`` and so on, for this command and for `farseer fit`."""
    own = this_command()
    if own is None:
        return {}
    params = [*command_named("fit").params, *own.params]
    # one letter is more often a column or a value than an argument
    return {
        _OTHER_NAMES.get(param.name, param.name): param.opts[0]
        for param in params
        if isinstance(param, click.Option) and param.name and len(param.name) > 1
    }


def _one_of(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return f"(?P<name>{'|'.join(map(re.escape, longest_first))})"


def _value(text: str) -> str:
    """A value after its option.

    ``(low, high)`` becomes ``low:high``, ``{'E': 1.69, 'k': 1}`` becomes ``E=1.69,k=1``,
    ``[('alpha', 'beta')]`` becomes ``alpha=beta``, and a flag has none.
    """
    if text == "True":
        return ""
    if text[0] == "{":
        return " " + re.sub(r"[{}' ]", "", text).replace(":", "=")
    if text[0] == "[":
        return " " + re.sub(r"[\[\]()' ]", "", text.replace("), (", ";")).replace(",", "=").replace(
            ";", ","
        )
    if text[0] in "'\"":
        return f" {shell_word(text[1:-1])}"
    return " " + text.strip("()").replace(", ", ":")
