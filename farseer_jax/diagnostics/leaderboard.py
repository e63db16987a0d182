"""The candidates of an extrapolation, laws with their methods, and their ranking."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from farseer_jax.fitting.arguments import as_method
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.coupled import Coupled
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.kaplan import Kaplan
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.method import Piecewise

Pair: TypeAlias = tuple[type[Law], Method | None]
Candidates: TypeAlias = Iterable[type[Law] | Pair] | Mapping[str, Pair]


class Candidate(NamedTuple):
    """A law and a method to compare."""

    name: str
    law: type[Law]
    method: Method


def default_candidates() -> list[Pair]:
    """The Farseer law by two methods, and the usual laws by Hoffmann et al.'s objective."""
    baselines = (Chinchilla, Coupled, Kaplan)
    return [
        (Farseer, Piecewise()),
        (Farseer, LeastSquares()),
        *((law, LeastSquares("huber")) for law in baselines),
    ]


def as_candidates(candidates: Candidates | None) -> list[Candidate]:
    """Candidates with their methods and names.

    Raises:
        ValueError: there are no candidates, or two have the same name.
        TypeError: one is neither a law's class nor a pair of a law and a method.
    """
    pairs = default_candidates() if candidates is None else candidates
    if isinstance(pairs, Mapping):
        named = {str(name): _pair(pair) for name, pair in pairs.items()}
        found = [Candidate(name, law, method) for name, (law, method) in named.items()]
    else:
        listed = [pairs] if isinstance(pairs, type) else list(pairs)
        found = _named([_pair(pair) for pair in listed])
    if not found:
        raise ValueError("candidates: expected at least one, such as Farseer, got none")
    return found


def _pair(one: Any) -> tuple[type[Law], Method]:
    law, method = one if isinstance(one, tuple) and len(one) == 2 else (one, None)
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(
            "candidates: expected a law's class, such as Farseer, or a pair, such as "
            f"(Farseer, Piecewise()), got {shown(one)}"
        )
    return law, as_method(method, law)


def _words(method: Any) -> str:
    """The settings of a method in words, whatever the link of the runs."""
    describe = getattr(method, "describe", None)  # a user-defined method may have none
    return str(describe(Link())) if describe else ""


def _named(pairs: list[tuple[type[Law], Method]]) -> list[Candidate]:
    """Candidates named by law and method, and by its settings where two names are the same."""
    short = [f"{law.name.title()}, {method.name}" for law, method in pairs]
    names = [
        f"{name}, {_words(method)}" if short.count(name) > 1 else name
        for name, (_, method) in zip(short, pairs, strict=True)
    ]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"candidates: two of them are {name!r}; give them names, as in "
                "{'mine': (Farseer, Piecewise()), 'other': …}"
            )
    return [Candidate(name, *pair) for name, pair in zip(names, pairs, strict=True)]


@dataclass(frozen=True, eq=False)
class CandidateResult:
    """One law by one method, fitted up to each limit. Errors are NaN where there is no refit.

    Attributes:
        name: name of the candidate.
        law: name of the law.
        method: name of the method.
        note: why the method refused the runs; else empty.
        outcomes: how each refit ended, one per limit; None where the runs were refused.
        target_outcome: how the refit to all runs ended; None where the runs were refused.
        predicted: losses of all runs, ``(limit, run)``.
        target_predicted: losses of the targets from each limit and, last, from all runs,
            ``(limit + 1, target)``.
        fitted_error: mean relative error on the fitted runs, ``(limit,)``.
        held_out_error: mean relative error on the held-out runs, ``(limit,)``.
        held_out_bias: mean of ``predicted / observed − 1`` on them, ``(limit,)``.
        next_error: mean relative error on the runs right above the limit, ``(limit,)``.
        next_bias: mean of ``predicted / observed − 1`` on them, ``(limit,)``.
    """

    name: str
    law: str
    method: str
    note: str
    outcomes: tuple[Outcome | None, ...]
    target_outcome: Outcome | None
    predicted: np.ndarray
    target_predicted: np.ndarray
    fitted_error: np.ndarray
    held_out_error: np.ndarray
    held_out_bias: np.ndarray
    next_error: np.ndarray
    next_bias: np.ndarray

    @property
    def unconverged(self) -> np.ndarray:
        """Limits at which the refit did not converge, ``(limit,)``: its error means nothing."""
        return np.array([outcome is Outcome.not_converged for outcome in self.outcomes])

    @property
    def missing(self) -> np.ndarray:
        """Limits without a usable fit, ``(limit,)``."""
        return ~np.isfinite(self.held_out_error) & ~self.unconverged

    @property
    def trusted(self) -> np.ndarray:
        """Limits with a converged fit and a finite error, ``(limit,)``."""
        return np.isfinite(self.held_out_error) & ~self.unconverged


@dataclass(frozen=True)
class LeaderboardRow:
    """One candidate of the ranking.

    Attributes:
        name: name of the candidate.
        held_out_error: geometric mean of the held-out errors over the limits with a refit.
        times_best: geometric mean of the ratio of its held-out error to the smallest of any
            candidate's converged fit at the same limit: 1 for one that is best everywhere.
        num_best: number of limits at which it converged with the smallest held-out error.
        num_limits: number of limits at which it has a refit.
        num_converged: number of limits at which it converged. This ranks first, and ``times_best``
            among equals, so that no candidate gains by failing at the harder limits.
        complete: whether it converged at each limit at which any candidate can be fitted; only such
            a candidate can be the best.
        next_error: geometric mean of the errors on the runs right above each limit.
    """

    name: str
    held_out_error: float
    times_best: float
    num_best: int
    num_limits: int
    num_converged: int
    complete: bool
    next_error: float


def ranked(results: Sequence[CandidateResult]) -> tuple[LeaderboardRow, ...]:
    """The ranking of the candidates, the best first."""
    errors = np.array([result.held_out_error for result in results])
    known = np.isfinite(errors)
    trusted = np.array([result.trusted for result in results])
    # where no fit converged, compare with those that did not
    usual = np.where(trusted.any(axis=0), trusted, known)
    smallest = np.where(usual, errors, np.inf).min(axis=0)
    # a limit that is too small for all candidates does not count
    asked = np.array([~result.missing for result in results]).any(axis=0)
    places = [
        LeaderboardRow(
            name=result.name,
            held_out_error=_geometric_mean(own[has]),
            times_best=_mean_ratio(own[has], smallest[has]),
            num_best=int((own[converged] == smallest[converged]).sum()),
            num_limits=int(has.sum()),
            num_converged=int(converged.sum()),
            complete=bool(asked.any() and converged[asked].all()),
            next_error=_geometric_mean(result.next_error[has]),
        )
        for result, own, has, converged in zip(results, errors, known, trusted, strict=True)
    ]
    return tuple(sorted(places, key=_order))


def _order(place: LeaderboardRow) -> tuple[bool, int, float]:
    return place.num_limits == 0, -place.num_converged, place.times_best


def _geometric_mean(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean())) if values.size else float("nan")


def _mean_ratio(values: np.ndarray, smallest: np.ndarray) -> float:
    """Geometric mean of ratios, by logarithms: the ratio to a diverged error may overflow."""
    if not values.size:
        return float("nan")
    with np.errstate(over="ignore"):
        return float(np.exp((np.log(values) - np.log(smallest)).mean()))
