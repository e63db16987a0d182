"""The rows of one run in order: resumption, repeats, divergence and missing values resolved."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.spikes import before_rise, diverged_from, spikes
from farseer_jax.curves.step_numbers import StepUnit

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
        divergence: a sentence on where the run diverged; empty if it did not.
    """

    steps: NDArray[np.int64]
    losses: Floats
    lr_steps: NDArray[np.int64]
    rates: Floats
    notes: tuple[str, ...]
    divergence: str = ""


def settled(
    steps: Floats,
    losses: Floats,
    rates: Floats,
    *,
    drop_spikes: bool,
    unit: StepUnit = StepUnit(),  # noqa: B008  # a constant
) -> RunRows:
    """Put the rows of one run in order.

    Where the step goes back, as after a restart from a checkpoint, the later rows are kept. Losses
    of one step in consecutive rows, as of micro-batches, are averaged. Spikes are left out, and so
    are the rows after the run has diverged or its loss is no longer finite.

    Args:
        steps: the step of each row, in the order of the table; NaN rows are left out, ``(row,)``.
        losses: the loss, NaN where it was not logged, ``(row,)``.
        rates: the learning rate, NaN where it was not logged, ``(row,)``.
        drop_spikes: whether rows whose loss is far above those beside it are left out.
        unit: what is counted as steps.
    """
    notes: list[str] = []
    known = np.isfinite(steps)
    steps, losses, rates = steps[known], losses[known], rates[known]
    lr_steps, own_rates, _, _ = _per_step(steps, rates, unit)
    at, values, num, own = _per_step(steps, losses, unit)
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
    num_good, divergence = _until_divergence(at, values, steps, losses, unit)
    at, values = at[:num_good], values[:num_good]
    if drop_spikes and (high := spikes(at, values)).any():
        more = int(high.sum()) - _MOST_SHOWN
        notes.append(
            f"loss spikes are left out, at {unit.at(*at[high][:_MOST_SHOWN])}"
            + (f" and {more} more" if more > 0 else "")
        )
        at, values = at[~high], values[~high]
    return RunRows(
        at.astype(np.int64), values, lr_steps.astype(np.int64), own_rates, tuple(notes), divergence
    )


def _in_order(steps: Floats, unit: StepUnit) -> tuple[NDArray[np.intp], list[str]]:
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
        f"the run was resumed: after {unit.at(steps[first])} it continues from "
        f"{unit.at(steps[first + 1])}{times}; the later rows are kept ({int(superseded.sum()):,} "
        "earlier ones are left out)"
    ]


def _per_step(
    steps: Floats, values: Floats, unit: StepUnit
) -> tuple[Floats, Floats, int, list[str]]:
    """Increasing steps with a finite value, the mean of each, the number of values, and sentences.

    Rows without a value are ignored, because training and evaluation losses may be logged in
    separate blocks.
    """
    known = np.isfinite(values)
    keep, notes = _in_order(steps[known], unit)
    own = values[known][keep]
    at, inverse = np.unique(steps[known][keep], return_inverse=True)
    if len(at) == len(own):
        return at, own[np.argsort(inverse)], len(own), notes
    sums = np.bincount(inverse, own, minlength=len(at))
    return at, sums / np.bincount(inverse, minlength=len(at)), len(own), notes


def _until_divergence(
    at: Floats, values: Floats, steps: Floats, losses: Floats, unit: StepUnit
) -> tuple[int, str]:
    """How many losses there are before the run diverged, and where it did."""
    if not len(at):
        return 0, ""
    num = diverged_from(values)
    if num < len(values):
        keep = before_rise(at[:num], values[:num])
        return keep, (
            f"the run diverged after {unit.at(at[keep - 1])}, where it is cut: its loss rises from "
            f"{values[keep - 1]:.3f} to {values[num:].max():.3f}"
        )
    after = steps > at[-1]
    is_every = np.isfinite(losses[~after]).all()
    if not (after.any() and is_every) and not np.isinf(losses[after]).any():
        return num, ""
    keep = before_rise(at, values)
    return keep, (
        f"the run diverged after {unit.at(at[keep - 1])}, where it is cut: its loss is not finite "
        f"after {unit.at(at[-1])}"
    )
