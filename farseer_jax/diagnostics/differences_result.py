"""The four views of the differences, and the table of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.diagnostics.difference_views import SLICE_COLUMNS, DifferenceView
from farseer_jax.results.numbers import quantity_text
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    import pandas as pd

    from farseer_jax.diagnostics.difference_views import DifferenceView


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceAnalysis:
    """Differences of the loss along D and N, each against D and N. Prints as a table.

    Attributes:
        num_runs: distinct runs.
        ratio_D: the step λ of D of a pair; NaN where no size has two D.
        ratio_N: the step of N of a pair; NaN where there is one size.
        min_pairs: that a slice needs for a line.
        views: ΔD against D and N, ΔN against D and N.
        num_not_falling_D: pairs along D left out, as the loss does not fall.
        num_not_falling_N: pairs along N left out likewise.

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
        raise KeyError(f'no view {key!r}: give two of "D" and "N", such as ["D", "N"]')

    @property
    def best(self) -> DifferenceView:
        """The view whose lines explain most, by the mean R² of its slices."""
        return max(self.views, key=lambda view: np.nan_to_num(view.mean_r_squared, nan=-1.0))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the views; empty where nothing is odd."""
        return sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, and ``views`` with their slices, for JSON; NaN is None."""
        ratios = {"ratio_D": self.ratio_D, "ratio_N": self.ratio_N}
        return {
            "num_runs": self.num_runs,
            **{name: value if np.isfinite(value) else None for name, value in ratios.items()},
            "min_pairs": self.min_pairs,
            "num_not_falling_D": self.num_not_falling_D,
            "num_not_falling_N": self.num_not_falling_N,
            "best": {"difference": self.best.difference, "against": self.best.against},
            "views": [view.to_dict() for view in self.views],
            "warnings": list(self.warnings),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per view and slice."""
        import pandas as pd

        parts = []
        for view in self.views:
            part = pd.DataFrame({name: getattr(view, name) for name in SLICE_COLUMNS})
            part.insert(0, "difference", view.difference)
            part.insert(1, "against", view.against)
            part.insert(2, "held_variable", view.held_variable)
            parts.append(part)
        return pd.concat([part for part in parts if len(part)], ignore_index=True)

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        r_squared = ", ".join(
            f"Δ{view.difference}/{view.against} {view.mean_r_squared:.4f}" for view in self.views
        )
        return f"DifferenceAnalysis({self.num_runs} runs, mean R²: {r_squared})"


_MARK = "◀"


def text(found: "DifferenceAnalysis") -> str:
    """The whole of ``print(analysis)``."""
    header = ["", "slices", "pairs", "mean R²", "overall R²", "exponent", "", "R² of exponent"]
    rows = [_row(view, view is found.best) for view in found.views]
    best = found.best
    law = f"Δ{best.difference} ∝ {best.against}^(−p({best.held_variable}))"
    closing = (
        f"Most regular: {name_of(best)}, {law}. Lines of ln Δ in slices of at least "
        f"{found.min_pairs} pairs;\nR² of exponent: how well the slices' exponents lie on a line "
        "over ln of the held variable."
    )
    title = f"Differences of the loss of {found.num_runs} runs"
    steps = ", ".join(
        f"{variable} by {ratio:.3g}"
        for variable, ratio in (("D", found.ratio_D), ("N", found.ratio_N))
        if np.isfinite(ratio)
    )
    table = aligned(header, rows, left=1)
    warnings = [f"warning: {sentence}" for sentence in found.warnings]
    return "\n".join([f"{title}, steps of {steps}", "", table, "", closing, *warnings])


def name_of(view: "DifferenceView") -> str:
    """Such as ``ΔD against N``."""
    return f"Δ{view.difference} against {view.against}"


def _row(view: "DifferenceView", is_best: bool) -> list[str]:
    name = f"{name_of(view)}, per {view.held_variable}"
    if not len(view.held):
        return [name, "0", "0", "–", "–", "–", "", "–"]
    low, high = view.exponent.min(), view.exponent.max()
    trend = view.exponent_r_squared
    return [
        name,
        str(len(view.held)),
        str(len(view.x)),
        f"{view.mean_r_squared:.4f}",
        f"{view.overall_r_squared:.4f}",
        f"{low:.2f} to {high:.2f}",
        _MARK if is_best else "",
        "–" if np.isnan(trend) else f"{trend:.3f}",
    ]


def sentences(found: "DifferenceAnalysis") -> tuple[str, ...]:
    """What to know before trusting the views."""
    said = []
    for variable, lost in (("D", found.num_not_falling_D), ("N", found.num_not_falling_N)):
        if lost:
            pairs = "pair is" if lost == 1 else "pairs are"
            said.append(
                f"{lost} {pairs} left out, as the loss does not fall with {variable}: a power law "
                "has no such differences, and R² is better for it."
            )
    said += [
        f"{name_of(view)} has no slice of at least {found.min_pairs} pairs: there are too few "
        f"runs that share {view.held_variable} and lie one step of {view.difference} apart."
        for view in found.views
        if not len(view.held)
    ]
    # against the other variable they may grow: that is how N and D interact
    own = [view for view in found.views if view.difference == view.against]
    for view in (view for view in own if (view.exponent <= 0).any()):
        count = int((view.exponent <= 0).sum())
        where = ", ".join(quantity_text(v) for v in view.held[view.exponent <= 0][:3])
        more = "" if count <= 3 else f" and {count - 3} more"
        said.append(
            f"{name_of(view)}: differences grow with {view.against} at {view.held_variable} = "
            f"{where}{more}."
        )
    return tuple(said)
