"""Curves of equal loss of two surfaces, by marching squares with roots refined on the edges.

Signs at the points of a grid miss a pair of crossings on one edge. Where the function moves towards
zero from both ends of an edge, there is a turning point between them: if it lies beyond zero, it
separates two crossings. All edges are searched together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from farseer_jax.solvers.root_finding import find_roots

_NUDGE = 1e-3  # share of an edge over which slopes are taken
_SAME = 1e-6  # share of the range within which new grid lines of several edges are the same

Gap = Callable[[np.ndarray, np.ndarray], np.ndarray]
AlongEdges = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, eq=False)
class ParityCurve:
    """A curve along which both losses are equal.

    Attributes:
        N: parameters, ``(point,)``, in order along the curve.
        D: tokens, ``(point,)``.
    """

    N: np.ndarray
    D: np.ndarray


def crossings(gap: Callable[[np.ndarray], np.ndarray], t: np.ndarray) -> np.ndarray:
    """Where a function of one positive number changes sign, to rounding, ``(crossing,)``.

    Args:
        gap: the function, elementwise; crossings next to values that are not finite are left out.
        t: ascending values; at most one crossing is found between neighbours.
    """
    values = gap(t)
    known = np.isfinite(values)
    changes = np.flatnonzero(known[:-1] & known[1:] & _is_change(values[:-1], values[1:]))
    found = find_roots(gap, t[changes], t[changes + 1])
    return found[np.isfinite(found)]


def all_crossings(gap: Callable[[np.ndarray], np.ndarray], t: np.ndarray) -> np.ndarray:
    """As :func:`crossings`, and also pairs between neighbours, around one turning point.

    Args:
        gap: the function, elementwise.
        t: ascending values.
    """
    values = gap(t)

    def along(edges: np.ndarray, share: np.ndarray) -> np.ndarray:
        return gap(_between(t[edges], t[edges + 1], share))

    edges, share = double_crossings(along, values[:-1], values[1:])
    return crossings(gap, np.union1d(t, _between(t[edges], t[edges + 1], share)))


def parity_curves(gap: Gap, N: np.ndarray, D: np.ndarray) -> tuple[ParityCurve, ...]:
    """The zero contour over a grid, by marching squares with exact crossings of its edges.

    Where an edge is crossed twice, a grid line is inserted between the crossings.

    Args:
        gap: function of N and D, elementwise.
        N: ascending, ``(size,)``.
        D: ascending, ``(tokens,)``.
    """
    N, D = _parted(gap, N, D)
    values = gap(N[:, None], D)
    along_N = _is_change(values[:-1], values[1:])
    along_D = _is_change(values[:, :-1], values[:, 1:])
    i, j = np.nonzero(along_N)
    k, m = np.nonzero(along_D)
    if not (i.size or k.size):
        return ()
    low_N, high_N = np.concatenate([N[i], N[k]]), np.concatenate([N[i + 1], N[k]])
    low_D, high_D = np.concatenate([D[j], D[m]]), np.concatenate([D[j], D[m + 1]])
    ends = low_N, high_N, low_D, high_D

    def along(share: np.ndarray, *ends: np.ndarray) -> np.ndarray:
        return gap(*_places(share, *ends))

    share = find_roots(along, np.zeros(len(low_N)), np.ones(len(low_N)), *ends)
    found_N, found_D = _places(share, *ends)
    edges = [("N", *edge) for edge in zip(i.tolist(), j.tolist(), strict=True)]
    edges += [("D", *edge) for edge in zip(k.tolist(), m.tolist(), strict=True)]
    number = {edge: i for i, edge in enumerate(edges)}
    chains = _chains(_links(gap, values, N, D, number), len(edges))
    return tuple(ParityCurve(found_N[chain], found_D[chain]) for chain in chains)


def _parted(gap: Gap, N: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grid with further lines, so that no edge is crossed twice."""
    values = gap(N[:, None], D)
    grid_N, grid_D = (np.broadcast_to(axis, values.shape) for axis in (N[:, None], D))

    def more(before: tuple[slice, ...], after: tuple[slice, ...]) -> list[np.ndarray]:
        """N and D of further lines, from the edges between these points."""
        ends = [(grid[before].ravel(), grid[after].ravel()) for grid in (grid_N, grid_D)]

        def points(edges: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
            return [_between(low[edges], high[edges], share) for low, high in ends]

        found = double_crossings(
            lambda edges, share: gap(*points(edges, share)),
            values[before].ravel(),
            values[after].ravel(),
        )
        return points(*found)

    every, first, last = slice(None), slice(None, -1), slice(1, None)
    return (
        _with_lines(N, more((first, every), (last, every))[0]),
        _with_lines(D, more((every, first), (every, last))[1]),
    )


def _with_lines(axis: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """An axis with further values; those found on several edges are added once."""
    if not lines.size:
        return axis
    lines = np.sort(lines)
    apart = np.diff(np.log(lines), prepend=-np.inf) > _SAME * np.log(axis[-1] / axis[0])
    return np.union1d(axis, lines[apart])


def _between(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Geometric interpolation; exact where an edge has no extent, which powers would round."""
    return np.where(low == high, low, low * (high / low) ** share)


def _places(
    share: np.ndarray,
    low_N: np.ndarray,
    high_N: np.ndarray,
    low_D: np.ndarray,
    high_D: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """N and D at shares of edges."""
    return _between(low_N, high_N, share), _between(low_D, high_D, share)


def _is_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Whether signs are opposite; 0 counts as positive, so that a zero at a point counts once."""
    return (before < 0) != (after < 0)


def double_crossings(
    along: AlongEdges, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Edges whose ends have the same sign and that have the other sign in between.

    Args:
        along: the function, given the numbers of the edges and positions on them from 0 to 1.
        low: its values at the low ends, ``(edge,)``.
        high: its values at the high ends, ``(edge,)``.

    Returns:
        Numbers of these edges, and positions on them where the sign is the other one.
    """
    from scipy.optimize import elementwise

    edges = np.flatnonzero((low < 0) == (high < 0))
    sign = np.where(low[edges] < 0, -1.0, 1.0)

    def height(share: np.ndarray, edges: np.ndarray, sign: np.ndarray) -> np.ndarray:
        return sign * along(edges.astype(int), share)

    if not edges.size:
        return edges, np.empty(0)
    nudge = np.full(len(edges), _NUDGE)
    first, last = height(nudge, edges, sign), height(1.0 - nudge, edges, sign)
    turns = (first < sign * low[edges]) & (last < sign * high[edges])
    edges, sign, first_is_lower = edges[turns], sign[turns], (first < last)[turns]
    if not edges.size:
        return edges, np.empty(0)
    middle = np.where(first_is_lower, _NUDGE, 1.0 - _NUDGE)
    bracket = np.zeros(len(edges)), middle, np.ones(len(edges))
    found: Any = elementwise.find_minimum(height, bracket, args=(edges, sign))
    is_beyond = found.f_x < 0
    return edges[is_beyond], found.x[is_beyond]


def _links(
    gap: Gap,
    values: np.ndarray,
    N: np.ndarray,
    D: np.ndarray,
    number: dict[tuple[str, int, int], int],
) -> list[tuple[int, int]]:
    """Pairs of crossings that are joined through a cell of the grid."""
    found = []
    cells = {(i - back, j) for axis, i, j in number if axis == "D" for back in (0, 1)}
    cells |= {(i, j - back) for axis, i, j in number if axis == "N" for back in (0, 1)}
    for i, j in sorted(cells):
        bottom, top = number.get(("N", i, j)), number.get(("N", i, j + 1))
        left, right = number.get(("D", i, j)), number.get(("D", i + 1, j))
        if not (0 <= i < len(N) - 1 and 0 <= j < len(D) - 1):
            continue
        there = [edge for edge in (bottom, top, left, right) if edge is not None]
        if len(there) == 2:
            found.append((there[0], there[1]))
        elif len(there) == 4:  # a saddle: the sign in the middle says which corners are joined
            middle = gap(np.sqrt(N[i] * N[i + 1])[None], np.sqrt(D[j] * D[j + 1])[None])[0]
            joined = not _is_change(middle, values[i, j])
            ends = (right, left) if joined else (left, right)
            found += [(there[0], ends[0]), (there[1], ends[1])]  # type: ignore[list-item]
    return found


def _chains(links: list[tuple[int, int]], num: int) -> list[list[int]]:
    """Crossings in order along their curves: from an end, or back to the start."""
    neighbours: list[list[int]] = [[] for _ in range(num)]
    for one, other in links:
        neighbours[one].append(other)
        neighbours[other].append(one)
    seen: set[int] = set()
    chains = []
    ends = [i for i in range(num) if len(neighbours[i]) < 2]
    for first in [*ends, *range(num)]:
        if first in seen:
            continue
        chain, here = [], first
        while here not in seen:
            seen.add(here)
            chain.append(here)
            here = next((i for i in neighbours[here] if i not in seen), here)
        if len(neighbours[first]) == 2 and len(chain) > 2:
            chain.append(first)
        chains.append(chain)
    return chains
