"""Fitted differences against those that the runs of both show where both were trained."""

from dataclasses import dataclass

import numpy as np

_LARGEST_MISS = 0.5  # of the fits at the points, in units of the differences that they are to show


@dataclass(frozen=True, eq=False)
class AgainstRuns:
    """Both differences at the points (N, D) of both tables.

    Attributes:
        names: of A and B.
        observed: (loss A − loss B) / loss B of the runs, ``(point,)``.
        fitted: the same of the laws, ``(point,)``.
    """

    names: tuple[str, str]
    observed: np.ndarray
    fitted: np.ndarray

    @property
    def miss(self) -> float:
        """Root mean square of fitted less observed differences."""
        return _root_mean_square(self.fitted - self.observed)

    @property
    def num_wins(self) -> tuple[int, int]:
        """Points at which A is better by the runs, and at which B is."""
        return int((self.observed < 0).sum()), int((self.observed > 0).sum())

    def sentences(self, difference: np.ndarray) -> tuple[str, ...]:
        """What to know before trusting the fits' verdict over the runs' own, worst first.

        Runs that do not differ at all, as of two fits to one table, say nothing of two recipes.

        Args:
            difference: of the laws over the whole domain, ``(size, tokens)``.
        """
        if not self.observed.any():
            return ()
        return (*self._missed(), *self._contradicted(difference))

    def _missed(self) -> tuple[str, ...]:
        typical = _root_mean_square(self.observed)
        if self.miss <= _LARGEST_MISS * typical:
            return ()
        return (
            f"the fits miss the observed differences by {self.miss:.2%} (root mean square), "
            f"and these are {typical:.2%} themselves: trust the points, not the surfaces; try "
            "another law or method.",
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
            f"the runs name another winner than the fits: {self.names[winner]} is better at "
            f"{wins[winner]} of the {num} points where both have runs; by the fits it is at "
            f"{fitted} of them, and in {1 - share:.0%} of this domain.",
        )


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
