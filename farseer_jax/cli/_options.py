"""Options that several commands share, and help that shows options in groups."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click

from farseer_jax.cli._points import named_point, point

Decorated = TypeVar("Decorated", bound=Callable[..., Any])
Decorator = Callable[[Any], Any]

HELP_NAMES = {"help_option_names": ["-h", "--help"]}

READING = "Reading RUNS"
SELECTION = "Selecting runs (bounds included)"

POSITIVE = click.FloatRange(0, min_open=True)

UNITS = ("N_unit", "D_unit")
BOUNDS = ("min_N", "max_N", "min_D", "max_D")


class Command(click.Command):
    """A command whose help shows the options in titled groups."""

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The files first, as in the examples."""
        options, *arguments = super().collect_usage_pieces(ctx)
        return [*arguments, options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group, in the order of its first option."""
        groups: dict[str, list[tuple[str, str]]] = {}
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        for option in sorted(options, key=lambda option: not isinstance(option, Option)):
            record = option.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(option, "group", "Other"), []).append(record)
        for title, records in groups.items():
            with formatter.section(title):
                formatter.write_dl(records)


class Option(click.Option):
    """An option that belongs to a group of the help."""

    def __init__(self, *args: Any, group: str = "Other", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group = group


def option(*names: str, group: str, **settings: Any) -> Callable[[Decorated], Decorated]:
    """A decorator that adds an option to a group of the help."""
    return click.option(*names, cls=Option, group=group, **settings)


def command(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """A decorator that makes a command whose help shows groups."""
    return click.command(name, cls=Command, context_settings=HELP_NAMES, **settings)


def unit_options(command: Decorated) -> Decorated:
    """``--N-unit`` and ``--D-unit``."""
    return decorate(
        command,
        (
            option(
                f"--{role}-unit",
                f"{role}_unit",
                type=float,
                metavar="NUMBER",
                group=READING,
                help=f"What 1 stands for in the column {role}: 1e9 for billions.",
            )
            for role in ("N", "D")
        ),
    )


def selection_options(command: Decorated) -> Decorated:
    """``--min-N``, ``--max-N``, ``--min-D`` and ``--max-D``."""
    return decorate(
        command,
        (
            option(
                f"--{bound}-{role}",
                f"{bound}_{role}",
                type=float,
                metavar="NUMBER",
                group=SELECTION,
                help=f"{adjective} number of {meaning} kept, such as {example}.",
            )
            for role, meaning, example in (
                ("N", "parameters", "2e8"),
                ("D", "tokens", "1e11"),
            )
            for bound, adjective in (("min", "Smallest"), ("max", "Largest"))
        ),
    )


def json_option(what: str, group: str) -> Callable[[Decorated], Decorated]:
    """``--json FILE``."""
    return option(
        "--json",
        "target",
        metavar="FILE",
        group=group,
        help=f"Write {what} as JSON; - prints the JSON instead of the table.",
    )


def point_option(name: str, group: str, help: str, **settings: Any) -> Decorator:
    """Points ``N,D``, as often as wanted."""
    return option(
        name, "points", type=point, multiple=True, metavar="N,D", group=group, help=help, **settings
    )


def named_point_option(name: str, group: str, help: str, **settings: Any) -> Decorator:
    """Points of a law of any inputs, as often as wanted."""
    return option(
        name,
        "points",
        type=named_point,
        multiple=True,
        metavar="N,D|NAME=VALUE,...",
        group=group,
        help=help,
        **settings,
    )


def bootstrap_option(group: str, help: str) -> Decorator:
    """``--bootstrap NUMBER``."""
    return option(
        "--bootstrap",
        type=click.IntRange(2),
        metavar="NUMBER",
        group=group,
        help=help,
    )


def check_goes_with(needed: str, names: Iterable[str], settings: dict[str, Any]) -> None:
    """Refuse options that were given without the one that they go with.

    Args:
        needed: destination of that one; None where it was not given.
        names: destinations of the options.
        settings: of the command.

    Raises:
        UsageError: the first of them.
    """
    if settings[needed] is not None:
        return
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise click.UsageError(
                f"--{name.replace('_', '-')} goes with --{needed}: add it, or leave it out."
            )


def level_option(group: str) -> Decorator:
    """``--level NUMBER``."""
    return option(
        "--level",
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        metavar="NUMBER",
        default=0.9,
        show_default=True,
        group=group,
        help="Nominal probability that an interval holds the truth.",
    )


def seed_option(dest: str, group: str, help: str) -> Decorator:
    """``--seed NUMBER``, 0 unless given."""
    return option(
        "--seed",
        dest,
        type=click.IntRange(0),
        metavar="NUMBER",
        default=0,
        show_default=True,
        group=group,
        help=help,
    )


def noise_option(group: str, where: str = "") -> Decorator:
    """``--noise NUMBER``.

    Args:
        group: of the help.
        where: it is used, such as ", for --of run".
    """
    return option(
        "--noise",
        type=POSITIVE,
        metavar="NUMBER",
        group=group,
        help=f"Standard deviation of ln loss from run to run, such as 5e-4{where}; estimated from "
        "the runs unless given.",
    )


def decorate(command: Decorated, decorators: Iterable[Decorator]) -> Decorated:
    """Apply decorators such that the help shows them in the order given."""
    for decorator in reversed(list(decorators)):
        command = decorator(command)
    return command
