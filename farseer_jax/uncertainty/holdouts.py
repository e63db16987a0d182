"""The hold-outs of a fit, refitted: what a calibration is learnt from."""

from dataclasses import dataclass

import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit, Refits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.calibration import (
    Calibration,
    HoldOuts,
    calibrate,
    rolling_weights,
)
from farseer_jax.uncertainty.resampled_runs import Setting, standard_error
from farseer_jax.uncertainty.scheme import Draw, Scheme

_NUM_RESAMPLES = 100  # of each hold-out: its standard errors are then known to 7 %


def least_sizes(fit: Fit) -> int:
    """Sizes that a hold-out must have: more than a curve of N has parameters, but for Stage 1."""
    if isinstance(fit.method, Piecewise):
        return 3
    law = type(fit.law)
    if not issubclass(law, Separable) or not law.is_separable():
        return 3
    return 1 + max(len(own) for own in law.curve_parameters())


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Earlier extrapolations of a fit inside its runs, beside what was observed.

    Attributes:
        runs: all runs.
        holdouts: which were fitted, and how far the others lay beyond them.
        misses: ln observed − ln predicted, ``(holdout, run)``; NaN where a hold-out has no law.
        draws: ln predicted by each hold-out's resamples, ``(holdout, resample, run)``; likewise.
        noise: run-to-run standard deviation of ``ln loss``, ``(run,)``.
    """

    runs: Runs
    holdouts: HoldOuts
    misses: np.ndarray
    draws: np.ndarray
    noise: np.ndarray

    def calibration(self) -> Calibration:
        """What they say of the law's misfit."""
        errors = np.array([standard_error(own) for own in self.draws]).reshape(self.misses.shape)
        return calibrate(self.runs.N, self.misses, errors, self.holdouts.length, noise=self.noise)


def calibration_of(
    fit: Fit, scheme: Scheme, seed: int, *, min_sizes: int | None = None
) -> Calibration:
    """What earlier extrapolations inside the data say of the law's misfit.

    Args:
        fit: the fit to all runs.
        scheme: how each hold-out is resampled.
        seed: of those resamples.
        min_sizes: sizes that each hold-out has at least; None is :func:`least_sizes`.
    """
    return held_out(fit, scheme, seed, min_sizes=min_sizes).calibration()


def held_out(fit: Fit, scheme: Scheme, seed: int, *, min_sizes: int | None = None) -> HeldOut:
    """Repeat earlier extrapolations inside the data: two calls of the refits.

    Args:
        fit: the fit to all runs.
        scheme: how each hold-out is resampled.
        seed: of those resamples.
        min_sizes: sizes that each hold-out has at least; None is :func:`least_sizes`.
    """
    runs = fit.runs
    holdouts = rolling_weights(runs, min_sizes=min_sizes or least_sizes(fit))
    num, num_runs = len(holdouts), len(runs)
    misses = np.full((num, num_runs), np.nan)
    drawn = np.full((num, _NUM_RESAMPLES, num_runs), np.nan)
    if num:
        refits = Refits.of(type(fit.law), runs, fit.method)
        points = refits(weights=holdouts.weights)
        usable = np.flatnonzero(points.usable)
        misses[usable] = np.log(runs.loss) - _log_predicted(points, runs)[usable]
        draws = [
            _resampled(points, runs, holdouts.weights[row] > 0, row, scheme, seed)
            for row in usable.tolist()
        ]
        if draws:
            losses, weights = (np.concatenate(column) for column in zip(*draws, strict=True))
            predicted = _log_predicted(refits(losses, weights), runs)
            drawn[usable] = predicted.reshape(len(usable), _NUM_RESAMPLES, -1)
    return HeldOut(runs, holdouts, misses, drawn, noise_of(runs))


def _resampled(
    points: BatchFit, runs: Runs, fitted: np.ndarray, row: int, scheme: Scheme, seed: int
) -> Draw:
    """Losses and weights of one hold-out's resamples; what is held out keeps weight 0."""
    setting = Setting.of_law(points.law_at(row), runs.select(mask=fitted), more_runs=runs)
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(1, row)))
    draw = scheme.draw(setting, rng, np.arange(_NUM_RESAMPLES))
    losses = np.tile(runs.loss, (_NUM_RESAMPLES, 1))
    weights = np.tile(fitted.astype(float), (_NUM_RESAMPLES, 1))
    if draw.losses is not None:
        losses[:, fitted] = draw.losses
    if draw.weights is not None:
        weights[:, fitted] = draw.weights
    return Draw(losses, weights)


def _log_predicted(batch: BatchFit, runs: Runs) -> np.ndarray:
    """``ln`` predicted of every run, ``(refit, run)``; NaN where a refit has no finite loss."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(batch.predict(N=runs.N, D=runs.D))
    return np.where(batch.usable[:, None] & np.isfinite(found), found, np.nan)


def noise_of(runs: Runs) -> np.ndarray:
    """Standard deviation of ln loss of each run.

    0 where the runs do not show it, which makes intervals wider.
    """
    found = noise_if_shown(runs)
    return np.zeros(len(runs)) if found is None else found.of_runs(runs)
