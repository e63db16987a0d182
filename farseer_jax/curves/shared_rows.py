"""Rows that a branch has in common with the curve that it continues, which were trained once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from farseer_jax.curves.curve import Curve

if TYPE_CHECKING:
    from farseer_jax.curves.sentences import Sentences

_FEWEST: Final = 4  # equal losses: fewer may be equal by chance where they have few digits
_LEAST_LEFT: Final = 2  # losses of a curve
_AT_PEAK: Final = 0.98  # of the peak


class SharedRows(NamedTuple):
    """The first losses of a curve that another one has too."""

    num: int
    parent: str


def shared_rows(curves: Sequence[Curve]) -> dict[str, SharedRows]:
    """The first losses that curves have in common with another one, to the digit.

    Of curves that have the same losses, those whose learning rate leaves its peak earlier are the
    branches, of several the shorter ones. Curves of other inputs have nothing in common.

    Args:
        curves: with different names.

    Returns:
        By the name of the branch; without curves that have few such losses.
    """
    order = sorted(range(len(curves)), key=lambda at: (_rank(curves[at]), at))
    found = {}
    for place, at in enumerate(order):
        own = curves[at]
        earlier = [curves[other] for other in order[:place] if curves[other].inputs == own.inputs]
        nums = [_num_shared(own, other) for other in earlier]
        if nums and (most := max(nums)) >= _FEWEST:
            found[own.name] = SharedRows(most, earlier[nums.index(most)].name)
    return found


def counted_once(curves: Sequence[Curve]) -> list[Curve]:
    """Curves without the losses that they share with another one, which keeps them.

    A branch keeps its whole schedule, and a copy, which has no losses of its own, all its losses.

    Args:
        curves: with different names.
    """
    shared = shared_rows(curves)
    is_branch = {name for name, own in shared.items() if not _is_copy(curves, name, own)}
    return [
        own.where(np.arange(len(own)) >= shared[own.name].num) if own.name in is_branch else own
        for own in curves
    ]


def tell_shared_rows(curves: Sequence[Curve], notes: Sentences, warnings: Sentences) -> None:
    """Add a note on each branch, and a warning on each copy.

    Args:
        curves: with different names.
        notes: sentences on branches.
        warnings: sentences on copies.
    """
    steps = {own.name: own.steps for own in curves}
    for name, own in shared_rows(curves).items():
        if _is_copy(curves, name, own):
            warnings.add(name, f"all its losses are those of {own.parent!r}; leave one of them out")
        else:
            notes.add(
                name,
                f"the first {own.num} losses, up to step {steps[name][own.num - 1]:,}, are those "
                f"of {own.parent!r}, and count once in a fit of both",
            )


def _is_copy(curves: Sequence[Curve], name: str, shared: SharedRows) -> bool:
    return any(own.name == name and len(own) - shared.num < _LEAST_LEFT for own in curves)


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
