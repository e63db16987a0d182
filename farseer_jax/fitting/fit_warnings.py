"""What a user should know before trusting a fit, in sentences."""

import jax
import numpy as np

from farseer_jax.fitting.rising import held_sentences, rising_sentences
from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.evaluate import evaluate_curves
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.identifiability import undetermined
from farseer_jax.methods.end_to_end.layout import distinct_rows
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.isoflop.report import IsoFLOPReport
from farseer_jax.methods.method import Method
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.monotone.report import MonotoneReport
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.diagnostics import NOT_FALLING, Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.methods.restarts.method import Restarts
from farseer_jax.methods.variable_projection.report import ProfileReport
from farseer_jax.objectives import as_objective
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.search import Search

_FEW_SIZES = 6
_FEW_BUDGETS = 5
_FEW_STARTS = 8
_MANY_LOST = 0.1
_LOW_R_SQUARED = 0.8
_LARGEST_NOISE = 0.01
# Public grids that end-to-end fits follow leave 0.2 % and 2–7 %; those that nothing follows closely
# leave 1–4 % and 13–35 %.
_LARGEST_ERROR = 5e-3
_LARGEST_DEVIATION = 0.1


def sentences(
    law: Law,
    runs: Runs,
    method: Method,
    outcome: Outcome,
    found: Diagnostics | StartReport | ProfileReport | IsoFLOPReport | MonotoneReport,
    mean_relative_error: float,
    held: MonotoneReport | None = None,
) -> tuple[str, ...]:
    """All that is odd about a fit, worst first; ``held`` tells the domain it was held over."""
    if isinstance(found, MonotoneReport) and isinstance(method, MonotoneOver):
        by, error = method.method, mean_relative_error
        holds = outcome is not Outcome.not_monotone
        own = sentences(law, runs, by, outcome, found.found, error, found if holds else None)
        return (*held_sentences(outcome, found), *own)
    rising = rising_sentences(law, runs, held) if _over_N_and_D(law) else []
    if not isinstance(method, Piecewise):
        told: list[str] = []  # a method of the user's own
        if isinstance(found, StartReport):
            told = [*_undetermined(law, runs, method), *_starts(law, outcome, method, found)]
        elif isinstance(found, ProfileReport):
            told = _profile(law, outcome, found)
        elif isinstance(found, IsoFLOPReport):
            told = [*_budgets(outcome, found), *_held_at_zero(law)]
        return (*told, *rising, *_repeats_of(type(law), runs), *_large_error(mean_relative_error))
    assert isinstance(found, Diagnostics)
    warnings: list[str] = []
    if outcome is Outcome.exponent_at_edge:
        warnings += _at_edge(law, method)
    if outcome is Outcome.exponent_unresolved:
        warnings.append(
            f"{outcome.message} Change the bounds of the search, or what it is allowed."
        )
    warnings += _held_at_zero(law)
    warnings += rising
    warnings += _repeats(found)
    warnings += _lost_sizes(law, found)
    warnings += _noise(found)
    warnings += _misfit(law, found, mean_relative_error)
    return tuple(warnings)


def _at_edge(law: Law, method: Piecewise) -> list[str]:
    search, search_U = method.searches(type(law))
    if isinstance(law, Farseer):
        what = "the curvature of its curve"
        numbers = (("α", law.A.exponent), ("β", law.B.exponent), ("γ", law.U.exponent))
        named = zip(numbers, (search, search, search_U), strict=True)
    else:
        assert isinstance(law, Chinchilla)
        what = "it"
        named = zip((("β", law.beta), ("α", law.alpha)), (search, search_U), strict=True)
    return [
        f"{name} = {float(exponent):.4g} ended at a bound of its search "
        f"[{search.lower:g}, {search.upper:g}]: the runs do not determine {what}; extrapolate "
        "with care, or widen the search."
        for (name, exponent), search in named
        if _near_bound(float(exponent), search)
    ]


def _held_at_zero(law: Law) -> list[str]:
    """Closed forms that would have a negative term."""
    if not isinstance(law, Chinchilla):
        return []
    if float(law.A) == 0.0:
        return [
            "A is held at 0: what the data term leaves of the loss does not fall with N, and α "
            "says nothing."
        ]
    if float(law.E) == 0.0:
        return [
            "E is held at 0: the best power law would take it below, so the runs show no floor."
        ]
    return []


def _near_bound(exponent: float, search: Search) -> bool:
    return min(exponent - search.lower, search.upper - exponent) <= search.edge_margin


def _repeats(found: Diagnostics) -> list[str]:
    """Repeats that differ by more than any run-to-run noise: several recipes in one table."""
    if found.repeat_spread <= _LARGEST_NOISE:
        return []
    return [
        f"{found.num_repeats} rows repeat an (N, D) with losses that differ by up to "
        f"{found.repeat_spread:.1%}: they were averaged; if they are different recipes, select "
        "one before fitting."
    ]


def _repeats_of(law: type[Law], runs: Runs) -> list[str]:
    """Likewise, for methods that fit every repeat."""
    if runs.link.name != "log":
        return []
    pairs, index, counts = np.unique(
        distinct_rows(law, runs, runs.loss)[:-1], axis=1, return_inverse=True, return_counts=True
    )
    lowest, highest = np.full(pairs.shape[1], np.inf), np.zeros(pairs.shape[1])
    np.minimum.at(lowest, index.ravel(), runs.loss)
    np.maximum.at(highest, index.ravel(), runs.loss)
    spread = highest / lowest - 1.0
    if spread.max() <= _LARGEST_NOISE:
        return []
    num_repeats = int(counts[spread > 0.0].sum() - np.count_nonzero(spread))
    return [
        f"{num_repeats} rows repeat {_inputs_text(law)} with losses that differ by up to "
        f"{spread.max():.1%}: all were fitted; if they are different recipes, select one before "
        "fitting."
    ]


def _over_N_and_D(law: Law) -> bool:
    return set(type(law).inputs()) == {"N", "D"}


def _inputs_text(law: type[Law]) -> str:
    names = tuple(law.inputs())
    return "an (N, D)" if names == ("N", "D") else f"the same {', '.join(names)}"


def _lost_sizes(law: Law, found: Diagnostics) -> list[str]:
    if isinstance(law, Farseer):
        data_term = "A(N) and B(N)"
        parameters = "the three parameters of each curve: their exponents are weakly identified"
    else:
        data_term, parameters = "β and B", "E, A and α: they are weakly identified"
    warnings = []
    lost = [i for i, note in enumerate(found.size_note) if note]
    if lost:
        named = "; ".join(f"{quantity_text(found.N[i])}: {found.size_note[i]}" for i in lost[:4])
        more = f"; and {len(lost) - 4} more" if len(lost) > 4 else ""
        warnings.append(
            f"{len(lost)} of {len(found.N)} sizes took no part in {data_term} ({named}{more})."
        )
    num_live = len(found.N) - len(lost)
    if num_live < _FEW_SIZES:
        warnings.append(f"only {num_live} sizes determine {parameters}; extrapolate with care.")
    return warnings


def _noise(found: Diagnostics) -> list[str]:
    warnings = []
    num_falling = int(found.num_pairs.sum())
    # sizes that were lost because they do not fall are named already
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


def _large_error(mean_relative_error: float) -> list[str]:
    if mean_relative_error <= _LARGEST_ERROR:
        return []
    return [
        f"the fitted law misses its own runs by {mean_relative_error:.1%} on average: the "
        "losses are noisy, or do not follow the law."
    ]


def _starts(law: Law, outcome: Outcome, method: Method, found: StartReport) -> list[str]:
    """An optimum that is none, or that only one start found."""
    if outcome is Outcome.not_converged:
        if isinstance(method, Restarts) and as_objective(method.objective).delta == 0.0:
            return [
                "No gradient vanishes at an optimum of absolute residuals, so that none is vouched "
                "for: LeastSquares reaches it."
            ]
        limit = "num_steps" if isinstance(method, Restarts) else "max_steps"
        return [f"{outcome.message} Raise {limit}, or hold a parameter that runs off (fixed=)."]
    warnings = []
    if outcome is Outcome.bound_active:
        warnings += _at_bounds(law, dict(getattr(method, "bounds", ())))
    at_best = round(found.fraction_at_best() * found.num_starts)
    if at_best < 2 <= _FEW_STARTS <= found.num_starts:
        warnings.append(
            f"one of {found.num_starts} starts reached the best optimum: there may be a better "
            "one; raise num_starts."
        )
    return warnings


def _undetermined(law: Law, runs: Runs, method: Method) -> list[str]:
    """Parameters that other values would serve as well."""
    fixed, tied = dict(getattr(method, "fixed", ())), getattr(method, "tied", ())
    names = undetermined(law, runs, fixed, tied)
    if not names:
        return []
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return [
        f"the runs do not determine {listed}: other values fit them as well; fix or tie them "
        "(fixed=, tied=), drop a term, or add runs that tell them apart."
    ]


def _at_bounds(law: Law, bounds: dict[str, tuple[float, float]]) -> list[str]:
    """Which parameters ended at a bound, and what that means."""
    kind, ended = type(law), []
    values = dict(zip(kind.parameter_names(), _numbers(law), strict=True))
    for name, domain in kind.domains().items():
        low, high = bounds.get(name, (domain.lower, domain.upper))
        value = values[name]
        if np.isclose(value, low, rtol=1e-9, atol=0.0) or np.isclose(value, high, rtol=1e-9):
            ended.append((name, value, name in bounds))
    zeros = [name for name, value, _ in ended if value == 0.0]
    others = [f"{name} = {value:.4g}" for name, value, _ in ended if value != 0.0]
    warnings = []
    if zeros:
        terms = "it multiplies or adds" if len(zeros) == 1 else "they multiply or add"
        warnings.append(
            f"{' and '.join(zeros)} ended at 0, the least allowed: the runs show nothing of what "
            f"{terms}, and do not determine what else belongs to it; drop that term, or let it be "
            "negative (real=)."
        )
    if others:
        warnings.append(
            f"{' and '.join(others)} ended at a bound: the runs would take it further; widen the "
            "bounds (bounds=), or extrapolate with care."
        )
    return warnings or [f"{Outcome.bound_active.message} The runs would take it further."]


def _numbers(law: Law) -> np.ndarray:
    """The parameters' own values, ``(parameter,)``."""
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(law)])


def _budgets(outcome: Outcome, found: IsoFLOPReport) -> list[str]:
    """Budgets without an optimum, or too few of them."""
    warnings = []
    if outcome is Outcome.exponent_at_edge or outcome is Outcome.exponent_unresolved:
        warnings.append(
            f"{outcome.message} γ = {found.gamma:.4g}: the budgets do not determine E and γ; "
            "extrapolate the loss with care, or widen the search."
        )
    lost = [i for i, note in enumerate(found.note) if note]
    if lost:
        named = "; ".join(f"{found.compute[i]:.3g}: {found.note[i]}" for i in lost[:4])
        more = f"; and {len(lost) - 4} more" if len(lost) > 4 else ""
        warnings.append(
            f"{len(lost)} of {len(found.note)} compute budgets took no part ({named}{more})."
        )
    if found.num_budgets < _FEW_BUDGETS:
        warnings.append(
            f"only {found.num_budgets} compute budgets determine E, K and γ: they are weakly "
            "identified; extrapolate with care."
        )
    return warnings


def _profile(law: Law, outcome: Outcome, found: ProfileReport) -> list[str]:
    """An exponent that ran into the end of its range, or a term that vanished."""
    if outcome is Outcome.not_converged:
        return [f"{outcome.message} Raise max_steps, or hold a parameter (fixed=)."]
    warnings = [
        f"{name} = {value:.4g} ended at a bound of its search [{axis[0]:g}, {axis[-1]:g}]: the "
        "runs would take it further; widen its range (bounds=), or extrapolate with care."
        for name, value, axis in zip(found.exponents, found.minima[0], found.axes, strict=True)
        if value <= axis[0] or value >= axis[-1]
    ]
    domains = law.domains()
    gone = [n for n in law.linear() if domains[n].lower == 0.0 and getattr(law, n) == 0.0]
    if gone:
        warnings.append(
            f"{' and '.join(gone)} ended at 0, the least it can be: the runs show no such term, "
            "and nothing determines what else belongs to it."
        )
    return warnings


def _misfit(law: Law, found: Diagnostics, mean_relative_error: float) -> list[str]:
    """Curves that pass the sizes by: the method fits differences and bounds neither error."""
    warnings = _large_error(mean_relative_error)
    if isinstance(law, Farseer):
        curve, exponents = "the curve A(N)", evaluate_curves(law, found.N)[2]
    else:
        assert isinstance(law, Chinchilla)
        curve, exponents = "the one exponent β", np.asarray(law.beta)
    deviation = float(np.nanmean(np.abs(exponents / found.A - 1.0)))
    if deviation > _LARGEST_DEVIATION:
        warnings.append(
            f"{curve} misses the sizes' own exponents A_N by {deviation:.0%} on average: "
            "the sizes are noisy, or do not follow one curve."
        )
    return warnings
