"""The arrays that a kernel is compiled for: a design padded to one of few shapes.

    Design (sizes × slots × repeats) → Layout (padded sizes × padded slots)
    losses, weights of runs          → Gathered (the same, repeats averaged)

Both are made on the host, so that a hold-out, a fold, a removal or another table, with another
number of runs or with repeats, needs no new compilation.
"""

from typing import Any, NamedTuple

import numpy as np

from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.stage1 import Gathered

# The smallest layout is the paper's grid, 21 sizes of up to 18 D; each next is a third larger, and
# from many sizes or slots on an eighth, as padding takes time and memory.
_LEAST_SIZES = 21
_LEAST_SLOTS = 18
_MANY = 128


class Layout(NamedTuple):
    """A design without its runs, padded.

    The padding repeats the last size, and each size's last D; no run belongs to it.

    Attributes:
        N: sizes, ``(size,)``.
        log_pivot: ``ln`` of the geometric mean of the sizes without padding.
        log_D: ``ln D``, ``(size, slot)``.
        pair_ok: slots k and k + 1 are one step apart, ``(size, slot − 1)``.
    """

    N: np.ndarray
    log_pivot: np.ndarray
    log_D: np.ndarray
    pair_ok: np.ndarray

    @classmethod
    def of(cls, design: Design) -> "Layout":
        """Without padding."""
        return cls(design.N, design.log_pivot, design.log_D, design.pair_ok)


def layout_of(design: Design) -> Layout:
    """The smallest layout that holds a design."""
    num_sizes, num_slots = design.log_D.shape
    # indices, not `np.pad`, which would take a tenth of a fit
    size = np.minimum(np.arange(_padded(num_sizes, _LEAST_SIZES)), num_sizes - 1)
    slot = np.minimum(np.arange(_padded(num_slots, _LEAST_SLOTS)), num_slots - 1)
    pair_ok = np.zeros((len(size), len(slot) - 1), dtype=bool)
    pair_ok[:num_sizes, : num_slots - 1] = design.pair_ok
    return Layout(design.N[size], design.log_pivot, design.log_D[size[:, None], slot], pair_ok)


def gather_padded(
    design: Design, layout: Layout, losses: np.ndarray, weights: np.ndarray
) -> Gathered:
    """Losses and weights of runs in a layout; those of padding are 1 and 0.

    Args:
        design: design of the runs.
        layout: layout of the design.
        losses: ``(run,)``, or ``(batch, run)``.
        weights: ``(run,)``, or ``(batch, run)``.

    Returns:
        Arrays ``(size, slot)``, or ``(size, slot, batch)``.
    """
    own = averaged(design, np.ascontiguousarray(losses.T), np.ascontiguousarray(weights.T))
    num_sizes, num_slots = design.log_D.shape
    if layout.log_D.shape == (num_sizes, num_slots):
        return own
    shape = *layout.log_D.shape, *losses.shape[:-1]
    loss: Any = np.ones(shape)
    weight: Any = np.zeros(shape)
    loss[:num_sizes, :num_slots] = own.loss
    weight[:num_sizes, :num_slots] = own.weight
    return Gathered(loss, weight)


class RunPlaces(NamedTuple):
    """The slot of each run, and the derivatives of the slot's averages in it.

    A slot's loss is ``ℓ = Σ s w l / Σ s w``, its weight ``ω = Σ s w² / Σ s w``, of the losses l,
    the weights w and the shares s of its runs.

    Attributes:
        size: index of each run's size, ``(run,)``.
        slot: index of each run's slot, ``(run,)``.
        loss_by_loss: ``∂ℓ/∂l``, ``(…, run)``.
        loss_by_weight: ``∂ℓ/∂w``; NaN for a run of weight 0, where there is no derivative.
        weight_by_weight: ``∂ω/∂w``.
    """

    size: np.ndarray
    slot: np.ndarray
    loss_by_loss: np.ndarray
    loss_by_weight: np.ndarray
    weight_by_weight: np.ndarray

    @classmethod
    def of(cls, design: Design, losses: np.ndarray, weights: np.ndarray) -> "RunPlaces":
        """The places of losses ``(run,)`` with weights ``(…, run)``."""
        size, slot, repeat = np.nonzero(design.run_share)
        order = np.argsort(design.run_index[size, slot, repeat])
        size, slot, repeat = size[order], slot[order], repeat[order]
        num_slots = design.log_D.shape[1]
        cell = size * num_slots + slot
        shares = design.run_share[size, slot, repeat] * weights

        def summed(values: np.ndarray) -> np.ndarray:
            """Sums over the runs of each run's slot."""
            if not repeat.any():
                return values
            sums = np.zeros((*values.shape[:-1], design.log_D.size))
            at: Any = (..., cell)
            np.add.at(sums, at, values)
            return sums[at]

        total = summed(shares)
        some = np.where(total == 0.0, 1.0, total)
        loss, weight = summed(shares * losses) / some, summed(shares * weights) / some
        share = design.run_share[size, slot, repeat] / some
        none = np.where(weights > 0, 1.0, np.nan)
        by_weight = share * (losses - loss) * none, share * (2 * weights - weight) * none
        return cls(size, slot, share * weights, *by_weight)

    def of_slots(self, values: np.ndarray) -> np.ndarray:
        """Values ``(…, size, slot)`` at each run, ``(…, run)``."""
        return values[..., self.size, self.slot]

    def by_losses(self, by_loss: np.ndarray) -> np.ndarray:
        """Derivatives in the loss of each run ``(run, …)``, from those in slots' losses."""
        return by_loss[self.size, self.slot] * self.loss_by_loss

    def by_weights(self, by_loss: np.ndarray, by_weight: np.ndarray) -> np.ndarray:
        """Derivatives in the weight of each run, from those in slots' losses and weights."""
        own = by_loss[self.size, self.slot], by_weight[self.size, self.slot]
        return own[0] * self.loss_by_weight + own[1] * self.weight_by_weight


def without_padding(solution: Any, design: Design, num_rounds: int) -> Any:
    """A kernel's solution of a layout, of the design's sizes and slots and of the rounds run."""
    num_sizes, num_slots = design.log_D.shape
    sizes, term, data_term = solution.sizes, solution.size_term, solution.data_term
    rounds = data_term.rounds
    return solution._replace(
        data_term=data_term._replace(
            rounds=type(rounds)(*(values[: num_rounds + 1] for values in rounds))
        ),
        sizes=type(sizes)(*(values[:num_sizes] for values in sizes)),
        size_term=term._replace(
            G=term.G[:num_sizes],
            usable=term.usable[:num_sizes],
            residual=term.residual[:num_sizes, :num_slots],
        ),
        non_positive=solution.non_positive[:num_sizes, : num_slots - 1],
        relative_error=solution.relative_error[:num_sizes, :num_slots],
    )


def averaged(design: Design, losses: Any, weights: Any) -> Gathered:
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
        least = -(-4 * least // 3) if least < _MANY else -(-9 * least // 8)
    return least
