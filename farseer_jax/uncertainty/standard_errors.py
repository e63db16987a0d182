"""Standard errors of draws, and deviations on a link's scale."""

import numpy as np

from farseer_jax.link_functions import Link


def perturbed(link: Link, responses: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Responses perturbed by deviations on a link's scale."""
    if link.name == "log":
        return np.asarray(responses * np.exp(deviation))
    return np.asarray(link.inverse(link.forward(responses) + deviation))


def standard_error(draws: np.ndarray, *, jackknife: bool = False) -> np.ndarray:
    """Standard error along the first axis; NaN draws are left out.

    Args:
        draws: ``(resample, …)``.
        jackknife: whether the draws are those of a jackknife, whose standard deviation is
            (n − 1)/√n times too small.
    """
    known = ~np.isnan(draws)
    num = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN for fewer than two draws
        mean = np.where(known, draws, 0.0).sum(axis=0) / num
        squares = np.sum(np.where(known, draws - mean, 0.0) ** 2, axis=0)
        spread = squares * (num - 1.0) / num if jackknife else squares / (num - 1.0)
        return np.sqrt(np.where(num > 1, spread, np.nan))


def log_standard_error(draws: np.ndarray) -> np.ndarray:
    """Standard error of the logarithm; draws that are not positive and finite are left out."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.log(draws)
    return standard_error(np.where(np.isfinite(values), values, np.nan))


def link_spread(link: Link, responses: np.ndarray, spread: float | np.ndarray) -> np.ndarray:
    """Convert a small deviation on a link's scale to one of the responses, ``(point,)``."""
    if link.name == "log":
        return np.asarray(spread * responses)
    return np.asarray(spread / link.slope(responses))
