"""Warnings of a comparison of two fits."""

from dataclasses import dataclass

import numpy as np

from farseer_jax.decisions.compared_fits import FitPair
from farseer_jax.decisions.matching_runs import match
from farseer_jax.fitting.check_points import check_points
from farseer_jax.results.numbers import quantity_text

BETTER = "compare the tables of runs themselves (compare_runs, `farseer compare A.csv B.csv`)"
_LARGEST_MISS = 0.5  # of the fits at the points, relative to the observed differences


@dataclass(frozen=True, eq=False)
class AgainstRuns:
    """The observed and the fitted difference at the points (N, D) of both tables.

    Attributes:
        names: names of A and B.
        observed: (loss A − loss B) / loss B of the runs, ``(point,)``.
        fitted: the same of the laws, ``(point,)``.
    """

    names: tuple[str, str]
    observed: np.ndarray
    fitted: np.ndarray

    @property
    def miss(self) -> float:
        """Root mean square of (fitted − observed) differences."""
        return _root_mean_square(self.fitted - self.observed)

    @property
    def num_wins(self) -> tuple[int, int]:
        """Number of points at which the runs of A are better, and at which those of B are."""
        return int((self.observed < 0).sum()), int((self.observed > 0).sum())

    def sentences(self, difference: np.ndarray) -> tuple[str, ...]:
        """Where the fits contradict the runs, worst first.

        Runs that do not differ at all (two fits to one table) do not compare two recipes.

        Args:
            difference: difference of the laws over the whole domain, ``(size, tokens)``.
        """
        if not self.observed.any():
            return ()
        return (*self._missed(), *self._contradicted(difference))

    def _missed(self) -> tuple[str, ...]:
        typical = _root_mean_square(self.observed)
        if self.miss <= _LARGEST_MISS * typical:
            return ()
        return (
            f"the fits miss the observed differences, {typical:.2%}, by {self.miss:.2%} (root mean "
            f"squares): trust the points, not the surfaces; {BETTER}, or try another law or "
            "method.",
        )

    def _contradicted(self, difference: np.ndarray) -> tuple[str, ...]:
        wins = self.num_wins
        if wins[0] == wins[1]:
            return ()
        winner = int(wins[1] > wins[0])
        sign = (-1, 1)[winner]  # of the difference where the winner is better
        fitted = int((sign * self.fitted > 0).sum())
        share = float((sign * difference < 0).mean())
        if fitted > int((sign * self.fitted < 0).sum()) and share <= 0.5:
            return ()
        num = len(self.observed)
        return (
            f"the runs and the fits disagree on the winner: {self.names[winner]} is better at "
            f"{wins[winner]} of the {num} points where both have runs; by the fits, at {fitted} of "
            f"them and in {1 - share:.0%} of this domain: {BETTER}.",
        )


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def contradictions(fits: FitPair, difference: np.ndarray, tolerance: float) -> tuple[str, ...]:
    """Where the fits contradict the runs at points of both tables, worst first.

    Args:
        fits: the two fits.
        difference: (loss A − loss B) / loss B of the laws over the domain, ``(size, tokens)``.
        tolerance: relative difference of N and D within which two runs are at the same point.
    """
    if fits.a.runs is None or fits.b.runs is None:
        return ()
    shared = match(fits.a.runs, fits.b.runs, tolerance)
    if not shared.N.size:
        return ()
    observed, fitted = (
        (loss_a - loss_b) / loss_b
        for loss_a, loss_b in (
            (shared.loss_a, shared.loss_b),
            fits.losses(shared.N, shared.D),
        )
    )
    return AgainstRuns(fits.names, observed, fitted).sentences(difference)


def warnings_of(
    fits: FitPair, N: np.ndarray, D: np.ndarray, *, has_probability: bool
) -> tuple[str, ...]:
    """The warnings of a comparison but for contradictions of the runs, worst first.

    Args:
        fits: the two fits.
        N: N of the domain, ascending, ``(size,)``.
        D: D of the domain, ascending, ``(tokens,)``.
        has_probability: whether probabilities are given.
    """
    return (
        *rising(fits, N[:, None], D),
        *_of_the_fits(fits),
        *(_of_the_probability() if has_probability else ()),
        *_beyond_the_runs(fits, N, D),
        *_without_runs(fits),
    )


def rising(fits: FitPair, N: np.ndarray, D: np.ndarray) -> tuple[str, ...]:
    """Where a loss rises at points beyond its runs; N and D broadcast."""
    return tuple(
        sentence
        for one in (fits.a, fits.b)
        if one.runs is not None
        for sentence in check_points(one.law, {"N": N, "D": D}, one.runs, one.name)
    )


def _of_the_probability() -> tuple[str, ...]:
    return (
        "the probabilities take the errors of runs as independent of each other, though those of "
        f"one size are correlated: {BETTER}.",
    )


def _of_the_fits(fits: FitPair) -> list[str]:
    """The warnings of each fit, once if both are the same fit."""
    a, b = fits.a.fit, fits.b.fit
    sentences = [f"{fits.a.name}: {sentence}" for sentence in (() if a is None else a.warnings)]
    if a is not b:
        sentences += [
            f"{fits.b.name}: {sentence}" for sentence in (() if b is None else b.warnings)
        ]
    return sentences


def _beyond_the_runs(fits: FitPair, N: np.ndarray, D: np.ndarray) -> list[str]:
    found = []
    for name, values in (("N", N), ("D", D)):
        ranges = [
            (getattr(one.runs, name).min(), getattr(one.runs, name).max())
            for one in (fits.a, fits.b)
            if one.runs is not None
        ]
        if len(ranges) == 2 and max(r[0] for r in ranges) > min(r[1] for r in ranges):
            (low_a, high_a), (low_b, high_b) = (map(quantity_text, ends) for ends in ranges)
            found.append(
                f"the runs of {fits.a.name} and {fits.b.name} have no {name} in common "
                f"({low_a} to {high_a}, {low_b} to {high_b}): at every point at least one law "
                "extrapolates."
            )
        largest = [r[1] for r in ranges]
        if largest and values[-1] > 1.001 * min(largest):
            found.append(
                f"{name} goes to {quantity_text(values[-1])}, {values[-1] / min(largest):.3g} "
                "times the largest of the runs: there the laws decide the winner, not the data."
            )
    return found


def _without_runs(fits: FitPair) -> list[str]:
    return [
        f"{one.name} is a law without runs: the range in which it holds is unknown."
        for one in (fits.a, fits.b)
        if one.runs is None
    ]
