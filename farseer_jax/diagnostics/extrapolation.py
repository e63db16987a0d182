"""``Extrapolation``: the errors of each candidate beyond its fitted runs, and the choice."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from farseer_jax.diagnostics.choice_certainty import SURE, probability_lower
from farseer_jax.diagnostics.extrapolation_tables import (
    limit_table,
    part_table,
    ranking_table,
    target_table,
    targets_by_candidate,
    title,
)
from farseer_jax.diagnostics.extrapolation_verdict import verdict, warnings_of
from farseer_jax.diagnostics.holdout_errors import inner_of, misses
from farseer_jax.diagnostics.holdout_split import grouped
from farseer_jax.diagnostics.leaderboard import CandidateResult, LeaderboardRow, ranked
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.binding import Part
from farseer_jax.runs.coverage import distance_beyond, flat_inputs
from farseer_jax.runs.noise import Noise
from farseer_jax.runs.runs import Runs

_ERRORS = (
    "fitted_error",
    "inner_error",
    "held_out_error",
    "held_out_bias",
    "held_out_r2",
    "next_error",
    "next_bias",
    "inside",
)


@dataclass(frozen=True, eq=False, repr=False)
class Extrapolation(Result):
    """The errors of candidates that were fitted up to each of several limits. Prints as tables.

    Arrays over runs concatenate the runs of all groups and responses.

    Attributes:
        along: the quantity that orders the runs.
        parts: the runs of each group and response, without copies.
        values: that quantity of each run, ``(run,)``.
        limits: values up to which runs are fitted, ascending, ``(limit,)``.
        fitted: which runs are fitted for each limit, ``(limit, run)``.
        held_out: which runs are held out from all fits and from the choice, ``(run,)``.
        following: which runs are right above each limit, ``(limit, run)``.
        targets: further runs to predict, or None.
        noise: run-to-run noise of the runs; None if they do not determine it.
        results: the result of each candidate, in their order.
        left_out: a sentence on each group that was left out, for lack of runs.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> [row.name for row in found.leaderboard]
        ['Farseer, piecewise', 'Chinchilla, least-squares']
        >>> found.leaderboard[0].num_best
        3
        >>> found.leaderboard[0].held_out_r2 > 0.99
        True
        >>> found.to_dataframe().columns[:4].tolist()
        ['name', 'law', 'method', 'limit']
    """

    along: str
    parts: tuple[Part, ...]
    values: np.ndarray
    limits: np.ndarray
    fitted: np.ndarray
    held_out: np.ndarray
    following: np.ndarray
    targets: Runs | None
    noise: Noise | None
    results: tuple[CandidateResult, ...]
    left_out: tuple[str, ...] = ()

    def __getitem__(self, name: str) -> CandidateResult:
        """The result of a candidate."""
        for result in self.results:
            if result.name == name:
                return result
        raise KeyError(f"unknown candidate {name!r}; choose from {[r.name for r in self.results]}")

    @property
    def runs(self) -> Runs:
        """The runs, without copies.

        Raises:
            ValueError: there are several groups or responses.
        """
        if len(self.parts) > 1:
            raise ValueError(f"runs: expected one group and response, got {len(self.parts)} parts")
        return self.parts[0].runs

    @property
    def observed(self) -> np.ndarray:
        """The responses of the runs, ``(run,)``."""
        return np.concatenate([part.runs.loss for part in self.parts])

    @property
    def part(self) -> np.ndarray:
        """Index of the part of each run, ``(run,)``."""
        return np.repeat(np.arange(len(self.parts)), [len(part.runs) for part in self.parts])

    @property
    def is_relative(self) -> bool:
        """Whether errors are relative, for the link ``"log"``; otherwise they are absolute."""
        return self.parts[0].runs.link.name == "log"

    @property
    def num_fitted(self) -> np.ndarray:
        """Runs up to each limit, ``(limit,)``."""
        return self.fitted.sum(axis=1)

    @property
    def inner(self) -> np.ndarray:
        """The inner hold-outs of each limit, which choose the best candidate, ``(limit, run)``."""
        return inner_of(self.limits, self.values, self.held_out)

    @cached_property
    def leaderboard(self) -> tuple[LeaderboardRow, ...]:
        """Candidates, ordered by the number of limits with an error, then by their inner errors."""
        return ranked(self.results, np.asarray(self.inner.any(axis=1)), self.probability)

    def probability(self, name: str, other: str) -> float:
        """Probability that one candidate's inner error is lower than another's.

        By a paired bootstrap over the held-out cells, one for each group and value of
        :attr:`along`; see :func:`probability_lower`.
        """
        own, another = (np.abs(self.misses(one)) for one in (name, other))
        groups = [repr(sorted(part.group.items())) for part in self.parts]
        _, group = np.unique(groups, return_inverse=True)
        _, value = np.unique(grouped(self.values), return_inverse=True)
        cell = group[self.part] * (int(value.max()) + 1) + value
        inner = self.inner if self.inner.any() else np.broadcast_to(self.held_out, own.shape)
        return probability_lower(own, another, inner, cell)

    def misses(self, name: str) -> np.ndarray:
        """Signed errors of a candidate at all runs, ``(limit, run)``."""
        return misses(self[name].predicted, self.observed, relative=self.is_relative)

    @property
    def undecided(self) -> tuple[str, ...]:
        """The best candidate, followed by those that may be equally good or better.

        These are the candidates for which the probability that the best one has the lower error is
        below 0.9. Empty if there are none.
        """
        first, *others = self.leaderboard
        near = [row.name for row in others if row.complete and row.probability < SURE]
        return (first.name, *near) if near and first.complete else ()

    @property
    def best(self) -> CandidateResult:
        """The best candidate on these runs, chosen by the inner hold-outs.

        Raises:
            ValueError: no candidate has an error at every limit.
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
        """A candidate's mean error at each value of :attr:`along` (Fig. 1a).

        Args:
            name: name of the candidate.
            limit: index of the limit up to which it is fitted.

        Returns:
            The distinct values (those within 2 % count as one), ascending, and the mean error of
            the runs at each.
        """
        miss = np.abs(self.misses(name)[limit])
        groups = grouped(self.values)
        distinct, index, counts = np.unique(groups, return_inverse=True, return_counts=True)
        return distinct, np.bincount(index, miss) / counts

    def target_length(self) -> np.ndarray:
        """Distance of each target outside the runs, in e-folds of the inputs, ``(target,)``."""
        if self.targets is None:
            return np.zeros(0)
        return distance_beyond(self.runs, flat_inputs(self.targets, self.targets.inputs))

    def table(self) -> Table:
        """One row per candidate and limit."""
        results, num = self.results, len(self.limits)
        of_limit = {"limit": self.limits, "num_fitted": self.num_fitted}
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

    def by_part(self) -> Table:
        """Errors and R² on the held-out runs of each group and response, from the last limit."""
        return part_table(self, [row.name for row in self.leaderboard])

    def to_dict(self) -> dict[str, Any]:
        """``rows``, ``leaderboard``, ``parts``, ``targets``, ``warnings``, for JSON."""
        first = self.leaderboard[0]
        num_targets = 0 if self.targets is None else len(self.targets)
        after = [
            or_null(own.target_predicted[:-1, i])
            for own in self.results
            for i in range(num_targets)
        ]
        targets = target_table(self).records() if num_targets else []
        return {
            "along": self.along,
            "num_runs": len(self.values),
            "num_held_out": int(self.held_out.sum()),
            "held_out_from": float(self.values[self.held_out].min()),
            "errors": "relative" if self.is_relative else "absolute",
            "rows": self.table().records(),
            "leaderboard": ranking_table(self).records(),
            "best": first.name if first.complete else None,
            "undecided": list(self.undecided),
            "parts": self.by_part().records() if len(self.parts) > 1 else [],
            "targets": [{**o, "after_limits": a} for o, a in zip(targets, after, strict=True)],
            "noise": None if self.noise is None else self.noise.pooled,
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The leaderboard, the errors by limit, the verdict, and the targets."""
        errors = (title(self), ranking_table(self), limit_table(self))
        summary = Headline(verdict(self))
        if len(self.parts) > 1:
            first = self.leaderboard[0].name
            about = f"by group and response: {first} on the held-out runs"
            parts = part_table(self, [first])
            return *errors, warned(summary, self.warnings), about, parts
        if self.targets is None:
            return *errors, warned(summary, self.warnings)
        about = "targets, from fits to all runs: predicted against observed loss"
        return *errors, summary, about, targets_by_candidate(self, self.targets)

    def __repr__(self) -> str:
        first = self.leaderboard[0]
        best = f"best {first.name!r}" if first.complete else "none best"
        return (
            f"Extrapolation({len(self.results)} candidates, {len(self.limits)} limits along "
            f"{self.along}, {best})"
        )
