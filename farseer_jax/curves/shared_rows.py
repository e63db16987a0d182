"""Rows that a branch has in common with the curve that it continues, which were trained once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from farseer_jax.curves.curve import Curve
from farseer_jax.curves.sentences import Sentences

_FEWEST: Final = 4  # equal losses: fewer may be equal by chance where they have few digits
_LEAST_LEFT: Final = 2  # losses of a curve
_AT_PEAK: Final = 0.98  # of the peak


def without_shared_rows(
    curves: Sequence[Curve], notes: Sentences, warnings: Sentences
) -> list[Curve]:
    """Curves without the first losses that another one has too, to the digit.

    They stay in the curve whose learning rate stays longest at its peak, of several the longest
    one. The branch keeps its schedule. Curves of other inputs, and curves without losses of their
    own, stay as they are.

    Args:
        curves: the curves.
        notes: sentences, to which those on the rows left out are added.
        warnings: sentences, to which those on curves that are copies are added.
    """
    order = sorted(range(len(curves)), key=lambda at: (_rank(curves[at]), at))
    kept = list(curves)
    for place, at in enumerate(order):
        own = curves[at]
        earlier = [curves[other] for other in order[:place] if curves[other].inputs == own.inputs]
        nums = [_num_shared(own, other) for other in earlier]
        if not nums or (most := max(nums)) < _FEWEST:
            continue
        parent = earlier[nums.index(most)].name
        if len(own) - most < _LEAST_LEFT:
            warnings.add(own.name, f"all its losses are those of {parent!r}; leave one of them out")
            continue
        notes.add(
            own.name,
            f"the first {most} losses, up to step {own.steps[most - 1]:,}, are those of "
            f"{parent!r}, and count once, there",
        )
        kept[at] = own.where(np.arange(len(own)) >= most)
    return kept


def _rank(curve: Curve) -> tuple[int, int]:
    """Lower for a curve that others branch from: how long it is at its peak, and how long it is."""
    rates = curve.schedule.rates[: int(curve.steps[-1])]
    at_peak = np.flatnonzero(rates >= _AT_PEAK * curve.schedule.peak)
    return -int(at_peak[-1] + 1 if at_peak.size else 0), -len(rates)


def _num_shared(own: Curve, other: Curve) -> int:
    """How many of the first losses of a curve another one has at the same steps."""
    at = np.minimum(np.searchsorted(other.steps, own.steps), len(other) - 1)
    equal = (other.steps[at] == own.steps) & (other.losses[at] == own.losses)
    return len(own) if equal.all() else int(np.argmin(equal))
