"""``compare_schedules``: the final losses of runs under other schedules."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.curve_fitting.other_laws import disagreeing_laws
from farseer_jax.curve_fitting.result import NEW_RUN, CurveFit
from farseer_jax.curve_fitting.schedule_ends import (
    ScheduleEnd,
    end_draws,
    end_losses,
)
from farseer_jax.curve_fitting.schedule_warnings import names_of, schedule_warnings, warmup_warning
from farseer_jax.curves.schedule import Schedule
from farseer_jax.forecasting.forecast_table import interval_texts, number_format
from farseer_jax.results.numbers import level_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table


@dataclass(frozen=True, eq=False, repr=False)
class ScheduleComparison(Result):
    """The predicted final losses of schedules, and their differences from the first.

    Differences come from joint draws. Errors that all schedules share cancel, so the differences
    are more certain than the losses.

    Attributes:
        schedules: the schedules.
        curves: the name of the fitted curve that each continues, empty for a new run,
            ``(schedule,)``.
        inputs: quantities that are constant along a new run, such as N.
        level: nominal coverage of intervals.
        loss: final losses (medians), ``(schedule,)``.
        lower: ends of their intervals, ``(schedule,)``.
        upper: likewise.
        difference: of the final loss from that of the first schedule, ``(schedule,)``.
        difference_lower: ends of their intervals, ``(schedule,)``.
        difference_upper: likewise.
        warnings: reasons to doubt the losses, worst first.

    Example:
        >>> from farseer_jax import Schedule, compare_schedules, example_curves, fit_curves
        >>> fit = fit_curves(example_curves(), "multi-power")
        >>> cosine = Schedule.cosine(24_000, 3e-4, final=3e-5, warmup=2_000)
        >>> wsd = Schedule.wsd(24_000, 3e-4, final=3e-5, warmup=2_000)
        >>> found = compare_schedules(fit, [cosine, wsd])
        >>> bool(found.difference_lower[1] < found.difference[1] < found.difference_upper[1])
        True
    """

    schedules: tuple[Schedule, ...]
    curves: tuple[str, ...]
    inputs: dict[str, float]
    level: float
    loss: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    difference: np.ndarray
    difference_lower: np.ndarray
    difference_upper: np.ndarray
    warnings: tuple[str, ...] = ()

    def table(self) -> Table:
        """One row per schedule."""
        level, several = level_text(self.level), len(self.loss) > 1
        number = number_format(0.5 * (self.upper - self.lower))
        ends = interval_texts(self.lower, self.upper, number)
        return Table(
            [
                Column("schedule", [str(own) for own in self.schedules], left=True),
                Column("curve", self.curves, str if any(self.curves) else None, "continues"),
                Column("steps", [own.steps for own in self.schedules], None),
                Column("loss", self.loss, number, "final loss"),
                Column("lower", self.lower, None),
                Column("upper", self.upper, None),
                Column("ends", ends, heading=level, in_data=False),
                Column("difference", self.difference, None),
                Column("difference_lower", self.difference_lower, None),
                Column("difference_upper", self.difference_upper, None),
                Column(
                    "change",
                    self._changes(),
                    str if several else None,
                    f"difference from first, {level}",
                    in_data=False,
                ),
            ],
            noun="schedules",
            best=(int(np.argmin(self.loss)),) if several else (),
        )

    def text_parts(self) -> Sequence[str | Table]:
        """The losses, and warnings."""
        return [self.table(), *([warned("", self.warnings).strip()] if self.warnings else [])]

    def _changes(self) -> list[str]:
        """Differences with their intervals, empty for the first."""
        ends = self.difference_lower, self.difference_upper
        number = number_format(0.5 * (ends[1] - ends[0]))
        rows = zip(self.difference, *ends, strict=True)
        texts = ["{} ({} to {})".format(*map(_signed, map(number, own))) for own in rows]
        return ["–", *texts[1:]]

    def __repr__(self) -> str:
        return f"ScheduleComparison({len(self.schedules)} schedules)"


def compare_schedules(
    fit: CurveFit,
    schedules: Sequence[Schedule],
    *,
    curves: Sequence[str | None] | None = None,
    level: float | None = None,
    num_draws: int = 1000,
    seed: int = 0,
    **inputs: float,
) -> ScheduleComparison:
    """The loss at the end of each schedule, and its difference from that of the first.

    Schedules should have the warmup of the curves: a difference is warned about, as are rates,
    peaks and decays beyond those of the curves.

    Args:
        fit: from :func:`fit_curves`.
        schedules: of runs that were not trained, or that continue a run.
        curves: the fitted curve that each schedule continues or branches from; None for a new run.
        level: nominal coverage; that of the fit unless given.
        num_draws: number of joint draws for the intervals of differences.
        seed: of these draws.
        inputs: quantities that are constant along a new run, such as N.

    Raises:
        TypeError: an input is missing or unknown.
        ValueError: no schedule was given, or a curve is unknown.

    Example:
        >>> from farseer_jax import Schedule, compare_schedules, example_curves, fit_curves
        >>> curves = example_curves()
        >>> steady = curves["constant"].schedule
        >>> annealed = steady.with_decay(20_000, 4_000)
        >>> found = compare_schedules(
        ...     fit_curves(curves, "annealing"), [steady, annealed], curves=["constant"] * 2
        ... )
        >>> bool(found.difference_upper[1] < 0)
        True
    """
    labels = [NEW_RUN if own is None else own for own in curves or [None] * len(schedules)]
    if not schedules or len(labels) != len(schedules):
        raise ValueError(
            f"schedules: expected one for each curve, got {len(schedules)} schedules and "
            f"{len(labels)} curves"
        )
    level = fit.level if level is None else level
    ends = [
        ScheduleEnd(label, schedule, _constant(fit, label, inputs))
        for label, schedule in zip(labels, schedules, strict=True)
    ]
    losses = end_losses(fit, ends, level)
    draws = end_draws(fit, ends, num_draws, seed)
    named = names_of(schedules)
    tails = 0.5 * (1.0 - level)
    low, high = np.quantile(draws - draws[:, :1], [tails, 1.0 - tails], axis=0)
    others = [
        sentence
        for own, ends_of in zip(ends[1:], zip(low[1:], high[1:], strict=True), strict=True)
        for sentence in disagreeing_laws(fit, ends[0], own, ends_of)
    ]
    return ScheduleComparison(
        schedules=tuple(schedules),
        curves=tuple(labels),
        inputs=dict(inputs),
        level=level,
        loss=losses.loss,
        lower=losses.lower,
        upper=losses.upper,
        difference=losses.loss - losses.loss[0],
        difference_lower=low,
        difference_upper=high,
        warnings=(*schedule_warnings(fit, named), *warmup_warning(fit, named), *others),
    )


def _constant(fit: CurveFit, label: str, inputs: dict[str, float]) -> dict[str, float]:
    """The inputs of a run: those of its curve, or the given ones."""
    needed = type(fit.law).inputs_of_curves()
    for name in inputs:
        if name not in needed:
            raise TypeError(f"the law {fit.law.name} has no input {name}; leave it out")
    known = dict(fit.curves[label].inputs) if label else {}
    own = {**known, **inputs}
    missing = [name for name in needed if name not in own]
    if missing:
        raise TypeError(
            f"the law {fit.law.name} needs {' and '.join(missing)} of a new run: give it "
            f"({missing[0]}=…), or name the curve that the run continues"
        )
    return {name: own[name] for name in needed}


def _signed(text: str) -> str:
    return text if text.startswith("-") else f"+{text}"
