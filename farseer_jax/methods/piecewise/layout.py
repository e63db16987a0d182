"""The arrays that a kernel is compiled for: a design padded to one of few shapes.

    Design (sizes × slots × repeats) → Layout (padded sizes × padded slots)
    losses, weights of runs          → Gathered (the same, repeats averaged)

Both are made on the host, so that a limit, a fold, a removal or another table, with another number
of runs or with repeats, compiles nothing anew.
"""

from typing import Any, NamedTuple

import numpy as np

from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.stage1 import Gathered

# The smallest layout is the paper's grid, 21 sizes of up to 18 D; each next is a third larger.
_LEAST_SIZES = 21
_LEAST_SLOTS = 18


class Layout(NamedTuple):
    """A design without its runs, padded.

    What is added are copies of the last size, and of each size's last D, which no run holds.

    Attributes:
        N: sizes, ``(size,)``.
        log_pivot: ``ln`` of the geometric mean of the sizes before any were added.
        log_D: ``ln D``, ``(size, slot)``.
        pair_ok: slots k and k + 1 are one step apart, ``(size, slot − 1)``.
    """

    N: np.ndarray
    log_pivot: np.ndarray
    log_D: np.ndarray
    pair_ok: np.ndarray


def layout_of(design: Design) -> Layout:
    """The smallest layout that holds a design."""
    num_sizes, num_slots = design.log_D.shape
    # places, not `np.pad`: it would take a tenth of a fit
    size = np.minimum(np.arange(_padded(num_sizes, _LEAST_SIZES)), num_sizes - 1)
    slot = np.minimum(np.arange(_padded(num_slots, _LEAST_SLOTS)), num_slots - 1)
    pair_ok = np.zeros((len(size), len(slot) - 1), dtype=bool)
    pair_ok[:num_sizes, : num_slots - 1] = design.pair_ok
    return Layout(design.N[size], design.log_pivot, design.log_D[size[:, None], slot], pair_ok)


def gather_padded(
    design: Design, layout: Layout, losses: np.ndarray, weights: np.ndarray
) -> Gathered:
    """Losses and weights of runs in a layout; those of added places are 1 and 0.

    Args:
        design: of the runs.
        layout: of the design.
        losses: ``(run,)``, or ``(batch, run)``.
        weights: likewise.

    Returns:
        Arrays ``(size, slot)``, or ``(size, slot, batch)``.
    """
    own = _averaged(design, np.ascontiguousarray(losses.T), np.ascontiguousarray(weights.T))
    num_sizes, num_slots = design.log_D.shape
    if layout.log_D.shape == (num_sizes, num_slots):
        return own
    shape = *layout.log_D.shape, *losses.shape[:-1]
    loss: Any = np.ones(shape)
    weight: Any = np.zeros(shape)
    loss[:num_sizes, :num_slots] = own.loss
    weight[:num_sizes, :num_slots] = own.weight
    return Gathered(loss, weight)


def without_padding(solution: Any, design: Design) -> Any:
    """A kernel's solution of a layout, of the sizes and slots of the design alone."""
    num_sizes, num_slots = design.log_D.shape
    sizes, term = solution.sizes, solution.size_term
    return solution._replace(
        sizes=type(sizes)(*(values[:num_sizes] for values in sizes)),
        size_term=term._replace(
            G=term.G[:num_sizes],
            usable=term.usable[:num_sizes],
            residual=term.residual[:num_sizes, :num_slots],
        ),
        non_positive=solution.non_positive[:num_sizes, : num_slots - 1],
        relative_error=solution.relative_error[:num_sizes, :num_slots],
    )


def _averaged(design: Design, losses: Any, weights: Any) -> Gathered:
    """As :func:`gather` in NumPy; runs along the first axis."""
    share = design.run_share.reshape(*design.run_share.shape, *(1,) * (losses.ndim - 1))
    if design.run_share.shape[2] == 1:  # no repeats anywhere: nothing to average
        index = design.run_index[:, :, 0]
        return Gathered(losses[index], weights[index] * share[:, :, 0])
    own = weights[design.run_index]
    shared = share * own
    total = shared.sum(axis=2)
    loss = (shared * losses[design.run_index]).sum(axis=2)
    some = np.where(total == 0.0, 1.0, total)
    return Gathered(loss / some, (shared * own).sum(axis=2) / some)


def _padded(num: int, least: int) -> int:
    while least < num:
        least = -(-4 * least // 3)
    return least
