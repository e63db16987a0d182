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
# Cells of a design: more means that the table is not a grid.
_MAX_CELLS = 50_000_000


class Design(NamedTuple):
    """The layout of the runs, with all sizes, even those that the piecewise method cannot use.

    Attributes:
        N: sizes, ascending, shape ``(size,)``.
        log_pivot: ``ln`` of the sizes' geometric mean.
        log_D: ``ln D`` per size, ascending along slots, padded with the last, ``(size, slot)``.
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
        """Pairs of slots that both have a run, ``(size, slot − 1)``."""
        return self.occupied[:, 1:] & self.occupied[:, :-1]


def build_design(runs: Runs, ratio: Ratio = None) -> Design:
    """Lay out runs by size and D.

    Args:
        runs: the table.
        ratio: step λ between neighbouring D that form a pair: a number, a range ``(low, high)``,
            or None for the table's own, the median ratio of neighbours. A single λ admits
            ratios between λ^0.5 and λ^1.5.

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
    pair_ok, typical = _pairs_one_step_apart(log_D, run_share[..., 0] > 0, ratio)
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


def _pairs_one_step_apart(
    log_D: np.ndarray, occupied: np.ndarray, ratio: Ratio
) -> tuple[np.ndarray, float]:
    """Which neighbouring slots are one step apart, and the typical step."""
    step = np.diff(log_D, axis=1)
    neighbours = occupied[:, 1:] & occupied[:, :-1]
    if isinstance(ratio, tuple):
        low, high = (_log_ratio(bound) for bound in ratio)
        if not low < high:
            raise ValueError(f"ratio: the range must be (low, high) with low < high, got {ratio}")
    else:
        if ratio is None:
            typical_log = float(np.median(step[neighbours])) if neighbours.any() else np.nan
        else:
            typical_log = _log_ratio(ratio)
        low, high = (1 - _RATIO_MARGIN) * typical_log, (1 + _RATIO_MARGIN) * typical_log
    pair_ok = neighbours & (step >= low) & (step <= high)
    typical = float(np.exp(np.median(step[pair_ok]))) if pair_ok.any() else np.nan
    return pair_ok, typical


def _log_ratio(ratio: float) -> float:
    if not 1 < ratio < np.inf:
        raise ValueError(f"ratio must be finite and above 1, got {ratio}")
    return float(np.log(ratio))
