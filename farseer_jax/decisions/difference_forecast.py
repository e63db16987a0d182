"""``DifferenceForecast``: how two recipes differ at points, and which wins."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.results.numbers import level_text, percent_text, quantity_text
from farseer_jax.results.result import Headline, Result
from farseer_jax.results.table import Column, Table

UNDECIDED = "undecided"
_DECIDED = 0.9  # probability from which on a winner is named


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceForecast(Result):
    """The difference of two recipes at points (N, D), with intervals. Prints as a table.

    Attributes:
        names: names of A and B.
        N: parameters, ``(point,)``.
        D: tokens, ``(point,)``.
        difference: predicted (loss A − loss B) / loss B, negative where A is better, ``(point,)``.
        lower: lower end of its interval, ``(point,)``.
        upper: upper end, ``(point,)``.
        probability: that A has the lower mean loss, ``(point,)``.
        level: nominal coverage of the intervals.
        beyond: distance outside the runs in e-folds of N and D, ``(point,)``.

    Example:
        >>> from farseer_jax import Runs, compare_runs, example_runs
        >>> runs = example_runs()
        >>> better = Runs(runs.N, runs.D, 0.99 * runs.loss)
        >>> found = compare_runs(better, runs).at([(25.1e9, 5e11)])
        >>> f"{found.difference[0]:.2%}", found.winner
        ('-1.00%', ('A',))
    """

    names: tuple[str, str]
    N: np.ndarray
    D: np.ndarray
    difference: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    probability: np.ndarray
    level: float
    beyond: np.ndarray

    @property
    def winner(self) -> tuple[str, ...]:
        """The recipe that wins with a probability of 0.9 or more; else ``"undecided"``."""
        a, b = self.names
        return tuple(
            a if value >= _DECIDED else b if value <= 1.0 - _DECIDED else UNDECIDED
            for value in self.probability
        )

    def table(self) -> Table:
        """One row per point."""
        a = self.names[0]
        return Table(
            [
                Column("N", self.N, quantity_text),
                Column("D", self.D, quantity_text),
                Column("difference", self.difference, _signed),
                Column("lower", self.lower, _signed, f"{level_text(self.level)} from"),
                Column("upper", self.upper, _signed, "to"),
                Column("probability", self.probability, "{:.1%}".format, f"P({a} wins)"),
                Column("winner", self.winner, str, left=True),
                Column("beyond", self.beyond, "{:.2f}".format, secondary=True),
            ],
            noun="points",
        )

    def text_parts(self) -> Sequence[str | Table]:
        """One point as a sentence, several as a table."""
        if len(self.N) > 1:
            return (self.table(),)
        where = f"N = {quantity_text(self.N[0])}, D = {quantity_text(self.D[0])}"
        a, winner, level = self.names[0], self.winner[0], level_text(self.level)
        verdict = "the winner is undecided" if winner == UNDECIDED else f"{winner} wins"
        sentence = (
            f"{where}: {verdict}; {' against '.join(self.names)} {_signed(self.difference[0])}, "
            f"{level} interval {_signed(self.lower[0])} to {_signed(self.upper[0])}; "
            f"probability that {a} wins {self.probability[0]:.1%}"
        )
        return (Headline(sentence),)

    def __repr__(self) -> str:
        return f"DifferenceForecast({' against '.join(self.names)}, {len(self.N)} points)"


def _signed(value: float) -> str:
    return percent_text(value, "+")
