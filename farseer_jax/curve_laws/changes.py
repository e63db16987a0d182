"""The changes of the learning rate before a step, compressed to a sum of few terms.

Laws of loss curves sum over all changes of the learning rate before a step. The contribution of a
change is a smooth function of its position, and the smoother the longer ago the change was. If a
block of steps is short relative to its distance, its changes are replaced by two, by a Gauss rule
for the changes in the block. Jumps remain separate terms, and so do all changes of a noisy rate.
Blocks of each length are computed once per schedule, in O(steps); a step needs O(log steps) of
them.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np

_FEW = 64  # up to so many changes, each is a separate term
_ROUGH = 0.05  # of the changes reverse the sign of the one before
_JUMP = 8.0  # times as large as the neighbouring changes
_DISTANCE = 6  # of a block from the step, in its lengths
_RATIO = 2.0  # largest ratio of the rates, and of the areas, within a block
_BEND = 0.02  # largest relative deviation from a straight line in the middle of a block
_SAME = 1e-12  # of a block's length: changes at the same place

_Covers: TypeAlias = list[tuple[np.ndarray, np.ndarray]]  # rows and blocks of each level


class Change(NamedTuple):
    """A change of the learning rate as seen from a later step; arrays of one shape.

    Attributes:
        previous: the learning rate before the change.
        rate: the learning rate after it.
        since: sum of the learning rates from the change to the step, inclusive.
        before: sum of the learning rates before the change, warmup included.
        age: steps from the change to the step; 0 at the step of the change.

    Example:
        >>> import farseer_jax as fj
        >>> change = fj.Change(previous=3e-4, rate=1e-4, since=0.5, before=2.0, age=4_999)
        >>> law = fj.MultiPower.published("100M")
        >>> round(float(law.effect(change)), 2)  # how far the loss has followed
        0.97
    """

    previous: Any
    rate: Any
    since: Any
    before: Any
    age: Any


@dataclass(frozen=True, eq=False)
class Changes:
    """The changes before some steps of a schedule, as terms of a sum for each step.

    Attributes:
        drop: the decrease of the rate, negative where it increases, ``(term,)``.
        change: the changes, ``(term,)`` each.
        start: the first term of each step, ``(step,)``; the terms of a step are contiguous.
        area: sum of the learning rates up to each step, ``(step,)``.
        warmup_area: that of the warmup alone, ``(step,)``.
    """

    drop: np.ndarray
    change: Change
    start: np.ndarray
    area: np.ndarray
    warmup_area: np.ndarray


def changes_before(
    rates: np.ndarray,
    warmup: int,
    steps: Sequence[int] | np.ndarray,
    *,
    counts_warmup: bool = False,
    exact: bool = False,
) -> Changes:
    """The changes of a learning rate before each of some steps.

    Args:
        rates: the learning rate of each step, ``(step,)``; that of step 1 first.
        warmup: how many of the first steps are warmup.
        steps: the steps at which sums are needed, from 1 to the number of rates.
        counts_warmup: whether the rise in the warmup, from a rate of 0, is among the changes.
        exact: keep each change as a separate term instead of two terms per block.

    Example:
        >>> rates = np.repeat([3.0, 1.0], 5)
        >>> found = changes_before(rates, 0, [5, 10])
        >>> found.drop, found.change.since, found.change.age
        (array([2.]), array([5.]), array([4.]))
        >>> found.start, found.area
        (array([0, 0]), array([15., 20.]))
    """
    rates = np.asarray(rates, dtype=float)
    area = np.concatenate([[0.0], np.cumsum(rates)])
    drops = np.append(0.0, -np.diff(rates, prepend=0.0))  # of step k at place k
    if not counts_warmup:
        drops[: warmup + 2] = 0.0  # the first rate after the warmup is the peak
    ends = np.asarray(steps, dtype=int)
    if exact:
        row, place, drop = _single(drops, ends, np.flatnonzero(drops))
    else:
        row, place, drop = _in_blocks(drops, ends, np.append(rates[0], rates), area)
    order = np.argsort(row, kind="stable")
    row, place, drop = row[order], place[order], drop[order]
    before = np.interp(place - 1.0, np.arange(len(area)), area)
    every = np.append(0.0 if counts_warmup else rates[:1], rates)
    change = Change(
        previous=np.interp(place - 1.0, np.arange(len(every)), every),
        rate=np.interp(place, np.arange(len(every)), every),
        since=np.maximum(area[ends][row] - before, 0.0),
        before=before,
        age=np.maximum(ends[row] - place, 0.0),
    )
    start = np.searchsorted(row, np.arange(len(ends)))
    return Changes(drop, change, start, area[ends], area[np.minimum(ends, warmup)])


def _single(
    drops: np.ndarray, ends: np.ndarray, places: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each change before each step: its row, its place and the decrease of the rate."""
    row, of = np.nonzero(places <= ends[:, None])
    return row, places[of].astype(float), drops[places[of]]


def _in_blocks(
    drops: np.ndarray, ends: np.ndarray, rates: np.ndarray, area: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two terms for each block of steps before each step; jumps are separate terms.

    Args:
        drops: decrease of the rate at each step, starting with step 0, ``(step,)``.
        ends: the steps at which sums are needed.
        rates: ``(step,)``.
        area: sum of the rates up to each step, ``(step,)``.
    """
    places = np.flatnonzero(drops)
    if len(places) <= _FEW or _is_rough(drops[places]):
        return _single(drops, ends, places)
    jumps = places[_is_jump(drops[places])]
    found = [_single(drops, ends, jumps)]
    covers = _cover(ends)
    edges = [0, *jumps.tolist(), len(drops)]
    for begin, end in itertools.pairwise(edges):
        smooth = drops[begin + 1 : end]
        for sign in (1.0, -1.0):
            measure = np.maximum(sign * smooth, 0.0)
            if measure.any():
                varied = np.stack([rates, area])[:, begin + 1 : end]
                found += _terms(measure, varied, begin, covers, sign)
    row, place, drop = (np.concatenate(arrays) for arrays in zip(*found, strict=True))
    return row, place, drop


def _is_rough(drops: np.ndarray) -> bool:
    """Whether the rate goes up and down from step to step: no block of it is smooth."""
    return bool((drops[1:] * drops[:-1] < 0.0).mean() > _ROUGH)


def _is_jump(drops: np.ndarray) -> np.ndarray:
    """Whether each change is far larger than both neighbours, so the schedule is not smooth."""
    size = np.abs(np.concatenate([[0.0], drops, [0.0]]))
    return size[1:-1] > _JUMP * np.maximum(size[:-2], size[2:])


def _terms(
    measure: np.ndarray, varied: np.ndarray, begin: int, covers: "_Covers", sign: float
) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """The terms of a smooth part of a schedule.

    Args:
        measure: decreases (or increases) of the rate at the steps after ``begin``.
        varied: rates and areas there, ``(2, step)``; blocks in which one varies by a large factor
            are halved.
        begin: the step before them.
        covers: blocks of steps that cover those before each row's step.
        sign: of the changes.
    """
    found = []
    halved = np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    for level in range(len(covers) - 1, -1, -1):
        length = 1 << level
        first = begin // length
        padding = begin - first * length
        rows, blocks = (np.concatenate(pair) for pair in zip(covers[level], halved, strict=True))
        inside = (blocks >= first) & (blocks < first - (-(len(measure) + padding) // length))
        rows, blocks = rows[inside], blocks[inside]
        if not len(rows):
            halved = rows, blocks
            continue
        needed, which = np.unique(blocks, return_inverse=True)
        parts = [_blocks(array, padding, length, needed - first) for array in (measure, *varied)]
        wide = _varies(parts[1:])[which]
        halved = np.tile(rows[wide], 2), np.concatenate([2 * blocks[wide], 2 * blocks[wide] + 1])
        rows, which = rows[~wide], which[~wide]
        for place, mass in zip(*_two_points(parts[0]), strict=True):
            used = mass[which] > 0.0
            at = which[used]
            found.append((rows[used], place[at] + needed[at] * length, sign * mass[at]))
    return found


def _blocks(values: np.ndarray, padding: int, length: int, needed: np.ndarray) -> np.ndarray:
    """Some blocks of an array that begins after a padding, NaN around it, ``(block, step)``."""
    at = needed[:, None] * length - padding + np.arange(length)
    inside = (at >= 0) & (at < len(values))
    return np.where(inside, values[np.clip(at, 0, len(values) - 1)], np.nan)


def _varies(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Whether one of some arrays varies by a large factor or bends in a block, ``(block,)``."""
    length = parts[0].shape[1]
    found = np.zeros(len(parts[0]), dtype=bool)
    if length == 1:
        return found
    for own in parts:
        middle = 0.5 * (own[:, 0] + own[:, -1])
        found |= np.nanmax(own, axis=1) > _RATIO * np.nanmin(own, axis=1)
        found |= np.abs(own[:, length // 2] - middle) > _BEND * middle
    return found


def _cover(ends: np.ndarray) -> "_Covers":
    """Blocks that cover all steps before each end; farther blocks are longer.

    Returns:
        For each level the rows and the blocks of length ``2**level``; block b holds the steps from
        ``b · 2**level + 1`` on.
    """
    found: list[list[tuple[np.ndarray, np.ndarray]]] = []
    rows, left = np.arange(len(ends)), ends.copy()
    while len(rows):
        distance = np.maximum((ends[rows] - left) // _DISTANCE, 1)
        aligned = left & -left  # the longest block that ends there
        length = np.minimum(aligned, 1 << np.frexp(distance)[1].astype(int) - 1)
        level = np.frexp(length)[1].astype(int) - 1
        for own in np.unique(level):
            found += [[] for _ in range(own + 1 - len(found))]
            at = level == own
            found[own].append((rows[at], left[at] // (1 << own) - 1))
        left = left - length
        rows, left = rows[left > 0], left[left > 0]
    none = (np.zeros(0, dtype=int), np.zeros(0, dtype=int))
    return [
        (np.concatenate([r for r, _ in own]), np.concatenate([b for _, b in own])) if own else none
        for own in found
    ]


def _two_points(
    blocks: np.ndarray,
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The two-point Gauss rule for the measure in each block.

    Args:
        blocks: the measure, NaN counts as 0, ``(block, step)``.

    Returns:
        Places ``(block,)``, the first step being 1, and masses ``(block,)`` of the first point, and
        of the second.
    """
    blocks, length = np.nan_to_num(blocks), blocks.shape[1]
    offset = np.arange(length) - 0.5 * (length - 1)
    mass = blocks.sum(1)
    safe = np.where(mass > 0.0, mass, 1.0)
    mean = blocks @ offset / safe
    away = offset - mean[:, None]
    variance = np.einsum("bk,bk->b", blocks, away**2) / safe
    skew = np.einsum("bk,bk->b", blocks, away**3) / safe
    spread = variance > (_SAME * length) ** 2
    ratio = np.where(spread, skew / np.where(spread, variance, 1.0), 0.0)
    root = np.sqrt(ratio**2 + 4.0 * np.where(spread, variance, 0.0))
    low, high = 0.5 * (ratio - root), 0.5 * (ratio + root)
    share = np.where(spread, high / np.where(spread, root, 1.0), 1.0)
    middle = 1 + 0.5 * (length - 1) + mean
    return (middle + low, middle + high), (mass * share, mass * (1.0 - share))
