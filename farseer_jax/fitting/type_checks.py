"""Type checks of the arguments of entry points."""

from collections.abc import Sequence
from typing import TypeVar

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.registry import LAWS
from farseer_jax.runs.runs import Runs

_MAX_LETTERS_SHOWN = 40
Kind = TypeVar("Kind")


def runs_of(value: object, argument: str) -> Runs:
    """Check that an argument is runs.

    Raises:
        TypeError: it is not.
    """
    made = "such as `read_runs(path)` or `Runs.from_dataframe(table)`"
    return instance_of(Runs, value, argument, made)


def runs_over_N_and_D(value: object, argument: str) -> Runs:
    """Check that an argument is runs whose inputs are N and D.

    Raises:
        TypeError: it is not runs.
        ValueError: the runs have other inputs.
    """
    runs = runs_of(value, argument)
    if set(runs.inputs) != {"N", "D"}:
        raise ValueError(
            f"{argument}: expected runs over N and D alone, got the inputs "
            f"{', '.join(runs.inputs)}: read the table with these two as inputs"
        )
    return runs


def fit_of(value: object, argument: str = "fit") -> Fit:
    """Check that an argument is a single fit.

    Raises:
        TypeError: it is not; for several fits, the message says how to take one.
    """
    return instance_of(Fit, value, argument, "such as `fit(Farseer, runs)`")


def instance_of(kind: type[Kind], value: object, argument: str, example: str) -> Kind:
    """Check the type of an argument, and return its value.

    Args:
        kind: the type.
        value: the argument's value.
        argument: name of the caller's argument.
        example: how to get such a value: "such as `fit(Farseer, runs)`".

    Raises:
        TypeError: it is of another type; the message names the argument, the value and what to
            give, such as a bootstrap's ``.fit``.

    Example:
        >>> runs_of("runs.csv", "runs")
        Traceback (most recent call last):
            ...
        TypeError: runs: expected Runs, such as `read_runs(path)` or `Runs.from_dataframe(table)`, \
got 'runs.csv'
    """
    if isinstance(value, kind):
        return value
    parts = [name for name in ("runs", "fit") if isinstance(getattr(value, name, None), kind)]
    remedy = f": give its .{parts[0]}" if parts else ""
    if kind is Fit and isinstance(value, Sequence) and not isinstance(value, str):
        remedy = ": take one of them, fits[0] or fits.of(…)"
    if kind is Fit:
        remedy = name_a_law(value) or remedy
    what = with_article(kind.__name__)
    raise TypeError(f"{argument}: expected {what}, {example}, got {shown(value)}{remedy}")


def name_a_law(value: object) -> str:
    """The remedy where an average of laws is given, to continue a sentence; empty for others."""
    # their classes are of a layer above
    if type(value).__name__ not in ("LawChoice", "AveragedFit"):
        return ""
    names = [str(own.name) for own in getattr(value, "tried", ())]
    name = next((own for own in names if own in LAWS), "chinchilla")
    return f", an average of several laws: name a law, as in fj.fit({name!r}, …)"


def shown(value: object) -> str:
    """A value for a message: literals, shortened, or else its type.

    Example:
        >>> shown(3.5), shown([1.0, 2.0])
        ('3.5', 'a list')
    """
    if value is None or isinstance(value, str | int | float):
        text = repr(value)
        return text if len(text) <= _MAX_LETTERS_SHOWN else f"{text[:_MAX_LETTERS_SHOWN]}…"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    return with_article(type(value).__name__)


def with_article(name: str) -> str:
    """A class's name with "a" or "an", unless it is a plural."""
    if name in ("Runs", "Fits"):
        return name
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
