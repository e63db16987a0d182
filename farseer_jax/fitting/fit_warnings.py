"""Warnings about a fit, worst first: runs that pull it, its method's own, a loss that rises."""

from collections.abc import Callable, Sequence

import numpy as np

from farseer_jax.fitting.better_fit import better_fit_warnings, says_better
from farseer_jax.fitting.outlier_warnings import outlier_warnings, says_pulled
from farseer_jax.fitting.outliers import Outliers
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.methods.reports import Domain, Fitted, Remarks
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.checks import Range, short
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.survey.mixed_runs import mixed_runs

_NUM_POINTS = 32


def warnings_of(remarks: Remarks, fitted: Fitted, outliers: Outliers) -> tuple[str, ...]:
    """Warnings about a fit, worst first; empty if there is nothing unusual.

    Args:
        remarks: the report of its method.
        fitted: the fit.
        outliers: its runs, compared with what the others give.
    """
    pulled, better = outlier_warnings(fitted, outliers), better_fit_warnings(fitted)
    first, last = _without_fits(remarks, fitted, bool(better))
    return (*first, *pulled, *better, *last)


def _without_fits(
    remarks: Remarks, fitted: Fitted, has_better: bool
) -> tuple[list[str], list[str]]:
    """The warnings that need no further fit: those before and after the ones that do."""
    if has_better:  # the error is said already, and it is not the losses that are to blame
        fitted = fitted._replace(mean_relative_error=0.0)
    rising: list[str] = []
    if set(type(fitted.law).inputs()) == {"N", "D"}:
        rising = rising_sentences(fitted.law, fitted.runs, remarks.monotone_over(fitted.outcome))
    mixed = [f"{sentence}." for sentence in mixed_runs(fitted.runs)]
    return mixed, [*remarks.doubts(fitted), *rising, *remarks.misfits(fitted)]


def require_warnings(found: Sequence[str], remarks: Remarks, fitted: Fitted) -> None:
    """Refuse the warnings of a file if they are not those of its fit.

    Of runs that pull the fit, and of a better one, only the kind of sentence is looked at: they
    need further fits.

    Args:
        found: the warnings of the file.
        remarks: the report of the fit's method.
        fitted: the fit.

    Raises:
        ValueError: a warning is missing, changed, or not the fit's.
    """
    of_fits = [own for own in found if says_pulled(own) or says_better(own, fitted)]
    first, last = _without_fits(remarks, fitted, any(says_better(own, fitted) for own in of_fits))
    expected = [*first, *of_fits, *last]
    if list(found) == expected and len(set(of_fits)) == len(of_fits) <= 2:
        return
    missing = next((own for own in expected if own not in found), "")
    raise ValueError(
        f"warnings: {missing!r:.100} is missing"
        if missing
        else "warnings: there is one that the fit does not have, or one twice"
    )


def rising_sentences(law: Law, runs: Runs, domain: Domain | None) -> list[str]:
    """A warning if the loss rises with N within the fitted range of N and D.

    Args:
        law: the fitted law.
        runs: the runs.
        domain: the domain over which the law was constrained to decrease, if any.
    """
    N, D = (np.geomspace(values.min(), values.max(), _NUM_POINTS) for values in (runs.N, runs.D))
    loss = evaluate(law, N[:, None], D)
    with np.errstate(invalid="ignore"):  # a law that overflows within the runs
        rises = np.diff(loss, axis=0) > 0
    if not rises.any():
        return []
    size, tokens = (int(indices[0]) for indices in np.nonzero(rises))
    beyond = "" if domain is None else _beyond(domain, runs)
    return [
        f"the fitted loss rises with N in {_share(float(rises.mean()))} of the range of the runs, "
        f"first near N = {quantity_text(N[size])}, D = {quantity_text(D[tokens])}{beyond}."
    ]


def _share(part: float) -> str:
    return "less than 1%" if part < 0.01 else f"{part:.0%}"


def _beyond(domain: Domain, runs: Runs) -> str:
    """Where the runs leave the domain of the constraint, and a domain that contains all."""
    reaches, ranges = [], []
    for name, ends, values in (("N", domain.N, runs.N), ("D", domain.D, runs.D)):
        low, high = float(values.min()), float(values.max())
        if low < ends[0]:
            reaches.append(f"below it, to {name} = {quantity_text(low)}")
        if high > ends[1]:
            reaches.append(f"above it, to {name} = {quantity_text(high)}")
        if low < ends[0] or high > ends[1]:
            ranges.append(_whole(name, ends, low, high))
    if not reaches:
        return ""
    return (
        ": the domain of the constraint does not contain the runs, which reach "
        f"{' and '.join(reaches)}; constrain the law over {' and '.join(ranges)}"
    )


def _whole(name: str, ends: Range, low: float, high: float) -> str:
    """A range, to three digits, that contains the domain and the runs."""
    first = ends[0] if ends[0] <= low else _three_digits(low, np.floor)
    last = ends[1] if ends[1] >= high else _three_digits(high, np.ceil)
    return f"{name} from {short(first)} to {short(last)}"


def _three_digits(value: float, rounded: Callable[[float], float]) -> float:
    """Round outwards, so that the range contains the value."""
    unit = 10.0 ** (np.floor(np.log10(value)) - 2.0)
    return float(rounded(value / unit) * unit)
