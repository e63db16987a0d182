"""Runs of two tables at the same (N, D)."""

from typing import NamedTuple

import numpy as np

from farseer_jax._runs import Runs


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
    """
    of_a, of_b = _points(a), _points(b)
    log_a, log_b = np.log(of_a[:2]), np.log(of_b[:2])
    apart = np.abs(log_a[:, :, None] - log_b[:, None, :]).max(axis=0)
    nearest_b, nearest_a = apart.argmin(axis=1), apart.argmin(axis=0)
    i = np.arange(len(nearest_b))
    mutual = (nearest_a[nearest_b] == i) & (apart[i, nearest_b] <= np.log1p(tolerance))
    mine, other = of_a[:, mutual], of_b[:, nearest_b[mutual]]
    num = int(mutual.sum())
    N, D = (
        np.where(one == two, one, np.sqrt(one) * np.sqrt(two))
        for one, two in zip(mine[:2], other[:2], strict=True)
    )
    largest = float(np.expm1(apart[i, nearest_b][mutual].max(initial=0.0)))
    alone = of_a.shape[1] - num, of_b.shape[1] - num
    return Matched(N, D, mine[2], other[2], alone, largest)


def _points(runs: Runs) -> np.ndarray:
    """N, D and mean loss of each distinct (N, D), ``(3, point)``; copies count once."""
    rows = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1)
    points, place = np.unique(rows[:2], axis=1, return_inverse=True)
    place = place.ravel()
    return np.vstack([points, np.bincount(place, rows[2]) / np.bincount(place)])
