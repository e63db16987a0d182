"""What is compared: laws, each with a method and a name."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from farseer_jax.fitting.arguments import as_method
from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.coupled import Coupled
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.kaplan import Kaplan
from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods._method import Method
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.piecewise.method import Piecewise

Pair: TypeAlias = tuple[type[Law], Method | None]
Candidates: TypeAlias = Iterable[type[Law] | Pair] | Mapping[str, Pair]


class Candidate(NamedTuple):
    """One of those that are compared."""

    name: str
    law: type[Law]
    method: Method


def default_candidates() -> list[Pair]:
    """The Farseer law by both kinds of fit, and the usual laws by Hoffmann et al.'s objective."""
    baselines = (Chinchilla, Coupled, Kaplan)
    return [
        (Farseer, Piecewise()),
        (Farseer, LeastSquares()),
        *((law, LeastSquares("huber")) for law in baselines),
    ]


def as_candidates(given: Candidates | None) -> list[Candidate]:
    """Candidates with their methods and names.

    Raises:
        ValueError: there are none, or two of one name.
        TypeError: one is neither a law's class nor a pair of a law and a method.
    """
    pairs = default_candidates() if given is None else given
    if isinstance(pairs, Mapping):
        named = {str(name): _pair(pair) for name, pair in pairs.items()}
        found = [Candidate(name, law, method) for name, (law, method) in named.items()]
    else:
        listed = [pairs] if isinstance(pairs, type) else list(pairs)
        found = _named([_pair(pair) for pair in listed])
    if not found:
        raise ValueError("candidates: give at least one, such as [(Farseer, Piecewise())]")
    return found


def _pair(given: Any) -> tuple[type[Law], Method]:
    law, method = given if isinstance(given, tuple) and len(given) == 2 else (given, None)
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(
            f"candidates: {given!r} is neither a law's class, such as Farseer, nor a pair such as "
            "(Farseer, Piecewise())"
        )
    return law, as_method(method, law)


def _words(method: Any) -> str:
    """The settings of a method, on whatever scale the runs' errors are."""
    describe = getattr(method, "describe", None)  # a method of the user's own may have none
    return str(describe(Link())) if describe else ""


def _named(pairs: list[tuple[type[Law], Method]]) -> list[Candidate]:
    """By law and method; by the method's settings too where two would be called the same."""
    short = [f"{law.name.title()}, {method.name}" for law, method in pairs]
    names = [
        f"{name}, {_words(method)}" if short.count(name) > 1 else name
        for name, (_, method) in zip(short, pairs, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"candidates: two of them are {name!r}; name them, as in "
                "{'mine': (Farseer, Piecewise()), 'other': …}"
            )
    return [Candidate(name, *pair) for name, pair in zip(names, pairs, strict=True)]
