"""Limits of a law's inputs in addition to their kinds, such as unique tokens below all tokens."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.results.numbers import number_text

_ROUNDING = 1e-6  # relative: columns are printed with few digits


class InputLimit(NamedTuple):
    """A condition that the inputs of a law must satisfy at each run.

    Attributes:
        inputs: names of the inputs.
        is_met: takes them in this order, ``(run,)`` each; True where the condition holds.
        sentence: the condition as text, as in ``"U must not be above D"``.

    Example:
        >>> import numpy as np
        >>> limit = at_most("U", "D", "unique tokens U must not exceed all tokens D")
        >>> limit.is_met(np.array([1e9, 3e9]), np.array([2e9, 2e9]))
        array([ True, False])
    """

    inputs: tuple[str, ...]
    is_met: Callable[..., Any]
    sentence: str


def at_most(name: str, limit: str, sentence: str) -> InputLimit:
    """The limit that one input is at most another."""
    return InputLimit((name, limit), lambda own, other: own <= other * (1.0 + _ROUNDING), sentence)


def at_least(name: str, limit: float, sentence: str) -> InputLimit:
    """The limit that an input is at least a number."""
    return InputLimit((name,), lambda own: own >= limit * (1.0 - _ROUNDING), sentence)


def within(limits: Sequence[InputLimit], inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """Whether points meet all limits, ``(point,)``.

    Args:
        limits: the limits.
        inputs: inputs by name, ``(point,)``.
    """
    found = np.ones(len(next(iter(inputs.values()))), dtype=bool)
    for limit in limits:
        found &= np.asarray(limit.is_met(*(inputs[name] for name in limit.inputs)))
    return found


def refuse_outside(
    limits: Sequence[InputLimit],
    inputs: Mapping[str, np.ndarray],
    where: Callable[[int], str] = "position {}".format,
) -> None:
    """Refuse inputs outside the limits of a law.

    Args:
        limits: the limits.
        inputs: inputs by name, ``(run,)``.
        where: the name of a run, from its position.

    Raises:
        ValueError: a limit is not met; the message names the first run and the number of others.

    Example:
        >>> limit = at_most("U", "D", "unique tokens U must not exceed all tokens D")
        >>> refuse_outside([limit], {"U": np.array([3e9]), "D": np.array([2e9])}, "row {}".format)
        Traceback (most recent call last):
            ...
        ValueError: unique tokens U must not exceed all tokens D; row 0 has U = 3e+09, D = 2e+09: \
correct it, or leave it out
    """
    for limit in limits:
        own = [inputs[name] for name in limit.inputs]
        bad = np.flatnonzero(~np.asarray(limit.is_met(*own)))
        if not bad.size:
            continue
        first = int(bad[0])
        values = ", ".join(
            f"{name} = {number_text(float(column[first]))}"
            for name, column in zip(limit.inputs, own, strict=True)
        )
        more = f" and {bad.size - 1} more" if bad.size > 1 else ""
        which = "them" if bad.size > 1 else "it"
        raise ValueError(
            f"{limit.sentence}; {where(first)} has {values}{more}: correct {which}, or leave "
            f"{which} out"
        )
