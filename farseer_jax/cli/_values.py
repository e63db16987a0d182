"""Values of options that are more than a number."""

import math
from typing import Literal

import click


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


def number(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
