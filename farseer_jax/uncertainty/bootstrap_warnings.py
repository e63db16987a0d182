"""What to know before trusting draws, or intervals read off them, in sentences."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import some_of
from farseer_jax.runs.coverage import beyond_runs, extrapolation_length
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.intervals import Intervals

if TYPE_CHECKING:
    from farseer_jax.uncertainty.bootstrap_result import Bootstrap


_MANY_ODD = 0.05


def bootstrap_warnings(bootstrap: "Bootstrap") -> tuple[str, ...]:
    """Sentences about refits that failed, or may not be what they seem."""
    total, found = bootstrap.num_resamples, []
    if bootstrap.num_failed:
        found.append(
            f"{bootstrap.num_failed:,} of {total:,} refits failed "
            f"({_names(bootstrap, usable=False)}) and are left out: what is read off the others "
            "says too little of resamples like those."
        )
    odd = sum(n for o, n in bootstrap.outcomes.items() if o.usable and o is not Outcome.success)
    if odd > _MANY_ODD * total:
        found.append(
            f"{odd:,} of {total:,} refits ended in doubt ({_names(bootstrap, usable=True)}): "
            "their spread is that of the search, not of the runs alone."
        )
    if bootstrap.fit.outcome is not Outcome.success:
        found.append(f"The fit itself ended in doubt: {bootstrap.fit.outcome.message}")
    return tuple(found)


def interval_warnings(bootstrap: "Bootstrap", found: "Intervals") -> tuple[str, ...]:
    """Sentences about intervals, the worst first."""
    sentences = [*ends_warnings(found), *_beyond(bootstrap, found)]
    if bootstrap.is_jackknife:
        return (*sentences, *bootstrap.warnings)
    least = int(np.ceil(2.0 / (1.0 - found.level) - 1e-9)) - 1
    if found.num_resamples < least and found.kind not in ("normal", "calibrated"):
        sentences.append(
            f"{found.num_resamples} resamples do not reach the ends of a {found.level:g} interval: "
            f"take {least} at least, and ten times as many for two digits."
        )
    return (*sentences, *bootstrap.warnings)


def ends_warnings(found: "Intervals") -> list[str]:
    """Sentences about ends that do not exist, or that failed refits could move."""
    sentences = []
    num_open = int(np.sum(~np.isfinite(found.lower + found.upper)))
    if num_open:
        sentences.append(
            f"{some_of(num_open, len(found.estimate), 'intervals', 'does', 'do')} not exist: no "
            "refits answer there, or they all lie to one side of the estimate (take "
            "kind='percentile')."
        )
    if not found.trustworthy and found.num_failed:
        sentences.append(
            f"NOT TO BE TRUSTED: {found.num_failed:,} of {found.num_resamples:,} refits have no "
            f"answer, which could hide an end of a {found.level:g} interval."
        )
    return sentences


def optimum_warnings(runs: Runs, N: np.ndarray, D: np.ndarray) -> tuple[str, ...]:
    """Sentences about compute-optimal N and D, each ``(budget,)``; NaN where there is none."""
    ratio = runs.D / runs.N
    far = (extrapolation_length(runs, N, D) > 0) | (D / N < ratio.min()) | (D / N > ratio.max())
    if not far.any():
        return ()
    return (
        f"{some_of(int(far.sum()), len(far), 'optima', 'lies', 'lie')} beyond the runs in N, D or "
        "D/N, where nothing shows that the law holds.",
    )


def _beyond(bootstrap: "Bootstrap", found: "Intervals") -> list[str]:
    """Points, or sizes of a curve, where only the law says what happens."""
    if found.kind == "calibrated":
        return []
    far = beyond_runs(bootstrap.fit.runs, found.at)
    if not far.any():
        return []
    remedy = ""
    if {"N", "D"} <= set(found.at) and bootstrap.has_sizes_to_hold_out:
        remedy = " (kind='calibrated', where sizes can be held out, adds how far it missed so far)"
        if bootstrap.is_jackknife:
            remedy = " (random resamples give calibrated ones)"
    return [
        f"{some_of(int(far.sum()), len(far), 'points', 'lies', 'lie')} beyond the runs, where "
        f"{found.kind} intervals take the law for true{remedy}."
    ]


def _names(bootstrap: "Bootstrap", usable: bool) -> str:
    return ", ".join(
        f"{num:,} {outcome.name}"
        for outcome, num in bootstrap.outcomes.items()
        if outcome.usable is usable and outcome is not Outcome.success
    )
