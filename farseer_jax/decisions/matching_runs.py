"""Runs of two tables at the same (N, D)."""

from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs


class Matched(NamedTuple):
    """Pairs of points, one from each table, with repeats averaged."""

    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    num_alone: tuple[int, int]
    largest_mismatch: float


def match(a: Runs, b: Runs, tolerance: float) -> Matched:
    """Points of both tables that are each other's nearest, within a relative tolerance.

    N and D of a pair are the geometric means of the two points.

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
    """Check a relative tolerance.

    Raises:
        ValueError: it lies outside [0, 1).
    """
    if not 0 <= tolerance < 1:
        raise ValueError(f"tolerance: expected a number in [0, 1), got {tolerance}")


def nearest_pairs(a: np.ndarray, b: np.ndarray, tolerance: float) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the points of A and of B that are each other's nearest, within a tolerance.

    Args:
        a: N and D of distinct points, ``(2, point)``.
        b: N and D of distinct points, ``(2, point)``.
        tolerance: largest relative difference of N and of D.
    """
    log_a, log_b = np.log(a), np.log(b)
    apart = np.abs(log_a[:, :, None] - log_b[:, None, :]).max(axis=0)
    nearest_b, nearest_a = apart.argmin(axis=1), apart.argmin(axis=0)
    i = np.arange(len(nearest_b))
    mutual = (nearest_a[nearest_b] == i) & (apart[i, nearest_b] <= np.log1p(tolerance))
    return i[mutual], nearest_b[mutual]


def mean_losses(runs: Runs) -> np.ndarray:
    """N, D and mean loss at each distinct (N, D), sorted, ``(3, point)``; copies count once."""
    rows = np.unique(np.stack([runs.N, runs.D, runs.loss]), axis=1)
    points, index = np.unique(rows[:2], axis=1, return_inverse=True)
    index = index.ravel()
    return np.vstack([points, np.bincount(index, rows[2]) / np.bincount(index)])
