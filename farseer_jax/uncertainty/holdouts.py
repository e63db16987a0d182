"""Rolling hold-outs: earlier extrapolations inside the runs, refitted to calibrate by."""

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
from farseer_jax.uncertainty.calibration import Calibration, calibrate
from farseer_jax.uncertainty.resampling import Draw, Scheme, Setting
from farseer_jax.uncertainty.standard_errors import standard_error

_NUM_RESAMPLES = 100  # of each hold-out: its standard errors are then known to 7 %


@dataclass(frozen=True, eq=False)
class HoldOuts:
    """Earlier extrapolations inside the data.

    Attributes:
        cutoffs: the largest size fitted in each, ascending, ``(holdout,)``.
        weights: 1 for the runs that are fitted, 0 for the others, ``(holdout, run)``.
        length: of the extrapolation to each run, see :func:`extrapolation_length`,
            ``(holdout, run)``.
    """

    cutoffs: Floats
    weights: Floats
    length: Floats

    def __len__(self) -> int:
        return len(self.cutoffs)


def rolling_cutoffs(
    values: Floats, *, min_values: int, max_cutoffs: int, num_last: int = 1
) -> Floats:
    """Up to which values to fit in turn, from a third of the distinct values on.

    Args:
        values: of each run, ``(run,)``.
        min_values: distinct values up to the first cutoff.
        max_cutoffs: where there would be more, so many are taken, evenly, the last among them.
        num_last: distinct values at the end that no cutoff reaches.

    Example:
        >>> rolling_cutoffs(np.arange(1.0, 10.0), min_values=3, max_cutoffs=16)
        array([3., 4., 5., 6., 7., 8.])
    """
    distinct = np.unique(values)
    cutoffs = distinct[max(min_values, -(-len(distinct) // 3)) - 1 : -num_last]
    if len(cutoffs) > max_cutoffs:
        cutoffs = cutoffs[np.linspace(len(cutoffs) - 1, 0, max_cutoffs).round().astype(int)[::-1]]
    return cutoffs


def rolling_weights(runs: Runs, *, min_sizes: int = 3, max_holdouts: int = 16) -> HoldOuts:
    """The hold-outs of some runs: fit up to each size in turn, from a third of the sizes on.

    Args:
        runs: all runs at hand.
        min_sizes: sizes that each hold-out has at least; fewer than three determine no curve of N.
        max_holdouts: where there would be more, so many are taken, evenly, the last among them.

    Returns:
        The hold-outs; none where there are no more than ``min_sizes`` sizes.

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
