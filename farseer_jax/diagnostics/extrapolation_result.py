"""Extrapolations inside the data: the errors of each candidate, and who won."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.diagnostics import extrapolation_text as _text
from farseer_jax.diagnostics.extrapolation_warnings import warnings_of
from farseer_jax.diagnostics.holdout_split import grouped
from farseer_jax.diagnostics.leaderboard import CandidateResult, Standing, ranked
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runs.noise import Noise
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Extrapolation:
    """Candidates, fitted up to one limit after another. Prints as tables.

    Attributes:
        along: what orders the runs.
        runs: all runs, without copies.
        values: what orders them, ``(run,)``.
        limits: runs up to each are fitted, ascending, ``(limit,)``.
        fitted: which runs these are, ``(limit, run)``.
        held_out: the runs that are never fitted, ``(run,)``.
        following: the runs right above each limit, ``(limit, run)``.
        targets: further runs; None where none were given.
        noise: run-to-run noise of the runs; None where they do not show it.
        results: in the order of the candidates.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> [place.name for place in found.leaderboard]
        ['Farseer, piecewise', 'Chinchilla, least-squares']
        >>> found.leaderboard[0].num_best
        3
        >>> found.to_dataframe().columns[:5].tolist()
        ['name', 'law', 'method', 'limit', 'max_N']
    """

    along: str
    runs: Runs
    values: np.ndarray
    limits: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    following: np.ndarray
    targets: Runs | None
    noise: Noise | None
    results: tuple[CandidateResult, ...]

    def __getitem__(self, name: str) -> CandidateResult:
        """A candidate by its name."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(f"no candidate {name!r}; there are {[r.name for r in self.results]}")

    @property
    def max_N(self) -> np.ndarray:
        """Largest size fitted up to each limit, ``(limit,)``."""
        return np.where(self.fitted, self.runs.N, 0.0).max(axis=1)

    @property
    def num_fitted(self) -> np.ndarray:
        """Runs up to each limit, ``(limit,)``."""
        return self.fitted.sum(axis=1)

    @cached_property
    def leaderboard(self) -> tuple[Standing, ...]:
        """Candidates by the limits with a fit to trust, then by their held-out errors."""
        return ranked(self.results)

    @property
    def best(self) -> CandidateResult:
        """The candidate to trust on these runs: the first of the leaderboard.

        Raises:
            ValueError: it has no fit to trust at some of the limits, so that none is best.
        """
        first = self.leaderboard[0]
        if not first.complete:
            raise ValueError(
                f"no candidate is best: none has a converged fit at each of the "
                f"{len(self.limits)} limits, and {first.name!r}, the first of the leaderboard, "
                f"has {first.num_converged}; give larger limits, or other candidates"
            )
        return self[first.name]

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the errors, in sentences."""
        return warnings_of(self)

    def error_by_value(self, name: str, limit: int = -1) -> tuple[np.ndarray, np.ndarray]:
        """A candidate's mean relative error at each value of what orders the runs (Fig. 1a).

        Args:
            name: of the candidate.
            limit: which of the limits it is fitted up to.

        Returns:
            The distinct values (those within 2 % count as one), ascending, and the errors of the
            runs that have each.
        """
        miss = np.abs(self[name].predicted[limit] / self.runs.loss - 1.0)
        groups = grouped(self.values)
        distinct, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
        return distinct, np.bincount(index, miss) / counts

    def target_length(self) -> np.ndarray:
        """How far each target lies outside all runs, in e-folds of N and D, ``(target,)``."""
        if self.targets is None:
            return np.zeros(0)
        return extrapolation_length(self.runs, self.targets.N, self.targets.D)

    def to_dict(self) -> dict[str, Any]:
        """``rows``, ``leaderboard``, ``targets``, ``warnings``, for JSON; NaN is None."""
        rows = [row for result in self.results for row in self._rows(result)]
        places = [{key: _plain(v) for key, v in vars(p).items()} for p in self.leaderboard]
        return {
            "along": self.along,
            "num_runs": len(self.runs),
            "num_held_out": int(self.held_out.sum()),
            "held_out_from": float(self.values[self.held_out].min()),
            "rows": rows,
            "leaderboard": places,
            "best": places[0]["name"] if places[0]["complete"] else None,
            "targets": self._target_rows(),
            "noise": None if self.noise is None else self.noise.pooled,
            "warnings": list(self.warnings),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per candidate and limit."""
        import pandas as pd

        table = pd.DataFrame([row for result in self.results for row in self._rows(result)])
        errors = [name for name in table.columns if name.endswith(("_error", "_bias"))]
        return table.astype(dict.fromkeys(errors, float))

    def _rows(self, result: CandidateResult) -> list[dict[str, Any]]:
        errors = ("fitted_error", "held_out_error", "held_out_bias", "next_error", "next_bias")
        max_N, num_fitted = self.max_N, self.num_fitted
        return [
            {
                "name": result.name,
                "law": result.law,
                "method": result.method,
                "limit": float(self.limits[i]),
                "max_N": float(max_N[i]),
                "num_fitted": int(num_fitted[i]),
                **{name: _plain(float(getattr(result, name)[i])) for name in errors},
                "outcome": None if outcome is None else outcome.name,
                "note": result.note,
            }
            for i, outcome in enumerate(result.outcomes)
        ]

    def _target_rows(self) -> list[dict[str, Any]]:
        """Each target by each candidate, from all runs and after each limit."""
        if self.targets is None:
            return []
        length = self.target_length()
        return [
            {
                "name": result.name,
                "N": float(self.targets.N[i]),
                "D": float(self.targets.D[i]),
                "loss": float(loss),
                "predicted": _plain(float(result.target_predicted[-1, i])),
                "relative_error": _plain(float(result.target_predicted[-1, i] / loss - 1.0)),
                "after_limits": [_plain(float(v)) for v in result.target_predicted[:-1, i]],
                "length": float(length[i]),
                "outcome": None if result.target_outcome is None else result.target_outcome.name,
            }
            for result in self.results
            for i, loss in enumerate(self.targets.loss)
        ]

    def __str__(self) -> str:
        return _text.text(self)

    def __repr__(self) -> str:
        first = self.leaderboard[0]
        best = f"best {first.name!r}" if first.complete else "none best"
        return (
            f"Extrapolation({len(self.results)} candidates, {len(self.limits)} limits along "
            f"{self.along}, {best})"
        )


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
