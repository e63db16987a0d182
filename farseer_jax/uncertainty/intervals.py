"""``Intervals``: a table of intervals, and their computation from draws."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, get_args

import numpy as np

from farseer_jax.results.numbers import level_text, number_text, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table

Kind = Literal["calibrated", "percentile", "basic", "bca", "normal"]
KINDS: tuple[str, ...] = get_args(Kind)


@dataclass(frozen=True, eq=False)
class Intervals(Result):
    """Estimates with intervals. Prints as a table.

    Attributes:
        quantity: what is estimated.
        at: the points by column, each ``(point,)``.
        estimate: from the fit to all runs, ``(point,)``.
        lower: lower ends, ``(point,)``.
        upper: upper ends, ``(point,)``.
        level: nominal coverage probability.
        kind: kind of interval, such as ``"calibrated"``.
        scheme: how the runs were resampled.
        seed: seed of the resamples.
        num_resamples: number of refits; 0 for intervals from derivatives.
        num_failed: refits without a value at the worst point.
        note: what the intervals are based on.
        errors: what they assume of the runs' errors.
        doubts: why they are not to be trusted; the first of the warnings.
        warnings: warnings, worst first.

    Example:
        >>> from farseer_jax import Farseer, bootstrap, example_runs, fit
        >>> result = bootstrap(fit(Farseer, example_runs()), 200, seed=1)
        >>> intervals = result.interval(25.1e9, 5e11, kind="percentile")
        >>> bool((intervals.lower < intervals.estimate).all())
        True
    """

    quantity: str
    at: Mapping[str, np.ndarray]
    estimate: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float
    kind: str
    scheme: str
    seed: int
    num_resamples: int
    num_failed: int
    note: str = ""
    errors: str = ""
    doubts: tuple[str, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())

    @property
    def trustworthy(self) -> bool:
        """Whether every interval has ends, too few refits failed to change them, and no doubts.

        All failed refits could lie beyond one end, so at most half of a tail may fail. Doubts are
        points beyond the runs where the law is assumed to be true, estimates outside their own
        intervals, and losses that are not determined to a quarter of their value.
        """
        has_ends = bool(np.isfinite([self.lower, self.upper]).all())
        half_of_a_tail = 0.25 * (1.0 - self.level) * self.num_resamples
        return has_ends and self.num_failed <= half_of_a_tail + 1e-9 and not self.doubts

    def table(self) -> Table:
        """One row per point, with ``estimate``, ``lower``, ``upper``, ``level`` and ``kind``."""
        at = [Column(name, own, partial(cell_text, name)) for name, own in self.at.items()]
        write = partial(cell_text, self.quantity)
        with np.errstate(invalid="ignore", divide="ignore"):
            half = 0.5 * (self.upper - self.lower) / np.abs(self.estimate)
        num = len(self.estimate)
        return Table(
            [
                *at,
                Column("estimate", self.estimate, write, heading=self.quantity),
                Column("lower", self.lower, write),
                Column("upper", self.upper, write),
                Column("±", half, _share, in_data=False),
                Column("level", [self.level] * num, text=None),
                Column("kind", [self.kind] * num, text=None),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """``intervals`` (one entry per point), and how they were computed, for JSON."""
        rows = self.table().records()
        return {
            "quantity": self.quantity,
            "note": self.note,
            "errors": self.errors,
            "trustworthy": self.trustworthy,
            "intervals": [
                {"predicted" if name == "estimate" else name: own for name, own in row.items()}
                for row in rows
            ],
            "num_resamples": self.num_resamples,
            "num_failed": self.num_failed,
            "scheme": self.scheme,
            "seed": self.seed,
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The table, and what the intervals are based on."""
        note = f", {self.note}" if self.note else ""
        resamples = f"{self.num_resamples:,} resamples ({self.scheme}, seed {self.seed})"
        if not self.num_resamples:
            resamples = f"no resamples ({self.scheme})"
        failed = f", {self.num_failed:,} failed" if self.num_failed else ""
        errors = f"\nerrors: {self.errors}" if self.errors else ""
        basis = (
            f"{level_text(self.level)} intervals: {self.kind}{note}\n{resamples}{failed}{errors}"
        )
        return self.table(), warned(basis, self.warnings)


def _share(value: float) -> str:
    return f"{value:.2%}" if np.isfinite(value) else "–"


def cell_text(name: str, value: Any) -> str:
    """A value of a column as text; N and D with prefixes, such as 6.37 B."""
    if isinstance(value, str):
        return value
    finite = np.isfinite(value)
    return quantity_text(value) if name in ("N", "D") and finite else number_text(value)


def quantiles(draws: np.ndarray, probability: np.ndarray | float) -> np.ndarray:
    """Quantiles along the first axis, the ``(n + 1) p``-th of n draws (Davison & Hinkley 1997).

    NaN draws (refits without a value) are left out.
    """
    if np.isnan(draws).any():
        columns = np.where(np.isnan(draws).all(axis=0), 0.0, draws)
        found = np.nanquantile(columns, probability, axis=0, method="weibull")
        return np.where(np.isnan(draws).all(axis=0), np.nan, found)
    return np.quantile(draws, probability, axis=0, method="weibull")


def percentile(draws: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Percentile intervals: quantiles of the draws."""
    tail = 0.5 * (1.0 - level)
    lower, upper = quantiles(draws, np.array([tail, 1.0 - tail]))
    return lower, upper


def basic(draws: np.ndarray, estimate: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Basic intervals: quantiles of the draws, reflected at the estimate."""
    lower, upper = percentile(draws, level)
    return 2.0 * estimate - upper, 2.0 * estimate - lower


def normal(
    standard_error: np.ndarray, estimate: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Normal intervals from standard errors."""
    from scipy.special import ndtri

    reach = ndtri(0.5 * (1.0 + level)) * standard_error
    return estimate - reach, estimate + reach


def bca(
    draws: np.ndarray, estimate: np.ndarray, left_out: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """BCa intervals: quantiles corrected for bias and acceleration (Efron 1987).

    NaN if they do not exist: all draws lie on one side of the estimate, or the skewness is too
    large for the level. NaN draws and values are left out.

    Args:
        draws: ``(resample, point)``.
        estimate: ``(point,)``.
        left_out: the quantity with each run left out in turn, ``(run, point)``.
        level: nominal coverage probability.
    """
    from scipy.special import ndtr, ndtri

    below = np.sum(draws < estimate, axis=0) + 0.5 * np.sum(draws == estimate, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        bias = ndtri(below / np.sum(~np.isnan(draws), axis=0))
        acceleration = _acceleration(left_out)
        ends = []
        for z in ndtri([0.5 * (1.0 - level), 0.5 * (1.0 + level)]):
            scale = 1.0 - acceleration * (bias + z)
            probability = ndtr(bias + (bias + z) / scale)
            # beyond the pole of the correction the ends would be swapped
            defined = np.isfinite(bias) & (scale > 0)
            found = [
                quantiles(draws[:, i], p) if defined[i] else np.nan
                for i, p in enumerate(probability)
            ]
            ends.append(np.array(found, dtype=float))
    return ends[0], ends[1]


def _acceleration(left_out: np.ndarray) -> np.ndarray:
    """A sixth of the skewness of the leave-one-out deviations, ``(point,)``."""
    known = ~np.isnan(left_out)
    values = np.where(known, left_out, 0.0)
    mean = values.sum(axis=0) / known.sum(axis=0)
    deviation = np.where(known, mean - values, 0.0)
    spread = np.sum(deviation**2, axis=0)
    # no run changes it at all: acceleration 0
    return np.sum(deviation**3, axis=0) / (6.0 * np.where(spread > 0, spread, 1.0) ** 1.5)
