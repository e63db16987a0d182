"""Predicted losses of runs, beside the observed ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax import _tables
from farseer_jax._metrics import relative_error
from farseer_jax._numbers import loss_text, percent_text, quantity_text

if TYPE_CHECKING:
    import pandas as pd

_MAX_ROWS_SHOWN = 60


@dataclass(frozen=True, eq=False)
class Prediction:
    """Predicted losses at points ``(N, D)``.

    Attributes:
        N: parameters, ``(point,)``.
        D: tokens, ``(point,)``.
        predicted: loss by the law, ``(point,)``.
        observed: loss of the run, ``(point,)``, or None where no run is known.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> runs = example_runs()
        >>> result = fit(Farseer, runs.select(max_N=5.5e9)).evaluate(runs.select(min_N=6e9))
        >>> result.mean_relative_error < 2e-3
        True
    """

    N: np.ndarray
    D: np.ndarray
    predicted: np.ndarray
    observed: np.ndarray | None = None

    @property
    def mean_relative_error(self) -> float:
        """Mean of ``|predicted / observed − 1|`` over distinct runs; NaN where none is known.

        Rows that copy another row exactly say nothing new and count once.
        """
        if self.observed is None:
            return float("nan")
        rows = np.stack([self.N, self.D, self.observed, self.predicted])
        _, _, observed, predicted = np.unique(rows, axis=1)
        return float(np.mean(relative_error(predicted, observed)))

    def to_dict(self) -> dict[str, Any]:
        """``predictions`` (N, D, predicted, observed where known) and ``metrics``, for JSON."""
        columns = {"N": self.N, "D": self.D, "predicted": self.predicted}
        if self.observed is not None:
            columns["observed"] = self.observed
        rows = zip(*(column.tolist() for column in columns.values()), strict=True)
        mean = None if self.observed is None else self.mean_relative_error
        return {
            "predictions": [dict(zip(columns, row, strict=True)) for row in rows],
            "metrics": {"mean_relative_error": mean},
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per point: N, D, predicted, and observed and relative_error where known."""
        import pandas as pd

        table = pd.DataFrame({"N": self.N, "D": self.D, "predicted": self.predicted})
        if self.observed is not None:
            table["observed"] = self.observed
            table["relative_error"] = self.predicted / self.observed - 1.0
        return table

    def __str__(self) -> str:
        header = ["N", "D", "predicted"]
        if self.observed is not None:
            header += ["observed", "error"]
        shown = min(len(self.N), _MAX_ROWS_SHOWN)
        text = _tables.text(header, [self._row(i) for i in range(shown)])
        if shown < len(self.N):
            text += f"\n… and {len(self.N) - shown} more rows"
        if self.observed is not None:
            text += f"\n\nmean relative error  {self.mean_relative_error:.3e}"
        return text

    def _row(self, i: int) -> list[str]:
        row = [quantity_text(self.N[i]), quantity_text(self.D[i]), loss_text(self.predicted[i])]
        if self.observed is not None:
            error = self.predicted[i] / self.observed[i] - 1.0
            row += [loss_text(self.observed[i]), percent_text(error, "+")]
        return row
