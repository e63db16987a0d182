"""What the doors of the analyses are given: one sentence about an object of another kind."""

from typing import TypeVar

from farseer_jax.fitting.result import Fit
from farseer_jax.runs.runs import Runs

_MAX_LETTERS_SHOWN = 40
Kind = TypeVar("Kind")


def runs_of(given: object, argument: str) -> Runs:
    """Runs.

    Raises:
        TypeError: these are none.
    """
    made = "such as `read_runs(path)` or `Runs.from_dataframe(table)`"
    return instance_of(Runs, given, argument, made)


def runs_over_N_and_D(given: object, argument: str) -> Runs:
    """Runs that have these two inputs alone.

    Raises:
        TypeError: these are none.
        ValueError: they have other inputs.
    """
    runs = runs_of(given, argument)
    if set(runs.inputs) != {"N", "D"}:
        raise ValueError(
            f"{argument}: needed are runs over N and D alone, and these have the inputs "
            f"{', '.join(runs.inputs)}: read the table with these two as inputs"
        )
    return runs


def fit_of(given: object, argument: str) -> Fit:
    """A fit.

    Raises:
        TypeError: it is none.
    """
    return instance_of(Fit, given, argument, "such as `fit(Farseer, runs)`")


def instance_of(kind: type[Kind], given: object, argument: str, example: str) -> Kind:
    """What was given, if it is of a kind.

    Args:
        kind: the class.
        given: what the caller got.
        argument: name of the caller's argument.
        example: what makes such an object, as "such as `fit(Farseer, runs)`".

    Raises:
        TypeError: it is of another kind; the message names the argument, what was given and what
            to give, such as a bootstrap's own ``.fit``.

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
    what = _with_article(kind.__name__)
    raise TypeError(f"{argument}: expected {what}, {example}, got {shown(given)}{remedy}")


def shown(given: object) -> str:
    """An object for a message: short literals as they are, all else by its kind.

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
    if name == Runs.__name__:
        return name
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"
