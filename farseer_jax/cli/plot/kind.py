"""A kind of figure: an analysis or a saved result, and the function that draws it."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click

from farseer_jax.cli.analysis import Analysis
from farseer_jax.cli.command_factory import AnalysisCommand
from farseer_jax.cli.command_line import shell_word
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.figure_file import check_figure, draw, figure_options, save_option
from farseer_jax.cli.options import Settings, named, option, spelled
from farseer_jax.cli.output import Output, paths_of
from farseer_jax.cli.plot.kinds import kind_of
from farseer_jax.cli.plot.saved import DRAWS, FIT, read_result, refuse_report, result_class

# files that commands read as well
_COMPUTED_FROM = {
    FIT: "a saved fit",
    DRAWS: "a file of draws of a fit",
    "LawChoice": "a choice of laws",
    "CurveFit": "a saved fit of loss curves",
}


class Figure(NamedTuple):
    """How results are drawn.

    Attributes:
        function: the function of ``farseer_jax.plots``.
        options: arguments of this function, by name.
        classes: names of the classes of its results, whose files are drawn as they are.
        part: what is drawn of the result, if not all of it; takes the arguments of the function
            too, and may change them.
        asks: options of the analysis that also go with a saved result, as arguments.
    """

    function: str
    options: Sequence[click.Option] = ()
    classes: Sequence[str] = ()
    part: Callable[[Any, dict[str, Any]], Any] = lambda result, arguments: result
    asks: Sequence[str] = ()

    @property
    def kind(self) -> str:
        """The name after ``farseer plot``."""
        return self.function.removeprefix("plot_").replace("_", "-")

    def draw(self, output: Output, target: str, settings: Settings, *, is_saved: bool) -> None:
        """Draw a result into a file."""
        names = [own.name for own in self.options if own.name is not None]
        names += self.asks if is_saved else ()
        arguments = {name: settings[name] for name in names if settings[name] not in (None, ())}
        own = output.result if output.drawn is None else output.drawn
        output = replace(output, drawn=self.part(own, arguments))
        draw(output, self.function, target, arguments, width=settings["save_width"])


class Kind(AnalysisCommand):
    """A subcommand of ``farseer plot``.

    Attributes:
        figure: how its results are drawn.
        needed: options that the analysis needs and a saved result does not.
    """

    def __init__(self, analysis: Analysis, figure: Figure, **settings: Any) -> None:
        self.figure = figure
        self.needed = [own for own in _options(analysis) if own.required]
        output = [
            *figure_options(save_option("File of the figure", default=f"{figure.kind}.png")),
            option("--open", help="Open the figure in the viewer of its files.", is_flag=True),
            *figure.options,
        ]
        own = _where_optional(analysis, bool(figure.classes))
        super().__init__(own, *output, name=figure.kind, callback=self.run, **settings)

    def run(self, **settings: Any) -> None:
        """Compute or read the result, and draw it."""
        target = settings["figure"]
        files = self.analysis.files(settings)
        path = self._saved(settings)
        if path is None:
            self._check_needed(settings)
            self.analysis.check_settings(settings)
        check_figure(target, files)
        output = self.analysis.output(settings) if path is None else Output(read_result(path))
        for warning in output.all_warnings():
            click.echo(warning, err=True)
        self.figure.draw(output, target, settings, is_saved=path is not None)
        if settings["open"] and click.launch(target) != 0:
            click.echo(f"No viewer found for {target}.", err=True)

    def _saved(self, settings: Settings) -> Path | None:
        """The file of a saved result that this figure draws; None where runs are named.

        Raises:
            UsageError: an option of the analysis is given with a saved result.
            Refusal: the file has a result that another figure draws.
        """
        path = next(iter(paths_of(settings[str(self.analysis.source.arguments[0].name)])), None)
        found = result_class(path) if isinstance(path, Path) else None
        if isinstance(path, Path) and found is None:
            refuse_report(path)
        if path is None or found is None:
            return None
        if found not in self.figure.classes:
            _refuse_other(path, found, self)
            return None
        for own in _options(self.analysis):
            if own.name not in (None, *self.figure.asks) and named(str(own.name)):
                raise click.UsageError(
                    f"{spelled(own.name)} has no effect, because {path} is a saved result: leave "
                    "it out."
                )
        return path

    def _check_needed(self, settings: Settings) -> None:
        for own in self.needed:
            if settings[str(own.name)] in (None, ()):
                raise click.MissingParameter(param=own, ctx=click.get_current_context())


def figure_kind(
    source: Any, *own: Any, figure: Figure, summary: str, examples: Sequence[str], **settings: Any
) -> Callable[[Callable[..., Any]], Kind]:
    """A decorator that turns a function, which computes what is drawn, into a kind.

    Args:
        source: the input.
        own: groups of options of the function.
        figure: how the result is drawn.
        summary: line in the list of kinds.
        examples: lines below the help.
        settings: further arguments of :class:`~farseer_jax.cli.analysis.Analysis`.
    """

    def decorator(function: Callable[..., Any]) -> Kind:
        analysis = Analysis(source, function, own, **settings)
        return Kind(analysis, figure, help=function.__doc__, short_help=summary, examples=examples)

    return decorator


def of_command(
    command: AnalysisCommand, figure: Figure, *, summary: str, help: str, examples: Sequence[str]
) -> Kind:
    """The kind that draws the result of a command.

    Args:
        command: computes the result; the kind has the same options.
        figure: how the result is drawn.
        summary: line in the list of kinds.
        help: text of the help.
        examples: lines below the help.
    """
    return Kind(command.analysis, figure, help=help, short_help=summary, examples=examples)


def _options(analysis: Analysis) -> list[click.Option]:
    return [own for group in analysis.groups() for own in group.options]


def _where_optional(analysis: Analysis, has_files: bool) -> Analysis:
    """The analysis of a saved result too, which needs no options."""
    if not has_files:
        return analysis

    def optional(own: click.Option) -> click.Option:
        if not own.required:
            return own
        own = copy.copy(own)
        own.required = False
        return own

    source, groups = analysis.source, [group.mapped(optional) for group in analysis.own]
    first, *rest = source.arguments
    first = copy.copy(first)
    first.metavar = f"{first.metavar}|RESULT.json"
    return analysis._replace(own=groups, source=source._replace(arguments=[first, *rest]))


def _refuse_other(path: Path, found: str, kind: Kind) -> None:
    """Refuse a result that another kind draws, unless this one computes from it."""
    other, asked = kind_of(found), f"`farseer plot {kind.figure.kind}`"
    if found not in _COMPUTED_FROM:
        if other is None:
            raise Refusal(f"{path} is a result without a figure of its own; {asked} needs runs")
        raise Refusal(f"{path} is a result that `farseer plot {other}` draws, not {asked}")
    read = str(kind.analysis.source.arguments[0].metavar)
    if "RUNS" in read and "FIT" not in read:
        hint = "" if other is None else f": try `farseer plot {other} {shell_word(str(path))}`"
        raise Refusal(
            f"{path} is {_COMPUTED_FROM[found]}, and {asked} needs runs or a result of its own"
            f"{hint}"
        )
