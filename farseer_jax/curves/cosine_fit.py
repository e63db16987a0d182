"""Least-squares fit of a cosine to logged learning rates."""

from __future__ import annotations

from typing import Final

import numpy as np

from farseer_jax.curves.rate_log import Floats, RateLog
from farseer_jax.results.table import evenly

_LEAST_END: Final = 1.0 - 1e-3  # of the logged steps
_MOST_POINTS: Final = 300  # that a fit needs
_STARTS: Final = (1.0, 1.5, 3.0)  # last steps, by the last logged one


def cosine_warmup(log: RateLog) -> int | None:
    """The step at which the cosine of the logged rates begins; None if they are not a cosine."""
    found = fitted_cosine(log._replace(warmup=0), free_begin=True)
    return None if found is None or found[0] < 0 else round(found[0])


def fitted_cosine(log: RateLog, *, free_begin: bool = False) -> tuple[float, float] | None:
    """First and last step of the least-squares cosine; None if it does not fit."""
    from scipy.optimize import least_squares

    free = 4 if free_begin else 3
    span = float(log.at[-1] - log.warmup)
    if span <= 0 or len(log.at) < free or np.ptp(log.rates) == 0.0:
        return None
    some = evenly(len(log.at), _MOST_POINTS)
    at, rates = (log.at[some] - log.warmup) / span, log.rates[some] / log.rates.max()
    first, allowed = float(at[0]), log.loose * log.errors[some] / log.rates.max()
    weights = log.weights[some] / log.weights.max()

    def misfit(ends: Floats) -> Floats:
        columns = _half_cosine(at, first - ends[1] if free_begin else 0.0, ends[0])
        levels = np.linalg.lstsq(columns * weights[:, None], rates * weights)[0]
        return np.asarray((columns @ levels - rates) * weights)

    starts = ([own, 0.01] if free_begin else [own] for own in _STARTS)
    bounds = ([_LEAST_END, 0.0], [50.0, 1.0]) if free_begin else ([_LEAST_END], [50.0])
    solved = [
        least_squares(misfit, own, bounds=bounds, xtol=1e-15, ftol=1e-15, gtol=1e-15)
        for own in starts
    ]
    best = min(solved, key=lambda own: float(own.cost))
    if not (np.abs(best.fun) <= allowed * weights).all():
        return None
    begin = first - float(best.x[1]) if free_begin else 0.0
    return log.warmup + begin * span, log.warmup + float(best.x[0]) * span


def _half_cosine(at: Floats, begin: float, end: float) -> Floats:
    """The columns whose combination by peak and final rate is a cosine, ``(point, 2)``."""
    own = (1.0 + np.cos(np.pi * (at - begin) / (end - begin))) / 2.0
    return np.stack([own, 1.0 - own], axis=1)


def cosine_levels(log: RateLog, end: int) -> tuple[float, float]:
    """Peak and final rate of the cosine up to a step."""
    columns = _half_cosine(log.at, log.warmup, end)
    scale, weights = float(log.rates.max()), log.weights
    peak, final = (
        np.linalg.lstsq(columns * weights[:, None], log.rates * weights / scale)[0] * scale
    )
    return float(peak), float(final)
