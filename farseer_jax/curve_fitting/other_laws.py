"""Differences between two schedules according to the other laws of a fit."""

from collections.abc import Iterator, Mapping

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.schedule import Schedule

_AS_GOOD = 2.0  # times the hold-out error of the chosen law


def disagreeing_laws(
    fit: CurveFit,
    first: Schedule,
    second: Schedule,
    inputs: Mapping[str, float],
    ends: tuple[float, float],
) -> Iterator[str]:
    """A warning for each law with a similar hold-out error that disagrees with an interval.

    Args:
        fit: with the records of other laws.
        first: a schedule.
        second: the schedule whose final loss is compared with that of the first.
        inputs: quantities that are constant along both runs.
        ends: of the interval of the difference by the chosen law.
    """
    best = fit.records[0]
    for own in fit.records[1:]:
        if not own.rms <= _AS_GOOD * best.rms:
            continue
        law = own.fitted
        needed = type(law).inputs_of_curves()
        constant = {name: inputs[name] for name in needed}
        losses = [
            float(law.losses(schedule, np.array(schedule.steps), **constant)[0])
            for schedule in (first, second)
        ]
        difference = losses[1] - losses[0]
        if not ends[0] <= difference <= ends[1]:
            yield (
                f"the {own.law} law, whose hold-out error is {own.rms / best.rms:.2g} times as "
                f"large, gives a difference of {difference:+.3g}, outside the interval"
            )
