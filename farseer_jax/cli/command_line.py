"""The command line as it was given, with other options."""

import math
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import click

ARGUMENTS = "farseer_jax.arguments"  # in the context's meta: the words after `farseer`
COMMAND = "farseer_jax.command"  # the command that they name
_FLAGS = ("drop_missing", "as_is")


def with_options(options: Mapping[str, Any]) -> str | None:
    """This command with further options, quoted for a shell; None if it does not have one of them.

    Args:
        options: as a ``TableError`` has them; None removes an option.
    """
    command = this_command()
    if command is None:
        return None
    words = _with_options(command, given_words(), options)
    return None if words is None else shell_words(["farseer", *words])


def this_command() -> click.Command | None:
    """The command that was called, also once it has ended; None without one."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(COMMAND)


def given_words() -> list[str]:
    """The words after `farseer`, as they were given."""
    return [*click.get_current_context().meta.get(ARGUMENTS, ())]


def command_named(name: str) -> click.Command:
    """A command of the shell."""
    root = click.get_current_context().find_root()
    assert isinstance(root.command, click.Group)
    command = root.command.get_command(root, name)
    assert command is not None
    return command


def command_with(
    name: str, arguments: Sequence[str], options: Mapping[str, Any], settings: Sequence[str] = ()
) -> str | None:
    """A command of the shell, quoted for it; None if it lacks one of the options.

    Args:
        name: of the command.
        arguments: its arguments and options.
        options: further options, as a ``TableError`` has them.
        settings: words at its end.
    """
    words = _with_options(command_named(name), [name, *arguments], options)
    return None if words is None else shell_words(["farseer", *words, *settings])


def options_text(options: Mapping[str, Any]) -> str:
    """Options of `farseer fit`, quoted for a shell."""
    return shell_words(_with_options(command_named("fit"), [], options) or [])


def own_arguments(without: Collection[str]) -> list[str]:
    """The arguments and options of this command as they were given, except some.

    Args:
        without: options with a value to leave out.
    """
    return _without(given_words()[1:], without)


def _with_options(
    command: click.Command, words: Sequence[str], options: Mapping[str, Any]
) -> list[str] | None:
    """The words of a command with further options; None if it lacks one of them."""
    flags: dict[str, list[str]] = {
        param.name: param.opts
        for param in command.params
        if isinstance(param, click.Option) and param.name
    }
    own_words, added = [*words], list[str]()
    for setting, value in _settings(options):
        own = _flag(setting, flags)
        if own is None and value is None:
            continue
        if own is None:
            return None
        if setting == "where":
            value = _joined(value, _value_of(own_words, own))
        if setting not in ("derive", "columns_of"):
            own_words = _without(own_words, own)
        if setting == "response":
            own_words = [*_without(own_words, ("--loss",))]
        if value is not None:
            added += [own[0]] if setting in _FLAGS else [own[0], value]
    return [*own_words, *added]


def shell_words(words: Sequence[str]) -> str:
    """Words as one line of a shell."""
    return " ".join(map(shell_word, words))


def shell_word(text: str) -> str:
    """A word as a shell reads it; in double quotes if it has single ones.

    Example:
        >>> print(shell_word("runs.csv"), shell_word("arm = 'attn'"))
        runs.csv "arm = 'attn'"
    """
    if "'" in text and not set(text) & set('"$`\\!'):
        return f'"{text}"'
    return shlex.quote(text)


def _settings(options: Mapping[str, Any]) -> Iterator[tuple[str, str | None]]:
    """Settings of the command with their texts."""
    for name, value in options.items():
        if name == "columns_of":
            for own, column in value.items():
                if own in ("N", "D"):
                    yield own, column
                elif column is not None:
                    yield name, f"{own}={column}"
        elif name == "units":
            for own, unit in value.items():
                yield f"{own}_unit", _number(unit)
        elif name == "derive":
            for formula in value:
                yield name, formula
        else:
            yield name, value if value is None else str(value)


def _flag(name: str, flags: Mapping[str, list[str]]) -> list[str] | None:
    """The option of a setting; the loss is the response in some commands."""
    own = flags.get(name)
    return flags.get("loss") if own is None and name == "response" else own


def _number(unit: float) -> str:
    power = math.log10(unit)
    return f"1e{round(power)}" if power.is_integer() and power else f"{unit:g}"


def _without(words: list[str], flag: Any) -> list[str]:
    """The words without an option and its value."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in flag:
            skip = True
        elif not any(word.startswith(f"{own}=") for own in flag):
            kept.append(word)
    return kept


def _value_of(words: list[str], flag: Any) -> str | None:
    """The value of an option."""
    for at, word in enumerate(words):
        if word in flag and at + 1 < len(words):
            return words[at + 1]
        for own in flag:
            if word.startswith(f"{own}="):
                return word.removeprefix(f"{own}=")
    return None


def _joined(condition: str | None, known: str | None) -> str | None:
    """Both conditions."""
    return f"({known}) and ({condition})" if known and condition else condition
