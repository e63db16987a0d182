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
_NOT_TRUSTED = "NOT TO BE TRUSTED"
_MANY_SIZES = 6  # from which blocks by size hold about what they promise
_WIDE = 0.25  # of a loss, on either side


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
    sentences = [*ends_warnings(found), *found.doubts, *_misfit(bootstrap, found)]
    if bootstrap.is_jackknife:
        return (*sentences, *bootstrap.warnings)
    least = int(np.ceil(2.0 / (1.0 - found.level) - 1e-9)) - 1
    sentences += _few_sizes(bootstrap, found)
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
            f"{_NOT_TRUSTED}: {found.num_failed:,} of {found.num_resamples:,} refits have no "
            f"value, enough to change an end of a {level_text(found.level)} interval."
        )
    return sentences


def optimum_doubts(runs: Runs, N: np.ndarray, D: np.ndarray) -> tuple[str, ...]:
    """A sentence on compute-optimal N and D beyond the runs, ``(budget,)`` each; NaN if none."""
    far = extrapolation_length(runs, N, D) > 0
    if not far.any():
        return ()
    which = some_of(int(far.sum()), len(far), "optima", "lies", "lie")
    return (f"{_NOT_TRUSTED}: {which} beyond the runs, where nothing shows that the law holds.",)


def doubts_of(bootstrap: "Bootstrap", found: "Intervals") -> tuple[str, ...]:
    """Why intervals are not to be trusted, whatever their refits."""
    return (*_beyond(bootstrap, found), *outside_doubts(found), *width_doubts(found))


def outside_doubts(found: "Intervals") -> tuple[str, ...]:
    """A sentence on estimates that lie outside their own intervals."""
    outside = (found.estimate < found.lower) | (found.estimate > found.upper)
    if not outside.any():
        return ()
    which = some_of(int(outside.sum()), len(outside), "estimates", "lies", "lie")
    return (
        f"{_NOT_TRUSTED}: {which} outside the interval: the refits lie to one side, since "
        "resampling repeats a bias of the method (kind='normal' is centred on the estimate).",
    )


def width_doubts(found: "Intervals") -> tuple[str, ...]:
    """A sentence on losses that are hardly determined."""
    if not found.quantity.startswith("loss"):
        return ()
    with np.errstate(invalid="ignore"):
        wide = 0.5 * (found.upper - found.lower) > _WIDE * np.abs(found.estimate)
    if not wide.any():
        return ()
    which = some_of(int(wide.sum()), len(wide), "intervals", "reaches", "reach")
    return (
        f"{_NOT_TRUSTED}: {which} further than a quarter of the loss on either side: the runs do "
        "not determine the law there.",
    )


def _misfit(bootstrap: "Bootstrap", found: "Intervals") -> list[str]:
    own = bootstrap.misfit
    if found.kind == "calibrated" or not own.is_shown:
        return []
    remedy = "kind='calibrated' adds it" if _can_calibrate(bootstrap, found) else "it is not added"
    times = f"by {own.residual / own.noise:.1f} times their noise " if own.noise else ""
    return [
        f"The law misses its runs {times}({own.residual:.2%} against {own.noise:.2%}), which "
        f"{found.kind} intervals need not contain ({remedy}; farseer forecast follows the runs)."
    ]


def _few_sizes(bootstrap: "Bootstrap", found: "Intervals") -> list[str]:
    num = len(np.unique(bootstrap.fit.runs.N)) if "N" in bootstrap.fit.runs.inputs else 0
    if bootstrap.scheme.name != "sizes" or found.kind == "calibrated" or num >= _MANY_SIZES:
        return []
    return [
        f"Whole sizes are resampled, and there are {num}: such intervals are too short below "
        f"{_MANY_SIZES} sizes (farseer forecast has wider ones, with correlated errors)."
    ]


def _can_calibrate(bootstrap: "Bootstrap", found: "Intervals") -> bool:
    has_points = found.quantity.startswith("loss") and {"N", "D"} <= set(found.at)
    return has_points and bootstrap.has_sizes_to_hold_out and not bootstrap.is_jackknife


def _beyond(bootstrap: "Bootstrap", found: "Intervals") -> tuple[str, ...]:
    if found.kind == "calibrated":
        return ()
    remedy = ""
    if {"N", "D"} <= set(found.at) and bootstrap.has_sizes_to_hold_out:
        remedy = " (kind='calibrated', if sizes can be held out, adds the law's earlier errors)"
        if bootstrap.is_jackknife:
            remedy = " (random resamples give calibrated ones)"
    return beyond_doubts(bootstrap.fit.runs, found.at, f"{found.kind} intervals", remedy)


def beyond_doubts(
    runs: Runs, at: Mapping[str, np.ndarray], subject: str, remedy: str
) -> tuple[str, ...]:
    """A sentence on points beyond the runs, whose intervals assume that the law is true."""
    far = beyond_runs(runs, at)
    if not far.any():
        return ()
    which = some_of(int(far.sum()), len(far), "points", "lies", "lie")
    return (
        f"{_NOT_TRUSTED}: {which} beyond the runs, where {subject} assume that the law is "
        f"true{remedy}.",
    )


def _names(bootstrap: "Bootstrap", usable: bool) -> str:
    return ", ".join(
        f"{num:,} {outcome.name}"
        for outcome, num in bootstrap.outcomes.items()
        if outcome.usable is usable and outcome is not Outcome.success
    )
