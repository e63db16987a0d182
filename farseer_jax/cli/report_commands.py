"""The commands of a shell that remake a report, and each of its answers."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.command_line import command_named, given_words, shell_words

if TYPE_CHECKING:
    from farseer_jax import Forecast, Report

_WORDS = Sequence[tuple[str, ...]]  # options with their values, and the files
_OF_PAGE = frozenset({
    "--at", "--compute", "--budget", "--against", "--by", "--names", "--output", "--title",
    "--json", "--no-holdouts",
})  # fmt: skip
# Options as `farseer allocate` has them, whose --loss and --max-N mean something else.
_OF_ALLOCATE = {
    "--loss": "--response {}",
    **{f"--{end}-{name}": f"--{end} {name}={{}}" for end in ("min", "max") for name in ("N", "D")},
}
# Settings of a law of the user's that hold-outs, which have their own, do not use.
_OF_FITS = frozenset({"--law", "--level", "--fix", "--tie", "--bounds", "--num-starts", "--seed"})


def commands_text(found: "Report") -> str:
    """This command, and one for each of its answers that the shell can give alone."""
    every = _options(click.get_current_context().command, given_words()[1:])
    table = [own for own in every if own[0] not in _OF_PAGE]
    lines: list[_WORDS] = []
    if "comparison" in found.results:
        lines.append([("compare",), *_comparison(every, table)])
    else:
        at = [own for own in every if own[0] == "--at"]
        lines += [[("forecast",), *table, *at], *_of_forecast(found, every, table)]
    first = shell_words(["farseer", *given_words()])
    return "\n".join([first, *filter(None, map(_line, lines))])


def _comparison(every: _WORDS, table: _WORDS) -> list[tuple[str, ...]]:
    files = [own for own in table if len(own) == 1 and not own[0].startswith("-")]
    others = [own for own in table if own not in files]
    against = [own[1:] for own in every if own[0] == "--against"]
    kept = [own for own in every if own[0] in ("--by", "--at", "--names")]
    return [*files, *against, *others, *kept]


def _of_forecast(found: "Report", every: _WORDS, table: _WORDS) -> list[_WORDS]:
    """What follows from the forecast: hold-outs, the split of compute, further runs."""
    from farseer_jax.reporting.python_value import python_value

    forecast: Any = found.answer
    results: Mapping[str, Any] = found.results
    lines: list[_WORDS] = []
    if "holdouts" in results:
        own = [one for one in table if one[0] not in _OF_FITS]
        lines.append([("extrapolate",), *own, *_candidates(table)])
    if "split" in results:
        budgets = [python_value(value) for value in results["split"].compute]
        compute = [one for one in every if one[0] == "--compute"] or [
            ("--compute", ",".join(budgets))
        ]
        lines.append([("allocate",), *map(_of_allocate, table), *compute])
    if "next" in results:
        budget = [one for one in every if one[0] == "--budget"] or [
            ("--budget", python_value(results["next"].budget))
        ]
        lines.append([("suggest",), *table, *_targets(forecast), *budget])
    return lines


def _candidates(table: _WORDS) -> list[tuple[str, ...]]:
    """The law of the user's by both ways of predicting."""
    laws = [own[1] for own in table if own[0] == "--law"]
    return [("--law", text) for law in laws for text in (f"{law}:forecast", law)]


def _of_allocate(own: tuple[str, ...]) -> tuple[str, ...]:
    form = _OF_ALLOCATE.get(own[0])
    return own if form is None else tuple(form.format(own[1]).split(" ", 1))


def _targets(forecast: "Forecast") -> list[tuple[str, ...]]:
    from farseer_jax.reporting.python_value import python_value

    rows = zip(*(x.tolist() for x in forecast.points.values()), strict=True)
    return [("--target", ",".join(map(python_value, row))) for row in rows]


def _line(words: _WORDS) -> str | None:
    """The command; None if it lacks an option that changes the data."""
    (name, *_), *options = words
    known = _flags(command_named(name))
    lacking = {own[0] for own in options if own[0].startswith("--") and own[0] not in known}
    if lacking:
        return None
    return shell_words(["farseer", name, *(word for own in options for word in own)])


def _flags(command: click.Command) -> set[str]:
    return {flag for own in command.params for flag in own.opts}


def _options(command: click.Command, words: Sequence[str]) -> list[tuple[str, ...]]:
    """The words of a command: options by their long names with their values, and files."""
    known = {
        flag: (own.opts[-1], own.is_flag)
        for own in command.params
        if isinstance(own, click.Option)
        for flag in own.opts
    }
    found: list[tuple[str, ...]] = []
    rest = list(words)
    while rest:
        word = rest.pop(0)
        flag, equals, value = word.partition("=")
        if flag not in known and word[:2] in known:  # a short one with its value, -oreport.html
            flag, equals, value = word[:2], "=", word[2:]
        if flag not in known:
            found.append((word,))
            continue
        name, is_flag = known[flag]
        if is_flag:
            found.append((name,))
        else:
            found.append((name, value if equals else rest.pop(0)))
    return found
