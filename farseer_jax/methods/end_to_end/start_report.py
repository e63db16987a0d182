"""What the starts of an end-to-end fit found, as plain NumPy arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from farseer_jax.methods.report import Report

if TYPE_CHECKING:
    import pandas as pd


_NOTHING = 1e-22  # an objective of rounding alone: starts that fit exactly are all at the best
ENDINGS = ("converged", "out of steps", "stalled", "not finite")


@dataclass(frozen=True, eq=False, repr=False)
class StartReport(Report):
    """Evidence behind an end-to-end fit.

    Attributes:
        objective: the best value found, summed over the runs.
        start_objective: where each start ended, ``(start,)``.
        start_outcome: how, an index of ``converged``, ``out of steps``, ``stalled`` and
            ``not finite``, ``(start,)``.
        start_steps: evaluations that each start took, ``(start,)``.
        num_copies: rows that copy another row exactly, which count once.

    Example:
        >>> from farseer_jax import Chinchilla, LeastSquares, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), LeastSquares("huber")).diagnostics
        >>> found.num_starts, found.fraction_at_best() > 0.9
        (64, True)
    """

    missing: ClassVar[float] = np.inf

    objective: float
    start_objective: np.ndarray
    start_outcome: np.ndarray
    start_steps: np.ndarray
    num_copies: int

    @property
    def num_starts(self) -> int:
        """How many starts there were."""
        return len(self.start_objective)

    @property
    def num_converged(self) -> int:
        """How many of them converged, to whichever optimum."""
        return int((self.start_outcome == 0).sum())

    def fraction_at_best(self, tolerance: float = 1e-6) -> float:
        """Share of the starts whose objective is at most ``1 + tolerance`` times the best."""
        return float(np.mean(self.start_objective <= self.objective * (1.0 + tolerance) + _NOTHING))

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per start."""
        import pandas as pd

        return pd.DataFrame(
            {
                "objective": self.start_objective,
                "outcome": [ENDINGS[code] for code in self.start_outcome],
                "steps": self.start_steps,
            }
        )

    def rows(self) -> list[list[str]]:
        """What a printed fit says of it."""
        return [
            ["objective, summed", f"{self.objective:.7e}"],
            ["starts converged", f"{self.num_converged} of {self.num_starts}"],
            ["starts at the best optimum", f"{self.fraction_at_best():.0%} (to 1e-6)"],
        ]

    def __repr__(self) -> str:
        return (
            f"StartReport({self.num_starts} starts, {self.num_converged} converged, "
            f"{self.fraction_at_best():.0%} at the best optimum)"
        )
