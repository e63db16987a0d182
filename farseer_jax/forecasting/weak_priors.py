"""Weak priors of the parameters of any law, for fits to few runs.

They are what a law's declarations and the scale of its response say: exponents lie where their
starts are drawn; a floor (a term that is the same at all inputs) is a part of the best response;
all other parameters may differ from their starts by many factors of e.
"""

from collections.abc import Mapping

import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.traced_loss import scaled_predictions
from farseer_jax.solvers.random_starts import Domain

FLOOR, FLOOR_SD = 0.6, 0.35  # of the least response, where it is positive
_FLOOR_LOG_SD = 0.5
_LOG_SD = 10.0  # of scales, which go with powers of inputs such as N = 1e9
_SD = 3.0  # of other numbers, over their start or 1


def weak_priors(
    law: type[Law],
    center: Center | None,
    inputs: Mapping[str, np.ndarray],
    response: np.ndarray,
    starts: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Means and standard deviations of a law's parameter vector, ``(parameter,)`` each.

    Args:
        law: the law's class.
        center: centre of the runs, for laws that depend on it.
        inputs: the law's inputs at the runs.
        response: of the runs, ``(run,)``.
        starts: parameter vectors near the runs, ``(start, parameter)``.
    """
    middle = np.median(starts, axis=0)
    mean, sd = middle.copy(), np.full(len(middle), _SD)
    is_log = np.isin(law.parameter_names(), law.log_parameters())
    slopes = _floor_slopes(law, center, inputs, starts[0], is_log)
    for place, domain in enumerate(law.domains().values()):
        if slopes[place]:
            mean[place], sd[place] = _floor(response, slopes[place], is_log[place])
        elif domain.start_range is not None and not is_log[place]:
            mean[place], sd[place] = _of_range(domain)
        elif is_log[place]:
            sd[place] = _LOG_SD
        elif np.isfinite(domain.lower) and np.isfinite(domain.upper):
            mean[place] = 0.5 * (domain.lower + domain.upper)
            sd[place] = (domain.upper - domain.lower) / 3.0
        else:
            sd[place] = _SD * max(1.0, abs(middle[place]))
    return mean, sd


def _floor_slopes(
    law: type[Law],
    center: Center | None,
    inputs: Mapping[str, np.ndarray],
    start: np.ndarray,
    is_log: np.ndarray,
) -> np.ndarray:
    """The factor of each parameter that adds the same at all inputs; else 0, ``(parameter,)``."""
    bound = scaled_predictions(law, Link("identity"), center).bind(inputs)
    vectors = np.stack([start, start + 0.1])
    with np.errstate(all="ignore"):
        slopes = bound.value_and_gradient(vectors)[1]
        slopes = np.where(is_log[:, None], slopes / np.exp(vectors)[:, :, None], slopes)
        largest = np.abs(slopes).max(axis=(0, 2))
        # along a category a floor is there in its own runs alone
        alike = (slopes == 0.0) | np.isclose(np.abs(slopes), largest[:, None], rtol=1e-9, atol=0.0)
        is_floor = alike.all(axis=(0, 2)) & np.isfinite(largest) & (largest > 0.0)
        return np.where(is_floor, np.sign(slopes.sum(axis=(0, 2))) * largest, 0.0)


def _floor(response: np.ndarray, slope: float, is_log: bool) -> tuple[float, float]:
    least = float(response.min())
    if least * slope > 0.0:
        size = abs(least / slope)
        floor, sd = (FLOOR, FLOOR_SD) if slope > 0.0 else (1.0 / FLOOR, 1.0)
        return (np.log(floor * size), _FLOOR_LOG_SD) if is_log else (floor * size, sd * size)
    size = max(float(np.ptp(response)), abs(least), 1e-300) / abs(slope)
    return (np.log(size), _SD) if is_log else (0.0, _SD * size)


def _of_range(domain: Domain) -> tuple[float, float]:
    """Moments of a log-uniform distribution over the range of starts; uniform if it holds 0."""
    assert domain.start_range is not None
    low, high = domain.start_range
    if low <= 0.0:
        return 0.5 * (low + high), (high - low) / np.sqrt(12.0)
    width = np.log(high / low)
    mean = (high - low) / width
    return mean, float(np.sqrt((high**2 - low**2) / (2.0 * width) - mean**2))
