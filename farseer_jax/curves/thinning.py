"""Thinning of curves: means of neighbouring rows, at equal intervals of ln t."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.curve import Curve

Floats = NDArray[np.float64]

_AFTER_JUMP: Final = 0.25  # weight of ln(t − t of the jump), because the loss changes fast there


def thinned(curve: Curve, points: int) -> Curve:
    """A curve with about this many points, the means of neighbouring rows; see `Curves.thinned`.

    Args:
        curve: the curve.
        points: number of points; a curve with fewer rows is left unchanged.
    """
    if len(curve) <= points:
        return curve
    groups = _groups(curve, points)
    starts = np.flatnonzero(np.r_[True, np.diff(groups) > 0])
    counts = np.ones(len(curve), dtype=np.int64) if curve.counts is None else curve.counts
    total = np.add.reduceat(counts, starts)

    def mean(values: Floats) -> Floats:
        return np.add.reduceat(counts * values, starts) / total

    steps = np.exp(mean(np.log(curve.steps))).round().astype(np.int64)
    losses = np.exp(mean(np.log(curve.losses)))
    return replace(curve, steps=steps, losses=losses, counts=total)


def _groups(curve: Curve, points: int) -> NDArray[np.intp]:
    """The group of each row, ``(point,)``, increasing."""
    at, jumps = curve.steps.astype(float), curve.schedule.jumps
    peak = max(curve.schedule.peak, np.finfo(float).tiny)
    num_jumps = np.searchsorted(jumps, curve.steps, side="right")
    is_new = np.diff(num_jumps) > 0
    advance = np.diff(np.log(at)) + np.where(is_new, 0.0, np.abs(np.diff(curve.rates)) / peak)
    if jumps.size:
        since = at - np.r_[0, jumps][num_jumps] + 1.0
        after = np.where(num_jumps[1:] > 0, np.diff(np.log(since)), 0.0)
        advance += np.where(is_new, 0.0, _AFTER_JUMP * after)
    progress = np.r_[0.0, np.cumsum(advance)]
    own = np.floor(progress / progress[-1] * (points - len(np.unique(num_jumps)) + 1) * (1 - 1e-12))
    is_first = np.r_[True, (np.diff(own) > 0) | is_new]
    return np.cumsum(is_first)
