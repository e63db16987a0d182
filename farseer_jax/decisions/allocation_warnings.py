"""What to know of optima before they are trusted, in sentences."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.compute_optimal import BOTH, DATA, HIGHEST, INTERIOR, LOWEST, SIZE
from farseer_jax.results.numbers import quantity_text, some_of
from farseer_jax.uncertainty.intervals import Intervals


class Answers(NamedTuple):
    """What was found for each budget.

    Attributes:
        known: whether it has an optimum, ``(budget,)``.
        limit: what limits it, or leaves it without one, ``(budget,)``.
        inside: whether the optimum is within the runs; None without runs.
        max_N: the most parameters; infinite where nothing limits them.
        max_D: the most tokens.
    """

    known: np.ndarray
    limit: np.ndarray
    inside: np.ndarray | None
    max_N: float
    max_D: float


def warnings_of(
    found: Answers,
    range_of_optima: Callable[[], tuple[float, float] | None],
    intervals: dict[str, Intervals] | None,
) -> Sequence[str]:
    """The sentences: what has no optimum first; the range is computed where it is told."""
    known, limit, inside = found.known, found.limit, found.inside
    sentences, num = _without(found), len(known)
    if sentences:
        sentences[-1] += _others(range_of_optima())
    if inside is not None and known.any() and not inside[known].all():
        far = int((known & ~inside).sum())
        which = (
            "none of the optima lies within"
            if far == num
            else f"{some_of(far, num, 'optima', 'lies', 'lie')} outside"
        )
        sentences.append(
            f"{which} the N, D and D/N of the runs: there nothing shows that the law holds."
        )
    if (is_left := known & (limit == BOTH)).any():
        sentences.append(
            f"{some_of(int(is_left.sum()), num, 'budgets', 'is', 'are')} more than max_N "
            "parameters and max_D tokens cost: the rest stays unspent."
        )
    if intervals is not None:
        sentences += dict.fromkeys(w for own in intervals.values() for w in own.warnings)
    return sentences


def _without(found: Answers) -> list[str]:
    """Budgets without an optimum, by what leaves them without one."""
    reasons = {
        INTERIOR: f" interior optimum: between {LOWEST:g} and {HIGHEST:,.0f} tokens per parameter "
        "the loss has no minimum.",
        DATA: f" optimum: with max_D = {quantity_text(found.max_D)} such budgets leave fewer than "
        f"{LOWEST:g} tokens per parameter, where none is looked for.",
        SIZE: f" optimum: with max_N = {quantity_text(found.max_N)} such budgets leave more than "
        f"{HIGHEST:,.0f} tokens per parameter, where none is looked for.",
    }
    sentences, num = [], len(found.known)
    for code, reason in reasons.items():
        without = int((~found.known & (found.limit == code)).sum())
        if without:
            subject = some_of(without, num, "budgets", "has", "have")
            sentences.append(("no budget has an" if without == num else f"{subject} no") + reason)
    return sentences


def _others(known: tuple[float, float] | None) -> str:
    """Which budgets do have an optimum."""
    if known is None:
        return " No budget from 1e12 to 1e30 FLOPs has one."
    return f" Budgets from {known[0]:.3g} to {known[1]:.3g} FLOPs have one."
