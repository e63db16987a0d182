"""Comparison of two tables of runs: point by point, and as fitted surfaces."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.compare_fits import compare_fits
from farseer_jax.decisions.compared_fits import checked_names
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.comparison_warnings import AgainstRuns
from farseer_jax.decisions.fit_comparison import FitComparison
from farseer_jax.decisions.matching_runs import match
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.type_checks import runs_of
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import Method
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.noise import Noise, noise_if_shown
from farseer_jax.runs.runs import Runs


@dataclass(frozen=True, eq=False, repr=False)
class RunComparison(Result):
    """Two recipes at the same (N, D), as observed and as fitted. Prints as tables.

    Attributes:
        points: observed losses at the (N, D) that both tables have, sorted.
        fits: the comparison of the fitted surfaces.
        fitted_difference: (loss A − loss B) / loss B by the fits at the points, ``(point,)``.
        num_alone: points of A and of B that the other table lacks.
        largest_mismatch: largest relative difference of N or D within a pair of points.
        noise: run-to-run noise of a difference, from both tables; NaN where they do not show it.

    Example:
        >>> from farseer_jax import compare_runs, example_runs
        >>> found = compare_runs(example_runs(seed=1), example_runs(seed=2))
        >>> len(found.points.N), found.num_alone
        (337, (0, 0))
        >>> bool(abs(found.mean_difference) < 4 * found.standard_error)
        True
    """

    points: ComparedPoints
    fits: FitComparison
    fitted_difference: np.ndarray
    num_alone: tuple[int, int]
    largest_mismatch: float
    noise: float

    @property
    def names(self) -> tuple[str, str]:
        """Names of A and B."""
        return self.points.names

    @property
    def mean_difference(self) -> float:
        """Mean observed difference over the points."""
        return float(self.points.difference.mean())

    @property
    def standard_error(self) -> float:
        """Standard error of the mean difference, from its scatter over the points.

        Too large where the difference depends on N and D, which adds to the scatter. NaN for a
        single point.
        """
        num = len(self.points.N)
        return float(self.points.difference.std(ddof=1) / np.sqrt(num)) if num > 1 else np.nan

    @property
    def fit_miss(self) -> float:
        """Root mean square of (fitted − observed) differences over the points."""
        return self._against_runs.miss

    @property
    def warnings(self) -> tuple[str, ...]:
        """Where the fits contradict the runs."""
        return self._against_runs.sentences(self.fits.difference)

    @property
    def num_wins(self) -> tuple[int, int]:
        """Number of points at which A is better, and at which B is."""
        return self._against_runs.num_wins

    @property
    def _against_runs(self) -> AgainstRuns:
        return AgainstRuns(self.names, self.points.difference, self.fitted_difference)

    def table(self) -> Table:
        """One row per point."""
        fitted = Column("fitted_difference", self.fitted_difference, text=None)
        return Table([*self.points.table().columns, fitted])

    def to_dict(self) -> dict[str, Any]:
        """``points``, ``fits`` and summaries of the points, for JSON."""
        names = ("mean_difference", "standard_error", "largest_mismatch", "noise")
        return {
            "names": list(self.names),
            "points": self.table().records(),
            "num_wins": list(self.num_wins),
            "num_alone": list(self.num_alone),
            **{name: or_null(getattr(self, name)) for name in names},
            "fit_miss": self.fit_miss,
            "warnings": list(self.warnings),
            "fits": self.fits.to_dict(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """A summary of the points, the points, and the comparison of the fits."""
        a, b = self.names
        wins, losses = self.num_wins
        error = "" if np.isnan(self.standard_error) else f" ± {self.standard_error:.3%}"
        lines = [
            f"Observed at {len(self.points.N)} points of both: {a} is better at {wins}, {b} at "
            f"{losses}; mean difference {self.mean_difference:+.3%}{error}"
        ]
        if not np.isnan(self.noise):
            lines.append(f"run-to-run noise of one difference: {self.noise:.3%}")
        if any(self.num_alone):
            lines.append(
                f"{self.num_alone[0]} points of {a} and {self.num_alone[1]} of {b} have no partner"
            )
        if self.largest_mismatch > 0:
            lines.append(
                f"N or D of partners differ by up to {self.largest_mismatch:.2%}; the losses are "
                "not corrected for it"
            )
        heading = (
            "Fitted surfaces (fitted − observed differences at these points, root mean square: "
            f"{self.fit_miss:.3%}):"
        )
        # the warnings of the fits include those of the points
        return "\n".join(lines), *self.points.text_parts(), heading, *self.fits.text_parts()

    def __repr__(self) -> str:
        return (
            f"RunComparison({self.names[0]} against {self.names[1]}, {len(self.points.N)} points)"
        )


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
    """Compare two recipes at the points of both, and beyond them by fits (paper App. E).

    Args:
        runs_a: runs of A.
        runs_b: runs of B, at the same points (N, D) or some of them.
        law: class of the law that is fitted to both.
        method: method of the fits; the law's default unless given.
        N: N of the fitted comparison, as for :func:`compare_fits`.
        D: D of the fitted comparison, as for :func:`compare_fits`.
        names: names of A and B in reports.
        tolerance: relative difference of N and of D within which two runs are at the same point,
            because architectures have slightly different N. Losses are not corrected for it.
        comparable: as for :func:`compare_fits`.

    Raises:
        TypeError: ``runs_a`` or ``runs_b`` is not :class:`Runs`.
        ValueError: no point is in both tables; or as for :func:`fit` and :func:`compare_fits`.

    Example:
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
    points = ComparedPoints(
        names=names,
        N=found.N,
        D=found.D,
        loss_a=found.loss_a,
        loss_b=found.loss_b,
        inside=np.ones(len(found.N), dtype=bool),
    )
    return RunComparison(
        points=points,
        fits=fits,
        fitted_difference=fits.at(found.N, found.D).difference,
        num_alone=found.num_alone,
        largest_mismatch=found.largest_mismatch,
        noise=_noise_of_difference(noise_if_shown(runs_a), noise_if_shown(runs_b)),
    )


def _noise_of_difference(a: Noise | None, b: Noise | None) -> float:
    """Noise of the difference of two runs; NaN where a table does not show its noise."""
    if a is None or b is None:
        return float("nan")
    return float(np.hypot(a.pooled, b.pooled))
