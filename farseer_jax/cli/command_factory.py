"""The decorator that makes commands, which read, call the library and write the result.

A command is a function in a file of its own name, listed in `shell.COMMANDS`:

    @command(TASK, Group("Influence", option("--noise", POSITIVE, "…")), summary="…", …)
    def influence(task: Task, noise: float | None) -> Influence:
        '''The help.'''
        return farseer_jax.influence(task.fit(), noise=noise)
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import click

from farseer_jax.cli.jax_settings import set_up_jax
from farseer_jax.cli.options import Group, Settings, json_option, picture_option
from farseer_jax.cli.output import (
    STANDARD_OUTPUT,
    check_picture,
    check_target,
    deliver,
    draw,
    naming,
    paths_of,
)
from farseer_jax.runtime.progress import progress_bar, stage

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


class Source(NamedTuple):
    """The input of a command.

    Attributes:
        arguments: arguments of the command line.
        read: makes the first argument of the command's function from the settings.
        check: refuses settings that do not go together, before anything is read.
        files: settings that name files, which no output may overwrite.
        options: options at the top of the help, with ``--json``, under ``title``.
        groups: other options, at the end of the help.
        title: title of the group that has ``--json``.
    """

    arguments: Sequence[click.Argument]
    read: Callable[[Settings], Any]
    check: Callable[[Settings], None] = lambda settings: None
    files: Sequence[str] = ()
    options: Sequence[click.Option] = ()
    groups: Sequence[Group] = ()
    title: str = "Output"


class Command(click.Command):
    """A command whose help shows its options in titled groups.

    Args:
        groups: groups in the order of the help; groups with the same title are joined.
        arguments: arguments of the command line.
        settings: further arguments of ``click.Command``.
    """

    def __init__(
        self, *, groups: Iterable[Group], arguments: Sequence[click.Argument], **settings: Any
    ) -> None:
        self.groups: dict[str, list[click.Option]] = {}
        for group in groups:
            self.groups.setdefault(group.title, []).extend(group.options)
        params = [*arguments, *(option for own in self.groups.values() for option in own)]
        super().__init__(params=params, context_settings=HELP_NAMES, **settings)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """The files first, as in the examples."""
        options, *arguments = super().collect_usage_pieces(ctx)
        return [*arguments, options]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each group, and ``--help`` below them."""
        shown = {option for own in self.groups.values() for option in own}
        others = [
            param
            for param in self.get_params(ctx)
            if isinstance(param, click.Option) and param not in shown
        ]
        for title, options in {**self.groups, "Other": others}.items():
            records = [option.get_help_record(ctx) for option in options]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])


def command(
    source: Source,
    *own: Group,
    summary: str,
    json: str,
    delivers: str,
    examples: Sequence[str],
    check: Callable[[Settings], None] = lambda settings: None,
    picture: str | None = None,
    refits: bool = False,
) -> Callable[[Callable[..., Any]], Command]:
    """A decorator that turns a function into a command, with its docstring as the help.

    The function is called with what the source reads and the values of the command's own options,
    and returns a result of the library, or an :class:`~farseer_jax.cli.output.Output`.

    Args:
        source: the input of the command.
        own: groups of the command's own options.
        summary: line in the list of commands.
        json: what ``--json`` writes, in words.
        delivers: what was written, for the note on standard error.
        examples: lines below the help.
        check: refuses settings that do not go together, before anything is read.
        picture: the function of ``farseer_jax.plots`` that draws the result for ``--save``; None
            for a command without this option.
        refits: whether thousands of refits follow, as they also do with ``--bootstrap``.
    """
    drawn = [picture_option()] if picture else []
    output = Group(source.title, *source.options, json_option(json), *drawn)
    others = [*own, *source.groups]
    groups = [output, *others] if source.options else [*others, output]
    names = [option.name for group in own for option in group.options]

    def decorator(function: Callable[..., Any]) -> Command:
        def run(**settings: Any) -> None:
            source.check(settings)
            check(settings)
            target = settings["target"]
            files = [path for name in source.files for path in paths_of(settings[name])]
            check_target(target, files, f"use --json {STANDARD_OUTPUT} for standard output")
            check_picture(settings.get("picture"), [*files, target])
            set_up_jax(refits=refits or settings.get("bootstrap") is not None)
            with progress_bar():
                with stage("reading"):
                    read = source.read(settings)
                found = function(read, **{name: settings[name] for name in names})
            found = naming(found, getattr(read, "dropped", ()))
            deliver(found, target, delivers)
            draw(found, picture, settings.get("picture"))

        return Command(
            name=function.__name__,
            callback=run,
            arguments=source.arguments,
            groups=groups,
            help=function.__doc__,
            short_help=summary,
            epilog="\n".join(["\b", "Examples:", *(f"  {line}" for line in examples)]),
        )

    return decorator
