"""One extrapolation with its hold-outs: predictions and standard errors after every cutoff."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from _coverage_schemes import Known, Scheme

import farseer_jax as fj
from farseer_jax._noise import Noise, estimate_noise
from farseer_jax.resampling._calibration import (
    Calibration,
    calibrate,
    rolling_weights,
)
from farseer_jax.resampling._combination import combine

Z_90 = 1.6448536269514722  # a normal deviate lies within this with probability 0.9


@dataclass(frozen=True)
class Extrapolations:
    """Fits up to each of some sizes, and the bootstrap of each.

    Attributes:
        runs: all runs.
        cutoffs: the largest size fitted, ascending, ``(cutoff,)``.
        log_loss: ln predicted at the runs and then the targets, ``(cutoff, point)``.
        standard_error: of it, ``(cutoff, point)``.
        failed: share of the resamples without a usable law, ``(cutoff,)``.
    """

    runs: fj.Runs
    cutoffs: np.ndarray
    log_loss: np.ndarray
    standard_error: np.ndarray
    failed: np.ndarray

    def known(self, row: int) -> fj.Runs:
        return self.runs.select(mask=self.runs.N <= self.cutoffs[row])

    def calibration(self, row: int) -> Calibration:
        """From the cutoffs below one of them, as someone would who has no larger runs."""
        known, num = self.known(row), len(self.runs)
        inside = self.runs.N <= self.cutoffs[row]
        holdouts = rolling_weights(known)
        rows = np.searchsorted(self.cutoffs, holdouts.cutoffs)
        misses = np.log(known.loss) - self.log_loss[rows, :num][:, inside]
        errors = self.standard_error[rows, :num][:, inside]
        noise = noise_of(known).of_runs(known)
        return calibrate(known.N, misses, errors, holdouts.length, noise=noise)


def noise_of(runs: fj.Runs) -> Noise:
    """The noise that these runs show; that of the paper's grid where they can't show any."""
    try:
        return estimate_noise(runs)
    except ValueError:
        empty = np.unique(runs.N)
        return Noise(5e-4, empty, np.full_like(empty, 5e-4), np.zeros_like(empty), "assumed", 0)


def extrapolate(
    law: type[fj.AbstractLaw],
    method: object,
    runs: fj.Runs,
    scheme: Scheme,
    cutoffs: np.ndarray,
    targets: np.ndarray,
    num_resamples: int,
    seed: int,
) -> Extrapolations:
    """Fit up to every cutoff and resample each fit: two calls of ``fit_batch``."""
    rng = np.random.default_rng(seed)
    weights = (cutoffs[:, None] >= runs.N).astype(float)
    N, D = np.append(runs.N, targets[0]), np.append(runs.D, targets[1])
    log_loss = log_predicted(fj.fit_batch(law, runs, weights=weights, method=method), N, D)
    rows = []
    for fitted, row in zip(log_loss, weights, strict=True):
        noise = noise_of(runs.select(mask=row > 0)).of_runs(runs)
        # a fit that failed has no residuals, and its misses are NaN: that hold-out is not scored
        usable = np.where(np.isfinite(fitted[: len(runs)]), fitted[: len(runs)], np.log(runs.loss))
        rows.append(scheme(Known(runs, row, usable, noise), rng, num_resamples))
    losses, resampled = (np.concatenate(part) for part in zip(*rows, strict=True))
    refits = fj.fit_batch(law, runs, losses=losses, weights=resampled, method=method)
    draws = log_predicted(refits, N, D).reshape(len(cutoffs), num_resamples, -1)
    failed = ~refits.usable.reshape(len(cutoffs), num_resamples)
    with np.errstate(invalid="ignore"):
        error = np.nanstd(np.where(np.isfinite(draws), draws, np.nan), axis=1)
    return Extrapolations(runs, cutoffs, log_loss, error, failed.mean(axis=1))


def log_predicted(batch: fj.BatchFit, N: np.ndarray, D: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(batch.usable[:, None], np.log(batch.predict(N, D)), np.nan)


def cutoffs_of(runs: fj.Runs, first: int) -> np.ndarray:
    """The sizes from the ``first``-th smallest on, and those that their hold-outs need."""
    sizes = np.unique(runs.N)
    needed = rolling_weights(runs.select(max_N=sizes[first - 1])).cutoffs
    return sizes[sizes >= min([*needed, sizes[first - 1]])]


def intervals(
    found: list[Extrapolations],
    row: int,
    points: np.ndarray,
    length: np.ndarray,
    noise: np.ndarray,
    log_loss: np.ndarray | float,
) -> dict[str, Any]:
    """90 % intervals of ln loss after one cutoff, and how far from their middle the losses are.

    Of one fit: the bootstrap's alone, and calibrated. Of several: their mixture.
    """
    if len(found) > 1:  # those with a usable fit after all cutoffs: only they are comparable
        whole = [one for one in found if np.isfinite(one.log_loss[: row + 1]).all()]
        found = whole or found[:1]
    errors = [np.hypot(one.standard_error[row, points], noise) for one in found]
    means = [one.log_loss[row, points] for one in found]
    calibrations = [one.calibration(row) for one in found]
    plain: list[float] | None
    if len(found) == 1:
        middle, half = means[0], calibrations[0].half_width(errors[0], length, level=0.9)
        plain = (Z_90 * errors[0]).tolist()
    else:
        mixture = combine(means, errors, length, calibrations, level=0.9)
        middle, half = (mixture.lower + mixture.upper) / 2, (mixture.upper - mixture.lower) / 2
        plain = None
    return {
        "miss": (log_loss - middle).tolist(),
        "plain": plain,
        "calibrated": half.tolist(),
        "calibration": [str(calibration) for calibration in calibrations],
        "failed": max(float(one.failed[row]) for one in found),
    }
