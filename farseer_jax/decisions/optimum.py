"""``Optimum``: the inputs that minimise a loss, what limits them, and their intervals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from farseer_jax.results.numbers import (
    level_text,
    loss_text,
    number_text,
    or_null,
    quantity_text,
)
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.uncertainty.intervals import Intervals

_MANY_COLUMNS = 4  # inputs from which on a single optimum is printed as a row for each
_ROUNDING = 1e-12  # a residual below which differs from machine to machine
_LARGE = ("N", "D", "U")  # printed with prefixes, such as 6.37 B


@dataclass(frozen=True, eq=False)
class LossProfile:
    """The loss along one input around an optimum.

    Attributes:
        input: the column.
        values: of the input, ``(step,)``.
        loss: with all other inputs at the optimum, and other shares in their proportions at the
            optimum, ``(step,)``; NaN where the constraint cannot be satisfied.
        is_log: whether the input is positive, for a logarithmic axis.
        adjusted: another input that changes as well to keep an active constraint active.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> along_N, along_D = fj.optimise(law, ["N", "D"], budget=1e22).profiles
        >>> along_N.input, along_N.adjusted, bool((along_N.loss > 2.13).all())
        ('N', 'D', True)
    """

    input: str
    values: np.ndarray
    loss: np.ndarray
    is_log: bool
    adjusted: str = ""


@dataclass(frozen=True, eq=False, repr=False)
class Optimum(Result):
    """The inputs that minimise the fitted loss at each point. Prints as a table.

    Attributes:
        law: name of the law.
        method: the fit's method; empty for a law without a fit.
        num_runs: number of runs; 0 for a law without a fit.
        over: the inputs that were optimised.
        response: name of the fitted column.
        maximise: whether it was maximised.
        given: the other inputs by column, ``(point,)``.
        cost: the cost that the budgets limit, as text; empty without one.
        budget: the budgets, ``(point,)``; None without a cost.
        constraints: further constraints, as text.
        ranges: lowest and highest value of the search for each number, and the reason as text.
        hulls: the region of the search for each mixture, as text.
        inputs: the optimum by column, ``(point,)``: numbers, shares, labels; NaN without a point
            that satisfies the constraints.
        loss: the loss there, ``(point,)``.
        limited_by: the constraints and bounds that are active at the optimum, for each point.
        multipliers: for each constraint the elasticity of the loss to its limit,
            −d ln L / d ln limit, ``(point,)``; 0 where it is not active.
        residual: the largest violation of the Karush–Kuhn–Tucker conditions, in relative loss per
            e-fold, ``(point,)``.
        num_starts: number of searches from points that satisfy the constraints, ``(point,)``.
        num_arrived: number of these that ended at this loss, ``(point,)``.
        inside_data: whether the point lies within the convex hull of the runs, ``(point,)``; None
            without runs.
        intervals: of each optimised column and of ``"loss"``, by a bootstrap; None without one.
        profiles: the loss around the optimum of the first point, along each input.
        warnings: reasons to doubt the optima, worst first.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
        >>> found = fj.optimise(law, ["N", "D"], budget=[1e21, 1e22])
        >>> bool((abs(6 * found.inputs["N"] * found.inputs["D"] / found.budget - 1) < 1e-9).all())
        True
    """

    law: str
    method: str
    num_runs: int
    over: tuple[str, ...]
    response: str
    maximise: bool
    given: Mapping[str, np.ndarray]
    cost: str
    budget: np.ndarray | None
    constraints: tuple[str, ...]
    ranges: Mapping[str, tuple[float, float, str]]
    hulls: Mapping[str, str]
    inputs: Mapping[str, np.ndarray]
    loss: np.ndarray
    limited_by: tuple[tuple[str, ...], ...]
    multipliers: Mapping[str, np.ndarray]
    residual: np.ndarray
    num_starts: np.ndarray
    num_arrived: np.ndarray
    inside_data: np.ndarray | None
    intervals: Mapping[str, Intervals] | None
    profiles: tuple[LossProfile, ...] = field(default=())
    warnings: tuple[str, ...] = field(default=())

    @property
    def level(self) -> float | None:
        """Nominal probability of the intervals; None without intervals."""
        return None if self.intervals is None else self.intervals["loss"].level

    @property
    def shares(self) -> tuple[str, ...]:
        """The columns of the mixtures that were optimised."""
        return tuple(name for name in self.inputs if name not in (*self.ranges, *self.over))

    def __len__(self) -> int:
        return len(self.loss)

    def table(self) -> Table:
        """One row per point."""
        known = [Column(name, own, partial(cell, name)) for name, own in self.given.items()]
        if self.budget is not None:
            known.append(Column("budget", self.budget, "{:.3g}".format))
        best = [Column(name, own, partial(cell, name)) for name, own in self.inputs.items()]
        inside = [None] * len(self) if self.inside_data is None else self.inside_data
        return Table(
            [
                *known,
                *best,
                Column("loss", self.loss, _or_dash(loss_text), heading=self.response),
                *self._ends(),
                Column(
                    "limited_by", [", ".join(own) or "–" for own in self.limited_by],
                    heading="limited by",
                ),
                Column("inside_data", inside, text=None),
                *(
                    Column(f"multiplier of {name}", own, text=None)
                    for name, own in self.multipliers.items()
                ),
                Column("residual", self.residual, text=None),
                Column("num_starts", self.num_starts, text=None),
                Column("num_arrived", self.num_arrived, text=None),
            ],
            noun="points",
        )  # fmt: skip

    def _ends(self) -> list[Column]:
        found = []
        for name, own in (self.intervals or {}).items():
            found.append(Column(f"{name}_lower", own.lower, text=None))
            found.append(Column(f"{name}_upper", own.upper, text=None))
        return found

    def by_input(self, point: int = 0) -> Table:
        """One optimum as a row for each input, with its interval.

        Args:
            point: which of the points.
        """
        names, shown = [*self.inputs, "loss"], [*self.inputs, self.response]
        values = [*(own[point] for own in self.inputs.values()), self.loss[point]]
        columns = [
            Column("input", shown, str, heading="", left=True),
            Column(
                "optimum", [_text(n, v) for n, v in zip(names, values, strict=True)], str,
            ),
        ]  # fmt: skip
        if self.intervals is not None:
            ends = [_interval_text(name, self.intervals.get(name), point) for name in names]
            columns.append(
                Column("interval", ends, str, f"{level_text(self.level or 0.9)} interval")
            )
        return Table(columns, noun="inputs")

    def to_dict(self) -> dict[str, Any]:
        """``optima`` (one entry per point) and their settings, for JSON; NaN is None."""
        return {
            "law": self.law,
            "method": self.method,
            "num_runs": self.num_runs,
            "over": list(self.over),
            "response": self.response,
            "maximise": self.maximise,
            "cost": self.cost,
            "constraints": list(self.constraints),
            "ranges": {name: [or_null(x) for x in own[:2]] for name, own in self.ranges.items()},
            "level": self.level,
            "optima": self.table().records(),
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """What was optimised, the optima, the region of the search, and the warnings."""
        runs = f", {self.num_runs} runs" if self.num_runs else ""
        by = f" by {self.method}" if self.method else ""
        limits = [*([f"{self.cost} <= budget"] if self.cost else []), *self.constraints]
        subject = f", subject to {' and '.join(limits)}" if limits else ""
        goal = f"{'greatest' if self.maximise else 'least'} {self.response}"
        title = f"{self.law} law{by}{runs}: {goal} over {', '.join(self.over)}{subject}"
        tables: tuple[Table, ...] = (self.table(),)
        if len(self) == 1 and (self.intervals is not None or len(self.inputs) >= _MANY_COLUMNS):
            tables = (self.by_input(), self._point())
        return (title, *tables, warned("\n".join(self._notes()), self.warnings))

    def _point(self) -> Table:
        """The single point without its inputs, which are rows."""
        table, shown = self.table(), {*self.inputs, "loss"}
        return Table([own for own in table.columns if own.name not in shown], noun="points")

    def _notes(self) -> list[str]:
        sought = [
            f"{name} from {_text(name, low)} to {_text(name, high)}{why}"
            for name, (low, high, why) in self.ranges.items()
            if why
        ]
        sought += [f"{name} within {words}" for name, words in self.hulls.items()]
        notes = [f"searched: {'; '.join(sought)}"] if sought else []
        known = np.isfinite(self.loss)
        if known.any():
            same = int(self.num_arrived[known].sum())
            worst = self.residual[known].max()
            size = f"below {_ROUNDING:g}" if worst < _ROUNDING else f"{worst:.1e}"
            notes.append(
                f"{same:,} of {int(self.num_starts[known].sum()):,} searches found this optimum; "
                f"residual of the optimality conditions {size}"
            )
        if self.intervals is not None:
            own = self.intervals["loss"]
            errors = f"\nerrors: {own.errors}" if own.errors else ""
            notes.append(
                f"{level_text(own.level)} interval: optima of the refits, {own.kind}, {own.note}, "
                f"{own.num_resamples:,} resamples ({own.scheme}, seed {own.seed}){errors}"
            )
        return notes

    def __repr__(self) -> str:
        return f"Optimum({self.law}, over {', '.join(self.over)}, {len(self)} points)"


def cell(name: str, value: Any) -> str:
    """A value of a column in a table."""
    return _text(name, value)


def _text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    if not np.isfinite(value):
        return "–"
    if name == "loss":
        return loss_text(value)
    if name in _LARGE:
        return quantity_text(value)
    return f"{value:.4f}" if 0.01 <= value < 1.0 else number_text(value, 4)


def _interval_text(name: str, own: Intervals | None, point: int) -> str:
    if own is None or not np.isfinite([own.lower[point], own.upper[point]]).all():
        return "–"
    return f"{_text(name, own.lower[point])} to {_text(name, own.upper[point])}"


def _or_dash(write: Any) -> Any:
    return lambda value: write(value) if np.isfinite(value) else "–"
