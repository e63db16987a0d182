"""The ranking of the candidates of an extrapolation, by the inner hold-outs alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.methods.outcome import Outcome


@dataclass(frozen=True, eq=False)
class CandidateResult:
    """One candidate, fitted up to each limit. Errors are NaN where there is no refit.

    Errors are relative where the runs' link is log, and differences otherwise; of several groups
    and responses they are means over all runs.

    Attributes:
        name: name of the candidate.
        law: name of the law; ``"forecast"`` for the forecast by the usual laws.
        method: name of the method; ``"forecast"`` for a forecast.
        note: why the method refused the runs; else empty.
        outcomes: how each refit ended, one per limit, the worst of all parts; None where the runs
            were refused.
        target_outcome: how the refit to all runs ended; None where the runs were refused.
        predicted: responses of all runs, ``(limit, run)``.
        target_predicted: responses of the targets from each limit and, last, from all runs,
            ``(limit + 1, target)``.
        fitted_error: mean error on the fitted runs, ``(limit,)``.
        inner_error: mean error on the inner hold-outs, the runs above the limit that are not held
            out, ``(limit,)``; NaN where there are none.
        held_out_error: mean error on the held-out runs, ``(limit,)``.
        held_out_bias: mean of the signed errors on them, ``(limit,)``.
        held_out_r2: R² on them, ``(limit,)``.
        next_error: mean error on the runs right above the limit, ``(limit,)``.
        next_bias: mean of the signed errors on them, ``(limit,)``.
        inside: share of the held-out runs in the 0.9 interval of a run, ``(limit,)``; NaN for a
            law, which has no intervals here.
    """

    name: str
    law: str
    method: str
    note: str
    outcomes: tuple[Outcome | None, ...]
    target_outcome: Outcome | None
    predicted: np.ndarray
    target_predicted: np.ndarray
    fitted_error: np.ndarray
    inner_error: np.ndarray
    held_out_error: np.ndarray
    held_out_bias: np.ndarray
    held_out_r2: np.ndarray
    next_error: np.ndarray
    next_bias: np.ndarray
    inside: np.ndarray

    @property
    def unconverged(self) -> np.ndarray:
        """Limits at which the refit did not converge, ``(limit,)``."""
        return np.array([outcome is Outcome.not_converged for outcome in self.outcomes])

    @property
    def known(self) -> np.ndarray:
        """Limits with a finite error, ``(limit,)``, whether the refit converged or not."""
        return np.isfinite(self.held_out_error)

    @property
    def missing(self) -> np.ndarray:
        """Limits without a usable fit, ``(limit,)``."""
        return ~self.known & ~self.unconverged


@dataclass(frozen=True)
class LeaderboardRow:
    """One candidate of the ranking.

    Attributes:
        name: name of the candidate.
        inner_error: geometric mean of the errors on the inner hold-outs over the limits; on the
            held-out runs where there are no inner hold-outs.
        times_best: geometric mean of the ratio of that error to the smallest of any candidate at
            the same limit: 1 for one that is best everywhere. Candidates with as many limits rank
            by it.
        num_best: number of limits at which it has the smallest such error.
        num_limits: number of limits at which it has a refit with a finite error. This ranks first,
            so that no candidate gains by failing at the harder limits.
        num_converged: number of limits at which that refit converged. An error that was measured
            counts, however the refit ended.
        complete: whether it has an error at each limit at which any candidate has one; only such a
            candidate can be the best.
        next_error: geometric mean of the errors on the runs right above each limit.
        held_out_error: mean error on the held-out runs, from the last limit.
        held_out_bias: mean of the signed errors on them.
        held_out_r2: R² on them.
        probability: probability that the first candidate's inner error is lower than this one's;
            NaN for the first.
    """

    name: str
    inner_error: float
    times_best: float
    num_best: int
    num_limits: int
    num_converged: int
    complete: bool
    next_error: float
    held_out_error: float
    held_out_bias: float
    held_out_r2: float
    probability: float = float("nan")


def ranked(
    results: Sequence[CandidateResult], inner: np.ndarray, probability: Callable[[str, str], float]
) -> tuple[LeaderboardRow, ...]:
    """The ranking of the candidates by the inner hold-outs alone, the best first.

    Args:
        results: the candidates' results.
        inner: limits with inner hold-outs, ``(limit,)``; without any, the held-out runs rank.
        probability: that one candidate, by its name, has a lower inner error than another.
    """
    own = [one.inner_error if inner.any() else one.held_out_error for one in results]
    known = np.array([one.known for one in results])
    ranking = inner if inner.any() else np.ones_like(inner)
    errors = np.where(known & ranking, own, np.nan)
    counted = np.isfinite(errors)
    smallest = np.where(counted, errors, np.inf).min(axis=0)
    asked = known.any(axis=0)  # a limit that is too small for all candidates does not count
    rows = [
        LeaderboardRow(
            name=result.name,
            inner_error=_geometric_mean(error[use]),
            times_best=_mean_ratio(error[use], smallest[use]),
            num_best=int((error[use] == smallest[use]).sum()),
            num_limits=int(has.sum()),
            num_converged=int((has & ~result.unconverged).sum()),
            complete=bool(asked.any() and has[asked].all()),
            next_error=_geometric_mean(result.next_error[has]),
            held_out_error=float(result.held_out_error[-1]),
            held_out_bias=float(result.held_out_bias[-1]),
            held_out_r2=float(result.held_out_r2[-1]),
        )
        for result, error, use, has in zip(results, errors, counted, known, strict=True)
    ]
    first, *others = sorted(rows, key=_order)
    return first, *(replace(row, probability=probability(first.name, row.name)) for row in others)


def _order(place: LeaderboardRow) -> tuple[int, float]:
    return -place.num_limits, np.nan_to_num(place.times_best, nan=np.inf)


def _geometric_mean(values: np.ndarray) -> float:
    with np.errstate(divide="ignore"):  # an exact prediction
        return float(np.exp(np.log(values).mean())) if values.size else float("nan")


def _mean_ratio(values: np.ndarray, smallest: np.ndarray) -> float:
    """Geometric mean of ratios, by logarithms: the ratio to a diverged error may overflow."""
    if not values.size:
        return float("nan")
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        ratio = np.where(values == smallest, 0.0, np.log(values) - np.log(smallest))
        return float(np.exp(ratio.mean()))
