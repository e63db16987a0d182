"""What the other laws of a fit say of the difference between two schedules."""

from collections.abc import Iterator, Mapping

import numpy as np

from farseer_jax.curve_fitting.result import CurveFit
from farseer_jax.curves.schedule import Schedule

_AS_GOOD = 2.0  # times the misses of the law that was chosen


def disagreeing_laws(
    fit: CurveFit,
    first: Schedule,
    second: Schedule,
    inputs: Mapping[str, float],
    ends: tuple[float, float],
) -> Iterator[str]:
    """A warning for each law with misses of similar size whose difference lies outside an interval.

    Args:
        fit: with the records of other laws.
        first: a schedule.
        second: the schedule whose final loss is compared with that of the first.
        inputs: what is constant along both runs.
        ends: of the interval of the difference by the law that was chosen.
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
                f"the {own.law} law, whose misses on hold-outs are {own.rms / best.rms:.2g} times "
                f"as large, gives a difference of {difference:+.3g}, outside the interval"
            )
