"""Rolling hold-outs: earlier extrapolations within the runs, for calibration."""

from dataclasses import dataclass

import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit, Refits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import stage
from farseer_jax.uncertainty.calibration import Calibration, calibrate
from farseer_jax.uncertainty.resampling import Draw, Scheme, Setting
from farseer_jax.uncertainty.standard_errors import standard_error

_NUM_RESAMPLES = 100  # per hold-out: determines its standard errors to 7 %


@dataclass(frozen=True, eq=False)
class HoldOuts:
    """Rolling hold-outs of some runs.

    Attributes:
        cutoffs: the largest fitted size of each, ascending, ``(holdout,)``.
        weights: 1 for the fitted runs, 0 for the others, ``(holdout, run)``.
        length: :func:`extrapolation_length` to each run, ``(holdout, run)``.
    """

    cutoffs: Floats
    weights: Floats
    length: Floats

    def __len__(self) -> int:
        return len(self.cutoffs)


def fewest_fitted(num_values: int, min_values: int) -> int:
    """Distinct values up to the first cutoff: a third of them, and at least ``min_values``."""
    return max(min_values, -(-num_values // 3))


def rolling_cutoffs(
    values: Floats, *, min_values: int, max_cutoffs: int, num_last: int = 1
) -> Floats:
    """Cutoffs of rolling hold-outs, from a third of the distinct values on.

    Args:
        values: a value for each run, ``(run,)``.
        min_values: least number of distinct values up to a cutoff.
        max_cutoffs: at most so many cutoffs, evenly chosen, including the last.
        num_last: number of distinct values at the end that are never fitted.

    Example:
        >>> rolling_cutoffs(np.arange(1.0, 10.0), min_values=3, max_cutoffs=16)
        array([3., 4., 5., 6., 7., 8.])
    """
    distinct = np.unique(values)
    cutoffs = distinct[fewest_fitted(len(distinct), min_values) - 1 : -num_last]
    if len(cutoffs) > max_cutoffs:
        cutoffs = cutoffs[np.linspace(len(cutoffs) - 1, 0, max_cutoffs).round().astype(int)[::-1]]
    return cutoffs


def rolling_weights(runs: Runs, *, min_sizes: int = 3, max_holdouts: int = 16) -> HoldOuts:
    """Rolling hold-outs: fit up to each size in turn, from a third of the sizes on.

    Args:
        runs: all runs.
        min_sizes: least number of fitted sizes; fewer than three do not determine a curve of N.
        max_holdouts: at most so many hold-outs, evenly chosen, including the last.

    Returns:
        The hold-outs; none if there are at most ``min_sizes`` sizes.

    Raises:
        ValueError: ``min_sizes`` or ``max_holdouts`` is less than 1.

    Example:
        >>> from farseer_jax import example_runs
        >>> holdouts = rolling_weights(example_runs())
        >>> len(holdouts), holdouts.weights.shape, f"{holdouts.cutoffs[-1]:.3g}"
        (14, (14, 337), '5.35e+09')
    """
    for name, count in (("min_sizes", min_sizes), ("max_holdouts", max_holdouts)):
        if count < 1:
            raise ValueError(f"{name} must be at least 1, got {count}")
    cutoffs = rolling_cutoffs(runs.N, min_values=min_sizes, max_cutoffs=max_holdouts)
    fitted = cutoffs[:, None] >= runs.N
    lengths = [extrapolation_length(runs.select(mask=row), runs.N, runs.D) for row in fitted]
    return HoldOuts(cutoffs, fitted.astype(float), np.array(lengths).reshape(fitted.shape))


def least_sizes(fit: Fit) -> int:
    """Sizes that a hold-out needs: one more than a curve of N has parameters; 3 for piecewise."""
    if isinstance(fit.method, Piecewise):
        return 3
    law = type(fit.law)
    if not issubclass(law, Separable) or not law.is_separable():
        return 3
    return 1 + max(len(own) for own in law.curve_parameters())


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Rolling hold-outs of a fit, refitted and resampled.

    Attributes:
        runs: all runs.
        holdouts: which runs were fitted, and the lengths of the extrapolations.
        misses: ln observed − ln predicted, ``(holdout, run)``; NaN if a hold-out failed.
        draws: ln predicted by the resamples, ``(holdout, resample, run)``; NaN if one failed.
        noise: run-to-run standard deviation of ``ln loss``, ``(run,)``.
    """

    runs: Runs
    holdouts: HoldOuts
    misses: np.ndarray
    draws: np.ndarray
    noise: np.ndarray

    def calibration(self) -> Calibration:
        """The law's misfit, estimated from the misses."""
        errors = np.array([standard_error(own) for own in self.draws]).reshape(self.misses.shape)
        return calibrate(self.runs.N, self.misses, errors, self.holdouts.length, noise=self.noise)


def calibration_of(
    fit: Fit, scheme: Scheme, seed: int, *, min_sizes: int | None = None
) -> Calibration:
    """The law's misfit, estimated from rolling hold-outs; arguments as for :func:`held_out`."""
    return held_out(fit, scheme, seed, min_sizes=min_sizes).calibration()


def held_out(fit: Fit, scheme: Scheme, seed: int, *, min_sizes: int | None = None) -> HeldOut:
    """Refit and resample rolling hold-outs of a fit, in two batches.

    Args:
        fit: the fit to all runs.
        scheme: how each hold-out is resampled.
        seed: seed of these resamples.
        min_sizes: least number of fitted sizes; None is :func:`least_sizes`.
    """
    runs = fit.runs
    holdouts = rolling_weights(runs, min_sizes=min_sizes or least_sizes(fit))
    num, num_runs = len(holdouts), len(runs)
    misses = np.full((num, num_runs), np.nan)
    drawn = np.full((num, _NUM_RESAMPLES, num_runs), np.nan)
    if num:
        refits = Refits.of_fit(fit)
        with stage("refitting to the smaller sizes"):
            points = refits(weights=holdouts.weights)
        usable = np.flatnonzero(points.usable)
        misses[usable] = np.log(runs.loss) - _log_predicted(points, runs)[usable]
        draws = [
            _resampled(points, runs, holdouts.weights[row] > 0, row, scheme, seed)
            for row in usable.tolist()
        ]
        if draws:
            losses, weights = (np.concatenate(column) for column in zip(*draws, strict=True))
            with stage("refitting to resamples of the smaller sizes"):
                predicted = _log_predicted(refits(losses, weights), runs)
            drawn[usable] = predicted.reshape(len(usable), _NUM_RESAMPLES, -1)
    return HeldOut(runs, holdouts, misses, drawn, noise_of(runs))


def _resampled(
    points: BatchFit, runs: Runs, fitted: np.ndarray, row: int, scheme: Scheme, seed: int
) -> Draw:
    """Losses and weights of one hold-out's resamples; held-out runs keep weight 0."""
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
    """Predicted ln loss of every run, ``(refit, run)``; NaN if not finite."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(batch.predict(N=runs.N, D=runs.D))
    return np.where(batch.usable[:, None] & np.isfinite(found), found, np.nan)


def noise_of(runs: Runs) -> np.ndarray:
    """Run-to-run standard deviation of ln loss, ``(run,)``.

    0 if it cannot be estimated, which makes calibrated intervals wider.
    """
    found = noise_if_shown(runs)
    return np.zeros(len(runs)) if found is None else found.of_runs(runs)
