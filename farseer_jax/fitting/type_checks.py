"""Type checks of the arguments of entry points: one sentence about an object of another type."""

from collections.abc import Sequence
from typing import TypeVar

from farseer_jax.fitting.result import Fit
from farseer_jax.runs.runs import Runs

_MAX_LETTERS_SHOWN = 40
Kind = TypeVar("Kind")


def runs_of(given: object, argument: str) -> Runs:
    """An argument that must be runs.

    Raises:
        TypeError: it is something else.
    """
    made = "such as `read_runs(path)` or `Runs.from_dataframe(table)`"
    return instance_of(Runs, given, argument, made)


def runs_over_N_and_D(given: object, argument: str) -> Runs:
    """An argument that must be runs with these two inputs alone.

    Raises:
        TypeError: it is something else.
        ValueError: they have other inputs.
    """
    runs = runs_of(given, argument)
    if set(runs.inputs) != {"N", "D"}:
        raise ValueError(
            f"{argument}: expected runs over N and D alone, got the inputs "
            f"{', '.join(runs.inputs)}: read the table with these two as inputs"
        )
    return runs


def fit_of(given: object, argument: str = "fit") -> Fit:
    """An argument that must be one fit.

    Raises:
        TypeError: it is something else; of several fits, the message says how to take one.
    """
    return instance_of(Fit, given, argument, "such as `fit(Farseer, runs)`")


def instance_of(kind: type[Kind], given: object, argument: str, example: str) -> Kind:
    """An argument, if it is of a type.

    Args:
        kind: the type.
        given: the argument's value.
        argument: name of the caller's argument.
        example: what makes such a value, as "such as `fit(Farseer, runs)`".

    Raises:
        TypeError: it is of another type; the message names the argument, the value and what to
            give, such as a bootstrap's own ``.fit``.

    Example:
        >>> runs_of("runs.csv", "runs")
        Traceback (most recent call last):
            ...
        TypeError: runs: expected Runs, such as `read_runs(path)` or `Runs.from_dataframe(table)`, \
got 'runs.csv'
    """
    if isinstance(given, kind):
        return given
    held = [name for name in ("runs", "fit") if isinstance(getattr(given, name, None), kind)]
    remedy = f": give its .{held[0]}" if held else ""
    if kind is Fit and isinstance(given, Sequence) and not isinstance(given, str):
        remedy = ": take one of them, fits[0] or fits.of(…)"
    what = _with_article(kind.__name__)
    raise TypeError(f"{argument}: expected {what}, {example}, got {shown(given)}{remedy}")


def shown(given: object) -> str:
    """A value for a message: short literals as they are, all else by its type.

    Example:
        >>> shown(3.5), shown([1.0, 2.0])
        ('3.5', 'a list')
    """
    if given is None or isinstance(given, str | int | float):
        text = repr(given)
        return text if len(text) <= _MAX_LETTERS_SHOWN else f"{text[:_MAX_LETTERS_SHOWN]}…"
    if isinstance(given, type):
        return f"the class {given.__name__}"
    return _with_article(type(given).__name__)


def _with_article(name: str) -> str:
    """A class's name after "a" or "an", but for a plural."""
    if name in ("Runs", "Fits"):
        return name
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
