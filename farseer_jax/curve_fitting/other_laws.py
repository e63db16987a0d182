"""What the other laws of a fit predict for the difference between two schedules."""

from collections.abc import Iterator

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curve_fitting.schedule_ends import ScheduleEnd
from farseer_jax.curve_laws.law import CurveLaw

_AS_GOOD = 2.0  # times the hold-out error of the law that was chosen


def disagreeing_laws(
    fit: CurveFit, first: ScheduleEnd, second: ScheduleEnd, ends: tuple[float, float]
) -> Iterator[str]:
    """A warning for each law of similar hold-out error whose difference lies outside an interval.

    Args:
        fit: with the records of other laws.
        first: a schedule and its run.
        second: those whose final loss is compared with that of the first.
        ends: of the interval of the difference by the law that was chosen.
    """
    best = fit.records[0]
    for own in fit.records[1:]:
        if not own.rms <= _AS_GOOD * best.rms:
            continue
        difference = _final(own.fitted, second) - _final(own.fitted, first)
        if not ends[0] <= difference <= ends[1]:
            yield (
                f"the {own.law} law, whose hold-out error is {own.rms / best.rms:.2g} times as "
                f"large, predicts a difference of {difference:+.3g}, outside the interval"
            )


def _final(law: CurveLaw, end: ScheduleEnd) -> float:
    needed = type(law).inputs_of_curves()
    constant = {name: end.constant[name] for name in needed}
    return float(law.losses(end.schedule, np.array(end.schedule.steps), **constant)[0])
