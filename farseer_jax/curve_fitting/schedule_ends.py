"""The losses at the ends of schedules, predicted in one batch."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.curve_fitting.points import inputs_at, joined
from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.schedule import Schedule


class ScheduleEnd(NamedTuple):
    """The end of a schedule.

    Attributes:
        curve: the label of the run: the errors are those of the fitted curve of this name, or of a
            new run if there is none.
        schedule: its schedule.
        constant: quantities that are constant along the run, such as N.
    """

    curve: str
    schedule: Schedule
    constant: Mapping[str, float]


class EndLosses(NamedTuple):
    """Losses at the ends of schedules, ``(end,)`` each.

    Attributes:
        loss: the median.
        lower: ends of the interval.
        upper: likewise.
        sd: standard deviation of ln loss.
    """

    loss: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    sd: np.ndarray


def end_losses(fit: CurveFit, ends: Sequence[ScheduleEnd], level: float) -> EndLosses:
    """The losses at the ends of schedules, with intervals.

    Args:
        fit: the fit.
        ends: the ends.
        level: nominal coverage of the intervals.
    """
    moments = fit.stack.moments(_inputs(fit, ends))
    low, high = fit.interval_of(moments, level)
    return EndLosses(np.exp(moments.mean), low, high, np.sqrt(moments.variance))


def end_draws(fit: CurveFit, ends: Sequence[ScheduleEnd], num: int, seed: int) -> np.ndarray:
    """Joint draws of the losses at the ends of schedules, without noise, ``(draw, end)``."""
    return np.exp(fit.stack.draws(_inputs(fit, ends), num, seed)[0])


def _inputs(fit: CurveFit, ends: Sequence[ScheduleEnd]) -> dict[str, np.ndarray]:
    needed = type(fit.law).inputs_of_curves()
    parts = [
        inputs_at(
            own.curve,
            own.schedule,
            own.schedule.steps,  # type: ignore[arg-type]
            {name: own.constant[name] for name in needed},
            fit.scale,
        )
        for own in ends
    ]
    return joined(parts)
