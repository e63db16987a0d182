"""The decorator that makes commands, which read, call the library and write the result.

A command is a function in a file of its own name, listed in `shell.COMMANDS`:

    @command(TASK, Group("Influence", option("--noise", POSITIVE, "…")), summary="…", …)
    def influence(task: Task, noise: float | None) -> Influence:
        '''The help.'''
        return farseer_jax.influence(task.fit(), noise=noise)
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click

from farseer_jax.cli.analysis import Analysis, Source
from farseer_jax.cli.command_line import COMMAND
from farseer_jax.cli.figure_file import check_figure, draw, figure_options, save_option
from farseer_jax.cli.options import Group, Settings, json_option
from farseer_jax.cli.output import STANDARD_OUTPUT, check_target, deliver

HELP_NAMES = {"help_option_names": ["-h", "--help"]}


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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the command line; messages name the options of this command from now on."""
        ctx.meta[COMMAND] = self
        return super().parse_args(ctx, args)

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


class AnalysisCommand(Command):
    """A command that reads, computes, and delivers the result.

    Args:
        analysis: what it reads and computes.
        output: options that say what becomes of the result.
        examples: lines below the help.
        settings: further arguments of ``click.Command``.
    """

    def __init__(
        self, analysis: Analysis, *output: click.Option, examples: Sequence[str], **settings: Any
    ) -> None:
        self.analysis = analysis
        super().__init__(
            groups=analysis.groups(*output),
            arguments=analysis.source.arguments,
            epilog="\n".join(["\b", "Examples:", *(f"  {line}" for line in examples)]),
            **settings,
        )


def command(
    source: Source,
    *own: Group,
    summary: str,
    json: str,
    delivers: str,
    examples: Sequence[str],
    check: Callable[[Settings], None] = lambda settings: None,
    figure: str | None = None,
    refits: bool = False,
) -> Callable[[Callable[..., Any]], AnalysisCommand]:
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
        figure: the function of ``farseer_jax.plots`` that draws the result for ``--save``; None
            for a command without this option.
        refits: whether thousands of refits follow, as they also do with ``--bootstrap``.
    """

    def decorator(function: Callable[..., Any]) -> AnalysisCommand:
        analysis = Analysis(source, function, own, check, refits)

        def run(**settings: Any) -> None:
            target, saved = settings["target"], settings.get("figure")
            analysis.check_settings(settings)
            files = analysis.files(settings)
            check_target(target, files, f"use --json {STANDARD_OUTPUT} for standard output")
            check_figure(saved, [*files, target])
            output = analysis.output(settings)
            deliver(output, target, delivers)
            if saved is not None and figure is not None:
                draw(output, figure, saved, {}, width=settings["save_width"])
            if output.exit_code:
                raise click.exceptions.Exit(output.exit_code)

        return AnalysisCommand(
            analysis,
            json_option(json),
            *([] if figure is None else figure_options(save_option())),
            name=function.__name__,
            callback=run,
            help=function.__doc__,
            short_help=summary,
            examples=examples,
        )

    return decorator
