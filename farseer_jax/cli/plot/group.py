"""The command ``farseer plot``: its kinds, imported only when needed."""

from pathlib import Path

import click

from farseer_jax.cli.command_factory import HELP_NAMES
from farseer_jax.cli.plot.kinds import BY_SOURCE, KINDS, kind_named, kind_of
from farseer_jax.cli.plot.saved import result_class
from farseer_jax.close_names import closest

_TITLES = ("Results of other commands", "Fits", "Runs, and laws fitted to them")
_EPILOG = """\b
Examples:
  farseer plot forecast runs.csv --at 7B,1T    a forecast, into forecast.png
  farseer plot map runs.csv --max-N 3e9 --save map.pdf
                                               the runs, and errors at the
                                               larger ones
  farseer plot residuals fit.json              the residuals of a saved fit
  farseer plot forecast.json                   any saved result, by its kind
"""


class _Kinds(click.Group):
    """A group whose kinds are imported at first use; a saved result names its own kind."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all kinds."""
        return sorted(KINDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The kind of a name, or None."""
        return kind_named(cmd_name) if cmd_name in KINDS else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The kinds by what they draw, with a line each."""
        for title, (_, kinds) in zip(_TITLES, BY_SOURCE.items(), strict=True):
            with formatter.section(title):
                formatter.write_dl(
                    [(kind, kind_named(kind).get_short_help_str(80)) for kind in kinds]
                )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The kind that the first word names, or that the file of a result has."""
        if args[0] not in KINDS and (found := result_class(Path(args[0]))) is not None:
            kind = kind_of(found)
            if kind is None:
                raise click.UsageError(f"{args[0]} is a result that has no figure.", ctx)
            return kind, kind_named(kind), args
        if args[0] not in KINDS and not args[0].startswith("-") and not ctx.resilient_parsing:
            close = closest(args[0], KINDS)
            meant = "" if close is None else f" Did you mean {close!r}?"
            raise click.UsageError(f"No such kind of figure {args[0]!r}.{meant}", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    "plot",
    cls=_Kinds,
    context_settings=HELP_NAMES,
    epilog=_EPILOG,
    options_metavar="",
    subcommand_metavar="KIND|FILE.json [ARGUMENTS] [OPTIONS]",
    short_help="Draw any figure, from runs or from a saved result.",
)
def plot() -> None:
    """Draw a figure of runs, of a fit, or of a saved result.

    A kind takes the arguments and options of the command that computes its
    result; it also draws a saved result (--json). The figure is written to
    KIND.png in the working directory, or to --save FILE: PNG, PDF or SVG by the
    ending.
    """
