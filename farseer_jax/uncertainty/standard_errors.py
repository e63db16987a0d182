"""Standard errors of draws, and deviations on a link's scale."""

import numpy as np

from farseer_jax.links import Link


def moved(link: Link, responses: np.ndarray, deviation: np.ndarray) -> np.ndarray:
    """Responses moved by deviations on a link's scale: times ``exp(deviation)`` of logarithms."""
    if link.name == "log":
        return np.asarray(responses * np.exp(deviation))
    return np.asarray(link.inverse(link.forward(responses) + deviation))


def standard_error(draws: np.ndarray, *, jackknife: bool = False) -> np.ndarray:
    """Standard error along the first axis, of the draws that are not NaN.

    Args:
        draws: ``(resample, …)``.
        jackknife: whether each draw leaves something out: such draws hardly differ, and their
            standard deviation is (n − 1)/√n times too small.
    """
    known = ~np.isnan(draws)
    num = known.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):  # NaN of less than two draws
        mean = np.where(known, draws, 0.0).sum(axis=0) / num
        squares = np.sum(np.where(known, draws - mean, 0.0) ** 2, axis=0)
        spread = squares * (num - 1.0) / num if jackknife else squares / (num - 1.0)
        return np.sqrt(np.where(num > 1, spread, np.nan))


def log_standard_error(draws: np.ndarray) -> np.ndarray:
    """Of the logarithm; draws that are not positive and finite are left out."""
    with np.errstate(invalid="ignore", divide="ignore"):
        values = np.log(draws)
    return standard_error(np.where(np.isfinite(values), values, np.nan))


def link_spread(link: Link, responses: np.ndarray, spread: float | np.ndarray) -> np.ndarray:
    """A small deviation on a link's scale as one of responses, ``(point,)``."""
    if link.name == "log":
        return np.asarray(spread * responses)
    return np.asarray(spread / link.slope(responses))
