"""How far draws spread, and what a new run's noise adds."""

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.links import Link
from farseer_jax.resampling._setting import Setting
from farseer_jax.runs.noise import estimate_noise, shows_noise


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


def run_noise(fit: Fit, of: str, noise: float | None) -> float:
    """Standard deviation on the link's scale that a new run adds to the loss of a fit's law.

    Raises:
        ValueError: ``of`` is neither "mean" nor "run", or the noise is no such number, or it is not
            given and the runs do not show it.
    """
    if of not in ("mean", "run"):
        raise ValueError(f"of must be 'mean' or 'run', got {of!r}")
    if noise is not None and not 0.0 <= noise < np.inf:
        raise ValueError(f"noise must be finite and not negative, got {noise!r}")
    if of == "mean":
        return 0.0
    if noise is not None:
        return noise
    if not shows_noise(fit.runs):
        return Setting.of(fit).residual_spread
    try:
        return estimate_noise(fit.runs).pooled
    except ValueError as error:
        raise ValueError(f"of='run': {error}; give the noise, such as noise=5e-4") from None
