"""Warnings about the draws of a bootstrap and intervals from them."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import level_text, some_of
from farseer_jax.runs.coverage import beyond_runs, extrapolation_length
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import Intervals

if TYPE_CHECKING:
    from farseer_jax.uncertainty.bootstrap_result import Bootstrap


_MANY_ODD = 0.05


def bootstrap_warnings(bootstrap: "Bootstrap") -> tuple[str, ...]:
    """Warnings about refits that failed or are in doubt."""
    total, found = bootstrap.num_resamples, []
    if bootstrap.num_failed:
        found.append(
            f"{bootstrap.num_failed:,} of {total:,} refits failed "
            f"({_names(bootstrap, usable=False)}) and are left out: results from the others do not "
            "represent resamples like these."
        )
    odd = sum(n for o, n in bootstrap.outcomes.items() if o.usable and o is not Outcome.success)
    if odd > _MANY_ODD * total:
        found.append(
            f"{odd:,} of {total:,} refits ended in doubt ({_names(bootstrap, usable=True)}): "
            "their spread reflects the search as well as the runs."
        )
    if bootstrap.fit.outcome is not Outcome.success:
        found.append(f"The fit itself ended in doubt: {bootstrap.fit.outcome.message}")
    return tuple(found)


def interval_warnings(bootstrap: "Bootstrap", found: "Intervals") -> tuple[str, ...]:
    """Warnings about intervals, worst first."""
    sentences = [*ends_warnings(found), *_beyond(bootstrap, found)]
    if bootstrap.is_jackknife:
        return (*sentences, *bootstrap.warnings)
    least = int(np.ceil(2.0 / (1.0 - found.level) - 1e-9)) - 1
    if found.num_resamples < least and found.kind not in ("normal", "calibrated"):
        sentences.append(
            f"{found.num_resamples} resamples are too few for the ends of a "
            f"{level_text(found.level)} interval: use at least {least}, and ten times as many for "
            "two digits."
        )
    return (*sentences, *bootstrap.warnings)


def ends_warnings(found: "Intervals") -> list[str]:
    """Warnings about ends that do not exist, or that failed refits could change."""
    sentences = []
    num_open = int(np.sum(~np.isfinite(found.lower + found.upper)))
    if num_open:
        sentences.append(
            f"{some_of(num_open, len(found.estimate), 'intervals', 'does', 'do')} not exist: "
            "the refits have no value there, or all lie on one side of the estimate (use "
            "kind='percentile')."
        )
    if not found.trustworthy and found.num_failed:
        sentences.append(
            f"NOT TO BE TRUSTED: {found.num_failed:,} of {found.num_resamples:,} refits have no "
            f"value, enough to change an end of a {level_text(found.level)} interval."
        )
    return sentences


def optimum_warnings(runs: Runs, N: np.ndarray, D: np.ndarray) -> tuple[str, ...]:
    """A warning about compute-optimal N and D beyond the runs, ``(budget,)`` each; NaN if none."""
    ratio = runs.D / runs.N
    far = (extrapolation_length(runs, N, D) > 0) | (D / N < ratio.min()) | (D / N > ratio.max())
    if not far.any():
        return ()
    return (
        f"{some_of(int(far.sum()), len(far), 'optima', 'lies', 'lie')} beyond the runs in N, D or "
        "D/N, where there is no evidence that the law holds.",
    )


def _beyond(bootstrap: "Bootstrap", found: "Intervals") -> list[str]:
    if found.kind == "calibrated":
        return []
    remedy = ""
    if {"N", "D"} <= set(found.at) and bootstrap.has_sizes_to_hold_out:
        remedy = " (kind='calibrated', if sizes can be held out, adds the law's earlier errors)"
        if bootstrap.is_jackknife:
            remedy = " (random resamples give calibrated ones)"
    return beyond_warnings(bootstrap.fit.runs, found.at, f"{found.kind} intervals", remedy)


def beyond_warnings(
    runs: Runs, at: Mapping[str, np.ndarray], subject: str, remedy: str
) -> list[str]:
    """A warning about points beyond the runs, whose intervals assume that the law is true."""
    far = beyond_runs(runs, at)
    if not far.any():
        return []
    return [
        f"{some_of(int(far.sum()), len(far), 'points', 'lies', 'lie')} beyond the runs, where "
        f"{subject} assume that the law is true{remedy}."
    ]


def _names(bootstrap: "Bootstrap", usable: bool) -> str:
    return ", ".join(
        f"{num:,} {outcome.name}"
        for outcome, num in bootstrap.outcomes.items()
        if outcome.usable is usable and outcome is not Outcome.success
    )
