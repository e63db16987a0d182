"""The runs that judge the members of a forecast: all, or a random part of very many.

Hold-outs weigh the members and widen their intervals; nothing else rests on them. Tens of thousands
of runs settle both, so that of more a part serves, drawn with a fixed seed. It is stratified by
size: the runs are drawn evenly in the order of their sizes, and many from each hold-out.
"""

from typing import Final

import numpy as np

from farseer_jax.forecasting.rolling_limits import RollingLimits

MOST: Final = 65_536  # runs that judge members
_FROM_EACH = 2_048  # hold-out at least, or all of its runs


def judging_runs(along: np.ndarray, rolling: RollingLimits) -> np.ndarray | None:
    """Which runs judge the members; None for all.

    Args:
        along: the coordinate that orders the runs, such as ln N, ``(run,)``.
        rolling: the hold-outs.

    Returns:
        Their places, ascending.

    Example:
        >>> from farseer_jax.forecasting.rolling_limits import rolling_limits
        >>> along = np.log(np.repeat([1e8, 2e8, 4e8, 8e8], [90_000, 5_000, 5_000, 1_000]))
        >>> rows = judging_runs(along, rolling_limits(along))
        >>> np.unique(along[rows], return_counts=True)[1]
        array([58399,  3244,  3244,  1000])
    """
    num = len(along)
    if num <= MOST or not len(rolling.limit):
        return None
    ties = np.random.default_rng(0).random(num)
    band = rolling.fitted.sum(axis=0)  # in how many hold-outs a run is among the smaller ones
    chosen = []
    for own in (np.flatnonzero(band == k) for k in range(len(rolling.limit) + 1)):
        count = min(len(own), max(round(MOST * len(own) / num), _FROM_EACH))
        ordered = own[np.lexsort([ties[own], along[own]])]
        chosen.append(ordered[np.linspace(0, len(own) - 1, count).astype(int)])
    return np.sort(np.concatenate(chosen))
