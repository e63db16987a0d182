"""Errors of a candidate's predictions: inside, on the inner hold-outs and on the held-out runs."""

from collections.abc import Sequence

import numpy as np

from farseer_jax.diagnostics.candidates import Candidate
from farseer_jax.diagnostics.holdout_predictions import HoldoutPredictions
from farseer_jax.diagnostics.holdout_split import Split
from farseer_jax.diagnostics.leaderboard import CandidateResult
from farseer_jax.methods.outcome import Outcome


def inner_of(limits: np.ndarray, values: np.ndarray, held_out: np.ndarray) -> np.ndarray:
    """Runs above each limit that are not held out: they choose, ``(limit, run)``."""
    inner: np.ndarray = (values > limits[:, None]) & ~held_out
    return inner


def misses(predicted: np.ndarray, observed: np.ndarray, *, relative: bool) -> np.ndarray:
    """``predicted / observed − 1``, or ``predicted − observed``."""
    return predicted / observed - 1.0 if relative else predicted - observed


def r_squared(predicted: np.ndarray, observed: np.ndarray) -> float:
    """``1 − Σ (observed − predicted)² / Σ (observed − mean)²``; NaN if undefined.

    Example:
        >>> r_squared(np.array([1.0, 2.0, 3.5]), np.array([1.0, 2.0, 3.0]))
        0.875
    """
    total = float(np.sum((observed - observed.mean()) ** 2)) if observed.size > 1 else 0.0
    with np.errstate(over="ignore"):
        left = float(np.sum((observed - predicted) ** 2))
    return 1.0 - left / total if total > 0.0 else float("nan")


def judged(
    candidate: Candidate,
    found: HoldoutPredictions,
    observed: np.ndarray,
    split: Split,
    *,
    relative: bool,
) -> CandidateResult:
    """The errors of one candidate, fitted up to each limit and, last, to all runs."""
    predicted = np.concatenate([own.predicted for own in found.parts], axis=1)[:-1]
    contains = np.concatenate([own.contains for own in found.parts], axis=1)[:-1]
    held_out = np.broadcast_to(split.held_out, split.fitted.shape)
    inner = inner_of(split.limits, split.values, split.held_out)
    miss = misses(predicted, observed, relative=relative)
    outcomes = [_joined(own) for own in zip(*(part.outcomes for part in found.parts), strict=True)]
    far = split.held_out
    return CandidateResult(
        name=candidate.name,
        law=candidate.law_name,
        method=candidate.method_name,
        note=found.note,
        outcomes=tuple(outcomes[:-1]),
        target_outcome=outcomes[-1],
        predicted=predicted,
        target_predicted=found.parts[0].at_targets,
        fitted_error=_mean(np.abs(miss), split.fitted),
        inner_error=_mean(np.abs(miss), inner),
        held_out_error=_mean(np.abs(miss), held_out),
        held_out_bias=_mean(miss, held_out),
        held_out_r2=np.array([r_squared(row[far], observed[far]) for row in predicted]),
        next_error=_mean(np.abs(miss), split.following),
        next_bias=_mean(miss, split.following),
        inside=_mean(contains, held_out),
    )


def _joined(outcomes: Sequence[Outcome | None]) -> Outcome | None:
    """The outcome of all parts: the worst of any."""
    return min(outcomes, key=_goodness)


def _goodness(outcome: Outcome | None) -> int:
    """0 for an unusable fit, then one that did not converge, one with another doubt, a good one."""
    if outcome is None or not outcome.usable:
        return 0
    return {Outcome.not_converged: 1, Outcome.success: 3}.get(outcome, 2)


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Means over the runs of each mask, ``(limit,)``; NaN over none."""
    count = mask.sum(axis=1)
    total = np.where(mask, values, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
