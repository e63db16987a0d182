"""The settings of the piecewise method, and its doors for NumPy."""

from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar, Literal

import jax
import numpy as np

from farseer_jax._arrays import to_numpy
from farseer_jax._curve import StretchedExponential
from farseer_jax._design import Design, Ratio, build_design
from farseer_jax._law import AbstractLaw
from farseer_jax._outcome import Outcome
from farseer_jax._runs import Runs
from farseer_jax._search import Grid, Refined, Search, search_from_dict
from farseer_jax._types import Array
from farseer_jax.laws.farseer import Farseer
from farseer_jax.methods._method import Solved, SolvedBatch
from farseer_jax.methods.piecewise._check import check_design, check_solution
from farseer_jax.methods.piecewise._diagnose import diagnose
from farseer_jax.methods.piecewise._kernel import (
    PiecewiseSolution,
    solve,
    solve_block,
    solve_jit,
)
from farseer_jax.methods.piecewise._pair_error import CRITERIA, Criterion
from farseer_jax.methods.piecewise._stage2 import Curve


@dataclass(frozen=True)
class Piecewise:
    """Differential piecewise fitting (paper §3 and Algorithm 2).

    Stage 1 fits a power law in D to the differences of neighbouring runs of each size; Stage 2
    joins its A_N and B_N to curves A(N) and B(N); Stage 3 fits U(N) to what is left.

    Args:
        criterion: what Stage 2 minimises over the differences, and Stage 3 over G(N):
            ``"squared"`` errors (the paper's text) or ``"relative"`` ones (the authors' code).
        search: how α, β and γ are searched: :class:`Refined` or :class:`Grid`.
        search_U: how γ is searched, where it differs.
        rounds: rounds of (α, then β) in Stage 2; the paper stops after 1–2. More rounds crawl
            along a flat valley towards the joint minimum and predict worse; ``"joint"`` takes
            that minimum at once.
        ratio: which neighbouring D form a pair: their ratio λ, a range ``(low, high)``, or None
            for the ratio found in the runs.
        min_pairs: pairs that a size needs to take part in Stages 1 and 2; at least 2.
        falling_B: keep β < 0 and B(N) falling, as the authors' code does.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> from farseer_jax import Farseer, Piecewise, example_runs, fit
        >>> by_text = fit(Farseer, example_runs(), Piecewise())
        >>> by_code = fit(Farseer, example_runs(), Piecewise.released_code())
        >>> by_text.mean_relative_error < 1e-3, by_code.mean_relative_error < 1e-3
        (True, True)
    """

    name: ClassVar[str] = "piecewise"

    criterion: Criterion = "squared"
    search: Search = field(default_factory=Refined)
    search_U: Search | None = None
    rounds: int | Literal["joint"] = 2
    ratio: Ratio = None
    min_pairs: int = 3
    falling_B: bool = False

    def __post_init__(self) -> None:
        if isinstance(self.ratio, list):  # as JSON has it; settings are compared and hashed
            object.__setattr__(self, "ratio", tuple(self.ratio))
        if self.criterion not in CRITERIA:
            raise ValueError(f"criterion must be one of {CRITERIA}, got {self.criterion!r}")
        if self.rounds != "joint" and not (isinstance(self.rounds, int) and self.rounds >= 1):
            raise ValueError(f'rounds must be at least 1, or "joint", got {self.rounds!r}')
        for search in (self.search, self.search_U):
            if search is not None and not isinstance(search, (Grid, Refined)):
                raise TypeError(f"search must be a `Refined(…)` or a `Grid(…)`, got {search!r}")
        if self.min_pairs < 2:
            raise ValueError(f"min_pairs must be at least 2, got {self.min_pairs}")

    @classmethod
    def released_code(cls) -> "Piecewise":
        """The settings of the authors' released code, where it departs from the paper's text.

        Relative criterion, α and β on a grid over [−0.5, 0.5) in steps of 1e-4 and γ in steps of
        1e-3, B(N) falling with β < 0, sizes with at least 5 pairs of ratio 1.35–1.45.
        """
        return cls(
            criterion="relative",
            search=Grid(-0.5, 0.5, 10_000),
            search_U=Grid(-0.5, 0.5, 1_000),
            ratio=(1.35, 1.45),
            min_pairs=5,
            falling_B=True,
        )

    def solve(self, design: Design, losses: Array, weights: Array) -> PiecewiseSolution:
        """The kernel: a pure function of JAX arrays, for use under ``jit`` and ``vmap``.

        Args:
            design: layout of the runs, from :func:`build_design`.
            losses: loss per run, shape ``(run,)``; sets the precision.
            weights: weight per run, shape ``(run,)``, not negative; 0 leaves a run out.
        """
        return solve(design, losses, weights, self)

    @property
    def description(self) -> str:
        """A few words for reports."""
        return f"{self.criterion} criterion"

    def prepare(self, law: type[AbstractLaw], runs: Runs) -> Design:
        """Lay the runs out, and refuse those that the method cannot fit."""
        if law is not Farseer:
            kind = type(law).__name__
            given = law.__name__ if isinstance(law, type) else f"one of its laws, a {kind}"
            raise TypeError(f"the piecewise method fits the law's class `Farseer`, got {given}")
        design = build_design(runs, self.ratio)
        check_design(design, self.min_pairs)
        return design

    def fit_one(self, design: Design, losses: np.ndarray, weights: np.ndarray) -> Solved:
        """Fit one set of losses and weights, in float64."""
        with jax.enable_x64(True):
            solution = to_numpy(solve_jit(design, losses, weights, options=self))
        outcome = Outcome.from_code(solution.outcome)
        check_solution(design, solution, outcome, self.min_pairs)
        data_term = solution.data_term
        return Solved(
            law=_law(design, data_term.A, data_term.B, solution.size_term.U),
            outcome=outcome,
            relative_error=solution.relative_error[design.occupied],
            diagnostics=diagnose(design, losses, solution, self.min_pairs),
        )

    def fit_block(self, design: Design, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """Fit stacks of losses and weights, ``(batch, run)``, in float64 and one call."""
        with jax.enable_x64(True):
            block = to_numpy(solve_block(design, losses, weights, options=self))
        return SolvedBatch(
            law=_law(design, block.A, block.B, block.U),
            outcome=block.outcome,
            mean_relative_error=block.mean_relative_error,
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        searches = {
            key: None if search is None else search.to_dict()
            for key, search in (("search", self.search), ("search_U", self.search_U))
        }
        ratio = list(self.ratio) if isinstance(self.ratio, tuple) else self.ratio
        return {"name": self.name, **asdict(self), **searches, "ratio": ratio}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "Piecewise":
        """The inverse of :meth:`to_dict`."""
        own = {key: value for key, value in settings.items() if key != "name"}
        for key in ("search", "search_U"):
            own[key] = None if own[key] is None else search_from_dict(own[key])
        return cls(**own)


def _law(design: Design, A: Curve, B: Curve, U: Curve) -> Farseer:
    pivot = np.broadcast_to(np.exp(design.log_pivot), np.shape(A.level))
    curves = (("U", U), ("B", B), ("A", A))
    return Farseer(**{name: StretchedExponential(*c, pivot) for name, c in curves})
