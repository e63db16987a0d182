"""Two tables of runs against each other: point by point, and as fitted surfaces."""

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.compare_fits import compare_fits
from farseer_jax.decisions.compare_runs_result import RunComparison, noise_of_difference
from farseer_jax.decisions.compared_fits import checked_names
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.matching_runs import match
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.type_checks import runs_of
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import Method
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs


def compare_runs(
    runs_a: Runs,
    runs_b: Runs,
    *,
    law: type[Law] = Farseer,
    method: Method | None = None,
    N: ArrayLike | tuple[float, float] | None = None,
    D: ArrayLike | tuple[float, float] | None = None,
    names: tuple[str, str] = ("A", "B"),
    tolerance: float = 0.02,
    comparable: bool = False,
) -> RunComparison:
    """Compare two recipes where both were trained, and by fits of both beyond (paper App. E).

    Args:
        runs_a: runs of A.
        runs_b: runs of B, on the same points (N, D) or some of them.
        law: class of the law that both are fitted by.
        method: of the fits; the law's default unless given.
        N: domain of the fitted comparison, as for :func:`compare_fits`.
        D: likewise.
        names: of A and B in reports.
        tolerance: relative difference of N and of D within which two runs count as at one point:
            architectures have slightly different N. Not corrected for.
        comparable: as for :func:`compare_fits`.

    Raises:
        TypeError: these are no :class:`Runs`.
        ValueError: no point is in both tables, or as for :func:`fit` and :func:`compare_fits`.

    Example:
        >>> import dataclasses
        >>> from farseer_jax import Runs, compare_runs, example_runs
        >>> runs = example_runs()
        >>> better = Runs(runs.N, runs.D, 0.99 * runs.loss)
        >>> found = compare_runs(better, runs)
        >>> found.num_wins, f"{found.mean_difference:.2%}"
        ((337, 0), '-1.00%')
    """
    runs_a, runs_b = runs_of(runs_a, "runs_a"), runs_of(runs_b, "runs_b")
    names = checked_names(names)
    found = match(runs_a, runs_b, tolerance)
    if not found.N.size:
        raise ValueError(
            f"runs_a and runs_b have no point (N, D) in common within {tolerance:.2%} "
            f"(N from {runs_a.N.min():.3g} to {runs_a.N.max():.3g}, and from "
            f"{runs_b.N.min():.3g} to {runs_b.N.max():.3g}): raise tolerance, or compare their "
            "fits by compare_fits"
        )
    fits = compare_fits(
        *(fit(law, runs, method) for runs in (runs_a, runs_b)),
        N=N,
        D=D,
        names=names,
        comparable=comparable,
        tolerance=tolerance,
    )
    nothing = np.empty(0)
    points = ComparedPoints(
        names=names,
        along="",
        N=found.N,
        D=found.D,
        loss_a=found.loss_a,
        loss_b=found.loss_b,
        inside=np.ones(len(found.N), dtype=bool),
        probability=None,
        parity_N=nothing,
        parity_D=nothing,
    )
    return RunComparison(
        points=points,
        fits=fits,
        fitted_difference=fits.at(found.N, found.D).difference,
        num_alone=found.num_alone,
        largest_mismatch=found.largest_mismatch,
        noise=noise_of_difference(noise_if_shown(runs_a), noise_if_shown(runs_b)),
    )
