"""Warnings about annealed losses, worst first."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.curve_fitting.schedule_warnings import lowest_rate
from farseer_jax.tables.row_numbers import shortened

if TYPE_CHECKING:
    from farseer_jax.curve_fitting.annealed_result import AnnealedLosses

_BEYOND = 1.5  # times the steps of the longest curve
_MOST_SHOWN = 5


def warnings_of(annealed: "AnnealedLosses") -> tuple[str, ...]:
    """The warnings of annealed losses, then those of the fit."""
    return (
        *annealed.fit.warnings,
        *_lower_rates(annealed),
        *_beyond(annealed),
        *_fallen(annealed),
    )


def _lower_rates(annealed: "AnnealedLosses") -> Iterator[str]:
    lowest = lowest_rate(annealed.fit)
    if annealed.final < 0.5 * lowest:
        yield (
            f"the anneals end at a learning rate of {annealed.final:g}, but no curve was logged "
            f"below {lowest:.3g}: the gain from the last part of the decay is extrapolated; "
            f"use final={lowest:.3g} to avoid this"
        )


def _beyond(annealed: "AnnealedLosses") -> Iterator[str]:
    longest = max(int(own.steps[-1]) for own in annealed.fit.curves)
    far = annealed.final_step > _BEYOND * longest
    if far.any():
        yield (
            f"{int(far.sum())} of {len(annealed)} anneals end at more than {_BEYOND:g} times the "
            f"steps of the longest curve ({longest:,}): their losses are extrapolated"
        )


def _fallen(annealed: "AnnealedLosses") -> Iterator[str]:
    names = []
    for name in dict.fromkeys(annealed.curve):
        is_own = np.array(annealed.curve, dtype=object) == name
        fallen = annealed.step[is_own & ~annealed.at_peak]
        if len(fallen):
            names.append(f"{name} from step {int(fallen.min()):,} on")
    if names:
        yield (
            "some anneals begin after the learning rate has already decayed, so their losses are "
            f"not those of shorter runs of the same kind: {shortened(names, _MOST_SHOWN)}"
        )
