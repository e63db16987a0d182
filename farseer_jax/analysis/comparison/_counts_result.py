"""``CountComparison``: one fit with N counted in two ways."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import quantity_text
from farseer_jax.fitting.prediction import Prediction
from farseer_jax.fitting.result import Fit

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class CountResult:
    """The fit with one count of N.

    Attributes:
        count: what N is, in words.
        fit: to the runs that were not held out.
        held_out: its predictions for those that were, N in this count.
    """

    count: str
    fit: Fit
    held_out: Prediction

    @property
    def fitted_error(self) -> float:
        """Mean relative error on the fitted runs."""
        return self.fit.mean_relative_error

    @property
    def held_out_error(self) -> float:
        """Mean relative error on the runs held out."""
        return self.held_out.mean_relative_error


@dataclass(frozen=True, eq=False, repr=False)
class CountComparison:
    """Extrapolation with N counted in two ways (paper App. G, Fig. 16). Prints as a table.

    Attributes:
        own: with the runs' own N.
        other: with N of the other column.
        N: the runs' own count of all runs, fitted ones first, ``(run,)``.
        D: tokens, ``(run,)``.
        is_held_out: ``(run,)``.

    Example:
        >>> from farseer_jax import Runs, compare_counts, example_runs
        >>> runs = example_runs()
        >>> total = runs.N + 4e5 * runs.N ** (1 / 3)
        >>> found = compare_counts(
        ...     Runs(runs.N, runs.D, runs.loss, {"N_total": total}), held_out=6e9
        ... )
        >>> found.other.count, found.error_ratio > 1
        ('N_total', True)
    """

    own: CountResult
    other: CountResult
    N: np.ndarray
    D: np.ndarray
    is_held_out: np.ndarray

    @property
    def rows(self) -> tuple[CountResult, CountResult]:
        """Both."""
        return self.own, self.other

    @property
    def error_ratio(self) -> float:
        """Held-out error with the other count over that with the runs' own."""
        return self.other.held_out_error / self.own.held_out_error

    def relative_errors(self, row: CountResult) -> np.ndarray:
        """``predicted / observed − 1`` of all runs by one of the two fits, ``(run,)``."""
        parts = [row.fit.evaluate(row.fit.runs), row.held_out]
        return np.concatenate([p.predicted / np.asarray(p.observed) - 1.0 for p in parts])

    def to_dict(self) -> dict[str, Any]:
        """``counts``, ``runs`` and ``error_ratio``, for JSON."""
        counts = [
            {
                "count": row.count,
                "fitted_error": row.fitted_error,
                "held_out_error": row.held_out_error,
            }
            for row in self.rows
        ]
        columns = self._columns()
        rows = zip(*columns.values(), strict=True)
        return {
            "law": self.own.fit.law.name,
            "counts": counts,
            "error_ratio": self.error_ratio,
            "runs": [dict(zip(columns, row, strict=True)) for row in rows],
        }

    def _columns(self) -> dict[str, list[Any]]:
        return {
            "N": self.N.tolist(),
            "D": self.D.tolist(),
            "held_out": self.is_held_out.tolist(),
            **{f"relative_error {r.count}": self.relative_errors(r).tolist() for r in self.rows},
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per run: N, D, whether held out, and the signed relative error by each count."""
        import pandas as pd

        return pd.DataFrame(self._columns())

    def __str__(self) -> str:
        fit = self.own.fit
        sizes = np.unique(self.N[self.is_held_out])
        held = quantity_text(sizes[0])
        if len(sizes) > 1:
            held += f" to {quantity_text(sizes[-1])}"
        num = self.is_held_out.sum()
        title = (
            f"{fit.law.name.title()} law by {fit.method.name}, fitted up to "
            f"{quantity_text(fit.runs.N.max())} ({len(fit.runs)} runs), held out {held} "
            f"({num} runs)"
        )
        rows = [
            [row.count, f"{row.fitted_error:.3e}", f"{row.held_out_error:.3e}"] for row in self.rows
        ]
        table = _tables.text(
            ["count of parameters", "fitted error", "held-out error"], rows, left=1
        )
        ratio = self.error_ratio
        better, worse = (self.own, self.other) if ratio >= 1 else (self.other, self.own)
        said = (
            f"{worse.count} predicts the held-out runs {max(ratio, 1 / ratio):.1f} times worse "
            f"than {better.count}."
        )
        notes = [f"warning: {row.count}: {w}" for row in self.rows for w in row.fit.warnings]
        return "\n".join([title, "", table, "", said, *notes])

    def __repr__(self) -> str:
        return (
            f"CountComparison({self.own.count}, {self.other.count}, ratio {self.error_ratio:.3g})"
        )
