"""How the starts of an end-to-end fit ended, as plain NumPy arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from farseer_jax.methods.end_to_end.objective_at import (
    check_copies,
    check_objective,
    check_sentences,
    check_settings,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.parameter_bounds import bound_sentences
from farseer_jax.methods.reports import (
    Counts,
    Fitted,
    Report,
    Rows,
    require_at_least,
    require_lengths,
)
from farseer_jax.results.agreement import AGREEMENT, require_close

if TYPE_CHECKING:
    import pandas as pd


_NOTHING = 1e-22  # an objective below this is rounding: the start fits exactly
_SAME = 1e-6  # of an objective: optima closer than this are one
_RIVAL = 2.0  # ratio of objectives up to which another optimum may be the best of a resample
_FEW_STARTS = 8
_AT_SOME_BOUND = f"{Outcome.bound_active.message} The runs favour values beyond it."
ENDINGS = ("converged", "out of steps", "stalled", "not finite")


def are_rivals(value: np.ndarray, outcome: np.ndarray) -> np.ndarray:
    """Starts that ended at another optimum than the best that may be the best of a resample.

    Args:
        value: objective where each start ended, ``(start,)``.
        outcome: how it ended, 0 where it converged, ``(start,)``.
    """
    own = np.where(np.isfinite(value), value, np.inf)
    least = own.min()
    other = (own > least * (1.0 + _SAME) + _NOTHING) & (own <= _RIVAL * least)
    found: np.ndarray = other & (outcome == 0)
    return found


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
        doubts_about_runs: what the runs do not determine, or hardly, in sentences.
        vanished: positive parameters that went to 0 in their logarithm.

    Example:
        >>> from farseer_jax import Chinchilla, LeastSquares, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), LeastSquares("huber")).diagnostics
        >>> found.num_starts, found.fraction_at_best() > 0.9
        (64, True)
    """

    missing: ClassVar[float] = np.inf

    objective: float
    start_objective: np.ndarray
    start_outcome: Counts
    start_steps: Counts
    num_copies: int
    doubts_about_runs: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_lengths(self, "start_objective", "start_outcome", "start_steps")

    def check_belongs(self, fitted: Fitted) -> None:
        """The objective, also as the least of the starts, and the number of copies."""
        require_at_least(self, 0, "start_outcome", "start_steps")
        if not self.num_starts or (self.start_outcome >= len(ENDINGS)).any():
            raise ValueError("diagnostics: start_outcome is empty or has an unknown outcome")
        finite = self.start_objective[self.start_outcome != ENDINGS.index("not finite")]
        least = min(finite, default=np.inf)
        require_close("diagnostics.objective", self.objective, least, _NOTHING)
        self._check_endings(fitted)
        check_objective(self.objective, fitted)
        check_copies(self.num_copies, fitted)
        check_settings(fitted)
        check_sentences(self.doubts_about_runs, self.vanished, fitted)

    def _check_endings(self, fitted: Fitted) -> None:
        """Refuse endings of the starts that do not lead to the outcome."""
        method: Any = fitted.method
        converged = self.start_outcome == ENDINGS.index("converged")
        if not np.isfinite(self.start_objective[converged]).all():
            raise ValueError("diagnostics: start_objective is missing where a start converged")
        if not fitted.in_group and self.num_starts != method.num_starts:
            raise ValueError(
                f"diagnostics: start_objective has {self.num_starts} starts, and the method "
                f"num_starts={method.num_starts}"
            )
        least = self.objective
        if fitted.outcome is Outcome.success:
            least = least * (1.0 + AGREEMENT) + _NOTHING
        has_best = bool((converged & (self.start_objective <= least)).any())
        if fitted.outcome in (Outcome.success, Outcome.not_converged) and has_best != (
            fitted.outcome is Outcome.success
        ):
            raise ValueError("diagnostics: start_outcome does not agree with the outcome")

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

    @property
    def has_rivals(self) -> bool:
        """Whether a start found another optimum that may be the best of a resample."""
        return bool(are_rivals(self.start_objective, self.start_outcome).any())

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
        method: Any = fitted.method
        warnings = list(self.doubts_about_runs)
        if fitted.outcome is Outcome.undetermined:
            return warnings
        if fitted.outcome is Outcome.not_converged:
            return [*warnings, f"{fitted.outcome.message} {method.not_converged()}"]
        if fitted.outcome is Outcome.bound_active:
            at_bounds = bound_sentences(
                fitted.law,
                dict(getattr(method, "bounds", ())),
                tuple(dict(getattr(method, "fixed", ()))),
                self.vanished,
            )
            warnings = [*(at_bounds or [_AT_SOME_BOUND]), *warnings]
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
