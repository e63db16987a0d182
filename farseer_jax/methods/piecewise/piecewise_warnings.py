"""Warnings about a piecewise fit, in sentences."""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.evaluate import evaluate_curves
from farseer_jax.laws.law import Law
from farseer_jax.methods.reports import LARGEST_NOISE, Fitted, some_notes
from farseer_jax.results.numbers import quantity_text
from farseer_jax.solvers.search import Search

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.diagnostics import Diagnostics

NOT_FALLING = "the loss does not fall"

_FEW_SIZES = 6
_MANY_LOST = 0.1
_LOW_R_SQUARED = 0.8
_LARGEST_DEVIATION = 0.1


class _Words(NamedTuple):
    """The words of the warnings for one of the two laws that the method fits.

    Attributes:
        exponents: name, value and search of each: 0 for the data term's, 1 for the size term's.
        edge: what an exponent at a bound leaves undetermined.
        data_term: what lost sizes are not used for.
        parameters: what few sizes determine only weakly.
        curve: the law's exponent of the data term.
    """

    exponents: tuple[tuple[str, Any, int], ...]
    edge: str
    data_term: str
    parameters: str
    curve: str


def _words(law: Law) -> _Words:
    if isinstance(law, Farseer):
        return _Words(
            (("α", law.A.exponent, 0), ("β", law.B.exponent, 0), ("γ", law.U.exponent, 1)),
            "the curvature of its curve",
            "A(N) and B(N)",
            "the three parameters of each curve: their exponents are weakly identified",
            "the curve A(N)",
        )
    own: Any = law
    return _Words(
        (("β", own.beta, 0), ("α", own.alpha, 1)),
        "it",
        "β and B",
        "E, A and α: they are weakly identified",
        "the one exponent β",
    )


def at_edge(fitted: Fitted) -> list[str]:
    """Exponents that ended at a bound of their search."""
    method: Any = fitted.method
    searches, words = method.searches(type(fitted.law)), _words(fitted.law)
    return [
        f"{name} = {float(exponent):.4g} ended at a bound of its search "
        f"[{searches[place].lower:g}, {searches[place].upper:g}]: the runs do not determine "
        f"{words.edge}; extrapolate with care, or widen the search."
        for name, exponent, place in words.exponents
        if _near_bound(float(exponent), searches[place])
    ]


def _near_bound(exponent: float, search: Search) -> bool:
    return min(exponent - search.lower, search.upper - exponent) <= search.edge_margin


def repeats(found: "Diagnostics") -> list[str]:
    """Repeats that differ by more than run-to-run noise: several recipes in one table."""
    if found.repeat_spread <= LARGEST_NOISE:
        return []
    return [
        f"{found.num_repeats} rows repeat an (N, D) with losses that differ by up to "
        f"{found.repeat_spread:.1%}: they were averaged; if they are different recipes, select "
        "one before fitting."
    ]


def lost_sizes(law: Law, found: "Diagnostics") -> list[str]:
    """Sizes that were not used, and whether too few are left."""
    words, warnings = _words(law), []
    notes = zip(found.N, found.size_note, strict=True)
    lost = [(quantity_text(N), note) for N, note in notes if note]
    if lost:
        warnings.append(
            f"{len(lost)} of {len(found.N)} sizes took no part in {words.data_term} "
            f"({some_notes(lost)})."
        )
    num_live = len(found.N) - len(lost)
    if num_live < _FEW_SIZES:
        warnings.append(
            f"only {num_live} sizes determine {words.parameters}; extrapolate with care."
        )
    return warnings


def noise(found: "Diagnostics") -> list[str]:
    """Losses that rise with D, or scatter about a power law."""
    warnings = []
    num_falling = int(found.num_pairs.sum())
    # sizes whose losses do not decrease are already named as lost
    lost = {N for N, note in zip(found.N, found.size_note, strict=True) if NOT_FALLING in note}
    num_rising = sum(
        note == NOT_FALLING and N not in lost
        for N, note in zip(found.left_out_N, found.left_out_note, strict=True)
    )
    if num_rising > _MANY_LOST * (num_falling + num_rising):
        warnings.append(
            f"the loss does not fall with D in {num_rising} of {num_falling + num_rising} steps: "
            "those are left out, which biases A_N and B_N; the losses are noisy."
        )
    typical = float(np.nanmedian(found.r_squared))
    if typical < _LOW_R_SQUARED:
        warnings.append(
            f"the differences of the loss scatter about a power law in D (median R² {typical:.2f} "
            "per size): the losses are noisy, or do not follow the law."
        )
    return warnings


def missed_sizes(law: Law, found: "Diagnostics") -> list[str]:
    """Curves that miss the sizes: the method fits differences and bounds neither error."""
    own: Any = law
    fitted = evaluate_curves(own, found.N)[2]
    deviation = float(np.nanmean(np.abs(fitted / found.A - 1.0)))
    if deviation <= _LARGEST_DEVIATION:
        return []
    return [
        f"{_words(law).curve} misses the sizes' own exponents A_N by {deviation:.0%} on average: "
        "the sizes are noisy, or do not follow one curve."
    ]
