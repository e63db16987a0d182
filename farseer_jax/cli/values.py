"""Values of options that are more than a number: ranges, budgets, points."""

import math
from collections.abc import Sequence
from typing import Literal

import click

_MAX_BUDGETS = 10_000  # of one range


def number(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def numbers(text: str, separator: str) -> Sequence[float]:
    """The finite numbers that a text spells, or none if it has anything else."""
    found = [number(part) for part in text.split(separator)]
    return [value for value in found if value is not None] if None not in found else []


def expected(what: str, text: str) -> click.BadParameter:
    """The refusal of an option's text."""
    return click.BadParameter(f"expected {what}, got {text!r}.")


def rounds(text: str) -> int | Literal["joint"]:
    """A whole number from 1, or ``joint``."""
    if text == "joint":
        return "joint"
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise expected("a whole number from 1 or joint", text)


def ratio(text: str) -> float | tuple[float, float]:
    """A number above 1, or a range ``LOW:HIGH`` of such numbers."""
    match numbers(text, ":"):
        case [step] if step > 1:
            return step
        case [low, high] if 1 < low < high:
            return low, high
    raise expected("a number above 1 (such as 1.41) or a range LOW:HIGH (such as 1.35:1.45)", text)


def span(text: str) -> tuple[float, float]:
    """A range of positive numbers ``LOW:HIGH``."""
    match numbers(text, ":"):
        case [low, high] if 0 < low < high:
            return low, high
    raise expected("a range LOW:HIGH of positive numbers (such as 1e8:1e11)", text)


def interval(text: str) -> tuple[float, float]:
    """A range of numbers ``LOW:HIGH``."""
    match numbers(text, ":"):
        case [low, high] if low < high:
            return low, high
    raise expected("a range LOW:HIGH (such as -0.3:0.4)", text)


def domain(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of N and D, ``LOW:HIGH,LOW:HIGH``."""
    match [numbers(part, ":") for part in text.split(",")]:
        case [[a, b], [c, d]] if 0 < a < b and 0 < c < d:
            return (a, b), (c, d)
    raise expected("ranges LOW:HIGH,LOW:HIGH of N and D (such as 2e8:1e13,1e9:1e15)", text)


def budgets(text: str) -> list[float]:
    """A positive number, or a range ``LOW:HIGH[:NUMBER]`` of them, evenly in their logarithm."""
    match numbers(text, ":"):
        case [one] if one > 0:
            return [one]
        case [low, high] if 0 < low < high:
            return _spaced(low, high, max(round(math.log10(high / low)) + 1, 2))
        case [low, high, num] if 0 < low < high:
            if 2 <= num <= _MAX_BUDGETS and num == int(num):
                return _spaced(low, high, int(num))
            raise expected(f"LOW:HIGH:NUMBER with a whole number from 2 to {_MAX_BUDGETS:,}", text)
    raise expected("a positive number (such as 1e22) or a range (such as 1e20:1e26:25)", text)


def _spaced(low: float, high: float, num: int) -> list[float]:
    """Both ends as they were written; between them, whole powers of ten come out whole."""
    first, last = math.log10(low), math.log10(high)
    logs = [first + (last - first) * i / (num - 1) for i in range(num)]
    inner = [float(f"{10**x:.15g}") for x in logs[1:-1]]
    return [low, *inner, high]


def point(text: str) -> tuple[float, float]:
    """Two positive numbers ``N,D``."""
    match numbers(text, ","):
        case [N, D] if N > 0 and D > 0:
            return N, D
    raise expected("a point N,D of positive numbers without a space (such as 25.1e9,5e11)", text)


def run(text: str) -> tuple[float, float, float]:
    """Three positive numbers ``N,D,LOSS``."""
    match numbers(text, ","):
        case [N, D, loss] if min(N, D, loss) > 0:
            return N, D, loss
    raise expected(
        "a run N,D,LOSS of positive numbers without a space (such as 25.1e9,5e11,0.4116)", text
    )
