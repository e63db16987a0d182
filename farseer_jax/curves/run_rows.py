"""The rows of one run in order: resumption, repeats, divergence and missing values resolved."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.spikes import diverged_from, spikes

Floats = NDArray[np.float64]

_UNORDERED: Final = 0.2  # of the rows: if steps go back more often, rows are out of order
_MOST_SHOWN: Final = 5


class RunRows(NamedTuple):
    """Losses and learning rates of a run by step.

    Attributes:
        steps: of the losses, increasing, from 1, ``(point,)``.
        losses: ``(point,)``.
        lr_steps: of the learning rates, increasing, from 0, ``(rate,)``.
        rates: ``(rate,)``.
        notes: sentences on what was left out.
    """

    steps: NDArray[np.int64]
    losses: Floats
    lr_steps: NDArray[np.int64]
    rates: Floats
    notes: tuple[str, ...]


def settled(steps: Floats, losses: Floats, rates: Floats, *, drop_spikes: bool) -> RunRows:
    """Put the rows of one run in order.

    Where the step goes back, as after a restart from a checkpoint, the later rows are kept. Losses
    of one step in consecutive rows, as of micro-batches, are averaged. Spikes are left out, and so
    are the rows after the run has diverged or its loss is no longer finite.

    Args:
        steps: the step of each row, in the order of the table; NaN rows are left out, ``(row,)``.
        losses: the loss, NaN where it was not logged, ``(row,)``.
        rates: the learning rate, NaN where it was not logged, ``(row,)``.
        drop_spikes: whether rows whose loss is far above those beside it are left out.
    """
    notes: list[str] = []
    known = np.isfinite(steps)
    steps, losses, rates = steps[known], losses[known], rates[known]
    lr_steps, own_rates, _, _ = _per_step(steps, rates)
    at, values, num, own = _per_step(steps, losses)
    notes += own
    if num > 1.5 * len(at) > 0:
        notes.append(
            f"losses logged at the same step, {num / len(at):.3g} on average, are averaged"
        )
    if (before := at < 1).any():
        notes.append("the loss at step 0, before training, is left out")
        at, values = at[~before], values[~before]
    if (bad := values <= 0).any():
        notes.append(f"losses of 0 or below are left out ({int(bad.sum())})")
        at, values = at[~bad], values[~bad]
    at, values, own = _until_divergence(at, values, steps, losses)
    notes += own
    if drop_spikes and (high := spikes(at, values)).any():
        shown = ", ".join(f"{step:,.0f}" for step in at[high][:_MOST_SHOWN])
        more = int(high.sum()) - _MOST_SHOWN
        notes.append(
            f"loss spikes are left out, at step{'s' if high.sum() > 1 else ''} {shown}"
            + (f" and {more} more" if more > 0 else "")
        )
        at, values = at[~high], values[~high]
    return RunRows(at.astype(np.int64), values, lr_steps.astype(np.int64), own_rates, tuple(notes))


def _in_order(steps: Floats) -> tuple[NDArray[np.intp], list[str]]:
    """Rows with steps that do not decrease; the later rows where they go back."""
    back = np.flatnonzero(np.diff(steps) < 0)
    rows = np.arange(len(steps))
    if not back.size:
        return rows, []
    if back.size > _UNORDERED * len(steps):
        return np.argsort(steps, kind="stable"), [
            "the rows were out of order and are sorted by step"
        ]
    following = np.minimum.accumulate(steps[::-1])[::-1]
    later = np.r_[following[1:], np.inf]
    # equal steps in consecutive rows belong together
    superseded = (steps > later) | ((steps == later) & (np.r_[steps[1:], np.inf] != steps))
    keep = rows[~superseded]
    first, last = int(back[0]), len(back)
    times = "" if last == 1 else f", and {last - 1} more time{'s' if last > 2 else ''}"
    return keep, [
        f"the run was resumed: after step {steps[first]:,.0f} it continues from step "
        f"{steps[first + 1]:,.0f}{times}; the later rows are kept ({int(superseded.sum()):,} "
        "earlier ones are left out)"
    ]


def _per_step(steps: Floats, values: Floats) -> tuple[Floats, Floats, int, list[str]]:
    """Increasing steps with a finite value, the mean of each, the number of values, and sentences.

    Rows without a value are ignored, because training and evaluation losses may be logged in
    separate blocks.
    """
    known = np.isfinite(values)
    keep, notes = _in_order(steps[known])
    own = values[known][keep]
    at, inverse = np.unique(steps[known][keep], return_inverse=True)
    if len(at) == len(own):
        return at, own[np.argsort(inverse)], len(own), notes
    sums = np.bincount(inverse, own, minlength=len(at))
    return at, sums / np.bincount(inverse, minlength=len(at)), len(own), notes


def _until_divergence(
    at: Floats, values: Floats, steps: Floats, losses: Floats
) -> tuple[Floats, Floats, list[str]]:
    """The losses before the run diverged, if it did."""
    if not len(at):
        return at, values, []
    num = diverged_from(values)
    if num < len(values):
        note = (
            f"the loss rises from {values[num - 1]:.3f} to {values[-1]:.3f} and does not recover: "
            f"the run diverged and is cut after step {at[num - 1]:,.0f}"
        )
        return at[:num], values[:num], [note]
    after = steps > at[-1]
    is_every = np.isfinite(losses[~after]).all()
    if after.any() and is_every:
        note = f"the loss is not finite after step {at[-1]:,.0f}: the run is cut there"
        return at, values, [note]
    return at, values, []
