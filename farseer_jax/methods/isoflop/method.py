"""The settings of Approach 2, and its entry points for NumPy."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.layout import distinct_errors
from farseer_jax.methods.isoflop.budgets import (
    BudgetDesign,
    assign_budgets,
    build_budget_design,
    check_budgets,
    compute_of,
)
from farseer_jax.methods.isoflop.derivatives import IsoFLOPRefit, build_refit
from farseer_jax.methods.isoflop.kernel import MIN_BUDGETS, solve_block, solve_jit
from farseer_jax.methods.isoflop.report import build_report, refusal
from farseer_jax.methods.method import Solved, SolvedBatch, is_count, require_log_link
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.solvers.search import Grid, Refined, Search, search_from_dict


class RunsDesign(NamedTuple):
    """The runs and their budgets: all that a fit needs beside losses and weights."""

    runs: Runs
    budgets: BudgetDesign


@dataclass(frozen=True)
class IsoFLOP:
    """Approach 2 of Hoffmann et al.: a parabola of the loss in ln N at each compute budget.

    The vertices give N_opt and L_opt of each budget; power laws through them, N_opt = G·(C/6)^a and
    L_opt = E + K·C^−γ, give every parameter of :class:`Chinchilla`, as a = β/(α+β) and
    γ = αβ/(α+β). The parabola is of the loss, not of its logarithm: E then moves no vertex.

    A parabola is not the law's own curve, so Approach 2 is biased even without noise: by a factor
    in N_opt where α ≠ β or the runs of a budget lie off its optimum, and in the exponents where
    their offset or their range changes with the budget. The bias grows with the range of N.
    :class:`LeastSquares` has none; use Approach 2 to compare with published numbers.

    Source: Hoffmann et al., *Training Compute-Optimal Large Language Models*, §3.2; Czech et al.,
    *Problems with Chinchilla Approach 2*.

    Args:
        budgets: compute of each run: None for 6·N·D, the name of a column, or numbers, one per
            run. Missing values leave runs out. Values that repeat are labels of budgets; others
            are split where they leave gaps of 15 %.
        width: bins of ln C instead, such as 0.35 for the diagonals of a grid with steps of √2.
        min_runs: runs that a budget needs; at least 3.
        search: how γ is searched, a :class:`Refined` or a :class:`Grid`; its bounds positive.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> from farseer_jax import Chinchilla, IsoFLOP, example_runs, fit
        >>> result = fit(Chinchilla, example_runs(), IsoFLOP())
        >>> result.diagnostics
        IsoFLOPReport(17 of 23 budgets used, a=0.5253, b=0.4747)
    """

    name: ClassVar[str] = "isoflop"

    budgets: Any = None
    width: float | None = None
    min_runs: int = 4
    search: Search = field(default_factory=lambda: Refined(0.005, 0.5))

    def __post_init__(self) -> None:
        if not (self.budgets is None or isinstance(self.budgets, str)):
            object.__setattr__(self, "budgets", _numbers(self.budgets))
        if self.width is not None and not 0 < self.width < np.inf:
            raise ValueError(f"width must be positive, got {self.width!r}")
        if not is_count(self.min_runs, 3):
            raise ValueError(f"min_runs must be a whole number from 3, got {self.min_runs!r}")
        if not isinstance(self.search, (Grid, Refined)):
            raise TypeError(f"search must be a `Refined(…)` or a `Grid(…)`, got {self.search!r}")
        if self.search.lower <= 0:
            raise ValueError(
                f"search: its bounds must be positive, as γ is, got lower={self.search.lower:g}"
            )

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        del link
        return "parabolas of the loss in ln N"

    def prepare(self, law: type[Law], runs: Runs) -> RunsDesign:
        """Lay the runs out by budget, and refuse runs with too few budgets."""
        if law is not Chinchilla:
            got = law.__name__ if isinstance(law, type) else repr(law)
            raise TypeError(f"the isoflop method fits the law's class `Chinchilla`, got {got}")
        require_log_link(self.name, runs)
        compute = compute_of(runs, self.budgets)
        design = build_budget_design(runs, compute, assign_budgets(compute, self.width))
        check_budgets(design.num_runs, self.min_runs, MIN_BUDGETS)
        return RunsDesign(runs, design)

    def fit_one(self, design: RunsDesign, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64.

        Raises:
            ValueError: the budgets determine no law; the message says why.
        """
        runs, budgets = design
        with jax.enable_x64(True):
            found = to_numpy(solve_jit(budgets, losses, weights, self.min_runs, self.search))
        outcome = Outcome.from_code(int(found.outcome))
        report = build_report(runs, budgets, found, weights, self.min_runs)
        if not outcome.usable:
            raise ValueError(refusal(outcome, report))
        taking_part = budgets.runs_of(found.usable, len(runs)) & (weights > 0)
        errors = distinct_errors(found.law, runs, losses, taking_part)
        return Solved(found.law, outcome, errors, report)

    def fit_block(self, design: RunsDesign, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Fit stacks of losses and weights, ``(batch, run)``, in float64 and one call."""
        with jax.enable_x64(True):
            return to_numpy(
                solve_block(design.budgets, losses, weights, self.min_runs, self.search)
            )

    def refit(self, design: RunsDesign, runs: Runs, law: Any, found: Any) -> IsoFLOPRefit:
        """The fit as a function of losses and weights that JAX differentiates.

        Raises:
            NoDerivativeError: a grid's γ jumps from one candidate to the next.
        """
        del runs, found
        return build_refit(design.budgets, self.min_runs, self.search, law)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        own = isinstance(self.budgets, tuple)
        return {
            "name": self.name,
            "budgets": list(self.budgets) if own else self.budgets,
            "width": self.width,
            "min_runs": self.min_runs,
            "search": self.search.to_dict(),
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> "IsoFLOP":
        """The inverse of :meth:`to_dict`."""
        own = {key: value for key, value in settings.items() if key != "name"}
        return cls(**{**own, "search": search_from_dict(own["search"])})


def _numbers(budgets: Any) -> tuple[float | None, ...]:
    """Hashable, and equal to itself: None in place of NaN.

    Raises:
        TypeError: they are not numbers.
    """
    try:
        values = [np.nan if value is None else float(value) for value in budgets]
    except (TypeError, ValueError):
        raise TypeError(
            f"budgets must be None, a column's name, or one number per run, got {budgets!r}"
        ) from None
    return tuple(None if np.isnan(value) else value for value in values)
