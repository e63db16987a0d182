"""One view of the differences, along N or D against N or D, with a line per slice."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.diagnostics.difference_pairs import Cells, Pairs
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table

_OF_SLICE = ("held", "num_pairs", "exponent", "coefficient", "middle", "level", "r_squared")


@dataclass(frozen=True, eq=False, repr=False)
class DifferenceView(Result):
    """Differences along one variable, as power laws of one variable, the other fixed.

    A slice is all pairs with the same value of the fixed variable; in each,
    ``Δ ≈ coefficient · x^(−exponent)``. The arrays down to ``r_squared`` are ``(slice,)``, those
    from ``x`` on ``(pair,)``.

    Attributes:
        difference: ``"D"`` for L(N, D) − L(N, λD), ``"N"`` for L(N, D) − L(λN, D).
        against: variable x of the lines, ``"N"`` or ``"D"``.
        held: value of the fixed variable.
        num_pairs: number of pairs in the slice.
        exponent: minus the slope of the log–log line.
        coefficient: the power law at x = 1. Where x is the variable that steps, x is the smaller
            value of the pair here, as in the paper's B̂.
        middle: geometric mean of x in the slice.
        level: the power law at ``middle``, where the slice determines it best.
        r_squared: share of the variance of ln Δ in the slice that the line explains.
        x: value of x; the geometric mean of the pair where x is the variable that steps.
        delta: the difference.
        slice_index: index of the pair's slice.
        num_small_slices: number of slices without a line, which have too few pairs.
    """

    difference: str
    against: str
    held: np.ndarray
    num_pairs: np.ndarray
    exponent: np.ndarray
    coefficient: np.ndarray
    middle: np.ndarray
    level: np.ndarray
    r_squared: np.ndarray
    x: np.ndarray
    delta: np.ndarray
    slice_index: np.ndarray
    num_small_slices: int

    @property
    def name(self) -> str:
        """Such as ``ΔD against N``."""
        return f"Δ{self.difference} against {self.against}"

    @property
    def held_variable(self) -> str:
        """The fixed variable, ``"N"`` or ``"D"``."""
        return "N" if self.against == "D" else "D"

    @property
    def mean_r_squared(self) -> float:
        """Mean R² over the slices, as in the paper (Fig. 3); NaN if no slice has a line."""
        return float(self.r_squared.mean()) if len(self.held) else np.nan

    @property
    def overall_r_squared(self) -> float:
        """R² of all slices together: share of the variance within slices that lines explain."""
        if not len(self.held):
            return np.nan
        y = np.log(self.delta)
        residual = y - np.log(self.predict(self.x, self.slice_index))
        means = np.bincount(self.slice_index, weights=y) / np.bincount(self.slice_index)
        about = ((y - means[self.slice_index]) ** 2).sum()
        return float(1.0 - (residual**2).sum() / about)

    @property
    def coefficient_r_squared(self) -> float:
        """R² of the line through ln coefficient over ln of the fixed variable (Fig. 10)."""
        return self._trend(np.log(self.coefficient))

    @property
    def exponent_r_squared(self) -> float:
        """R² of the line through the exponent over ln of the fixed variable (Fig. 11)."""
        return self._trend(self.exponent)

    def _trend(self, y: np.ndarray) -> float:
        one = np.zeros(len(y), dtype=int)
        return float(lines_of(np.log(self.held), y, one, 1, 3).r_squared[0])

    def predict(self, x: np.ndarray, slice_index: np.ndarray) -> np.ndarray:
        """The power laws of the slices at x; arguments broadcast."""
        i = slice_index
        return np.asarray(self.level[i] * (x / self.middle[i]) ** -self.exponent[i])

    def table(self) -> Table:
        """One row per slice."""
        return Table([Column(name, getattr(self, name)) for name in _OF_SLICE])

    def to_dict(self) -> dict[str, Any]:
        """The summaries and one record per slice, for JSON; NaN is None."""
        names = (
            "mean_r_squared", "overall_r_squared", "coefficient_r_squared", "exponent_r_squared",
        )  # fmt: skip
        return {
            "difference": self.difference,
            "against": self.against,
            **{name: or_null(getattr(self, name)) for name in names},
            "num_small_slices": self.num_small_slices,
            "slices": self.table().records(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The name of the view, and a line per slice."""
        return f"{self.name}, per {self.held_variable}", self.table()

    def __repr__(self) -> str:
        return f"DifferenceView({self.name}, {len(self.held)} slices)"


def view_of(
    cells: Cells, pairs: Pairs, difference: str, against: str, min_pairs: int, log_ratio: float
) -> DifferenceView:
    """Lines through positive differences, slice by slice.

    Args:
        cells: the table of runs.
        pairs: its pairs with a positive difference.
        difference: variable that steps.
        against: variable of the lines.
        min_pairs: number of pairs that a slice needs.
        log_ratio: ln of the typical step.
    """
    slices, log_x, log_held = (
        (pairs.size, pairs.log_D, cells.log_N)
        if against == "D"
        else (pairs.column, pairs.log_N, cells.log_D)
    )
    lines = lines_of(log_x, np.log(pairs.difference), slices, len(log_held), min_pairs)
    kept = np.isfinite(lines.r_squared)
    new_index = np.cumsum(kept) - 1
    taken = kept[slices]
    slope, middle, level = lines.slope[kept], lines.middle[kept], lines.level[kept]
    # x is the middle of a pair, whose smaller value lies half a step below
    half_step = 0.5 * log_ratio if difference == against else 0.0
    return DifferenceView(
        difference=difference,
        against=against,
        held=np.exp(log_held[kept]),
        num_pairs=lines.num_points[kept],
        exponent=-slope,
        coefficient=np.exp(level + slope * (half_step - middle)),
        middle=np.exp(middle),
        level=np.exp(level),
        r_squared=lines.r_squared[kept],
        x=np.exp(log_x[taken]),
        delta=pairs.difference[taken],
        slice_index=new_index[slices[taken]],
        num_small_slices=int((~kept & (lines.num_points > 0)).sum()),
    )


class Lines(NamedTuple):
    """A line ``y = level + slope · (x − middle)`` per slice; NaN where it has too few points.

    Attributes:
        num_points: number of points, ``(slice,)``.
        middle: mean of x, ``(slice,)``.
        level: y of the line at ``middle``, ``(slice,)``.
        slope: slope of the line, ``(slice,)``.
        r_squared: share of the variance of y that the line explains, ``(slice,)``.
    """

    num_points: np.ndarray
    middle: np.ndarray
    level: np.ndarray
    slope: np.ndarray
    r_squared: np.ndarray


def lines_of(
    x: np.ndarray, y: np.ndarray, slices: np.ndarray, num_slices: int, min_points: int
) -> Lines:
    """Least squares in closed form for all slices.

    Args:
        x: abscissae, ``(point,)``.
        y: ordinates, ``(point,)``.
        slices: index of each point's slice, ``(point,)``.
        num_slices: number of slices.
        min_points: number of points that a slice needs.
    """

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(slices, weights=values, minlength=num_slices)

    count = total(np.ones(len(x)))
    enough = np.where(count >= max(min_points, 1), count, np.nan)
    middle, level = total(x) / enough, total(y) / enough
    dx, dy = x - middle[slices], y - level[slices]
    # NaN for slices with too few points, and for points that share one x
    spread = np.where(total(dx**2) > 0, total(dx**2), np.nan)
    height = np.where(total(dy**2) > 0, total(dy**2), np.nan)
    slope = total(dx * dy) / spread
    explained = total(dx * dy) ** 2 / (spread * height)
    return Lines(count.astype(int), middle, level, slope, np.minimum(explained, 1.0))
