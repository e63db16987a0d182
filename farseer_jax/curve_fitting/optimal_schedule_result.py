"""``OptimalSchedule``: the best schedule of each family, the best free one, and their losses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.schedule import Schedule
from farseer_jax.forecasting.forecast_table import interval_texts, number_format
from farseer_jax.results.numbers import level_text, quantity_text
from farseer_jax.results.result import Headline, Result, warned
from farseer_jax.results.table import Column, Table
from farseer_jax.tables.columns import Columns

_COUNTS = ("N", "D", "U")
_LEAST_SHOWN = 1e-3  # half an interval: four decimals are enough for a loss
_SIMPLEST_FIRST = (
    "linear", "cosine", "wsd linear", "wsd cosine", "wsd sqrt", "wsd exponential", "multi-step",
    "free",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ScheduleCandidate:
    """The best schedule of a family, or a reference schedule.

    Attributes:
        family: its name, such as ``"wsd linear"``, ``"free"`` or ``"constant"``.
        schedule: the schedule.
        loss: the median of the final loss.
        lower: ends of its interval.
        upper: likewise.
        minus_best: its loss minus the lowest of all.
        minus_best_ends: ends of the interval of this difference, from joint draws for one run
            under either schedule.
        minus_cosine: its loss minus that of a cosine to a tenth of the peak.
        minus_cosine_ends: ends of the interval of this difference.
        minus_constant: its loss minus that of a constant rate.
        minus_constant_ends: ends of the interval of this difference.
        is_reference: whether it is a reference that others are compared with.

    Example:
        >>> from farseer_jax import example_curves, fit_curves, optimise_schedule
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> best = optimise_schedule(fit, 4_000, family="cosine").best
        >>> best.family, best.schedule.name
        ('cosine', 'cosine')
    """

    family: str
    schedule: Schedule
    loss: float
    lower: float
    upper: float
    minus_best: float
    minus_best_ends: tuple[float, float]
    minus_cosine: float
    minus_cosine_ends: tuple[float, float]
    minus_constant: float
    minus_constant_ends: tuple[float, float]
    is_reference: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class OptimalSchedule(Result):
    """The best schedule of each family, the best free one, and their final losses.

    Attributes:
        fit: the fitted law of curves.
        steps: the number of steps of all schedules.
        peak: the highest learning rate.
        warmup: steps of warmup.
        inputs: what is constant along the run, such as N.
        level: nominal coverage of the intervals.
        candidates: the schedules, lowest loss first.
        gap: the Karush–Kuhn–Tucker residual of the free schedule, in units of the loss: to first
            order, the most that another non-increasing schedule could gain; None if no free
            schedule was searched.
        converged: whether the search of the free schedule stopped at a minimum, or None.
        num_iterations: of that search.
        warnings: where the best schedule goes beyond the curves, and other reasons for doubt.

    Example:
        >>> from farseer_jax import example_curves, fit_curves, optimise_schedule
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> found = optimise_schedule(fit, 4_000, family=["cosine", "wsd", "free"])
        >>> found.best.family, found["cosine"].loss > found.best.loss
        ('free', True)
        >>> found.recommended.family  # as good, and simpler
        'wsd linear'
        >>> table = found.to_columns()  # of this schedule
        >>> list(table), table.num_rows
        (['step', 'lr'], 4000)
    """

    fit: CurveFit
    steps: int
    peak: float
    warmup: int
    inputs: Mapping[str, float]
    level: float
    candidates: tuple[ScheduleCandidate, ...]
    gap: float | None = None
    converged: bool | None = None
    num_iterations: int = 0
    warnings: tuple[str, ...] = field(default=())

    @property
    def best(self) -> ScheduleCandidate:
        """The candidate with the lowest final loss, excluding references."""
        return next(own for own in self.candidates if not own.is_reference)

    @property
    def ties(self) -> tuple[ScheduleCandidate, ...]:
        """Those that cannot be told from the best, which is one of them, least loss first.

        The interval of their difference from the best contains 0, or it is smaller than the
        spread of the losses of runs that differ in their seed (``fit.errors.offset``).
        """
        spread = self.fit.errors.offset * self.best.loss
        return tuple(
            own
            for own in self.candidates
            if not own.is_reference and (own.minus_best <= spread or own.minus_best_ends[0] <= 0.0)
        )

    @property
    def recommended(self) -> ScheduleCandidate:
        """The simplest of those that cannot be told from the best."""
        return min(self.ties, key=lambda own: _SIMPLEST_FIRST.index(own.family))

    @property
    def schedule(self) -> Schedule:
        """The recommended schedule."""
        return self.recommended.schedule

    @property
    def families(self) -> tuple[str, ...]:
        """The names of the candidates, lowest loss first."""
        return tuple(own.family for own in self.candidates)

    def __getitem__(self, family: str) -> ScheduleCandidate:
        """The candidate of a family.

        Raises:
            KeyError: there is none.
        """
        for own in self.candidates:
            if own.family == family:
                return own
        raise KeyError(f"{family!r}: the schedules are {', '.join(self.families)}")

    def path(self, family: str, steps: np.ndarray) -> np.ndarray:
        """The predicted loss at some steps of a candidate's schedule, ``(step,)``."""
        inputs: dict[str, Any] = dict(self.inputs)
        return self.fit.predict(self[family].schedule, steps, **inputs)

    def to_columns(self, family: str | None = None) -> Columns:
        """The steps and learning rates of a candidate's schedule, as a table.

        Args:
            family: of the candidate; None takes the recommended one.
        """
        own = self.recommended if family is None else self[family]
        steps = np.arange(1, own.schedule.steps + 1)
        return Columns({"step": steps, "lr": own.schedule.rates})

    def table(self) -> Table:
        """One row per candidate, lowest loss first."""
        own = self.candidates
        low, high = (np.array([getattr(x, name) for x in own]) for name in ("lower", "upper"))
        number = number_format(0.5 * (high - low))
        return Table(
            [
                Column("family", self.families, left=True),
                Column("loss", [x.loss for x in own], number),
                Column("lower", low, None),
                Column("upper", high, None),
                Column(
                    "ends", interval_texts(low, high, number), heading=level_text(self.level),
                    in_data=False,
                ),
                *self._differences("best", "difference from best"),
                *self._differences("cosine", "difference from cosine to 10 %"),
                *self._differences("constant"),
                Column("is_recommended", [x is self.recommended for x in own], None),
                Column("is_reference", [x.is_reference for x in own], None),
                Column("schedule", [str(x.schedule) for x in own], left=True),
            ],
            noun="schedules",
            best=(self.candidates.index(self.recommended),),
        )  # fmt: skip

    def text_parts(self) -> Sequence[str | Table]:
        """The answer, warnings, the schedules, and the state of the search for the free one."""
        inputs = "".join(
            f", {name} {quantity_text(value) if name in _COUNTS else f'{value:g}'}"
            for name, value in self.inputs.items()
        )
        own = self.recommended
        number = number_format(np.array([0.5 * (own.upper - own.lower)]))
        heading = Headline(
            f"Best schedule of {self.steps:,} steps at a peak of {self.peak:g}{inputs}: "
            f"{own.family}, final loss {number(own.loss)}{self._tied()}"
        )
        return [heading, *_warned(self.warnings), self.table(), *self._search()]

    def with_warnings(self, warnings: Sequence[str]) -> Self:
        """The same schedules with these warnings."""
        return replace(self, warnings=tuple(warnings))

    def __repr__(self) -> str:
        return f"OptimalSchedule({self.steps:,} steps: {', '.join(self.families)})"

    def _tied(self) -> str:
        """Which others cannot be told from the one that is recommended."""
        others = [own for own in self.ties if own is not self.recommended]
        if not others:
            return ""
        apart = max(abs(own.loss - self.recommended.loss) for own in others)
        *names, last = (own.family for own in others)
        listed = f"{', '.join(names)} and {last}" if names else last
        return f"; {listed}, within {_rounded_up(apart)}, cannot be told from it"

    def _differences(self, name: str, heading: str | None = None) -> list[Column]:
        """The differences from a schedule, with their intervals, which are printed if named."""
        values = np.array([getattr(own, f"minus_{name}") for own in self.candidates])
        ends = np.array([getattr(own, f"minus_{name}_ends") for own in self.candidates])
        number = number_format(np.maximum(0.5 * (ends[:, 1] - ends[:, 0]), _LEAST_SHOWN))
        texts = [
            "–" if a == b else f"{number(value)} ({number(a)} to {number(b)})"
            for value, (a, b) in zip(values, ends, strict=True)
        ]
        return [
            Column(f"minus_{name}", values, None),
            Column(f"minus_{name}_lower", ends[:, 0], None),
            Column(f"minus_{name}_upper", ends[:, 1], None),
            *([Column(f"{name}_text", texts, heading=heading, in_data=False)] if heading else []),
        ]

    def _search(self) -> list[str]:
        if self.gap is None:
            return []
        state = "converged" if self.converged else "stopped before it converged"
        return [
            f"free schedule: {state} after {self.num_iterations} iterations; to first order, no "
            f"other non-increasing schedule is better by more than {self.gap:.1g}"
        ]


def _rounded_up(difference: float) -> str:
    """A difference with one digit, not smaller than it is; at least 0.0001."""
    own = max(difference, 1e-4)
    decimals = max(-int(np.floor(np.log10(own))), 0)
    return f"{np.ceil(own * 10.0**decimals - 1e-6) / 10.0**decimals:g}"


def _warned(warnings: Sequence[str]) -> list[str]:
    return [warned("", warnings).strip()] if warnings else []
