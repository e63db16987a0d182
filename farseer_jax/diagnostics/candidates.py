"""The candidates of an extrapolation: laws with their methods, and forecasts."""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

from farseer_jax.fitting.arguments import as_method
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.kaplan import Kaplan
from farseer_jax.laws.expression_law import ExpressionLaw, name_of
from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import law_named, refuse_unknown_word
from farseer_jax.link_functions import Link
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.results.numbers import capitalised

FORECAST = "forecast"
_MARKS = "+-*/|("
Forecasting: TypeAlias = Literal["forecast"]
Pair: TypeAlias = tuple[type[Law] | str, Method | Forecasting | None]
Candidates: TypeAlias = (
    Iterable[type[Law] | str | Pair] | Mapping[str, type[Law] | str | Pair] | type[Law] | str
)
_EXPECTED = (
    "candidates: expected a law's class, such as Farseer, its name, an expression, a pair, such as "
    "(Farseer, Piecewise()) or (law, 'forecast'), or 'forecast'"
)


class Candidate(NamedTuple):
    """A law and how it predicts: by a method, or by a forecast.

    Attributes:
        name: its name in tables.
        law: the law's class or, before the runs are known, an expression; None is the forecast by
            the usual laws over N and D.
        method: the method; None is the forecast.
    """

    name: str
    law: type[Law] | str | None
    method: Method | None = None

    @property
    def is_forecast(self) -> bool:
        """Whether the forecast predicts, by its own laws or by this one."""
        return self.method is None

    @property
    def law_name(self) -> str:
        """The name of the law; an expression is its own name."""
        if self.law is None:
            return FORECAST
        return self.law if isinstance(self.law, str) else name_of(self.law)

    @property
    def method_name(self) -> str:
        """The name of the method."""
        return FORECAST if self.method is None else str(self.method.name)


def default_candidates() -> list[type[Law] | str | Pair]:
    """The forecast, Farseer by two methods, and usual laws by Hoffmann et al.'s objective."""
    baselines = (Chinchilla, Coupled, Kaplan)
    return [
        FORECAST,
        (Farseer, Piecewise()),
        (Farseer, LeastSquares()),
        *((law, LeastSquares("huber")) for law in baselines),
    ]


def as_candidates(candidates: Candidates | None) -> list[Candidate]:
    """Candidates with their methods and names.

    Raises:
        ValueError: there are no candidates, or two have the same name.
        TypeError: one is neither a law, nor a pair of a law and a method, nor "forecast".
    """
    given: Any = default_candidates() if candidates is None else candidates
    if isinstance(given, Mapping):
        found = [Candidate(str(name), *_pair(one)) for name, one in given.items()]
    else:
        listed = [given] if isinstance(given, type | str) else list(given)
        found = _named([_pair(one) for one in listed])
    if not found:
        raise ValueError("candidates: expected at least one, such as Farseer, got none")
    return found


def _pair(one: Any) -> tuple[type[Law] | str | None, Method | None]:
    """The law and the method of a candidate."""
    if isinstance(one, str) and one == FORECAST:
        return None, None
    law, method = one if isinstance(one, tuple) and len(one) == 2 else (one, None)
    law = _law(law, one)
    if isinstance(method, str) and method == FORECAST:
        return law, None
    return law, as_method(method, law if isinstance(law, type) else Law)


def _law(law: Any, given: Any) -> type[Law] | str:
    """A law's class, or an expression."""
    if isinstance(law, str):
        found = law_named(law)
        if found is not None:
            return found
        try:
            refuse_unknown_word(law)
        except ValueError as error:
            raise ValueError(f"candidates: {error}, or 'forecast'") from None
        if any(mark in law for mark in _MARKS):
            return law.strip()
        raise TypeError(f"{_EXPECTED}, got {law!r}")
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"{_EXPECTED}, got {shown(given)}")
    return law


def _words(method: Any) -> str:
    """The settings of a method in words, whatever the link of the runs."""
    describe = getattr(method, "describe", None)  # a user-defined method may have none
    return str(describe(Link())) if describe else ""


def _named(pairs: list[tuple[type[Law] | str | None, Method | None]]) -> list[Candidate]:
    """Candidates named by law and method, and by its settings where two names are the same."""
    short = [_short(Candidate("", law, method)) for law, method in pairs]
    names = [
        name if method is None or short.count(name) == 1 else f"{name}, {_words(method)}"
        for name, (_, method) in zip(short, pairs, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"candidates: two of them are {name!r}; give them names, as in "
                "{'mine': (Farseer, Piecewise()), 'other': …}"
            )
    return [Candidate(name, *pair) for name, pair in zip(names, pairs, strict=True)]


def _short(own: Candidate) -> str:
    """The law and the method in words."""
    if own.law is None:
        return capitalised(FORECAST)
    is_text = isinstance(own.law, str) or issubclass(own.law, ExpressionLaw)
    if is_text and own.method == LeastSquares():
        return own.law_name
    law = own.law_name if is_text else capitalised(own.law_name)
    return f"{law}, {own.method_name}"
