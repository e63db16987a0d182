"""The settings of the piecewise method, and its entry points for NumPy."""

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar, Literal, NamedTuple

import jax
import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.derivatives import Refit
from farseer_jax.methods.method import Solved, SolvedBatch, is_count, require_log_link
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise import chinchilla as _chinchilla
from farseer_jax.methods.piecewise import kernel as _kernel
from farseer_jax.methods.piecewise.checks import check_design, check_solution
from farseer_jax.methods.piecewise.chinchilla_derivatives import build_chinchilla_refit
from farseer_jax.methods.piecewise.compiling import CACHED
from farseer_jax.methods.piecewise.derivatives import build_refit
from farseer_jax.methods.piecewise.design import Design, Ratio, build_design
from farseer_jax.methods.piecewise.diagnostics import Solution, diagnose
from farseer_jax.methods.piecewise.layout import (
    Layout,
    gather_padded,
    layout_of,
    without_padding,
)
from farseer_jax.methods.piecewise.pair_error import CRITERIA, Criterion
from farseer_jax.methods.piecewise.stage1 import gather
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.solvers.search import Grid, Refined, Search, search_from_dict
from farseer_jax.types import Array

# Farseer's α, β and γ set the curvature of curves of N; Chinchilla's are exponents of power laws.
_RANGES: dict[type[Law], tuple[float, float]] = {
    Farseer: (-0.5, 0.5),
    Chinchilla: (0.01, 1.0),
}
_UNRESOLVED = Outcome.exponent_unresolved.code
_KERNELS: dict[type[Law], Any] = {Farseer: _kernel, Chinchilla: _chinchilla}


class LawDesign(NamedTuple):
    """What a fit needs beside losses and weights; the layout is the design's, padded."""

    law: type[Law]
    design: Design
    layout: Layout


@dataclass(frozen=True)
class Piecewise:
    """Differential piecewise fitting (paper §3 and Algorithm 2).

    Stage 1 fits a power law in D to the differences of neighbouring runs of each size; Stage 2
    joins its A_N and B_N to curves A(N) and B(N); Stage 3 fits U(N) to what is left.

    Fits :class:`Farseer` and, as the paper's App. H does, :class:`Chinchilla`, whose A(N) = β and
    B(N) = B are constant: β and B then come from the pairs of all sizes at once, and E, A and α
    from what is left. Its Stage 1 is evidence only: A_N and B_N that differ from size to size say
    that one exponent does not describe the runs.

    Args:
        criterion: what Stage 2 minimises over the differences, and Stage 3 over G(N):
            ``"squared"`` errors (the paper's text) or ``"relative"`` ones (the authors' code).
        search: how the exponents are searched, a :class:`Refined` or a :class:`Grid` with bounds;
            None refines over the law's own range, [−0.5, 0.5] for Farseer's α, β and γ,
            [0.01, 1] for Chinchilla's α and β.
        search_U: how γ (Chinchilla: α) is searched, where it differs.
        rounds: rounds of (α, then β) in Stage 2; the paper stops after 1–2. More rounds crawl
            along a flat valley towards the joint minimum and predict worse; ``"joint"`` takes
            that minimum at once. Chinchilla has one search, and no rounds.
        ratio: which D form a pair: their ratio λ, a range ``(low, high)``, or None for the ratio
            of neighbours found in the runs, or one near 2 where these lie closer than 1.35.
        min_pairs: pairs that a size needs to take part in Stages 1 and 2; at least 2.
        falling_B: keep β < 0 and B(N) falling, as the authors' code does; Farseer only.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> from farseer_jax import Farseer, Piecewise, example_runs, fit
        >>> by_text = fit(Farseer, example_runs(), Piecewise())
        >>> by_code = fit(Farseer, example_runs(), Piecewise.released_code())
        >>> by_text.mean_relative_error < 1e-3, by_code.mean_relative_error < 1e-3
        (True, True)
        >>> from farseer_jax import Chinchilla
        >>> fit(Chinchilla, example_runs(), Piecewise())
        Fit(chinchilla, 337 runs, mean_relative_error=7.888e-03, outcome=success)
    """

    name: ClassVar[str] = "piecewise"
    cpu_block: ClassVar[int] = 8 * CACHED

    criterion: Criterion = "squared"
    search: Search | None = None
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
        if self.rounds != "joint" and not is_count(self.rounds, 1):
            raise ValueError(f'rounds must be at least 1, or "joint", got {self.rounds!r}')
        for search in (self.search, self.search_U):
            if search is not None and not isinstance(search, (Grid, Refined)):
                raise TypeError(f"search must be a `Refined(…)` or a `Grid(…)`, got {search!r}")
        if not is_count(self.min_pairs, 2):
            raise ValueError(f"min_pairs must be a whole number from 2, got {self.min_pairs!r}")
        if not isinstance(self.falling_B, bool):
            raise ValueError(f"falling_B must be True or False, got {self.falling_B!r}")

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

    def searches(self, law: type[Law]) -> tuple[Search, Search]:
        """How the exponents of the data term and of the size term of a law are searched."""
        search = self.search or Refined(*_RANGES[law])
        return search, self.search_U or search

    def suited_to(self, design: LawDesign) -> list["Piecewise"]:
        """These settings with as many nodes a search as the sizes need, then as they are.

        How many they need is an estimate: what the first leave unresolved is for the second.
        """
        if design.law is not Farseer or self.criterion != "squared":  # other searches, no nodes
            return [self]
        log_range = float(np.log(design.design.N[-1] / design.design.N[0]))
        usual = self.searches(Farseer)
        search, search_U = (search.suited_to(log_range) for search in usual)
        if (search, search_U) == usual:
            return [self]
        return [replace(self, search=search, search_U=search_U), self]

    def solve(
        self,
        design: Design,
        losses: Array,
        weights: Array,
        law: type[Law] = Farseer,
    ) -> Any:
        """The kernel: a pure function of JAX arrays, for use under ``jit`` and ``vmap``.

        Args:
            design: layout of the runs, from :func:`build_design`.
            losses: loss per run, shape ``(run,)``; sets the precision.
            weights: weight per run, shape ``(run,)``, not negative; 0 leaves a run out.
            law: :class:`Farseer` or :class:`Chinchilla`.
        """
        return _KERNELS[law].solve_gathered(design, gather(design, losses, weights), self)

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        del link
        return f"{self.criterion} criterion"

    def prepare(self, law: type[Law], runs: Runs) -> LawDesign:
        """Lay the runs out, and refuse those that the method cannot fit."""
        if not isinstance(law, type) or law not in _KERNELS:  # a law itself cannot be hashed
            kind = type(law).__name__
            given = law.__name__ if isinstance(law, type) else f"one of its laws, a {kind}"
            raise TypeError(
                "the piecewise method fits the law's class `Farseer` or `Chinchilla`, "
                f"got {given}; fit other laws by `LeastSquares()`"
            )
        require_log_link(self.name, runs)
        lowest = min(search.lower for search in self.searches(law))
        if law is Chinchilla and lowest <= 0:
            raise ValueError(
                f"search: it begins at {lowest:g}, and Chinchilla's exponents are positive: leave "
                "it to the method (search=None), or begin above 0, as in Refined(0.01, 1.0)"
            )
        design = build_design(runs, self.ratio)
        check_design(design, self.min_pairs)
        return LawDesign(law, design, layout_of(design))

    def fit_one(
        self, design: LawDesign | Design, losses: np.ndarray, weights: np.ndarray
    ) -> Solved:
        """Fit one set of losses and weights, in float64; a bare design is Farseer's."""
        prepared = _law_and_design(design)
        own, kernel = prepared.design, _KERNELS[prepared.law]
        solution = self._solution(prepared, losses, weights)
        outcome = Outcome.from_code(int(solution.outcome))
        check_solution(own, solution, outcome, self.min_pairs)
        return Solved(
            law=kernel.law_of(own, solution),
            outcome=outcome,
            relative_error=np.asarray(solution.relative_error)[own.occupied],
            diagnostics=diagnose(own, losses, solution, self.min_pairs),
        )

    def _solution(self, prepared: LawDesign, losses: np.ndarray, weights: np.ndarray) -> "Solution":
        """Of one set of losses and weights, by the fewest nodes that resolve its minima."""
        own, layout = prepared.design, prepared.layout
        runs = gather_padded(own, layout, losses, weights)
        with jax.enable_x64(True):
            for options in self.suited_to(prepared):
                found = to_numpy(_KERNELS[prepared.law].solve_jit(layout, runs, options=options))
                if int(found.outcome) != _UNRESOLVED:
                    break
        num_rounds = self.rounds if isinstance(self.rounds, int) else 0
        solution: Solution = without_padding(found, own, num_rounds)
        return solution

    def fit_few(self, design: LawDesign, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        """As :meth:`fit_block`, one after the other by the kernel of a fit."""
        found = [self._solution(design, *row) for row in zip(losses, weights, strict=True)]
        laws = [_KERNELS[design.law].law_of(design.design, one) for one in found]
        return SolvedBatch(
            law=jax.tree.map(lambda *leaves: np.stack(leaves), *laws),
            outcome=np.array([int(one.outcome) for one in found]),
            mean_relative_error=np.array([float(one.mean_relative_error) for one in found]),
        )

    def fit_block(
        self, design: LawDesign | Design, losses: np.ndarray, weights: np.ndarray
    ) -> SolvedBatch:
        """Fit stacks of losses and weights, ``(batch, run)``, in float64 and one call."""
        prepared = _law_and_design(design)
        own, layout = prepared.design, prepared.layout
        kernel, runs = _KERNELS[prepared.law], gather_padded(own, layout, losses, weights)
        first, *more = self.suited_to(prepared)
        with jax.enable_x64(True):
            block = to_numpy(kernel.solve_block(layout, runs, options=first))
            for options in more:
                if (unresolved := block.outcome == _UNRESOLVED).any():
                    again = to_numpy(kernel.solve_block(layout, runs, options=options))
                    block = _chosen(unresolved, again, block)
        return SolvedBatch(
            law=kernel.law_of(own, block),
            outcome=block.outcome,
            mean_relative_error=block.mean_relative_error,
        )

    def refit(self, design: LawDesign, runs: Runs, law: Any, found: Any) -> Refit:
        """The fit as a function that JAX differentiates.

        Raises:
            NoDerivativeError: these settings have no derivative.
        """
        del runs
        if design.law is Chinchilla:
            return build_chinchilla_refit(self, design.design, law)
        return build_refit(self, design.design, law, found)

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


def _chosen(where: np.ndarray, these: Any, others: Any) -> Any:
    """Element by element, one or another solution of a block."""
    return jax.tree.map(lambda this, other: np.where(where, this, other), these, others)


def _law_and_design(design: LawDesign | Design) -> LawDesign:
    return LawDesign(Farseer, design, layout_of(design)) if isinstance(design, Design) else design
