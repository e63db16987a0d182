"""``AnnealedLosses``: the losses that runs would have reached if annealed earlier."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curve_fitting.schedule_ends import EndLosses, ScheduleEnd, end_draws, end_losses
from farseer_jax.curves.decay_shapes import DecayShape
from farseer_jax.curves.schedule import Schedule
from farseer_jax.forecasting.forecast_table import interval_texts, number_format
from farseer_jax.results.files import write_text
from farseer_jax.results.numbers import level_text, percent_text, quantity_text
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.columns import Columns

RowsOfRun: TypeAlias = Literal["last", "doubling"]
AT_PEAK = 0.9  # of the peak: below it the decay has begun
_COUNTS = ("N", "D", "U")


@dataclass(frozen=True, eq=False, repr=False)
class AnnealedLosses(Result):
    """The loss that each run would have reached if it had been annealed from earlier steps.

    Rows of one run share its seed, its data and the misfit of the law along its curve, so they are
    not independent runs. :meth:`to_columns` and :meth:`to_csv` return a few of them, with standard
    errors, as a table for fits of scaling laws.

    Attributes:
        fit: the fitted law of the curves.
        over: the length of each anneal, in steps or, below 1, as a fraction.
        shape: of the decays.
        final: the learning rate at the end of each anneal.
        same_steps: whether anneals end, rather than begin, at a logged step.
        level: nominal coverage of the intervals.
        curve: the curve of each row, ``(row,)``.
        step: at which its anneal begins, ``(row,)``.
        final_step: at which it ends, ``(row,)``.
        loss: the median of the loss there, ``(row,)``.
        lower: ends of its interval, ``(row,)``.
        upper: ``(row,)``.
        sd: standard deviation of ln loss, ``(row,)``.
        D: tokens up to the end, ``(row,)``; None if the tokens per step are not known.
        warnings: reasons to doubt the losses, worst first.

    Example:
        >>> from farseer_jax import anneal_curves, example_curves, fit_curves
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> found = anneal_curves(fit, points=3, tokens_per_step=500_000)
        >>> table = found.to_columns("last")
        >>> list(table), table.num_rows
        (['curve', 'N', 'annealed_from', 'annealed_to', 'D', 'loss', 'loss_se'], 3)
    """

    fit: CurveFit
    over: float
    shape: DecayShape
    final: float
    same_steps: bool
    level: float
    curve: tuple[str, ...]
    step: np.ndarray
    final_step: np.ndarray
    loss: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sd: np.ndarray
    D: np.ndarray | None = None
    warnings: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.loss)

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """The inputs of the curve of each row, such as N, by name, ``(row,)`` each."""
        names = self.fit.curves[0].inputs
        return {
            name: np.array([self.fit.curves[own].inputs[name] for own in self.curve])
            for name in names
        }

    @property
    def at_peak(self) -> np.ndarray:
        """Whether the rate is still at its peak where the anneal begins, ``(row,)``."""
        schedules = [self.fit.curves[name].schedule for name in self.curve]
        rates = [own.at(step) / own.peak for own, step in zip(schedules, self.step, strict=True)]
        return np.array(rates) >= AT_PEAK

    def draws(self, num: int = 1000, seed: int = 0) -> np.ndarray:
        """Joint draws of the losses, which keep the correlations between rows.

        Args:
            num: number of draws.
            seed: of the random numbers.

        Returns:
            ``(draw, row)``.
        """
        ends = [
            ScheduleEnd(own, self.schedule(row), self.fit.curves[own].inputs)
            for row, own in enumerate(self.curve)
        ]
        return end_draws(self.fit, ends, num, seed)

    def schedule(self, row: int) -> Schedule:
        """The learning-rate schedule of a row, up to the end of its anneal."""
        start, end = int(self.step[row]), int(self.final_step[row])
        own = self.fit.curves[self.curve[row]].schedule
        return own.with_decay(start, end - start, shape=self.shape, final=self.final)

    def from_steps(self, curve: str, steps: np.ndarray) -> tuple[EndLosses, np.ndarray]:
        """The losses of a curve annealed from other steps, and the steps at which they end.

        Args:
            curve: its name.
            steps: at which the anneals begin, ``(step,)``; between those of the rows.
        """
        own = self.fit.curves[curve]
        lengths = [self._length_from(int(step)) for step in steps]
        decay: Any = {"shape": self.shape, "final": self.final}
        ends = [
            ScheduleEnd(curve, own.schedule.with_decay(int(step), num, **decay), own.inputs)
            for step, num in zip(steps, lengths, strict=True)
        ]
        return end_losses(self.fit, ends, self.level), np.asarray(steps) + lengths

    def _length_from(self, step: int) -> int:
        """The steps of an anneal that begins at a step."""
        if self.over >= 1:
            return int(self.over)
        share = self.over / (1.0 - self.over) if self.same_steps else self.over
        return max(round(share * step), 1)

    def to_columns(self, rows: RowsOfRun = "doubling") -> Columns:
        """A table for fits and forecasts: inputs, D if known, loss and its standard error.

        It includes only anneals that begin at (nearly) the peak learning rate, because others are
        not shorter runs of the same kind.

        Args:
            rows: of each run, ``"last"`` for the last one, or ``"doubling"`` for the last one and
                one for each halving of its steps.

        Raises:
            ValueError: ``rows`` is another word, or no anneal begins at the peak.
        """
        kept = self._rows(rows)
        columns = {
            "curve": np.array(self.curve, dtype=object),
            **self.inputs,
            "annealed_from": self.step,
            "annealed_to": self.final_step,
            **({} if self.D is None else {"D": self.D}),
            "loss": self.loss,
            "loss_se": self.loss * self.sd,
        }
        own = {name: values[kept] for name, values in columns.items()}
        return Columns(own, notes=self._notes(kept))

    def to_runs(self, rows: RowsOfRun = "doubling") -> Runs:
        """The rows of :meth:`to_columns` as runs, weighted by their standard errors.

        Raises:
            ValueError: the tokens per step, or N, are not known.
        """
        if self.D is None or "N" not in self.inputs:
            lacking = "tokens_per_step=…" if self.D is None else "N among the inputs of the curves"
            raise ValueError(f"runs need N and D: give {lacking}")
        table = self.to_columns(rows)
        extra = {name: table[name] for name in ("curve", "annealed_from", "annealed_to", "loss_se")}
        inputs = {name: table[name] for name in self.inputs if name != "N"}
        return Runs(
            table["N"],
            table["D"],
            table["loss"],
            extra=extra | inputs,
            weights=self.sd[self._rows(rows)] ** -2.0,
            notes=table.notes,
        )

    def to_csv(self, path: str | Path, rows: RowsOfRun = "doubling") -> None:
        """Write the rows of :meth:`to_columns` as a CSV file.

        Raises:
            OSError: the file cannot be written; an existing file stays intact.
        """
        import pandas as pd

        write_text(path, pd.DataFrame(dict(self.to_columns(rows))).to_csv(index=False))

    def table(self) -> Table:
        """One row per curve and step."""
        number = number_format(0.5 * (self.upper - self.lower))
        ends = interval_texts(self.lower, self.upper, number)
        tokens = [] if self.D is None else [Column("D", self.D, quantity_text)]
        return Table(
            [
                Column("curve", self.curve, left=True),
                *(
                    Column(name, own, quantity_text if name in _COUNTS else number_format(own))
                    for name, own in self.inputs.items()
                ),
                Column("step", self.step, "{:,}".format, heading="annealed from"),
                Column("final_step", self.final_step, "{:,}".format, heading="final step"),
                *tokens,
                Column("loss", self.loss, number),
                Column("lower", self.lower, None),
                Column("upper", self.upper, None),
                Column("ends", ends, heading=level_text(self.level), in_data=False),
                Column("sd", self.sd, percent_text, heading="± (sd)", secondary=True),
            ],
            noun="anneals",
        )

    def text_parts(self) -> Sequence[str | Table]:
        """What was annealed, warnings, and the losses."""
        length = f"{self.over:.3g} of the steps" if self.over < 1 else f"{int(self.over):,} steps"
        runs = len(set(self.curve))
        where = "up to" if self.same_steps else "from"
        counts = Counter(self.curve).values()
        most = max(counts)
        at_most = "" if min(counts) == most else "up to "
        text = (
            f"Losses of {runs} run{'s'[: runs != 1]}, annealed {where} {at_most}{most} "
            f"step{'s'[: most != 1]} each: {self.shape} decay to a rate of {self.final:g} "
            f"over {length}"
        )
        return [Headline(text), *_warned(self.warnings), self.table()]

    def with_warnings(self, warnings: Sequence[str]) -> Self:
        """The same losses with these warnings."""
        return replace(self, warnings=tuple(warnings))

    def __repr__(self) -> str:
        return f"AnnealedLosses({len(self)} anneals of {len(set(self.curve))} curves)"

    def _rows(self, rows: RowsOfRun) -> np.ndarray:
        if rows not in ("last", "doubling"):
            raise ValueError(f'rows: expected "last" or "doubling", got {rows!r}')
        kept = []
        for name in dict.fromkeys(self.curve):
            own = np.flatnonzero((np.array(self.curve, dtype=object) == name) & self.at_peak)
            next_at = np.inf
            for row in own[np.argsort(-self.final_step[own])]:
                if self.final_step[row] <= next_at:
                    kept.append(row)
                    next_at = 0.5 * self.final_step[row] if rows == "doubling" else -1
        if not kept:
            raise ValueError(
                "no anneal begins at the peak learning rate, so none of the losses is that of a "
                "shorter run of the same kind; add a curve with a stable phase"
            )
        return np.array(sorted(kept))

    def _notes(self, kept: np.ndarray) -> tuple[str, ...]:
        runs = len({self.curve[row] for row in kept})
        notes = [
            f"the annealed losses are predictions of the law {self.fit.law.name}, not observations"
        ]
        left = int((~self.at_peak).sum())
        if left:
            notes.append(
                "anneals that begin after the learning rate has decayed are left out "
                f"({left} of {len(self)})"
            )
        if len(kept) > runs:
            notes.append(
                f"{len(kept)} rows of {runs} run{'s'[: runs != 1]}: rows of one run share its "
                "errors and are not independent runs"
            )
        return tuple(notes)


def _warned(warnings: Sequence[str]) -> list[str]:
    return [warned("", warnings).strip()] if warnings else []
