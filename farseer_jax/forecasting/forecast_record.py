"""The earlier extrapolations of a forecast in a few numbers."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from farseer_jax.forecasting.result import Forecast


class RecordSummary(NamedTuple):
    """How the forecast predicted the larger runs from the smaller ones.

    Attributes:
        num_holdouts: how many times.
        num_runs: runs that were predicted, altogether.
        miss: root mean square over the hold-outs' misses, on the link's scale; NaN without any.
        inside: share of the runs in their interval; NaN without any.
    """

    num_holdouts: int
    num_runs: int
    miss: float
    inside: float


def record_summary(forecast: "Forecast") -> RecordSummary:
    """The record of the combined members, with intervals of the forecast's level."""
    from scipy.special import stdtrit

    record = forecast.record
    misses = record.miss
    if not len(misses):
        return RecordSummary(0, 0, float("nan"), float("nan"))
    reach = float(stdtrit(forecast.stack.degrees, 0.5 * (1.0 + forecast.level)))
    inside = np.abs(record.error) <= reach * record.sd
    miss = float(np.sqrt(np.mean(misses**2)))
    return RecordSummary(len(misses), len(inside), miss, float(inside.mean()))
