"""``RunComparison``: two tables of runs, point by point, and the fits of both."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.decisions.compare_fits_result import FitComparison
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.matching_runs import AgainstRuns
from farseer_jax.runs.noise import Noise

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class RunComparison:
    """Two recipes at the same (N, D), as observed and as fitted. Prints as tables.

    Attributes:
        points: observed losses at the (N, D) that both tables have, sorted.
        fits: the comparison of the fitted surfaces.
        fitted_difference: (loss A − loss B) / loss B by the fits at the points, ``(point,)``.
        num_alone: points of A and of B that the other table lacks.
        largest_mismatch: of N or D within a pair of points, relative.
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
        """Of A and B."""
        return self.points.names

    @property
    def mean_difference(self) -> float:
        """Mean over the points."""
        return float(self.points.difference.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean, from the scatter of the differences over the points; NaN of one point.

        Differences that depend on N and D scatter for that reason too: then it is too large.
        """
        num = len(self.points.N)
        return float(self.points.difference.std(ddof=1) / np.sqrt(num)) if num > 1 else np.nan

    @property
    def fit_miss(self) -> float:
        """Root mean square of fitted less observed differences over the points."""
        return self._against_runs.miss

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the fits' verdict over the runs' own."""
        return self._against_runs.sentences(self.fits.difference)

    @property
    def num_wins(self) -> tuple[int, int]:
        """Points at which A is better, and at which B is."""
        return self._against_runs.num_wins

    @property
    def _against_runs(self) -> AgainstRuns:
        return AgainstRuns(self.names, self.points.difference, self.fitted_difference)

    def to_dict(self) -> dict[str, Any]:
        """``points``, ``fits`` and sums over the points, for JSON."""
        own = self.points.to_dict()["points"]
        for row, fitted in zip(own, self.fitted_difference.tolist(), strict=True):
            row["fitted_difference"] = fitted
        numbers = {
            "mean_difference": self.mean_difference,
            "standard_error": self.standard_error,
            "largest_mismatch": self.largest_mismatch,
            "noise": self.noise,
        }
        return {
            "names": list(self.names),
            "points": own,
            "num_wins": list(self.num_wins),
            "num_alone": list(self.num_alone),
            **{name: None if np.isnan(value) else value for name, value in numbers.items()},
            "fit_miss": self.fit_miss,
            "warnings": list(self.warnings),
            "fits": self.fits.to_dict(),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per point."""
        import pandas as pd

        return pd.DataFrame(self.to_dict()["points"])

    def __str__(self) -> str:
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
                f"N or D of partners differ by up to {self.largest_mismatch:.2%}, which is not "
                "corrected for"
            )
        said = f"As fitted, {self.fit_miss:.3%} (root mean square) from the observed differences:"
        lines += ["", str(self.points), "", said, "", str(self.fits)]
        return "\n".join(lines)  # the fits' warnings have those of the points among them

    def __repr__(self) -> str:
        return (
            f"RunComparison({self.names[0]} against {self.names[1]}, {len(self.points.N)} points)"
        )


def noise_of_difference(a: Noise | None, b: Noise | None) -> float:
    """Of one difference of runs; NaN where a table does not show its noise."""
    if a is None or b is None:
        return float("nan")
    return float(np.hypot(a.pooled, b.pooled))
