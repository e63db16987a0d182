"""``Extrapolation``: errors of each candidate beyond its fitted runs, and the leaderboard."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from farseer_jax.diagnostics.extrapolation_verdict import (
    coordinate_text,
    times_text,
    verdict,
    warnings_of,
)
from farseer_jax.diagnostics.holdout_split import grouped
from farseer_jax.diagnostics.leaderboard import CandidateResult, LeaderboardRow, ranked
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import loss_text, or_null, percent_text, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runs.noise import Noise
from farseer_jax.runs.runs import Runs

_ERRORS = (
    "fitted_error",
    "held_out_error",
    "held_out_bias",
    "next_error",
    "next_bias",
    "inside",
)
_BEYOND = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class Extrapolation(Result):
    """Candidates, fitted up to one limit after another. Prints as tables.

    Attributes:
        along: the quantity that orders the runs.
        runs: all runs, without copies.
        values: that quantity of each run, ``(run,)``.
        limits: values up to which runs are fitted, ascending, ``(limit,)``.
        fitted: which runs are fitted for each limit, ``(limit, run)``.
        held_out: which runs are held out, ``(run,)``.
        following: which runs are right above each limit, ``(limit, run)``.
        targets: further runs to predict, or None.
        noise: run-to-run noise of the runs; None where they do not show it.
        results: the result of each candidate, in their order.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> [row.name for row in found.leaderboard]
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
        """The result of a candidate."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(f"unknown candidate {name!r}; choose from {[r.name for r in self.results]}")

    @property
    def max_N(self) -> np.ndarray:
        """Largest size fitted up to each limit, ``(limit,)``."""
        return np.where(self.fitted, self.runs.N, 0.0).max(axis=1)

    @property
    def num_fitted(self) -> np.ndarray:
        """Runs up to each limit, ``(limit,)``."""
        return self.fitted.sum(axis=1)

    @cached_property
    def leaderboard(self) -> tuple[LeaderboardRow, ...]:
        """Candidates by the number of limits with an error, then by their held-out errors."""
        return ranked(self.results)

    @property
    def best(self) -> CandidateResult:
        """The candidate to trust on these runs: the first of the leaderboard.

        Raises:
            ValueError: it has no error at some of the limits, so that no candidate is best.
        """
        first = self.leaderboard[0]
        if not first.complete:
            raise ValueError(
                f"no candidate is best: none has an error at each of the "
                f"{len(self.limits)} limits, and {first.name!r}, the first of the leaderboard, "
                f"has {first.num_limits}; give larger limits, or other candidates"
            )
        return self[first.name]

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the errors."""
        return warnings_of(self)

    def error_by_value(self, name: str, limit: int = -1) -> tuple[np.ndarray, np.ndarray]:
        """A candidate's mean relative error at each value of :attr:`along` (Fig. 1a).

        Args:
            name: name of the candidate.
            limit: index of the limit up to which it is fitted.

        Returns:
            The distinct values (those within 2 % count as one), ascending, and the mean error of
            the runs at each.
        """
        miss = np.abs(self[name].predicted[limit] / self.runs.loss - 1.0)
        groups = grouped(self.values)
        distinct, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
        return distinct, np.bincount(index, miss) / counts

    def target_length(self) -> np.ndarray:
        """Distance of each target outside the runs, in e-folds of N and D, ``(target,)``."""
        if self.targets is None:
            return np.zeros(0)
        return extrapolation_length(self.runs, self.targets.N, self.targets.D)

    def table(self) -> Table:
        """One row per candidate and limit."""
        results, num = self.results, len(self.limits)
        of_limit = {"limit": self.limits, "max_N": self.max_N, "num_fitted": self.num_fitted}
        outcomes = [o for own in results for o in own.outcomes]

        def of_candidate(name: str) -> Column:
            return Column(name, [getattr(own, name) for own in results for _ in range(num)])

        return Table(
            [
                *map(of_candidate, ("name", "law", "method")),
                *(Column(name, np.tile(values, len(results))) for name, values in of_limit.items()),
                *(
                    Column(name, np.concatenate([getattr(own, name) for own in results]))
                    for name in _ERRORS
                ),
                Column("outcome", [None if o is None else o.name for o in outcomes]),
                of_candidate("note"),
            ]
        )

    def ranking(self) -> Table:
        """The leaderboard: one row per candidate, the best first."""
        rows, num = self.leaderboard, len(self.limits)
        results = [self[row.name] for row in rows]
        doubt = [bool(own.unconverged.any()) for own in results]
        bias = [own.held_out_bias[-1] for own in results]
        last = [own.unconverged[-1] for own in results]
        converged = [f"{row.num_converged} of {num}" for row in rows]
        is_told = any(row.num_converged < num for row in rows)
        data = {name: [getattr(row, name) for row in rows] for name in vars(rows[0])}
        named = [f"{i + 1} {row.name}" for i, row in enumerate(rows)]
        best_at = [f"{row.num_best} of {num}" for row in rows]
        shown = {
            "": named,
            "held out": _percent(data["held_out_error"], doubt),
            "times the best": list(map(times_text, data["times_best"])),
            "best at": best_at,
            "next runs": _percent(data["next_error"], doubt),
            "bias at last limit": _percent(bias, last, "+"),
            **({"converged fits": converged} if is_told else {}),
        }
        return Table(
            [
                *(_shown(heading, cells) for heading, cells in shown.items()),
                *(Column(name, values, text=None) for name, values in data.items()),
            ]
        )

    def by_limit(self) -> Table:
        """The held-out error of each candidate, one row per limit."""
        results = [self[row.name] for row in self.leaderboard]
        doubt = any(own.unconverged.any() for own in results)
        return Table(
            [
                Column("limit", self.limits, self._limit_text, heading=f"{self.along} up to"),
                Column("num_fitted", self.num_fitted, heading="runs"),
                *(
                    Column(own.name, _percent(own.held_out_error, own.unconverged), heading=title)
                    for own, title in zip(results, map(_in_lines, self._names()), strict=True)
                ),
            ],
            most=len(self.limits),
            note="* the fit did not converge" if doubt else "",
        )

    def _names(self) -> list[str]:
        return [row.name for row in self.leaderboard]

    def _limit_text(self, value: float) -> str:
        return coordinate_text(self.along, value)

    def predicted_targets(self) -> Table:
        """Each target predicted by each candidate, fitted to all runs."""
        rows = [(own, i) for own in self.results for i in range(self._num_targets)]
        targets, length = self.targets, self.target_length()
        if targets is None or not rows:
            return Table([Column("name", [])])
        order = [i for _, i in rows]
        predicted = np.array([own.target_predicted[-1, i] for own, i in rows])
        outcomes = [own.target_outcome for own, _ in rows]
        loss = targets.loss[order]
        return Table(
            [
                Column("name", [own.name for own, _ in rows]),
                Column("N", targets.N[order], quantity_text),
                Column("D", targets.D[order], quantity_text),
                Column("loss", loss, loss_text),
                Column("predicted", predicted, loss_text),
                Column("relative_error", predicted / loss - 1.0),
                Column("length", length[order]),
                Column("outcome", [None if o is None else o.name for o in outcomes]),
            ]
        )

    @property
    def _num_targets(self) -> int:
        return 0 if self.targets is None else len(self.targets)

    def to_dict(self) -> dict[str, Any]:
        """``rows``, ``leaderboard``, ``targets``, ``warnings``, for JSON; NaN is None."""
        first = self.leaderboard[0]
        after = [
            or_null(own.target_predicted[:-1, i])
            for own in self.results
            for i in range(self._num_targets)
        ]
        targets = self.predicted_targets().records()
        return {
            "along": self.along,
            "num_runs": len(self.runs),
            "num_held_out": int(self.held_out.sum()),
            "held_out_from": float(self.values[self.held_out].min()),
            "rows": self.table().records(),
            "leaderboard": self.ranking().records(),
            "best": first.name if first.complete else None,
            "targets": [{**o, "after_limits": a} for o, a in zip(targets, after, strict=True)],
            "noise": None if self.noise is None else self.noise.pooled,
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The leaderboard, the errors by limit, the verdict, and the targets."""
        values = self.values[self.held_out]
        low, high = (self._limit_text(value) for value in (values.min(), values.max()))
        which = low if low == high else f"{low} to {high}"
        title = (
            f"{len(self.runs)} runs, held out: {int(self.held_out.sum())} with {self.along} "
            f"{which}; mean relative errors"
        )
        summary = verdict(self)
        errors = (title, self.ranking(), self.by_limit())
        if self.targets is None:
            return *errors, warned(summary, self.warnings)
        about = "targets, from fits to all runs: predicted against observed loss"
        return *errors, summary, about, self._targets_by_candidate(self.targets)

    def _targets_by_candidate(self, targets: Runs) -> Table:
        """The targets as printed: one row per target, and the mean error."""
        results = [self[name] for name in self._names()]
        doubt = [own.target_outcome is Outcome.not_converged for own in results]
        errors = [own.target_predicted[-1] / targets.loss - 1.0 for own in results]
        lengths = [f"{far:.2f} e-folds" if far > _BEYOND else "–" for far in self.target_length()]
        columns = {
            "N": [*map(quantity_text, targets.N), ""],
            "D": [*map(quantity_text, targets.D), ""],
            "loss": [*map(loss_text, targets.loss), "mean error"],
        }
        candidates = [
            _shown(
                _in_lines(own.name),
                [
                    *_percent(error, [unsure] * len(error), "+"),
                    *_percent([float(np.mean(np.abs(error)))], [unsure]),
                ],
            )
            for own, error, unsure in zip(results, errors, doubt, strict=True)
        ]
        return Table(
            [
                *(_shown(heading, cells, left=False) for heading, cells in columns.items()),
                *candidates,
                _shown("", [""] * (len(targets) + 1), left=False),
                _shown("outside the runs by", [*lengths, ""]),
            ],
            most=len(targets) + 1,
            note="\n".join(f"warning: {sentence}" for sentence in self.warnings),
        )

    def __repr__(self) -> str:
        first = self.leaderboard[0]
        best = f"best {first.name!r}" if first.complete else "none best"
        return (
            f"Extrapolation({len(self.results)} candidates, {len(self.limits)} limits along "
            f"{self.along}, {best})"
        )


def _percent(
    values: Sequence[float] | np.ndarray, doubt: Sequence[bool] | np.ndarray, sign: str = ""
) -> list[str]:
    """Errors; doubtful ones have a star in front, which keeps decimals aligned."""
    return [
        f"*{percent_text(value, sign)}" if unsure else percent_text(value, sign)
        for value, unsure in zip(values, doubt, strict=True)
    ]


def _shown(heading: str, cells: list[str], *, left: bool | None = None) -> Column:
    """A column that is only printed; without a heading it is aligned to the left."""
    is_left = heading == "" if left is None else left
    return Column(heading or "rank", cells, heading=heading, in_data=False, left=is_left)


def _in_lines(name: str) -> str:
    """A name as the heading of a column, in several lines."""
    return name.replace(", ", ",\n")
