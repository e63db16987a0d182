"""Where two surfaces cross: the curve of equal loss, refined by root finding, joined by cells."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from farseer_jax.decisions.crossings import dips

_NUM_HALVINGS = 50  # of a step of the grid: to rounding
_SAME = 1e-6  # of the range: lines put in at one place, found along several edges

Gap = Callable[[np.ndarray, np.ndarray], np.ndarray]


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
    """Where a function of one positive number changes its sign, to rounding, ``(crossing,)``.

    Args:
        gap: of arrays.
        t: ascending, between which one crossing is found.
    """
    values = gap(t)
    changes = np.flatnonzero(_is_change(values[:-1], values[1:]))
    if not changes.size:
        return np.empty(0)
    return _bisect(gap, t[changes], t[changes + 1], values[changes])


def all_crossings(gap: Callable[[np.ndarray], np.ndarray], t: np.ndarray) -> np.ndarray:
    """Those too that lie in pairs between two values of t, with one turning point between them.

    Args:
        gap: of arrays, element by element.
        t: ascending.
    """
    values = gap(t)

    def along(edges: np.ndarray, share: np.ndarray) -> np.ndarray:
        return gap(_between(t[edges], t[edges + 1], share))

    edges, share = dips(along, values[:-1], values[1:])
    return crossings(gap, np.union1d(t, _between(t[edges], t[edges + 1], share)))


def parity_curves(gap: Gap, N: np.ndarray, D: np.ndarray) -> tuple[ParityCurve, ...]:
    """The zero contour over a grid, by marching squares with exact crossings of its edges.

    Where an edge is crossed twice, a line of the grid is put between both crossings.

    Args:
        gap: of N and D, element by element.
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

    def place(share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _between(low_N, high_N, share), _between(low_D, high_D, share)

    start = np.concatenate([values[i, j], values[k, m]])
    low, high = np.zeros(len(start)), np.ones(len(start))
    for _ in range(_NUM_HALVINGS):
        middle = 0.5 * (low + high)
        before = ~_is_change(gap(*place(middle)), start)
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    found_N, found_D = place(0.5 * (low + high))
    edges = [("N", *edge) for edge in zip(i.tolist(), j.tolist(), strict=True)]
    edges += [("D", *edge) for edge in zip(k.tolist(), m.tolist(), strict=True)]
    number = {edge: place for place, edge in enumerate(edges)}
    chains = _chains(_links(gap, values, N, D, number), len(edges))
    return tuple(ParityCurve(found_N[chain], found_D[chain]) for chain in chains)


def _parted(gap: Gap, N: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The grid with further lines, so that edges that were crossed twice are crossed once."""
    values = gap(N[:, None], D)
    grid_N, grid_D = (np.broadcast_to(axis, values.shape) for axis in (N[:, None], D))

    def more(before: tuple[slice, ...], after: tuple[slice, ...]) -> list[np.ndarray]:
        """N and D of further lines, by the edges between these points."""
        ends = [(grid[before].ravel(), grid[after].ravel()) for grid in (grid_N, grid_D)]

        def place(edges: np.ndarray, share: np.ndarray) -> list[np.ndarray]:
            return [_between(low[edges], high[edges], share) for low, high in ends]

        found = dips(
            lambda edges, share: gap(*place(edges, share)),
            values[before].ravel(),
            values[after].ravel(),
        )
        return place(*found)

    every, first, last = slice(None), slice(None, -1), slice(1, None)
    return (
        _with_lines(N, more((first, every), (last, every))[0]),
        _with_lines(D, more((every, first), (every, last))[1]),
    )


def _with_lines(axis: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """Further values of an axis, those that several edges have in common once."""
    if not lines.size:
        return axis
    lines = np.sort(lines)
    apart = np.diff(np.log(lines), prepend=-np.inf) > _SAME * np.log(axis[-1] / axis[0])
    return np.union1d(axis, lines[apart])


def _between(low: np.ndarray, high: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Geometrically; the end itself where an edge has no extent, which powers would round."""
    return np.where(low == high, low, low * (high / low) ** share)


def _is_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Opposite signs; 0 counts as positive, so that a zero at a point is crossed once."""
    return (before < 0) != (after < 0)


def _bisect(
    gap: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray, start: np.ndarray
) -> np.ndarray:
    for _ in range(_NUM_HALVINGS):
        middle = np.sqrt(low * high)
        before = ~_is_change(gap(middle), start)
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return np.sqrt(low * high)


def _links(
    gap: Gap,
    values: np.ndarray,
    N: np.ndarray,
    D: np.ndarray,
    number: dict[tuple[str, int, int], int],
) -> list[tuple[int, int]]:
    """Which crossings follow each other, through the cells of the grid."""
    found = []
    cells = {(i - back, j) for side, i, j in number if side == "D" for back in (0, 1)}
    cells |= {(i, j - back) for side, i, j in number if side == "N" for back in (0, 1)}
    for i, j in sorted(cells):
        bottom, top = number.get(("N", i, j)), number.get(("N", i, j + 1))
        left, right = number.get(("D", i, j)), number.get(("D", i + 1, j))
        if not (0 <= i < len(N) - 1 and 0 <= j < len(D) - 1):
            continue
        there = [edge for edge in (bottom, top, left, right) if edge is not None]
        if len(there) == 2:
            found.append((there[0], there[1]))
        elif len(there) == 4:  # a saddle: the middle says which corners belong together
            middle = gap(np.sqrt(N[i] * N[i + 1])[None], np.sqrt(D[j] * D[j + 1])[None])[0]
            joined = not _is_change(middle, values[i, j])
            ends = (right, left) if joined else (left, right)
            found += [(there[0], ends[0]), (there[1], ends[1])]  # type: ignore[list-item]
    return found


def _chains(links: list[tuple[int, int]], num: int) -> list[list[int]]:
    """Crossings in order along their curves: from an end, or back to the start."""
    beside: list[list[int]] = [[] for _ in range(num)]
    for one, other in links:
        beside[one].append(other)
        beside[other].append(one)
    seen: set[int] = set()
    chains = []
    ends = [place for place in range(num) if len(beside[place]) < 2]
    for first in [*ends, *range(num)]:
        if first in seen:
            continue
        chain, here = [], first
        while here not in seen:
            seen.add(here)
            chain.append(here)
            here = next((place for place in beside[here] if place not in seen), here)
        if len(beside[first]) == 2 and len(chain) > 2:
            chain.append(first)
        chains.append(chain)
    return chains
