"""Where a function goes through zero and back between two points of a grid, which signs miss.

Where the slopes at both ends point to zero there is a turning point between them, and golden
section finds it: if it lies beyond zero it parts two crossings. All are searched at once.
"""

from collections.abc import Callable

import numpy as np

_NUDGE = 1e-3  # of a step, over which slopes are taken
_NUM_SECTIONS = 45  # 0.618^45 of a step: the value at the turning point is then known to rounding
_GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)

AlongEdges = Callable[[np.ndarray, np.ndarray], np.ndarray]


def dips(along: AlongEdges, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Edges whose ends have one sign, with another between them, and where along the edge.

    Args:
        along: the function at shares of edges, given the numbers of the edges and the shares.
        low: its values at the low ends, ``(edge,)``.
        high: at the high ends, ``(edge,)``.

    Returns:
        Numbers of edges, and shares at which the other sign is.
    """
    edges = np.flatnonzero((low < 0) == (high < 0))
    if not edges.size:
        return edges, np.empty(0)
    sign = np.where(low[edges] < 0, -1.0, 1.0)
    nudge = np.full(len(edges), _NUDGE)
    falls = sign * (along(edges, nudge) - low[edges]) < 0
    rises = sign * (high[edges] - along(edges, 1.0 - nudge)) > 0
    edges, sign = edges[falls & rises], sign[falls & rises]
    if not edges.size:
        return edges, np.empty(0)
    share = _lowest(lambda share: sign * along(edges, share), len(edges))
    found = sign * along(edges, share) < 0
    return edges[found], share[found]


def _lowest(function: Callable[[np.ndarray], np.ndarray], num: int) -> np.ndarray:
    """Where each of several functions is lowest between 0 and 1, by golden section."""
    low, high = np.zeros(num), np.ones(num)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = function(left), function(right)
    for _ in range(_NUM_SECTIONS):
        first = at_left < at_right  # the lowest is before ``right``
        low, high = np.where(first, low, left), np.where(first, right, high)
        new = np.where(first, high - _GOLDEN * (high - low), low + _GOLDEN * (high - low))
        value = function(new)
        left, right = np.where(first, new, right), np.where(first, left, new)
        at_left, at_right = (
            np.where(first, value, at_right),
            np.where(first, at_left, value),
        )
    return np.where(at_left < at_right, left, right)
