"""Sentences of the library in words of the shell: options where Python has arguments."""

import re
from collections.abc import Iterable

import click

_VALUE = r"\"[^\"]*\"|\([^()]*\)|[\w.+-]+"
# Said in both languages: `N_unit=1e9 (shell: --N-unit 1e9)`, `x=1 in Python or --x 1 in the shell`.
_BOTH = re.compile(r"\w+=\S+ (?:\(shell: ([^()]*)\)|in Python or (--.+?) in the shell)")


def in_options(sentence: str) -> str:
    """A sentence of the library with options in the place of Python's arguments.

    The commands tell which is which, for settings have the names of the library's arguments:
    `fixed=` is `--fix`, and ``ratio=(low, high)`` is ``--ratio low:high``.

    Args:
        sentence: a warning, or the message of an error.
    """
    options = option_names()
    sentence = _BOTH.sub(lambda match: match[1] or match[2], sentence)
    if not options:
        return sentence
    any_name, long_name = _one_of(options), _one_of(name for name in options if "_" in name)

    def spelled(match: re.Match[str]) -> str:
        return options.get(match["name"], match[0])

    def with_value(match: re.Match[str]) -> str:
        return f"{spelled(match)}{_value(match['value'])}"

    for pattern, replacement in (
        (rf"`?\b{any_name}=`?(?=[\s,;:.)]|$)", spelled),  # (fixed=)
        (r"(?<=\()(?P<name>resume)(?=\))", spelled),
        (rf"(?i:(?<=\braise )|(?<=\bfewer )){any_name}\b", spelled),  # raise num_starts
        (rf"\b{long_name}=(?P<value>{_VALUE})", with_value),  # min_N=1e9
        # noise=5e-4, or influence(fit, at, noise=5e-4): some names are those of columns too
        (
            rf"(?i:(?<=\bsay )|(?<=\bgive )|(?<=\btake )|(?<=\bset )|(?<=such as )|(?<=as in ))"
            rf"(?P<call>\w+\((?:\w+, )*)?{any_name}=(?P<value>{_VALUE})(?(call)\))",
            with_value,
        ),
    ):
        sentence = re.sub(pattern, replacement, sentence)
    return sentence


def option_names() -> dict[str, str]:
    """Options by argument, ``{"fixed": "--fix"}``: of this command, and of `farseer fit`."""
    context = click.get_current_context(silent=True)
    if context is None:
        return {}
    root = context.find_root()
    if not isinstance(root.command, click.Group):
        return {}
    names = ("fit", root.invoked_subcommand or "fit")
    commands = [root.command.get_command(root, name) for name in names]
    params = [param for command in commands if command is not None for param in command.params]
    # N and D are as often columns or values as arguments
    return {
        param.name: param.opts[0]
        for param in params
        if isinstance(param, click.Option) and param.name and len(param.name) > 1
    }


def _one_of(names: Iterable[str]) -> str:
    longest_first = sorted(names, key=len, reverse=True)
    return f"(?P<name>{'|'.join(map(re.escape, longest_first))})"


def _value(text: str) -> str:
    """A value after its option: ``(low, high)`` is ``low:high``, and a flag has none."""
    if text == "True":
        return ""
    return " " + text.strip('"').strip("()").replace(", ", ":")
