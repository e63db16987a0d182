"""Which law and method to trust beyond the runs: extrapolations repeated inside the data."""

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.diagnostics.candidate_refits import refit_forecast, refit_law, refuse
from farseer_jax.diagnostics.extrapolation import Extrapolation
from farseer_jax.diagnostics.holdout_split import Split, split_runs
from farseer_jax.diagnostics.leaderboard import (
    Candidate,
    CandidateResult,
    Candidates,
    as_candidates,
)
from farseer_jax.fitting.arguments import as_runs
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.selection import without_copies


def extrapolate(
    runs: object,
    candidates: Candidates | None = None,
    *,
    along: str = "N",
    held_out: float | None = None,
    limits: ArrayLike | None = None,
    min_fitted: int | None = None,
    targets: Runs | None = None,
) -> Extrapolation:
    """Fit runs up to one limit after another, and predict runs beyond (paper, Figs. 1a, 6–8).

    Each candidate is fitted to the runs up to each limit and judged twice: on the held-out runs,
    which are the same for every limit (the paper's robustness curve), and on the runs right above
    the limit. All refits of a law are one batch by weights; the forecast (:func:`forecast`) is made
    anew from the runs up to each limit. Exact copies of runs count once.

    Args:
        runs: :class:`Runs`, or a table as for :func:`fit`.
        candidates: laws, pairs ``(law, method)`` or ``"forecast"``, or a mapping of names to pairs
            or ``"forecast"``; None takes the forecast, Farseer by :class:`Piecewise` and
            :class:`LeastSquares`, and Chinchilla, Coupled and Kaplan by ``LeastSquares("huber")``
            (Hoffmann et al.'s objective).
        along: quantity that orders the runs: ``"N"``, ``"D"``, ``"C"`` (compute 6·N·D) or the name
            of an extra column of positive numbers.
        held_out: runs from this value on are held out; None takes the largest value, or as many of
            the largest values as have five runs.
        limits: runs up to each of these values are fitted; None takes the distinct values below the
            held-out runs, from a third of all on, and at most 6 of them, evenly.
        min_fitted: number of distinct values in the smallest fitted range, if ``limits`` is None.
        targets: further runs to predict one by one, from each limit and from all runs.

    Raises:
        ValueError: nothing is held out, nothing is left to fit, a target is among the runs, or two
            candidates have the same name.
        TypeError: ``runs`` or ``targets`` is neither runs nor a table of them; a candidate is
            neither a law's class, nor a pair, nor ``"forecast"``.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> found.best.name, found["Farseer, piecewise"].held_out_error.shape
        ('Farseer, piecewise', (3,))
    """
    chosen = as_candidates(candidates)
    for candidate in chosen:
        if candidate.law is not None:
            require_N_and_D("extrapolate", candidate.law)
    table = _distinct(as_runs(runs))
    split = split_runs(table, along, held_out, limits, min_fitted)
    if targets is not None:
        targets = _distinct(as_runs(targets, "targets"))
        _check_targets(table, targets)
    return Extrapolation(
        along=along,
        runs=table,
        values=split.values,
        limits=split.limits,
        fitted=split.fitted,
        held_out=split.held_out,
        following=split.following,
        targets=targets,
        noise=noise_if_shown(table),
        results=tuple(_judged(candidate, table, split, targets) for candidate in chosen),
    )


def _distinct(runs: Runs) -> Runs:
    """The runs without exact copies of earlier ones."""
    keep = without_copies(runs.N, runs.D, runs.loss)
    return runs if keep.all() else runs.select(mask=keep)


def _check_targets(runs: Runs, targets: Runs) -> None:
    known = set(zip(runs.N.tolist(), runs.D.tolist(), strict=True))
    points = zip(targets.N.tolist(), targets.D.tolist(), strict=True)
    both = [point for point in points if point in known]
    if both:
        N, D = both[0]
        raise ValueError(
            f"targets: {len(both)} of {len(targets)} {'is' if len(both) == 1 else 'are'} among the "
            f"runs, the first at N = {N:.4g}, D = {D:.4g}; leave them out of either table"
        )


def _judged(
    candidate: Candidate, runs: Runs, split: Split, targets: Runs | None
) -> CandidateResult:
    """One candidate, fitted up to every limit and, for the targets, to all runs."""
    try:
        if candidate.law is None:
            refitted = refit_forecast(runs, split, targets)
        else:
            refitted = refit_law(candidate.law, candidate.method, runs, split, targets)
    except ValueError as error:  # that a method refuses the runs is a result, too
        refitted = refuse(runs, split, targets, str(error))
    miss = refitted.predicted / runs.loss - 1.0
    held_out = np.broadcast_to(split.held_out, split.fitted.shape)
    return CandidateResult(
        name=candidate.name,
        law=candidate.law_name,
        method=candidate.method_name,
        note=refitted.note,
        outcomes=refitted.outcomes[:-1],
        target_outcome=refitted.outcomes[-1],
        predicted=refitted.predicted,
        target_predicted=refitted.target_predicted,
        fitted_error=_mean(np.abs(miss), split.fitted),
        held_out_error=_mean(np.abs(miss), held_out),
        held_out_bias=_mean(miss, held_out),
        next_error=_mean(np.abs(miss), split.following),
        next_bias=_mean(miss, split.following),
        inside=refitted.inside,
    )


def _mean(values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Means over the runs of each mask, ``(limit,)``."""
    return np.where(mask, values, 0.0).sum(axis=1) / mask.sum(axis=1)
