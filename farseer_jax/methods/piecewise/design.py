"""The fixed-shape arrays that every refit of one set of runs shares.

    Runs (a flat table)  →  Design (sizes × slots, padded)  →  kernel(design, losses, weights)

A design is built once, on the host. A kernel gathers the losses and weights of runs into it: a
hold-out, a resample or a perturbed loss needs neither a new design nor a new compilation.
"""

from typing import NamedTuple

import numpy as np

from farseer_jax.runs.runs import Runs

Ratio = float | tuple[float, float] | None

# Neighbours count as one step where ln(ratio) is within half of ln λ: √2 admits 1.19–1.68, and
# leaves out the double step over a missing cell (with which the errors on the paper's largest
# models come out up to a quarter worse).
_RATIO_MARGIN = 0.5
# Neighbours closer than this pair with the first D beyond a step of 2: of wider steps and narrower
# ones it leaves the smallest errors, and 2, 4, 16 times as many D never raise them.
_CLOSE, _REACH = float(np.log(1.35)), float(0.9 * np.log(2.0))
# Cells of a design: more means that the table is not a grid.
_MAX_CELLS = 50_000_000


class Design(NamedTuple):
    """The layout of the runs, with all sizes, even those that the piecewise method cannot use.

    Attributes:
        N: sizes, ascending, shape ``(size,)``.
        log_pivot: ``ln`` of the sizes' geometric mean.
        log_D: ``ln D`` per size, padded with the largest, ``(size, slot)``: ascending, or in chains
            of D one step apart where neighbours lie much closer.
        run_index: position of a slot's runs in the table, ``(size, slot, repeat)``.
        run_share: 0 for padding; 1 for a run; 1/k for each of k exact copies of one run.
        pair_ok: slots k and k + 1 are one step apart, ``(size, slot − 1)``.
        ratio: the typical step λ of D.
    """

    N: np.ndarray
    log_pivot: np.ndarray
    log_D: np.ndarray
    run_index: np.ndarray
    run_share: np.ndarray
    pair_ok: np.ndarray
    ratio: np.ndarray

    @property
    def occupied(self) -> np.ndarray:
        """Slots that have a run, ``(size, slot)``."""
        return self.run_share.sum(axis=-1) > 0

    @property
    def neighbours(self) -> np.ndarray:
        """Pairs of slots that both have a run, the second of larger D, ``(size, slot − 1)``."""
        rises = np.diff(self.log_D, axis=1) > 0.0
        return self.occupied[:, 1:] & self.occupied[:, :-1] & rises


def build_design(runs: Runs, ratio: Ratio = None) -> Design:
    """Lay out runs by size and D.

    Args:
        runs: the table.
        ratio: step λ between neighbouring D that form a pair: a number, a range ``(low, high)``,
            or None for the table's own, the median ratio of neighbours. A single λ admits
            ratios between λ^0.5 and λ^1.5. Where neighbours lie closer (without a ratio: closer
            than 1.35), a run pairs with one further away, near the ratio or 2.

    Raises:
        ValueError: the ratio is not above 1, or the table is so far from a grid that its layout
            would not fit in memory.

    Example:
        >>> from farseer_jax import build_design, example_runs
        >>> design = build_design(example_runs())
        >>> design.log_D.shape, round(float(design.ratio), 3)
        ((21, 18), 1.414)
    """
    order = np.lexsort((runs.loss, runs.D, runs.N))
    N, D, loss = runs.N[order], runs.D[order], runs.loss[order]
    new_size = np.concatenate([[True], N[1:] != N[:-1]])
    new_slot = new_size | np.concatenate([[True], D[1:] != D[:-1]])
    new_loss = new_slot | np.concatenate([[True], loss[1:] != loss[:-1]])

    size = np.cumsum(new_size) - 1
    slot = _rank_within(new_slot, new_size)
    repeat = np.arange(len(N)) - np.flatnonzero(new_slot)[np.cumsum(new_slot) - 1]
    shape = (int(size[-1]) + 1, max(int(slot.max()) + 1, 2), int(repeat.max()) + 1)
    _check_shape(shape, len(N))

    run_index = np.zeros(shape, dtype=np.int32)
    run_share = np.zeros(shape)
    run_index[size, slot, repeat] = order
    copies = np.diff(np.flatnonzero(np.append(new_loss, True)))
    run_share[size, slot, repeat] = np.repeat(1.0 / copies, copies)

    log_D = np.zeros(shape[:2])
    log_D[size, slot] = np.log(D)
    log_D = np.maximum.accumulate(log_D, axis=1)  # D ascends, so padding repeats the last
    occupied = run_share[..., 0] > 0
    steps = _admitted_steps(log_D, occupied, ratio)
    if steps.reach is not None:
        order = np.stack([_in_chains(*own, steps) for own in zip(log_D, occupied, strict=True)])
        log_D = np.take_along_axis(log_D, order, axis=1)
        at = np.arange(shape[0])[:, None], order
        run_index[:], run_share[:] = run_index[at], run_share[at]
    pair_ok, typical = _pairs_one_step_apart(log_D, occupied, steps)
    sizes = N[new_size]
    return Design(
        N=sizes,
        log_pivot=np.asarray(np.log(sizes).mean()),
        log_D=log_D,
        run_index=run_index,
        run_share=run_share,
        pair_ok=pair_ok,
        ratio=np.asarray(typical),
    )


def _rank_within(new_item: np.ndarray, new_group: np.ndarray) -> np.ndarray:
    """The rank of each item within its group, from flags of new items and groups in order."""
    item = np.cumsum(new_item) - 1
    return item - item[new_group][np.cumsum(new_group) - 1]


def _check_shape(shape: tuple[int, int, int], num_runs: int) -> None:
    if np.prod(shape, dtype=float) > max(_MAX_CELLS, 4 * num_runs):
        raise ValueError(
            f"the runs form {shape[0]} sizes with up to {shape[1]} values of D and up to "
            f"{shape[2]} repeats, too ragged for a grid of {num_runs} runs: select runs "
            f"(min_N, max_N, min_D, max_D), or average repeats of one (N, D) first"
        )


class _Steps(NamedTuple):
    """Which steps of ln D make a pair.

    Attributes:
        low: the smallest.
        high: the largest.
        reach: the best one, where neighbours lie closer than that; None where neighbours pair.
    """

    low: float
    high: float
    reach: float | None = None


def _admitted_steps(log_D: np.ndarray, occupied: np.ndarray, ratio: Ratio) -> _Steps:
    """The admitted steps, from the ratio asked for or from the table's own.

    Differences of close neighbours vanish in the noise: where they lie closer than the steps, a run
    pairs with one further away.
    """
    neighbours = occupied[:, 1:] & occupied[:, :-1]
    near = np.diff(log_D, axis=1)[neighbours]
    median = float(np.median(near)) if len(near) else np.nan
    if isinstance(ratio, tuple):
        low, high = (_log_ratio(bound) for bound in ratio)
        if not low < high:
            raise ValueError(f"ratio: the range must be (low, high) with low < high, got {ratio}")
        return _Steps(low, high, 0.5 * (low + high) if median < low else None)
    if ratio is not None:
        steps = _around(_log_ratio(ratio))
        return steps._replace(reach=_log_ratio(ratio)) if median < steps.low else steps
    if median < _CLOSE:
        further = _steps_beyond(log_D, occupied, _REACH)
        if 2 * len(further) >= len(near):
            reach = float(np.median(further))
            return _around(reach)._replace(reach=reach)
    return _around(median)


def _around(step: float) -> _Steps:
    return _Steps((1 - _RATIO_MARGIN) * step, (1 + _RATIO_MARGIN) * step)


def _steps_beyond(log_D: np.ndarray, occupied: np.ndarray, least: float) -> np.ndarray:
    """The step from each D to the first that is so much larger, where there is one."""
    steps = []
    for own, there in zip(log_D, occupied, strict=True):
        values = own[there]
        place = np.searchsorted(values, values + least)
        has = place < len(values)
        steps.append(values[place[has]] - values[has])
    return np.concatenate(steps)


def _in_chains(log_D: np.ndarray, occupied: np.ndarray, steps: _Steps) -> np.ndarray:
    """An order of a size's slots in which those one step apart follow each other, ``(slot,)``.

    Every run is the lower one of at most one pair, and the upper one of at most one.

    Args:
        log_D: ascending, ``(slot,)``.
        occupied: slots with a run, the first ones, ``(slot,)``.
        steps: the admitted steps.
    """
    num = int(occupied.sum())
    values, free = log_D[:num], np.ones(num, dtype=bool)
    after = np.full(num, -1)
    first = np.searchsorted(values, values + steps.low)
    last = np.searchsorted(values, values + steps.high, side="right")
    for place in range(num):
        near = np.arange(first[place], last[place])
        near = near[free[near]]
        if len(near):
            off = np.abs(values[near] - values[place] - (steps.reach or 0.0))
            after[place] = near[np.argmin(off)]
            free[after[place]] = False
    order = []
    for head in np.flatnonzero(free):
        place = int(head)
        while place >= 0:
            order.append(place)
            place = int(after[place])
    return np.array([*order, *range(num, len(log_D))])


def _pairs_one_step_apart(
    log_D: np.ndarray, occupied: np.ndarray, steps: _Steps
) -> tuple[np.ndarray, float]:
    """Which slots that follow each other are one step apart, and the typical step."""
    step = np.diff(log_D, axis=1)
    both = occupied[:, 1:] & occupied[:, :-1]
    pair_ok = both & (step >= steps.low) & (step <= steps.high)
    typical = float(np.exp(np.median(step[pair_ok]))) if pair_ok.any() else np.nan
    return pair_ok, typical


def _log_ratio(ratio: float) -> float:
    if not 1 < ratio < np.inf:
        raise ValueError(f"ratio must be finite and above 1, got {ratio}")
    return float(np.log(ratio))
