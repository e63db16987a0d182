"""``ChoiceComparison``: how predictions change with an analyst's choices."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from farseer_jax.diagnostics.alternative_choices import GROUPS
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import capitalised, loss_text, or_null, percent_text, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.noise import Noise

_MAX_POINTS_SHOWN = 4
_LONG = 5  # rows above which a group is summarised
_SHOWN_OF_LONG = 3  # rows of such a group that are shown
_MARK = "◀"


@dataclass(frozen=True, eq=False)
class ChoiceResult:
    """One choice, and the predictions of a refit with it.

    Attributes:
        group: one of the ``groups`` of ``compare_choices``; empty for the fit itself.
        choice: the choice, in words.
        predicted: loss at each point, ``(point,)``; NaN without a refit.
        change: relative change, ``predicted / as fitted − 1``, ``(point,)``.
        mean_relative_error: mean relative error on the fitted runs; NaN without a refit.
        outcome: how the refit ended; None where the runs were refused.
        note: why there is no refit, or a remark on it; else empty.
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
        """Largest absolute change over the points; NaN without a refit."""
        return float(np.abs(self.change).max())


@dataclass(frozen=True, eq=False, repr=False)
class ChoiceComparison(Result):
    """Predictions of a fit and of refits with other choices. Prints as a table.

    Attributes:
        law: name of the law.
        method: the fit's method, in words.
        num_runs: number of fitted runs.
        N: parameters of the points, ``(point,)``.
        D: tokens of the points, ``(point,)``.
        rows: the fit itself first, then the choices group by group.
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
            raise KeyError(f"unknown group {group!r}; choose from {self.groups}")
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
        """The choice that changes a prediction most; the fit itself if there is no refit."""
        return max(self.rows, key=lambda row: row.largest_change if row.usable else -1.0)

    @property
    def range(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest change at each point, ``(point,)``; 0 is always included."""
        changes = np.array([row.change for row in self.rows if row.usable])
        return changes.min(axis=0), changes.max(axis=0)

    def table(self) -> Table:
        """One row per choice and point."""
        rows, num_points = self.rows, len(self.N)

        def each(values: Sequence[Any]) -> list[Any]:
            """Values of the choices, repeated at each of the points."""
            return [value for value in values for _ in range(num_points)]

        outcomes = [None if row.outcome is None else row.outcome.name for row in rows]
        return Table(
            [
                Column("group", each([row.group for row in rows])),
                Column("choice", each([row.choice for row in rows])),
                Column("N", np.tile(self.N, len(rows)), quantity_text),
                Column("D", np.tile(self.D, len(rows)), quantity_text),
                Column("predicted", np.concatenate([row.predicted for row in rows])),
                Column("change", np.concatenate([row.change for row in rows])),
                Column("mean_relative_error", each([row.mean_relative_error for row in rows])),
                Column("outcome", each(outcomes)),
                Column("note", each([row.note for row in rows])),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """``points``, ``choices`` (the fit first) and ``noise``, for JSON; NaN is None."""
        points = [{"N": N, "D": D} for N, D in zip(self.N.tolist(), self.D.tolist(), strict=True)]
        choices = [
            {
                "group": row.group,
                "choice": row.choice,
                "predicted": or_null(row.predicted),
                "change": or_null(row.change),
                "mean_relative_error": or_null(row.mean_relative_error),
                "outcome": None if row.outcome is None else row.outcome.name,
                "note": row.note,
            }
            for row in self.rows
        ]
        noise = None if self.noise is None else self.noise.pooled
        about = {"law": self.law, "method": self.method, "num_runs": self.num_runs}
        return {**about, "points": points, "choices": choices, "noise": noise}

    def text_parts(self) -> tuple[str | Table, ...]:
        """The choices by group, their spread, and notes on some of them."""
        points = [self._point(i) for i in range(self._num_shown)]
        is_alone = self._num_shown == 1
        sections = [self._section(group) for group in self.groups]
        lines = [self._first_line(), *(line for own, _ in sections for line in own)]
        headings = ["", *(["loss", "change"] if is_alone else points), "", "fitted error"]
        columns = [
            Column(f"{i}", list(cells), heading=headings[i], in_data=False, left=i == 0)
            for i, cells in enumerate(zip(*lines, strict=True))
        ]
        title = f"{capitalised(self.law)} law by {self.method}, {self.num_runs} runs"
        where = f"loss at {points[0]} by choice" if is_alone else "loss by choice"
        notes = [self._spread()]
        if (more := len(self.N) - self._num_shown) > 0:
            notes.append(f"… and {more} more point{'s' if more > 1 else ''}")
        notes += _notes([row for _, shown in sections for row in shown])
        notes.append(_ANSWER)
        return f"{title}: {where}", Table(columns, most=len(lines)), "\n".join(notes)

    @property
    def _num_shown(self) -> int:
        """Number of points that the text shows."""
        return min(len(self.N), _MAX_POINTS_SHOWN)

    def _point(self, i: int) -> str:
        return f"{quantity_text(self.N[i])}, {quantity_text(self.D[i])}"

    def _first_line(self) -> list[str]:
        reference = [loss_text(loss) for loss in self.reference.predicted[: self._num_shown]]
        blank = [""] * (2 if self._num_shown == 1 else 1)
        return ["as fitted", *reference, *blank, f"{self.reference.mean_relative_error:.3%}"]

    def _section(self, group: str) -> tuple[list[list[str]], list[ChoiceResult]]:
        """Lines of a group, after a blank one, and the rows that are shown in full."""
        rows, num_points = self[group], self._num_shown
        usable = sorted((row for row in rows if row.usable), key=lambda row: -row.largest_change)
        marked = usable[0] if len(usable) > 1 and usable[0].largest_change > 0 else None
        is_long = len(rows) > _LONG
        shown = usable[:_SHOWN_OF_LONG] if is_long else list(rows)
        title = f"{GROUPS[group]} ({len(rows)})" if is_long else GROUPS[group]
        blank = [""] * (num_points + (num_points == 1) + 2)
        lines = [["", *blank], [title, *blank]]
        lines += [_line(row, num_points, row is marked) for row in shown]
        if rest := usable[len(shown) :] if is_long else []:
            lines.append(_rest(rest, num_points))
        if is_long and (num_failed := len(rows) - len(usable)):
            lines.append([f"  {num_failed} without a refit", *blank])
            shown += [row for row in rows if not row.usable]
        return lines, shown

    def _spread(self) -> str:
        """The spread of the choices, compared with the noise of the runs."""
        low, high = self.range
        i = int((high - low).argmax())
        by = self.largest
        if by.largest_change == 0:
            return "No other choice changes a prediction."
        where = "" if len(self.N) == 1 else f" at {self._point(i)}"
        span = f"The choices span {low[i]:+.2%} to {high[i]:+.2%}{where}"
        most = f"most by {GROUPS[by.group]}: {by.choice}"
        if self.noise is None:
            return f"{span}; these runs do not show their run-to-run noise;\n{most}."
        times = (high[i] - low[i]) / self.noise.pooled
        noise = f"{self.noise.pooled:.3%}"
        many = f"{times:,.0f}" if times >= 10 else f"{times:.1f}"  # never as 1e+02
        return f"{span}, {many} times the run-to-run noise of these runs ({noise});\n{most}."

    def __repr__(self) -> str:
        return (
            f"ChoiceComparison({self.law}, {len(self.rows) - 1} choices, "
            f"largest change {self.largest.largest_change:.2%} by {self.largest.choice!r})"
        )


_ANSWER = "The range is not an interval; the answer with correlated errors: farseer forecast."


def _line(row: ChoiceResult, num_points: int, marked: bool) -> list[str]:
    cells = [percent_text(change, "+") for change in row.change[:num_points]]
    if num_points == 1:
        cells.insert(0, loss_text(row.predicted[0]) if row.usable else "–")
    error = row.mean_relative_error
    tail = [_MARK if marked else "", f"{error:.3%}" if np.isfinite(error) else "–"]
    return [f"  {row.choice}", *cells, *tail]


def _rest(rows: Sequence[ChoiceResult], num_points: int) -> list[str]:
    changes = np.array([row.change[:num_points] for row in rows])
    low, high = changes.min(axis=0), changes.max(axis=0)
    cells = [
        f"{percent_text(a, '+')} to {percent_text(b, '+')}" for a, b in zip(low, high, strict=True)
    ]
    others = f"  the other {len(rows)}" if len(rows) > 1 else "  the other"
    return [others, *([""] if num_points == 1 else []), *cells, "", ""]


def _notes(rows: Sequence[ChoiceResult]) -> list[str]:
    """The notes of the rows shown, each once."""
    choices_by_note: dict[str, list[str]] = {}
    for row in rows:
        if row.note:
            choices_by_note.setdefault(row.note, []).append(row.choice)
    return [f"{_some(choices)}: {note}" for note, choices in choices_by_note.items()]


def _some(choices: Sequence[str]) -> str:
    more = f" and {len(choices) - 3} more" if len(choices) > 3 else ""
    return ", ".join(choices[:3]) + more
