"""How the starts of an end-to-end fit ended, as plain NumPy arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.identifiability import undetermined
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.reports import Fitted, Report, Rows

if TYPE_CHECKING:
    import pandas as pd


_NOTHING = 1e-22  # an objective below this is rounding: the start fits exactly
_FEW_STARTS = 8
ENDINGS = ("converged", "out of steps", "stalled", "not finite")


@dataclass(frozen=True, eq=False, repr=False)
class StartReport(Report):
    """Evidence behind an end-to-end fit.

    Attributes:
        objective: the best value found, summed over the runs.
        start_objective: objective where each start ended, ``(start,)``.
        start_outcome: how each start ended, an index of ``converged``, ``out of steps``,
            ``stalled`` and ``not finite``, ``(start,)``.
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
        """How many of them converged, to any optimum."""
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

    def rows(self) -> Rows:
        """The objective, and how the starts ended."""
        return [
            ("objective, summed", f"{self.objective:.7e}"),
            ("starts converged", f"{self.num_converged} of {self.num_starts}"),
            ("starts at the best optimum", f"{self.fraction_at_best():.0%} (to 1e-6)"),
        ]

    def doubts(self, fitted: Fitted) -> list[str]:
        """Parameters that the runs do not determine, and an optimum that only one start found."""
        warnings = _undetermined(fitted)
        if fitted.outcome is Outcome.not_converged:
            method: Any = fitted.method
            return [*warnings, f"{fitted.outcome.message} {method.not_converged()}"]
        if fitted.outcome is Outcome.bound_active:
            warnings += _at_bounds(fitted.law, dict(getattr(fitted.method, "bounds", ())))
        at_best = round(self.fraction_at_best() * self.num_starts)
        if at_best < 2 <= _FEW_STARTS <= self.num_starts:
            warnings.append(
                f"one of {self.num_starts} starts reached the best optimum: there may be a better "
                "one; raise num_starts."
            )
        return warnings

    def __repr__(self) -> str:
        return (
            f"StartReport({self.num_starts} starts, {self.num_converged} converged, "
            f"{self.fraction_at_best():.0%} at the best optimum)"
        )


def _undetermined(fitted: Fitted) -> list[str]:
    """Parameters that the runs do not determine."""
    fixed, tied = dict(getattr(fitted.method, "fixed", ())), getattr(fitted.method, "tied", ())
    names = undetermined(fitted.law, fitted.runs, fixed, tied)
    if not names:
        return []
    listed = " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
    return [
        f"the runs do not determine {listed}: other values fit them as well; fix or tie them "
        "(fixed=, tied=), drop a term, or add runs that distinguish them."
    ]


def _at_bounds(law: Law, bounds: Mapping[str, tuple[float, float]]) -> list[str]:
    """Which parameters ended at a bound, and what that means."""
    kind = type(law)
    values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(law)])
    ended = []
    for (name, domain), value in zip(kind.domains().items(), values, strict=True):
        low, high = bounds.get(name, (domain.lower, domain.upper))
        if np.isclose(value, low, rtol=1e-9, atol=0.0) or np.isclose(value, high, rtol=1e-9):
            ended.append((name, value))
    zeros = [name for name, value in ended if value == 0.0]
    others = [f"{name} = {value:.4g}" for name, value in ended if value != 0.0]
    warnings = []
    if zeros:
        terms = "it multiplies or adds" if len(zeros) == 1 else "they multiply or add"
        warnings.append(
            f"{' and '.join(zeros)} ended at 0, the least allowed: the runs show nothing of what "
            f"{terms}, and do not determine the other parameters there; drop that term, or allow "
            "negative values (real=)."
        )
    if others:
        warnings.append(
            f"{' and '.join(others)} ended at a bound: the runs favour values beyond it; widen the "
            "bounds (bounds=), or extrapolate with care."
        )
    return warnings or [f"{Outcome.bound_active.message} The runs favour values beyond it."]
