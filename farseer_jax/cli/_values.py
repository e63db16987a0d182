"""Values of options that are more than a number."""

import math
from typing import Literal

import click

_MANY = 10_000  # budgets of one range


def rounds(text: str) -> int | Literal["joint"]:
    """A whole number from 1, or ``joint``.

    Raises:
        BadParameter: the text is neither.
    """
    if text == "joint":
        return "joint"
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise click.BadParameter(f"{text!r} is neither a whole number from 1 nor 'joint'.")


def ratio(text: str) -> float | tuple[float, float]:
    """A number above 1, or a range ``LOW:HIGH``.

    Raises:
        BadParameter: the text is neither.
    """
    numbers = [number(part) for part in text.split(":")]
    match numbers:
        case [float(step)] if step > 1:
            return step
        case [float(low), float(high)] if 1 < low < high:
            return low, high
    raise click.BadParameter(
        f"{text!r} is neither a number above 1, such as 1.41, nor a range of such numbers, "
        "such as 1.35:1.45."
    )


def span(text: str) -> tuple[float, float]:
    """A range of positive numbers ``LOW:HIGH``.

    Raises:
        BadParameter: the text is none.
    """
    numbers = [number(part) for part in text.split(":")]
    match numbers:
        case [float(low), float(high)] if 0 < low < high:
            return low, high
    raise click.BadParameter(
        f"{text!r} is no range LOW:HIGH: two positive numbers with a colon between them, the lower "
        "one first, such as 1e8:1e11."
    )


def interval(text: str) -> tuple[float, float]:
    """A range of numbers ``LOW:HIGH``.

    Raises:
        BadParameter: the text is none.
    """
    numbers = [number(part) for part in text.split(":")]
    match numbers:
        case [float(low), float(high)] if low < high:
            return low, high
    raise click.BadParameter(
        f"{text!r} is no range LOW:HIGH: two numbers with a colon between them, the lower one "
        "first, such as -0.3:0.4."
    )


def budgets(text: str) -> list[float]:
    """A positive number, or a range ``LOW:HIGH[:NUMBER]`` of them, evenly on a logarithmic scale.

    Raises:
        BadParameter: the text is neither.
    """
    numbers = [number(part) for part in text.split(":")]
    match numbers:
        case [float(one)] if one > 0:
            return [one]
        case [float(low), float(high)] if 0 < low < high:
            num = round(math.log10(high / low)) + 1
            return _spaced(low, high, max(num, 2))
        case [float(low), float(high), float(num)] if 0 < low < high:
            if 2 <= num <= _MANY and num == int(num):
                return _spaced(low, high, int(num))
            raise click.BadParameter(
                f"{text!r}: the NUMBER of budgets must be a whole number from 2 to {_MANY:,}, such "
                "as 1e20:1e26:25."
            )
    raise click.BadParameter(
        f"{text!r} is neither a positive number, such as 1e22, nor a range LOW:HIGH or "
        "LOW:HIGH:NUMBER, such as 1e20:1e26 or 1e20:1e26:25."
    )


def _spaced(low: float, high: float, num: int) -> list[float]:
    """Both ends as they were written; between them, whole powers of ten come out whole."""
    first, last = math.log10(low), math.log10(high)
    logs = [first + (last - first) * i / (num - 1) for i in range(num)]
    inner = [float(f"{10**x:.15g}") for x in logs[1:-1]]
    return [low, *inner, high]


def domain(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of N and D, ``LOW:HIGH,LOW:HIGH``.

    Raises:
        BadParameter: the text is anything else.
    """
    ranges = [[number(end) for end in part.split(":")] for part in text.split(",")]
    match ranges:
        case [[float(a), float(b)], [float(c), float(d)]] if 0 < a < b and 0 < c < d:
            return (a, b), (c, d)
    raise click.BadParameter(
        f"{text!r} is no domain: give the ranges of N and D as LOW:HIGH,LOW:HIGH, such as "
        "2e8:1e13,1e9:1e15."
    )


def pairs(text: str, example: str) -> dict[str, str]:
    """Pairs ``NAME=VALUE`` with commas between them; a part without ``=`` belongs to the last.

    Args:
        text: of an option.
        example: of such a text, for the message.

    Raises:
        BadParameter: a name or a value is missing, or a name stands twice.
    """
    found: list[list[str]] = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            found.append([name.strip(), value.strip()])
        elif found:
            found[-1][1] += f",{part.strip()}"
    given = dict(found)
    if (
        not found
        or not all(name and value for name, value in found)
        or "=" not in text.split(",")[0]
    ):
        raise click.BadParameter(f"{text!r}: give NAME=VALUE, such as {example}.")
    if len(given) < len(found):
        raise click.BadParameter(f"{text!r}: a name is given twice.")
    return given


def number(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
