"""What a command reads and computes, whatever becomes of the result."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from farseer_jax.cli.jax_settings import set_up_jax
from farseer_jax.cli.options import Group, Settings
from farseer_jax.cli.output import Output, naming, paths_of
from farseer_jax.runtime.progress import progress_bar, stage


class Source(NamedTuple):
    """The input of a command.

    Attributes:
        arguments: arguments of the command line.
        read: makes the first argument of the command's function from the settings.
        check: refuses settings that do not go together, before anything is read.
        files: settings that name files, which no output may overwrite.
        options: options at the top of the help, with those of the output, under ``title``.
        groups: other options, at the end of the help.
        title: title of the group with the options of the output.
    """

    arguments: Sequence[click.Argument]
    read: Callable[[Settings], Any]
    check: Callable[[Settings], None] = lambda settings: None
    files: Sequence[str] = ()
    options: Sequence[click.Option] = ()
    groups: Sequence[Group] = ()
    title: str = "Output"


class Analysis(NamedTuple):
    """An input, and the function of the library that is called with it.

    Attributes:
        source: the input.
        function: takes what the source reads and the values of its own options, and returns a
            result of the library, or an :class:`~farseer_jax.cli.output.Output`.
        own: groups of its own options.
        check: refuses settings that do not go together, before anything is read.
        refits: whether thousands of refits follow, as they also do with ``--bootstrap``.
    """

    source: Source
    function: Callable[..., Any]
    own: Sequence[Group] = ()
    check: Callable[[Settings], None] = lambda settings: None
    refits: bool = False

    def groups(self, *output: click.Option) -> list[Group]:
        """The groups of options in the order of the help.

        Args:
            output: options that say what becomes of the result.
        """
        own = Group(self.source.title, *self.source.options, *output)
        others = [*self.own, *self.source.groups]
        return [own, *others] if self.source.options else [*others, own]

    def check_settings(self, settings: Settings) -> None:
        """Refuse settings that do not go together.

        Raises:
            UsageError: some do not.
        """
        self.source.check(settings)
        self.check(settings)

    def files(self, settings: Settings) -> list[Path]:
        """The files that are read, which no output may overwrite."""
        return [path for name in self.source.files for path in paths_of(settings[name])]

    def output(self, settings: Settings) -> Output:
        """Read and compute."""
        set_up_jax(refits=self.refits or settings.get("bootstrap") is not None)
        with progress_bar():
            with stage("reading"):
                read = self.source.read(settings)
            found = self.function(read, **self.of_function(settings))
        output = found if isinstance(found, Output) else Output(found)
        return naming(output, getattr(read, "dropped", ()))

    def of_function(self, settings: Settings) -> Mapping[str, Any]:
        """The values of the options that the function takes."""
        names = [option.name for group in self.own for option in group.options]
        return {name: settings[name] for name in names if name is not None}
