"""Options that take lists with commas and may be repeated: names, and ``NAME=VALUE``."""

import math
from collections.abc import Callable
from typing import Any

import click

from farseer_jax.cli._options import Decorator, option
from farseer_jax.cli._values import number, pairs

# As in farseer_jax.runs.inputs and farseer_jax.links, which are not imported for the help; a test
# compares.
KINDS = ("positive", "real", "count", "mixture", "category")
LINKS = ("log", "identity", "logit")


def list_option(*names: str, parse: Callable[[str], Any], group: str, **settings: Any) -> Decorator:
    """An option that may be repeated, as one list or one mapping; None where it was not given.

    Args:
        names: of the option.
        parse: from one text to a list or a mapping.
        group: of the help.
        settings: others of the option.
    """
    return option(*names, type=parse, multiple=True, callback=_joined, group=group, **settings)


def _joined(context: click.Context, parameter: click.Parameter, values: tuple[Any, ...]) -> Any:
    """All lists after each other, or all mappings as one."""
    if not values:
        return None
    if isinstance(values[0], list):
        return [item for value in values for item in value]
    pairs = [pair for value in values for pair in value.items()]
    _refuse_repeated([name for name, _ in pairs], context, parameter)
    return dict(pairs)


def _refuse_repeated(names: list[str], context: click.Context, parameter: click.Parameter) -> None:
    for name in names:
        if names.count(name) > 1:
            raise click.BadParameter(
                f"{name!r} is given {names.count(name)} times: give it once.", context, parameter
            )


def names(text: str) -> list[str]:
    """Names with commas between them.

    Raises:
        BadParameter: one is empty.
    """
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise click.BadParameter(f"{text!r}: give names with commas between them, such as a,b.")
    return found


def one_text(text: str) -> list[str]:
    """The text itself, whose commas are left to whoever knows the names of the columns."""
    return [text]


def columns(text: str) -> dict[str, str]:
    """Inputs with their columns, ``P=parallel_size``; of a mixture ``h=share_*`` or ``h=a,b``."""
    return pairs(text, "P=parallel_size or h=share_*")


def numbers(text: str) -> dict[str, float]:
    """Names with numbers, ``E=1.69,k=1``.

    Raises:
        BadParameter: a value is no number.
    """
    return {name: _number(text, name, value) for name, value in pairs(text, "E=1.69").items()}


def texts(text: str) -> dict[str, str]:
    """Names with any values, ``corpus=pile``."""
    return pairs(text, "corpus=pile")


def values(text: str) -> list[tuple[str, str]]:
    """Names with any values, ``P=4`` or ``P=4,P=8``: a name may stand several times.

    Raises:
        BadParameter: the text is anything else.
    """
    return [pair for part in text.split(",") for pair in pairs(part, "P=4").items()]


def kinds(text: str) -> dict[str, str]:
    """Inputs with their kinds, ``x=real``.

    Raises:
        BadParameter: a kind is unknown.
    """
    found = pairs(text, "x=real")
    for name, kind in found.items():
        if kind not in KINDS:
            raise click.BadParameter(
                f"{name}={kind}: unknown kind {kind!r}; choose from {', '.join(KINDS)}."
            )
    return found


def bounds(text: str) -> dict[str, tuple[float, float]]:
    """Parameters with bounds, ``alpha=0:1``; an end that is left out is free, ``k=0:``.

    Raises:
        BadParameter: a range is none.
    """
    return {name: _range(text, value) for name, value in pairs(text, "alpha=0:1 or k=0:").items()}


def _range(text: str, value: str) -> tuple[float, float]:
    ends = value.split(":")
    if len(ends) == 2 and any(ends):
        low, high = (
            number(end) if end else free
            for end, free in zip(ends, (-math.inf, math.inf), strict=True)
        )
        if low is not None and high is not None and low < high:
            return low, high
    raise click.BadParameter(
        f"{text!r}: {value!r} is no range LOW:HIGH, the lower number first; one of them may be "
        "left out, such as alpha=0:1 or k=0:."
    )


def ties(text: str) -> list[tuple[str, ...]]:
    """Parameters that are equal, ``alpha=beta``.

    Raises:
        BadParameter: there are fewer than two.
    """
    groups = [tuple(name.strip() for name in part.split("=")) for part in text.split(",")]
    for group in groups:
        if len(group) < 2 or not all(group):
            raise click.BadParameter(
                f"{text!r}: name parameters that are to be equal, such as alpha=beta."
            )
    return groups


def link(text: str) -> tuple[str, float, float]:
    """A link with its floor and ceiling: ``log``, ``identity``, ``logit`` or ``logit:0.25:1``.

    Raises:
        BadParameter: the text is none of these.
    """
    name, *ends = text.split(":")
    if name not in LINKS:
        raise click.BadParameter(f"unknown link {name!r}; choose from {', '.join(LINKS)}.")
    match [number(end) for end in ends]:
        case []:
            return name, 0.0, 1.0
        case [float(floor), float(ceiling)] if name == "logit" and floor < ceiling:
            return name, floor, ceiling
    raise click.BadParameter(
        f"{text!r}: only logit has ends, a floor and a ceiling above it, such as logit:0.25:1."
    )


def _number(text: str, name: str, value: str) -> float:
    found = number(value)
    if found is None:
        raise click.BadParameter(f"{text!r}: {name}={value} is no number.")
    return found
