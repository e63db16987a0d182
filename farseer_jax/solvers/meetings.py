"""Merging of starts whose rough optima are the same."""

from collections.abc import Callable

import numpy as np

_SAME = 1e-3  # relative difference of the rough objectives of equal optima …
_NEAR = 0.1  # … and what a parabola between them predicts


def meetings(
    value: np.ndarray,
    free: np.ndarray,
    curvature: Callable[[int], np.ndarray],
    may_meet: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Merge starts that ended at the same optimum.

    Different optima may have equal objectives; a parabola from one to the other then rises, and
    both continue. Of merged starts, only the best continues.

    Args:
        value: objective where each start ended, ``(start,)``.
        free: where that was, ``(start, free)``.
        curvature: second derivatives at the end of a start, ``(free, free)``.
        may_meet: which of them ended at a rough optimum, ``(start,)``; the others continue as they
            are. All by default.

    Returns:
        The starts that continue, the best first, and which of these each start is merged into,
        ``(start,)``.
    """
    value = np.where(np.isfinite(value), value, np.inf)
    waiting = np.isfinite(value) if may_meet is None else np.isfinite(value) & may_meet
    order = np.argsort(value, kind="stable")
    place = np.full(len(value), -1)
    kept: list[int] = []
    for at, start in enumerate(order):
        if place[start] >= 0:
            continue
        place[start] = len(kept)
        kept.append(int(start))
        if not waiting[start]:
            continue
        last = np.searchsorted(value, value[start] * (1.0 + _SAME), "right", sorter=order)
        near = order[at + 1 : last]
        near = near[(place[near] < 0) & waiting[near]]
        if near.size:
            step = free[near] - free[start]
            rise = 0.5 * np.sum(step * (step @ curvature(start)), axis=1)
            place[near[rise <= _NEAR * value[near]]] = place[start]
    return np.array(kept), place
