"""The command ``farseer`` itself: its help, its version, and its error handling."""

import importlib
import warnings
from pathlib import Path
from typing import Any

import click

from farseer_jax._version import __version__
from farseer_jax.cli.command_factory import HELP_NAMES
from farseer_jax.cli.command_line import ARGUMENTS, shell_word
from farseer_jax.cli.errors import errors_as_sentences
from farseer_jax.close_names import closest

# Each is in the file of its own name, which is imported only when needed.
COMMANDS = (
    "accuracy", "allocate", "anneal", "bootstrap", "choices", "compare", "completion", "curves",
    "extrapolate", "fit", "forecast", "influence", "inspect", "optimise", "plot", "predict",
    "report", "schedule", "suggest"
)  # fmt: skip

_EPILOG = """\b
Examples:
  farseer inspect runs.csv                   what a table contains, and which
                                             command to try next
  farseer forecast --example                 see what a forecast looks like
  farseer forecast runs.csv --at 7B,1T       the loss of a run not trained
                                             yet, with its interval
  farseer report runs.csv --at 7B,1T         the same as a page with figures
  farseer fit runs.csv --json fit.json       fit a table of runs, keep the fit
  farseer fit runs.csv --law "E + A/(N*P)**a"
                                             your own law, of any columns
  farseer predict fit.json --N 7B --D 1T     predictions of that fit
  farseer allocate runs.csv --compute 1e20:1e24
                                             how to split compute over N and D
  farseer optimise fit.json --over h --given N=7B,D=1T
                                             the best mixture, or any inputs
  farseer bootstrap runs.csv --at 7B,1T      intervals of one law
  farseer choices runs.csv --at 7B,1T        how it changes with choices
  farseer extrapolate runs.csv               which law predicts best
  farseer influence runs.csv --at 7B,1T      the influence of each run on it
  farseer plot forecast runs.csv --at 7B,1T  any figure, also from results
  farseer compare a.json b.json              which of two fits wins, and where
  farseer accuracy runs.csv --at 7B,1T       its accuracies on tasks
  farseer suggest runs.csv --target 7B,1T --budget 1e22
                                             which runs to train next
  farseer curves history.csv --run run_id    what loss a run that is still
                                             going will end at
  farseer anneal fit.json --over 20%         its checkpoints as annealed runs
  farseer schedule fit.json --steps 48k      the best learning-rate schedule
  farseer completion --install               set up tab completion

\b
Environment:
  NO_COLOR=1          no colours; FORCE_COLOR=1 keeps them in pipes
  JAX_PLATFORMS       device to compute on; cpu unless set
  FARSEER_NO_CACHE=1  keep no compiled code between calls
  FARSEER_DEBUG=1     show the traceback of an error
"""


def _meant(name: str) -> str:
    """The command that an unknown word was probably meant to be."""
    close = closest(name, COMMANDS)
    if close is not None:
        return f" Did you mean {close!r}?"
    is_table = Path(name).exists()
    return f" To describe a table: farseer inspect {shell_word(name)}" if is_table else ""


class _Shell(click.Group):
    """A group whose commands are imported at first use, and never show a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first word names, and the words after it.

        Raises:
            UsageError: there is no such command; says which was probably meant.
        """
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command {name!r}.{_meant(name)}", ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        found: click.Command = getattr(
            importlib.import_module(f"farseer_jax.cli.{cmd_name}"), cmd_name
        )
        return found

    def make_context(
        self, info_name: str | None, args: list[str], *rest: Any, **kwargs: Any
    ) -> click.Context:
        """Read the command line, and answer ``--help`` and ``--version``."""
        given = [*args]
        with errors_as_sentences():
            context = super().make_context(info_name, args, *rest, **kwargs)
        context.meta[ARGUMENTS] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with errors_as_sentences(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # from other libraries: users cannot act on them
            return super().invoke(ctx)


@click.group(
    "farseer", cls=_Shell, invoke_without_command=True, context_settings=HELP_NAMES, epilog=_EPILOG
)
@click.version_option(__version__, prog_name="farseer", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Fit LLM scaling laws to training runs, and forecast larger runs.

    The Farseer law: L(N, D) = U(N) + B(N) D^-A(N), the loss of a model with N
    parameters trained on D tokens; and any other law, of any inputs.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
