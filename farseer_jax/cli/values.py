"""Types of option values: ranges, points, names, ``NAME=VALUE``."""

import math
from collections.abc import Sequence
from typing import Literal

import click

from farseer_jax.cli.options import reads
from farseer_jax.close_names import unknown_name
from farseer_jax.link_functions import NAMES as LINKS
from farseer_jax.tables.number_texts import number_of

_MAX_BUDGETS = 10_000  # of one range
# As in farseer_jax.runs.inputs, which is not imported for the help; a test compares.
KINDS = ("positive", "real", "count", "fraction", "mixture", "category")


def numbers(text: str, separator: str) -> Sequence[float]:
    """The finite numbers that a text spells, or an empty list if a part is not one."""
    found = [number_of(part) for part in text.split(separator)]
    return [value for value in found if value is not None] if None not in found else []


def expected(what: str, text: str) -> click.BadParameter:
    """The error for an option's text."""
    return click.BadParameter(f"expected {what}, got {text!r}.")


@reads("NUMBER|joint")
def rounds(text: str) -> int | Literal["joint"]:
    """A whole number of at least 1, or ``joint``."""
    if text == "joint":
        return "joint"
    if text.isdecimal() and int(text) >= 1:
        return int(text)
    raise expected("a whole number from 1 or joint", text)


@reads("NUMBER|LOW:HIGH")
def ratio(text: str) -> float | tuple[float, float]:
    """A number above 1, or a range ``LOW:HIGH`` of such numbers."""
    match numbers(text, ":"):
        case [step] if step > 1:
            return step
        case [low, high] if 1 < low < high:
            return low, high
    raise expected("a number above 1 (such as 1.41) or a range LOW:HIGH (such as 1.35:1.45)", text)


@reads("LOW:HIGH")
def span(text: str) -> tuple[float, float]:
    """A range of positive numbers ``LOW:HIGH``."""
    match numbers(text, ":"):
        case [low, high] if 0 < low < high:
            return low, high
    raise expected("a range LOW:HIGH of positive numbers (such as 1e8:1e11)", text)


@reads("LOW:HIGH")
def interval(text: str) -> tuple[float, float]:
    """A range of numbers ``LOW:HIGH``."""
    match numbers(text, ":"):
        case [low, high] if low < high:
            return low, high
    raise expected("a range LOW:HIGH (such as -0.3:0.4)", text)


@reads("N,D")
def domain(text: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """Ranges of N and D, ``LOW:HIGH,LOW:HIGH``."""
    match [numbers(part, ":") for part in text.split(",")]:
        case [[a, b], [c, d]] if 0 < a < b and 0 < c < d:
            return (a, b), (c, d)
    raise expected("ranges LOW:HIGH,LOW:HIGH of N and D (such as 2e8:1e13,1e9:1e15)", text)


@reads("FLOPS|LOW:HIGH[:NUMBER]")
def budgets(text: str) -> list[float]:
    """A positive number, or a range ``LOW:HIGH[:NUMBER]`` of them, evenly spaced in the log."""
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


@reads("NUMBER|LOW:HIGH", joined=True)
def amounts(text: str) -> list[float]:
    """Positive numbers and ranges of them, separated by commas."""
    return [amount for part in text.split(",") for amount in budgets.read(part)]


@reads("NUMBER", joined=True)
def positives(text: str) -> list[float]:
    """Positive numbers, separated by commas."""
    found = numbers(text, ",")
    if not found or min(found) <= 0:
        raise expected("positive numbers separated by commas (such as 1e9,1e10)", text)
    return [*found]


def _spaced(low: float, high: float, num: int) -> list[float]:
    """Numbers evenly spaced in the log, with exact ends and exact powers of ten."""
    first, last = math.log10(low), math.log10(high)
    logs = [first + (last - first) * i / (num - 1) for i in range(num)]
    inner = [float(f"{10**x:.15g}") for x in logs[1:-1]]
    return [low, *inner, high]


@reads("N,D")
def point(text: str) -> tuple[float, float]:
    """Two positive numbers ``N,D``."""
    match numbers(text, ","):
        case [N, D] if N > 0 and D > 0:
            return N, D
    raise expected("a point N,D of positive numbers without a space (such as 25.1B,500B)", text)


@reads("N,D,LOSS")
def run(text: str) -> tuple[float, float, float]:
    """Three positive numbers ``N,D,LOSS``."""
    match numbers(text, ","):
        case [N, D, loss] if min(N, D, loss) > 0:
            return N, D, loss
    raise expected(
        "a run N,D,LOSS of positive numbers without a space (such as 25.1B,500B,0.4116)", text
    )


@reads("N,D,LOSS|INPUT=NUMBER,...")
def named_run(text: str) -> dict[str, float]:
    """Three positive numbers ``N,D,LOSS``, or values by name, ``N=4B,P=8,loss=2.1``."""
    if "=" in text:
        return _numbers_by_name(text, "N=4B,P=8,loss=2.1")
    return dict(zip(("N", "D", "loss"), run.read(text), strict=True))


@reads("NAME", joined=True)
def names(text: str) -> list[str]:
    """Names separated by commas."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise expected("names separated by commas (such as a,b)", text)
    return found


def pairs(text: str, example: str) -> dict[str, str]:
    """Pairs ``NAME=VALUE`` separated by commas; a part without ``=`` belongs to the last.

    Args:
        text: text of an option.
        example: example of such a text, for the message.
    """
    found: list[list[str]] = []
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if equals:
            found.append([name.strip(), value.strip()])
        elif found:
            found[-1][1] += f",{part.strip()}"
    complete = all(name and value for name, value in found) and "=" in text.split(",")[0]
    if not found or not complete:
        raise expected(f"NAME=VALUE (such as {example})", text)
    given = dict(found)
    if len(given) < len(found):
        raise click.BadParameter(f"a name is given twice in {text!r}.")
    return given


@reads("COLUMN", joined=True)
def patterns(text: str) -> list[str]:
    """Columns, ``a,b`` or ``loss_*``; split later, because names of columns may have commas."""
    return [text]


@reads("NAME=COLUMN", joined=True)
def columns(text: str) -> dict[str, str]:
    """Inputs with their columns, ``P=parallel_size``; ``h=share_*`` or ``h=a,b`` for a mixture."""
    return pairs(text, "P=parallel_size or h=share_*")


@reads("NAME=NUMBER", joined=True)
def numbers_by_name(text: str) -> dict[str, float]:
    """Names with numbers, ``E=1.69,k=1``."""
    return _numbers_by_name(text, "E=1.69")


def _numbers_by_name(text: str, example: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for name, value in pairs(text, example).items():
        number = number_of(value)
        if number is None:
            raise expected(f"NAME=NUMBER (such as {example})", f"{name}={value}")
        found[name] = number
    return found


@reads("COLUMN=VALUE", joined=True)
def labels(text: str) -> dict[str, str]:
    """Columns with their labels, ``corpus=pile``."""
    return pairs(text, "corpus=pile")


@reads("NAME=VALUE", joined=True)
def values(text: str) -> list[tuple[str, str]]:
    """Names with any values, ``P=4``; with several, ``P=4,8`` or ``P=4,P=8``."""
    found: list[tuple[str, str]] = []
    for part in text.split(","):
        is_more = found and "=" not in part and part.strip()
        found += [(found[-1][0], part.strip())] if is_more else pairs(part, "P=4").items()
    return found


@reads("NAME=KIND", joined=True)
def kinds(text: str) -> dict[str, str]:
    """Inputs with their kinds, ``x=real``."""
    found = pairs(text, "x=real")
    for name, kind in found.items():
        if kind not in KINDS:
            raise click.BadParameter(f"{name}={kind}: {unknown_name('kind', kind, KINDS)}.")
    return found


@reads("NAME=LOW:HIGH", joined=True)
def bounds(text: str) -> dict[str, tuple[float, float]]:
    """Parameters with bounds, ``alpha=0:1``; an end may be left out, ``k=0:``."""
    return {name: _bound(name, ends) for name, ends in pairs(text, "alpha=0:1 or k=0:").items()}


def _bound(name: str, text: str) -> tuple[float, float]:
    ends = text.split(":")
    if len(ends) == 2 and any(ends):
        free = (-math.inf, math.inf)
        low, high = (number_of(end) if end else own for end, own in zip(ends, free, strict=True))
        if low is not None and high is not None and low < high:
            return low, high
    raise expected("NAME=LOW:HIGH or one end of it (such as alpha=0:1 or k=0:)", f"{name}={text}")


@reads("NAME=NAME", joined=True)
def ties(text: str) -> list[tuple[str, ...]]:
    """Parameters that are equal, ``alpha=beta``."""
    groups = [tuple(name.strip() for name in part.split("=")) for part in text.split(",")]
    if not all(len(group) >= 2 and all(group) for group in groups):
        raise expected("parameters that are equal (such as alpha=beta)", text)
    return groups


@reads("NAME", names=LINKS)
def link(text: str) -> tuple[str, float, float]:
    """A link with its floor and ceiling: ``log``, ``identity``, ``logit`` or ``logit:0.25:1``."""
    name, *ends = text.split(":")
    if name not in LINKS:
        raise click.BadParameter(f"{unknown_name('link', name, LINKS)}.")
    match [number_of(end) for end in ends]:
        case []:
            return name, 0.0, 1.0
        case [float(floor), float(ceiling)] if name == "logit" and floor < ceiling:
            return name, floor, ceiling
    raise expected(
        f"{name}, or logit with a floor and a higher ceiling (such as logit:0.25:1)", text
    )


@reads("N,D|NAME=VALUE,...")
def named_point(text: str) -> dict[str, str]:
    """Two positive numbers ``N,D``, or values of a law's inputs by name, ``N=1e9,P=4``."""
    if "=" in text:
        return pairs(text, "N=1e9,P=4")
    point(text)
    return dict(zip(("N", "D"), text.split(","), strict=True))


@reads("A,B")
def two_names(text: str) -> tuple[str, str]:
    """Two different names with a comma between them."""
    match [name.strip() for name in text.split(",")]:
        case [str(a), str(b)] if a and b and a != b:
            return a, b
    raise expected("two different names with a comma between them (such as old,new)", text)
