"""What choices do to predictions: the rows, and the table of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.analysis import _choice_text
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.noise import Noise

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class ChoiceResult:
    """One choice, and the predictions that a refit with it makes.

    Attributes:
        group: what is chosen, a key of ``compare_choices``' ``groups``; empty as fitted.
        choice: the choice, in words.
        predicted: loss at each point, ``(point,)``; NaN where there is no refit.
        change: relative to as fitted, ``predicted / as fitted − 1``, ``(point,)``.
        mean_relative_error: on the runs that were fitted; NaN where there is no refit.
        outcome: how the refit ended; None where the runs were refused.
        note: why there is no refit, or what to know of it; empty where nothing is odd.
    """

    group: str
    choice: str
    predicted: np.ndarray
    change: np.ndarray
    mean_relative_error: float
    outcome: Outcome | None
    note: str

    @property
    def usable(self) -> bool:
        """Whether there is a prediction at every point."""
        return bool(np.isfinite(self.predicted).all())

    @property
    def largest_change(self) -> float:
        """Over the points, without its sign; NaN where there is no refit."""
        return float(np.abs(self.change).max())


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceComparison:
    """Predictions beside those that other choices would have made. Prints as a table.

    Attributes:
        law: name of the law.
        method: the fit's method, in words.
        num_runs: that were fitted.
        N: parameters of the points, ``(point,)``.
        D: tokens of the points, ``(point,)``.
        rows: as fitted first, then group by group.
        noise: run-to-run noise of the runs; None where they do not show it.

    Example:
        >>> from farseer_jax import Chinchilla, compare_choices, example_runs, fit
        >>> result = fit(Chinchilla, example_runs())
        >>> found = compare_choices(result, 25.1e9, 5e11, groups=["size"])
        >>> found.reference.predicted == result.predict(25.1e9, 5e11)
        array([ True])
        >>> len(found["size"]), found.largest.choice
        (21, 'without 6.37 B')
    """

    law: str
    method: str
    num_runs: int
    N: np.ndarray
    D: np.ndarray
    rows: tuple[ChoiceResult, ...]
    noise: Noise | None

    def __getitem__(self, group: str) -> tuple[ChoiceResult, ...]:
        """The rows of a group."""
        found = tuple(row for row in self.rows if row.group == group)
        if not found:
            raise KeyError(f"no group {group!r}; there are {self.groups}")
        return found

    @property
    def groups(self) -> list[str]:
        """Groups that have rows."""
        return list(dict.fromkeys(row.group for row in self.rows[1:]))

    @property
    def reference(self) -> ChoiceResult:
        """The predictions as fitted."""
        return self.rows[0]

    @property
    def largest(self) -> ChoiceResult:
        """The choice that moves a prediction most; as fitted where none could be made."""
        return max(self.rows, key=lambda row: row.largest_change if row.usable else -1.0)

    @property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest change at each point, as fitted (0) among them, ``(point,)``."""
        changes = np.array([row.change for row in self.rows if row.usable])
        return changes.min(axis=0), changes.max(axis=0)

    def to_dict(self) -> dict[str, Any]:
        """``points``, ``choices`` (as fitted first) and ``noise``, for JSON; NaN is None."""
        points = [{"N": N, "D": D} for N, D in zip(self.N.tolist(), self.D.tolist(), strict=True)]
        choices = [
            {
                "group": row.group,
                "choice": row.choice,
                "predicted": [_or_none(v) for v in row.predicted],
                "change": [_or_none(v) for v in row.change],
                "mean_relative_error": _or_none(row.mean_relative_error),
                "outcome": None if row.outcome is None else row.outcome.name,
                "note": row.note,
            }
            for row in self.rows
        ]
        noise = None if self.noise is None else self.noise.pooled
        about = {"law": self.law, "method": self.method, "num_runs": self.num_runs}
        return {**about, "points": points, "choices": choices, "noise": noise}

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per choice and point."""
        import pandas as pd

        shared = ("group", "choice", "mean_relative_error", "outcome", "note")
        num_points = len(self.N)
        content = self.to_dict()["choices"]
        rows = {name: np.repeat([row[name] for row in content], num_points) for name in shared}
        table = pd.DataFrame(rows)
        table.insert(2, "N", np.tile(self.N, len(self.rows)))
        table.insert(3, "D", np.tile(self.D, len(self.rows)))
        table.insert(4, "predicted", np.concatenate([row.predicted for row in self.rows]))
        table.insert(5, "change", np.concatenate([row.change for row in self.rows]))
        return table.astype({"mean_relative_error": float})

    def __str__(self) -> str:
        return _choice_text.text(self)

    def __repr__(self) -> str:
        return (
            f"ChoiceComparison({self.law}, {len(self.rows) - 1} choices, "
            f"largest change {self.largest.largest_change:.2%} by {self.largest.choice!r})"
        )


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
