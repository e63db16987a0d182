"""Runs of two tables at the same (N, D)."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs


class Matched(NamedTuple):
    """Pairs of points, one of each table, repeats averaged."""

    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    num_alone: tuple[int, int]
    largest_mismatch: float


def match(a: Runs, b: Runs, tolerance: float) -> Matched:
    """Points of both tables that are each other's nearest, and within a relative tolerance.

    N and D of a pair are geometric means of both.

    Raises:
        ValueError: the tolerance lies outside [0, 1).
    """
    check_tolerance(tolerance)
    of_a, of_b = mean_losses(a), mean_losses(b)
    i, j = nearest_pairs(of_a[:2], of_b[:2], tolerance)
    mine, other = of_a[:, i], of_b[:, j]
    num = len(i)
    N, D = (
        np.where(one == two, one, np.sqrt(one) * np.sqrt(two))
        for one, two in zip(mine[:2], other[:2], strict=True)
    )
    apart = np.abs(np.log(mine[:2]) - np.log(other[:2]))
    largest = float(np.expm1(apart.max(initial=0.0)))
    alone = of_a.shape[1] - num, of_b.shape[1] - num
    return Matched(N, D, mine[2], other[2], alone, largest)


def check_tolerance(tolerance: float) -> None:
    """Refuse what is no relative tolerance.

    Raises:
        ValueError: it lies outside [0, 1).
    """
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance must lie in [0, 1), got {tolerance}")


def nearest_pairs(a: np.ndarray, b: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Places of the points of A and of B that are each other's nearest, within a tolerance.

    Args:
        a: N and D of distinct points, ``(2, point)``.
        b: likewise.
        tolerance: the most that N or D may differ by, relative.
    """
    log_a, log_b = np.log(a), np.log(b)
    apart = np.abs(log_a[:, :, None] - log_b[:, None, :]).max(axis=0)
    nearest_b, nearest_a = apart.argmin(axis=1), apart.argmin(axis=0)
    i = np.arange(len(nearest_b))
    mutual = (nearest_a[nearest_b] == i) & (apart[i, nearest_b] <= np.log1p(tolerance))
    return i[mutual], nearest_b[mutual]


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


def mean_losses(runs: Runs) -> np.ndarray:
    """N, D and mean loss of each distinct (N, D), sorted, ``(3, point)``; copies count once."""
    rows = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1)
    points, place = np.unique(rows[:2], axis=1, return_inverse=True)
    place = place.ravel()
    return np.vstack([points, np.bincount(place, rows[2]) / np.bincount(place)])
