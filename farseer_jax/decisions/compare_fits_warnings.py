"""What to know before trusting a comparison of two fits, in sentences."""

import numpy as np

from farseer_jax.decisions.compared_fits import Sides
from farseer_jax.decisions.matching_runs import AgainstRuns, match
from farseer_jax.results.numbers import quantity_text


def sentences(
    sides: Sides, N: np.ndarray, D: np.ndarray, difference: np.ndarray, tolerance: float
) -> tuple[str, ...]:
    """All that is odd about a comparison, worst first.

    Args:
        sides: what is compared.
        N: of the domain, ascending, ``(size,)``.
        D: likewise, ``(tokens,)``.
        difference: of the laws, over the loss of B, ``(size, tokens)``.
        tolerance: relative, within which runs of both are at one point.
    """
    return (
        *_against_runs(sides, difference, tolerance),
        *_of_the_fits(sides),
        *_beyond_the_runs(sides, N, D),
        *_without_runs(sides),
    )


def _against_runs(sides: Sides, difference: np.ndarray, tolerance: float) -> tuple[str, ...]:
    """Where both have runs at the same points, what these say of the fits."""
    if sides.a.runs is None or sides.b.runs is None:
        return ()
    shared = match(sides.a.runs, sides.b.runs, tolerance)
    if not shared.N.size:
        return ()
    observed, fitted = (
        (loss_a - loss_b) / loss_b
        for loss_a, loss_b in (
            (shared.loss_a, shared.loss_b),
            sides.losses(shared.N, shared.D),
        )
    )
    return AgainstRuns(sides.names, observed, fitted).sentences(difference)


def _of_the_fits(sides: Sides) -> list[str]:
    """What each fit says of itself; once where both are one fit."""
    a, b = sides.a.fit, sides.b.fit
    told = [f"{sides.a.name}: {sentence}" for sentence in (() if a is None else a.warnings)]
    if a is not b:
        told += [f"{sides.b.name}: {sentence}" for sentence in (() if b is None else b.warnings)]
    return told


def _beyond_the_runs(sides: Sides, N: np.ndarray, D: np.ndarray) -> list[str]:
    found = []
    for name, values in (("N", N), ("D", D)):
        ranges = [
            (getattr(s.runs, name).min(), getattr(s.runs, name).max())
            for s in (sides.a, sides.b)
            if s.runs is not None
        ]
        if len(ranges) == 2 and max(r[0] for r in ranges) > min(r[1] for r in ranges):
            (low_a, high_a), (low_b, high_b) = (map(quantity_text, ends) for ends in ranges)
            found.append(
                f"the runs of {sides.a.name} and {sides.b.name} have no {name} in common "
                f"({low_a} to {high_a}, {low_b} to {high_b}): everywhere at least one of them is "
                "an extrapolation."
            )
        largest = [r[1] for r in ranges]
        if largest and values[-1] > 1.001 * min(largest):
            found.append(
                f"{name} goes to {quantity_text(values[-1])}, {values[-1] / min(largest):.3g} "
                "times the largest of the runs: the winner there is what the laws say, not the "
                "data."
            )
    return found


def _without_runs(sides: Sides) -> list[str]:
    return [
        f"{side.name} is a law without runs: nothing says where it holds."
        for side in (sides.a, sides.b)
        if side.runs is None
    ]
