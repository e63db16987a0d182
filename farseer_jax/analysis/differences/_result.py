"""The four views of the differences, and the table of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.analysis.differences import _text
from farseer_jax.analysis.differences._views import SLICE_COLUMNS, DifferenceView

if TYPE_CHECKING:
    import pandas as pd


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
        return _text.sentences(self)

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
        return _text.text(self)

    def __repr__(self) -> str:
        r_squared = ", ".join(
            f"Δ{view.difference}/{view.against} {view.mean_r_squared:.4f}" for view in self.views
        )
        return f"DifferenceAnalysis({self.num_runs} runs, mean R²: {r_squared})"
