"""Candidates after every limit, and their places."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.methods.outcome import Outcome


@dataclass(frozen=True, eq=False)
class CandidateResult:
    """One law by one method, fitted up to each limit. Errors are NaN where there is no refit.

    Attributes:
        name: what the candidate is called.
        law: name of the law.
        method: name of the method.
        note: why the method refused the runs; empty where it did not.
        outcomes: how each refit ended, one per limit; None where the runs were refused.
        target_outcome: how the refit to all runs ended; None likewise.
        predicted: losses of all runs, ``(limit, run)``.
        target_predicted: losses of the targets, after each limit and, last, from all runs,
            ``(limit + 1, target)``.
        fitted_error: mean relative error on the fitted runs, ``(limit,)``.
        held_out_error: on the held-out runs, ``(limit,)``.
        held_out_bias: mean of ``predicted / observed − 1`` there, ``(limit,)``.
        next_error: mean relative error on the runs right above the limit, ``(limit,)``.
        next_bias: mean of ``predicted / observed − 1`` there, ``(limit,)``.
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
    held_out_error: np.ndarray
    held_out_bias: np.ndarray
    next_error: np.ndarray
    next_bias: np.ndarray

    @property
    def unconverged(self) -> np.ndarray:
        """Limits at which the refit did not converge, ``(limit,)``: its error says nothing."""
        return np.array([outcome is Outcome.not_converged for outcome in self.outcomes])

    @property
    def missing(self) -> np.ndarray:
        """Limits without a usable fit, ``(limit,)``."""
        return ~np.isfinite(self.held_out_error) & ~self.unconverged

    @property
    def trusted(self) -> np.ndarray:
        """Limits with a converged fit and a finite error, ``(limit,)``."""
        return np.isfinite(self.held_out_error) & ~self.unconverged


@dataclass(frozen=True)
class Standing:
    """One candidate's place.

    Attributes:
        name: what the candidate is called.
        held_out_error: geometric mean over the limits that it has a refit for.
        times_best: geometric mean of its held-out error over the smallest of any candidate's
            converged fit at the same limit: 1 for one that is best everywhere.
        num_best: limits at which its fit converged and its held-out error is the smallest.
        num_limits: limits that it has a refit for.
        num_converged: of these, limits whose refit converged. The places are by this first, and
            by ``times_best`` among equals: a mean over the easier limits is no better for it.
        complete: whether it has a converged refit at each limit that any candidate can be fitted
            at; no other can be the best.
        next_error: geometric mean of the errors on the runs right above each limit.
    """

    name: str
    held_out_error: float
    times_best: float
    num_best: int
    num_limits: int
    num_converged: int
    complete: bool
    next_error: float


def ranked(results: Sequence[CandidateResult]) -> tuple[Standing, ...]:
    """The candidates' places, the first first."""
    errors = np.array([result.held_out_error for result in results])
    known = np.isfinite(errors)
    trusted = np.array([result.trusted for result in results])
    # where no fit converged there is still one to compare with
    usual = np.where(trusted.any(axis=0), trusted, known)
    smallest = np.where(usual, errors, np.inf).min(axis=0)
    # where nobody has a fit, as where a limit is too small for all laws, nothing is compared
    asked = np.array([~result.missing for result in results]).any(axis=0)
    places = [
        Standing(
            name=result.name,
            held_out_error=_geometric_mean(own[has]),
            times_best=_mean_ratio(own[has], smallest[has]),
            num_best=int((own[sure] == smallest[sure]).sum()),
            num_limits=int(has.sum()),
            num_converged=int(sure.sum()),
            complete=bool(asked.any() and sure[asked].all()),
            next_error=_geometric_mean(result.next_error[has]),
        )
        for result, own, has, sure in zip(results, errors, known, trusted, strict=True)
    ]
    return tuple(sorted(places, key=_order))


def _order(place: Standing) -> tuple[bool, int, float]:
    return place.num_limits == 0, -place.num_converged, place.times_best


def _geometric_mean(values: np.ndarray) -> float:
    return float(np.exp(np.log(values).mean())) if values.size else float("nan")


def _mean_ratio(values: np.ndarray, smallest: np.ndarray) -> float:
    """Of logarithms: the quotient of a diverged error and a small one may overflow."""
    if not values.size:
        return float("nan")
    with np.errstate(over="ignore"):
        return float(np.exp((np.log(values) - np.log(smallest)).mean()))
