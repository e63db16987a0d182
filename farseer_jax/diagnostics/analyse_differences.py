"""Differential analysis: which differences of the loss are power laws."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from farseer_jax.diagnostics.difference_pairs import (
    Cells,
    Pairs,
    bounds_of,
    cells_of,
    pairs_along_D,
    pairs_along_N,
    ratio_of_N_near,
    typical_ratio_of_D,
)
from farseer_jax.diagnostics.difference_views import DifferenceView, view_of
from farseer_jax.fitting.type_checks import runs_over_N_and_D
from farseer_jax.results.numbers import or_null, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs

_MIN_PAIRS = 3  # a line through two points has R² = 1
_VARIABLES: tuple[Literal["D", "N"], ...] = ("D", "N")
_MARK = "◀"


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceAnalysis(Result):
    """Differences of the loss along D and N, each against D and N. Prints as a table.

    Attributes:
        num_runs: number of distinct runs.
        ratio_D: the step λ of D of a pair; NaN where no size has two D.
        ratio_N: the step of N of a pair; NaN where there is one size.
        min_pairs: number of pairs that a slice needs for a line.
        views: ΔD against D and N, ΔN against D and N.
        num_not_falling_D: pairs along D that are left out because the loss does not decrease.
        num_not_falling_N: pairs along N that are left out because the loss does not decrease.

    Example:
        >>> from farseer_jax import analyse_differences, example_runs
        >>> found = analyse_differences(example_runs())
        >>> found["D", "D"] is found.best
        True
        >>> found.best.exponent.shape, bool(found.best.mean_r_squared > 0.98)
        ((21,), True)
    """

    num_runs: int
    ratio_D: float
    ratio_N: float
    min_pairs: int
    views: tuple[DifferenceView, ...]
    num_not_falling_D: int
    num_not_falling_N: int

    def __getitem__(self, key: tuple[str, str]) -> DifferenceView:
        """The view of ``(difference, against)``: ``["D", "N"]`` is ΔD against N."""
        for view in self.views:
            if (view.difference, view.against) == key:
                return view
        raise KeyError(f'unknown view {key!r}; use "D" or "N" for each, as in ["D", "N"]')

    @property
    def best(self) -> DifferenceView:
        """The view with the largest mean R² of its slices."""
        return max(self.views, key=lambda view: np.nan_to_num(view.mean_r_squared, nan=-1.0))

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the views; empty if there are none."""
        sentences = []
        for variable, lost in (("D", self.num_not_falling_D), ("N", self.num_not_falling_N)):
            if lost:
                pairs = "pair is" if lost == 1 else "pairs are"
                sentences.append(
                    f"{lost} {pairs} left out because the loss does not decrease in {variable}, as "
                    "a power law always does: R² is optimistic."
                )
        sentences += [
            f"{view.name} has no slice of at least {self.min_pairs} pairs: too few runs share "
            f"{view.held_variable} and lie one step of {view.difference} apart."
            for view in self.views
            if not len(view.held)
        ]
        # growth against the other variable is an interaction of N and D, and no reason to warn
        own = [view for view in self.views if view.difference == view.against]
        for view in (view for view in own if (view.exponent <= 0).any()):
            count = int((view.exponent <= 0).sum())
            where = ", ".join(quantity_text(v) for v in view.held[view.exponent <= 0][:3])
            more = "" if count <= 3 else f" and {count - 3} more"
            sentences.append(
                f"{view.name}: differences increase in {view.against} at {view.held_variable} = "
                f"{where}{more}."
            )
        return tuple(sentences)

    def table(self) -> Table:
        """One row per view and slice."""
        views = [view for view in self.views if len(view.held)]

        def words(name: str) -> Column:
            return Column(name, [getattr(view, name) for view in views for _ in view.held])

        numbers = [view.table().columns for view in views]
        return Table(
            [
                *map(words, ("difference", "against", "held_variable")),
                *(
                    Column(same[0].name, np.concatenate([own.values for own in same]))
                    for same in zip(*numbers, strict=True)
                ),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings, and ``views`` with their slices, for JSON; NaN is None."""
        return {
            "num_runs": self.num_runs,
            "ratio_D": or_null(self.ratio_D),
            "ratio_N": or_null(self.ratio_N),
            "min_pairs": self.min_pairs,
            "num_not_falling_D": self.num_not_falling_D,
            "num_not_falling_N": self.num_not_falling_N,
            "best": {"difference": self.best.difference, "against": self.best.against},
            "views": [view.to_dict() for view in self.views],
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The steps, the views, and the most regular of them."""
        ratios = {"D": self.ratio_D, "N": self.ratio_N}
        steps = ", ".join(
            f"{variable} by {ratio:.3g}" for variable, ratio in ratios.items() if np.isfinite(ratio)
        )
        best = self.best
        law = f"Δ{best.difference} ∝ {best.against}^(−p({best.held_variable}))"
        closing = (
            f"Most regular: {best.name}, {law}. Lines of ln Δ in slices of at least "
            f"{self.min_pairs} pairs;\nR² of exponent: of a line through the slices' exponents "
            "over ln of the fixed variable."
        )
        return (
            f"Differences of the loss of {self.num_runs} runs, steps of {steps}",
            self._summary(),
            warned(closing, self.warnings),
        )

    def _summary(self) -> Table:
        """One row per view."""
        views = self.views
        names = [f"{view.name}, per {view.held_variable}" for view in views]
        ranges = [
            f"{v.exponent.min():.2f} to {v.exponent.max():.2f}" if len(v.held) else "–"
            for v in views
        ]
        trends = [view.exponent_r_squared if len(view.held) else np.nan for view in views]
        return Table(
            [
                Column("view", names, heading="", left=True),
                Column("slices", [len(view.held) for view in views], str),
                Column("pairs", [len(view.x) for view in views], str),
                Column("mean R²", [view.mean_r_squared for view in views], _four_decimals),
                Column("overall R²", [view.overall_r_squared for view in views], _four_decimals),
                Column("exponent", ranges),
                Column("mark", [_MARK if view is self.best else "" for view in views], heading=""),
                Column("R² of exponent", trends, lambda x: "–" if np.isnan(x) else f"{x:.3f}"),
            ]
        )

    def __repr__(self) -> str:
        r_squared = ", ".join(
            f"Δ{view.difference}/{view.against} {view.mean_r_squared:.4f}" for view in self.views
        )
        return f"DifferenceAnalysis({self.num_runs} runs, mean R²: {r_squared})"


def analyse_differences(
    runs: Runs, *, ratio: float | None = None, min_pairs: int = 5
) -> DifferenceAnalysis:
    """Find which differences of the loss are power laws: along D or N, against D or N.

    Differences cancel all terms without the variable that steps: ``L(N, D) − L(N, λD)`` has no
    terms of N alone, ``L(N, D) − L(λN, D)`` no terms of D alone. If they depend on the other
    variable nevertheless, the loss is not a sum of such terms. Source: Li et al., §3.1 and App. C.2
    (Figs. 3, 10–14). On their runs ΔD against D is the most regular, which is why the law has the
    term B(N) · D^(−A(N)).

    A pair is two runs of the same size (or of the same D) about one step apart: ln of their ratio
    is within a quarter of ln λ. Copies of a run count once, repeats are averaged, and D of several
    sizes are the same where they agree to 1 %.

    Args:
        runs: the runs, ideally on a grid.
        ratio: step λ of pairs, above 1. None takes the median step of the runs for D, and for N
            the step between sizes (neighbours or further apart) that is nearest to it.
        min_pairs: number of pairs that a slice needs for a line, at least 3.

    Returns:
        The four views, with a log–log line per slice.

    Raises:
        TypeError: ``runs`` is not :class:`Runs`.
        ValueError: a setting is out of range, or no slice has ``min_pairs`` pairs.

    Example:
        >>> from farseer_jax import analyse_differences, example_runs
        >>> found = analyse_differences(example_runs())
        >>> print(f"{found.ratio_D:.2f} {found.best.mean_r_squared:.2f}")
        1.41 0.99
    """
    if ratio is not None and not 1 < ratio < np.inf:
        raise ValueError(f"ratio: expected a finite factor above 1, got {ratio}")
    if min_pairs < _MIN_PAIRS:
        raise ValueError(f"min_pairs: expected at least {_MIN_PAIRS}, got {min_pairs}")
    cells = cells_of(runs_over_N_and_D(runs, "runs"))
    step_D = typical_ratio_of_D(cells) if ratio is None else float(np.log(ratio))
    step_N = ratio_of_N_near(cells, step_D) if ratio is None else float(np.log(ratio))
    steps = {"D": step_D, "N": step_N}
    pairs, lost = _falling(cells, steps)
    found = DifferenceAnalysis(
        num_runs=int(np.isfinite(cells.loss).sum()),
        ratio_D=float(np.exp(step_D)),
        ratio_N=float(np.exp(step_N)),
        min_pairs=min_pairs,
        views=tuple(
            view_of(cells, pairs[along], along, against, min_pairs, steps[along])
            for along in _VARIABLES
            for against in _VARIABLES
        ),
        num_not_falling_D=lost["D"],
        num_not_falling_N=lost["N"],
    )
    if not any(len(view.held) for view in found.views):
        raise ValueError(_nothing(found, pairs))
    return found


def _falling(cells: Cells, steps: dict[str, float]) -> tuple[dict[str, Pairs], dict[str, int]]:
    """Pairs along D and along N whose loss decreases, and the numbers of the others."""
    every = {
        "D": pairs_along_D(cells, bounds_of(steps["D"])),
        "N": pairs_along_N(cells, bounds_of(steps["N"])),
    }
    falls = {along: found.difference > 0 for along, found in every.items()}
    pairs = {along: Pairs(*(a[falls[along]] for a in found)) for along, found in every.items()}
    return pairs, {along: int((~ok).sum()) for along, ok in falls.items()}


def _nothing(found: DifferenceAnalysis, pairs: dict[str, Pairs]) -> str:
    counts = ", ".join(
        f"{len(pairs[along].difference)} pairs {ratio:.3g}-fold apart along {along}"
        for along, ratio in (("D", found.ratio_D), ("N", found.ratio_N))
    )
    return (
        f"runs: no size and no D has {found.min_pairs} pairs one step apart (there are {counts}): "
        "give their step as ratio=, a smaller min_pairs=, or runs on a grid"
    )


def _four_decimals(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.4f}"
