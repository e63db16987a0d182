"""Losses and weights of runs, gathered into the design and differenced along D."""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax._design import Design
from farseer_jax._linear import mean_weight, safe_divide
from farseer_jax._types import Array, Pairs, RunValues, Slots

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise._layout import Layout


class Gathered(NamedTuple):
    """One (averaged) run per slot."""

    loss: Slots
    weight: Slots


class Differences(NamedTuple):
    """Pairs of neighbouring slots: ``R = L(N, D0) − L(N, D1)`` (paper Eq. 6).

    Attributes:
        log_D: ``ln D`` per slot; pair k spans slots k and k + 1.
        R: the difference; 1 where the pair is not used.
        weight: 0 where the pair is not used.
        non_positive: pairs left out because the loss did not fall.
    """

    log_D: Slots
    R: Pairs
    weight: Pairs
    non_positive: Array


def beside_members(constant: np.ndarray, like: Array, num_axes: int) -> Array:
    """A constant of the design in the precision of an array, with axes of 1 for its members.

    Args:
        constant: of the design; may have fewer axes than ``num_axes``.
        like: an array of a kernel.
        num_axes: how many of its axes come before those of members.
    """
    ones = (1,) * (like.ndim - num_axes)
    return jnp.asarray(constant, like.dtype).reshape(*constant.shape, *ones)


def gather(design: Design, losses: RunValues, weights: RunValues) -> Gathered:
    """Average the repeats of one (N, D); k exact copies count as one run."""
    share = beside_members(design.run_share, losses, 1)
    if design.run_share.shape[2] == 1:  # no repeats anywhere: nothing to average
        index = design.run_index[:, :, 0]
        return Gathered(losses[index], weights[index] * share[:, :, 0])
    repeat_loss = losses[design.run_index]
    repeat_weight = weights[design.run_index]
    total = jnp.sum(share * repeat_weight, axis=2)
    loss = safe_divide(jnp.sum(share * repeat_weight * repeat_loss, axis=2), total)
    return Gathered(loss, mean_weight(repeat_weight, 2, share))


def difference(design: "Design | Layout", runs: Gathered) -> Differences:
    """Differences of neighbouring D, with the weight that their two runs leave them.

    The weight is the harmonic mean of the runs' weights, read as precisions the precision of a
    difference: it keeps 0 and 1 exact and has a derivative everywhere but at two zeros.
    """
    first, second = runs.weight[:, :-1], runs.weight[:, 1:]
    weight = safe_divide(2 * first * second, first + second)
    weight *= beside_members(design.pair_ok, weight, 2)
    R = runs.loss[:, :-1] - runs.loss[:, 1:]
    live = weight > 0
    usable = live & (R > 0)
    return Differences(
        log_D=beside_members(design.log_D, R, 2),
        R=jnp.where(usable, R, 1.0),
        weight=jnp.where(usable, weight, 0.0),
        non_positive=live & ~usable,
    )
