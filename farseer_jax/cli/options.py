"""Options: their declaration, their groups in the help, and options that commands share."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import click

from farseer_jax.cli.completed_values import completer
from farseer_jax.close_names import closest
from farseer_jax.tables.number_texts import number_of

Settings: TypeAlias = dict[str, Any]  # the values of all options and arguments of a command


class Number(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """A finite number in a usual notation, such as ``2e8`` or ``7B``."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The number."""
        return _number(self, value, param, ctx)


class NumberRange(click.FloatRange):
    """A :class:`Number` within bounds, those of ``click.FloatRange``."""

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """The number."""
        return super().convert(_number(self, value, param, ctx), param, ctx)


class WholeRange(click.IntRange):
    """A whole :class:`Number` within bounds, those of ``click.IntRange``."""

    def convert(self, value: Any, param: Any, ctx: Any) -> int:
        """The number."""
        if isinstance(value, str) and not value.isdecimal():
            value = _number(self, value, param, ctx)
            if value != int(value):
                self.fail(
                    f"expected a whole number (such as 1000 or 10k), got {value:g}.", param, ctx
                )
        return super().convert(int(value), param, ctx)


def _number(kind: Any, value: Any, param: Any, ctx: Any) -> Any:
    """The number that a text spells; a default, which is a number, is returned unchanged."""
    number = number_of(value) if isinstance(value, str) else value
    if number is None:
        kind.fail(f"expected a number (such as 2e8 or 7B), got {value!r}.", param, ctx)
    return number


class Choice(click.Choice):  # type: ignore[type-arg]  # generic from click 8.2 on
    """One of several names; the error on another says which was probably meant."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The name."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter as error:
            close = closest(str(value), map(str, self.choices))
            question = f" Did you mean {close!r}?" if close else ""
            raise click.BadParameter(f"{error.message}{question}", ctx, param) from None


NUMBER = Number()
POSITIVE = NumberRange(0, min_open=True)
SEED = click.IntRange(0)
LEVEL = NumberRange(0, 1, min_open=True, max_open=True)
FROM_0, FROM_1, FROM_2 = WholeRange(0), WholeRange(1), WholeRange(2)


class Text(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.5 on
    """The text of an option, read by a function.

    Args:
        read: function from the text to a value, which raises ``click.BadParameter``.
        metavar: text that the help shows for the value.
        joined: whether the option may be repeated and its lists or mappings are joined into one;
            None without the option.
        names: names that the text may be, which a shell completes.
    """

    def __init__(
        self,
        read: Callable[[str], Any],
        metavar: str,
        *,
        joined: bool = False,
        names: Sequence[str] = (),
    ) -> None:
        self.read, self.name, self.joined, self.names = read, metavar, joined, names

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value; a default of another type is returned unchanged."""
        return self.read(value) if isinstance(value, str) else value


def reads(
    metavar: str, *, joined: bool = False, names: Sequence[str] = ()
) -> Callable[[Callable[[str], Any]], Text]:
    """A decorator that turns a function that reads a text into a type of options."""
    return lambda read: Text(read, metavar, joined=joined, names=names)


class Group:
    """Options that the help shows under one title, in their order."""

    def __init__(self, title: str, *options: click.Option) -> None:
        self.title, self.options = title, options

    def mapped(self, change: Callable[[click.Option], click.Option]) -> "Group":
        """The group with each option changed."""
        return Group(self.title, *map(change, self.options))


def option(names: str, kind: Any = None, help: str = "", **settings: Any) -> click.Option:
    """An option.

    Args:
        names: the option, such as ``"--max-N"`` or ``"-o --output"``, possibly followed by the
            name of the setting, ``"--fix fixed"``; the setting is ``max_N`` otherwise.
        kind: a type of click, a :class:`Text`, or the metavar of a plain text.
        help: text of the help.
        settings: further arguments of ``click.Option``.
    """
    flags = [name for name in names.split() if name.startswith("-")]
    dest = names.split()[len(flags) :] or [flags[-1].removeprefix("--").replace("-", "_")]
    if isinstance(kind, Text) and kind.joined:
        settings |= {"multiple": True, "callback": _joined}
    settings.setdefault("metavar", kind if isinstance(kind, str) else _metavar(kind))
    settings.setdefault("show_default", "default" in settings)
    if completed := completer(settings["metavar"], getattr(kind, "names", ())):
        settings.setdefault("shell_complete", completed)
    type = None if isinstance(kind, str) else kind
    return click.Option([*flags, *dest], type=type, help=help, **settings)


def _metavar(kind: Any) -> str | None:
    if isinstance(kind, Text):
        return kind.name
    if isinstance(kind, click.Choice):
        return "NAME" if len(kind.choices) > 2 else None  # the help lists many in its text
    return None if kind is None else "NUMBER"


def _joined(context: click.Context, parameter: click.Parameter, values: tuple[Any, ...]) -> Any:
    """All lists, or all mappings, joined into one."""
    if not values:
        return None
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    pairs = [pair for value in values for pair in value.items()]
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(
                f"{name!r} is given {names.count(name)} times: give it once.", context, parameter
            )
    return dict(pairs)


def json_option(what: str) -> click.Option:
    """``--json FILE``."""
    return option(
        "--json target", "FILE", f"Write {what} as JSON; - prints the JSON instead of the table."
    )


def level_option() -> click.Option:
    """``--level NUMBER``."""
    return option(
        "--level", LEVEL, "Nominal probability that an interval contains the truth.", default=0.9
    )


def seed_option(names: str, help: str) -> click.Option:
    """``--seed NUMBER``, 0 unless given."""
    return option(names, SEED, help, default=0)


def refit_options(bootstrap: str, seed: str) -> list[click.Option]:
    """``--bootstrap NUMBER``, and the level and the seed that go with it.

    Args:
        bootstrap: help of ``--bootstrap``.
        seed: help of ``--seed``.
    """
    return [option("--bootstrap", FROM_2, bootstrap), level_option(), seed_option("--seed", seed)]


def noise_option(where: str = "") -> click.Option:
    """``--noise NUMBER``.

    Args:
        where: use of the noise in words, such as ", for --of run".
    """
    return option(
        "--noise",
        POSITIVE,
        f"Standard deviation of ln loss from run to run, such as 5e-4{where}; estimated from the "
        "runs unless given.",
    )


def named(name: str) -> bool:
    """Whether the command line sets an option, rather than leaving its default."""
    source = click.get_current_context().get_parameter_source(name)
    return source is click.core.ParameterSource.COMMANDLINE


def spelled(name: str) -> str:
    """An option as the command spells it, such as ``--fix`` for the setting ``fixed``."""
    params = click.get_current_context().command.params
    return next(param.opts[0] for param in params if param.name == name)


def check_goes_with(needed: str, names: Iterable[str], settings: Settings) -> None:
    """Refuse options that are given without another one that they need.

    Args:
        needed: setting of the other option, None where it is not given.
        names: settings of the options that need it.
        settings: settings of the command.

    Raises:
        UsageError: one of them is given without it.
    """
    for name in names:
        if settings[needed] is None and named(name):
            raise click.UsageError(
                f"{spelled(name)} goes with {spelled(needed)}: add it, or leave it out."
            )
