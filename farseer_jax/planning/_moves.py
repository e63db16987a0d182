"""What a search may add at once: single runs, and ladders of one size.

A method that reads a size from its pairs of neighbouring D gains nothing from the first runs of a
new size, so that a search by single runs alone would never begin one.
"""

import numpy as np
from numpy.typing import NDArray

from farseer_jax.planning._points import Points

Rows = NDArray[np.bool_]
# How many D a ladder has: every number would cost a search several times as much; a search adds
# and drops single runs as well.
_LENGTHS = (2, 3, 4, 5, 6, 8, 11, 15, 20)


def moves_of(points: Points) -> Rows:
    """Each candidate, and ladders of neighbouring D of a size, ``(move, candidate)``."""
    num = len(points.N)
    moves = [np.eye(num, dtype=bool)]
    for N in np.unique(points.N):
        mine = np.flatnonzero(points.N == N)
        mine = mine[np.argsort(points.D[mine], kind="stable")]
        for length in {*_LENGTHS, len(mine)}:
            for first in range(len(mine) - length + 1):
                row = np.zeros((1, num), dtype=bool)
                row[0, mine[first : first + length]] = True
                moves.append(row)
    return np.unique(np.concatenate(moves), axis=0)
