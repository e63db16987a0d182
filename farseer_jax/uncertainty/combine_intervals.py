"""One interval from several laws and methods, weighted by how well they extrapolated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.laws.quantities import flat_points
from farseer_jax.runs.checks import Floats, check_level
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.uncertainty.bootstrap_result import Bootstrap
from farseer_jax.uncertainty.bootstrap_warnings import ends_warnings, width_doubts
from farseer_jax.uncertainty.calibration import Calibration, central_probability
from farseer_jax.uncertainty.holdouts import calibration_of, fewest_fitted, least_sizes
from farseer_jax.uncertainty.intervals import Intervals
from farseer_jax.uncertainty.resampling import run_noise
from farseer_jax.uncertainty.standard_errors import log_standard_error


class CombinedInterval(NamedTuple):
    """The interval of a mixture of calibrated fits, in ``ln loss``.

    Attributes:
        center: mean of the mixture, ``(point,)``.
        lower: lower end of the equal-tailed interval, ``(point,)``.
        upper: upper end of the equal-tailed interval, ``(point,)``.
        weights: weights of the fits, ``(fit,)``.
    """

    center: Floats
    lower: Floats
    upper: Floats
    weights: Floats


def evidence_weights(calibrations: Sequence[Calibration]) -> Floats:
    """Posterior weights of fits from the misses of their hold-outs, ``(fit,)``.

    All must have been scored on the same runs after the same cutoffs. The prior weights are equal;
    each hold-out counts once, whatever the number of its runs.

    Raises:
        ValueError: there are no fits, or their numbers of hold-outs differ.

    Example:
        >>> import numpy as np
        >>> from farseer_jax.uncertainty.calibration import calibrate
        >>> length, error = np.full((3, 1), 0.5), np.full((3, 1), 0.001)
        >>> good, bad = (calibrate([1e9], np.full((3, 1), miss), error, length, noise=0.0)
        ...              for miss in (0.001, 0.004))
        >>> evidence_weights([good, bad]).round(4)
        array([0.9986, 0.0014])
    """
    if len({calibration.num_holdouts for calibration in calibrations}) != 1:
        raise ValueError("fits can be compared only if all are scored on the same hold-outs")
    log_evidence = np.array([calibration.log_evidence for calibration in calibrations])
    weights = np.exp(log_evidence - log_evidence.max())
    return weights / weights.sum()


def combine(
    log_losses: ArrayLike,
    standard_errors: ArrayLike,
    length: ArrayLike,
    calibrations: Sequence[Calibration],
    *,
    level: float = 0.9,
) -> CombinedInterval:
    """The interval of the mixture of fits, which spans them where they disagree.

    Args:
        log_losses: ln predicted loss of each fit, ``(fit, point)``.
        standard_errors: the bootstrap's, ``(fit, point)``; for new runs, with their noise added in
            quadrature.
        length: length of the extrapolation to each point, ``(point,)``.
        calibrations: calibrations of the fits.
        level: nominal coverage probability.

    Raises:
        ValueError: the level is not between 0 and 1, or as for :func:`evidence_weights`.
    """
    check_level(level)
    weights = evidence_weights(calibrations)
    mean, error = np.asarray(log_losses, dtype=float), np.asarray(standard_errors, dtype=float)
    far = np.asarray(length, dtype=float)
    spreads = [one.spreads(e, far) for one, e in zip(calibrations, error, strict=True)]

    def below(value: Floats) -> Floats:
        """Cumulative probability of the mixture."""
        parts = [
            (
                np.sign(value - m)
                * (central_probability(np.abs(value - m)[:, None], s) @ one.probability)
            )
            for m, s, one in zip(mean, spreads, calibrations, strict=True)
        ]
        return 0.5 + 0.5 * weights @ np.array(parts)

    reach = 9.0 * np.max([s.max(axis=1) for s in spreads], axis=0)
    ends = []
    for probability in ((1.0 - level) / 2.0, (1.0 + level) / 2.0):
        low, high = mean.min(axis=0) - reach, mean.max(axis=0) + reach
        for _ in range(60):
            middle = (low + high) / 2.0
            short = below(middle) < probability
            low, high = np.where(short, middle, low), np.where(short, high, middle)
        ends.append((low + high) / 2.0)
    return CombinedInterval(weights @ mean, ends[0], ends[1], weights)


def combine_intervals(
    bootstraps: Sequence[Bootstrap],
    N: ArrayLike,
    D: ArrayLike,
    level: float = 0.9,
    *,
    of: Literal["mean", "run"] = "mean",
    noise: float | None = None,
) -> Intervals:
    """Intervals of the loss from several laws and methods fitted to the same runs.

    All are calibrated by the same rolling hold-outs, and weighted by their posterior probability
    given the misses there, with equal prior weights. The interval is that of the mixture, which
    spans the fits where they disagree.

    Args:
        bootstraps: two or more, of fits to the same runs; not jackknives.
        N: parameters, in the unit of the runs.
        D: tokens; broadcasts with N.
        level: nominal coverage probability.
        of: ``"mean"`` for the loss of the law, ``"run"`` for that of a new run.
        noise: run-to-run standard deviation of ln loss; None estimates it from the runs.

    Raises:
        ValueError: fewer than two bootstraps, different runs, a jackknife, too few sizes for a
            hold-out, a fit that fails in some hold-outs, or a level outside (0, 1).

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, Piecewise, bootstrap, combine_intervals
        >>> from farseer_jax import example_runs, fit
        >>> fits = [fit(law, example_runs(), Piecewise()) for law in (Farseer, Chinchilla)]
        >>> combine_intervals([bootstrap(own, 100) for own in fits], 25.1e9, 5e11).note
        'weights: farseer piecewise 1.000, chinchilla piecewise 0.000; 14 hold-outs'
    """
    check_level(level)
    first = _same_runs(bootstraps)
    runs = first.fit.runs
    N, D = flat_points(N, D)
    spread = run_noise(first.fit, of, noise)
    estimates = [np.log(evaluate(one.fit.law, N, D)) for one in bootstraps]
    calibrations = _calibrations(bootstraps)
    found = combine(
        estimates,
        [
            np.hypot(log_standard_error(one.predict(N, D)), np.hypot(one.misfit.smooth, spread))
            for one in bootstraps
        ],
        extrapolation_length(runs, N, D),
        calibrations,
        level=level,
    )
    intervals = Intervals(
        quantity="loss of a run" if of == "run" else "loss",
        at={"N": N, "D": D},
        estimate=np.exp(found.center),
        lower=np.exp(found.lower),
        upper=np.exp(found.upper),
        level=level,
        kind="combined",
        scheme=", ".join(dict.fromkeys(one.scheme.name for one in bootstraps)),
        seed=first.seed,
        num_resamples=min(one.num_resamples for one in bootstraps),
        num_failed=max(one.num_failed for one in bootstraps),
        note=f"{_weights(bootstraps, found)}; {calibrations[0].num_holdouts} hold-outs",
        errors="; ".join(dict.fromkeys(one.assumed_errors for one in bootstraps)),
    )
    intervals = replace(intervals, doubts=width_doubts(intervals))
    own = dict.fromkeys(text for one in bootstraps for text in one.warnings)
    return replace(intervals, warnings=(*ends_warnings(intervals), *intervals.doubts, *own))


def _calibrations(bootstraps: Sequence[Bootstrap]) -> list[Calibration]:
    """Calibrations of the fits by the same hold-outs.

    Raises:
        ValueError: there are no hold-outs, or some fits fail in some of them.
    """
    num_sizes = len(np.unique(bootstraps[0].fit.runs.N))
    fewest = [fewest_fitted(num_sizes, least_sizes(one.fit)) for one in bootstraps]
    most = max(fewest)
    found = [
        one.calibration  # which it keeps
        if own == most
        else calibration_of(one.fit, one.scheme, one.seed, min_sizes=most)
        for one, own in zip(bootstraps, fewest, strict=True)
    ]
    numbers = [calibration.num_holdouts for calibration in found]
    if not max(numbers):
        raise ValueError(
            "these runs have too few sizes for a hold-out, which the weights need: use the "
            "interval of one bootstrap"
        )
    if len(set(numbers)) > 1:
        raise ValueError(
            f"bootstraps: {numbers} hold-outs could be fitted and resampled, but the weights need "
            "the same hold-outs: leave out the law or scheme that fails in some"
        )
    return found


def _weights(bootstraps: Sequence[Bootstrap], found: CombinedInterval) -> str:
    names = [f"{one.fit.law.name} {one.fit.method.name}" for one in bootstraps]
    pairs = zip(names, found.weights, strict=True)
    return "weights: " + ", ".join(f"{name} {weight:.3f}" for name, weight in pairs)


def _same_runs(bootstraps: Sequence[Bootstrap]) -> Bootstrap:
    """The first bootstrap, after checking that all have the same runs and none is a jackknife."""
    if len(bootstraps) < 2:
        raise ValueError(f"bootstraps: expected at least two, got {len(bootstraps)}")
    runs = bootstraps[0].fit.runs
    for place, one in enumerate(bootstraps):
        require_N_and_D("combine_intervals", type(one.fit.law))
        if one.is_jackknife:
            raise ValueError(
                f"bootstraps: number {place} is a jackknife, which has no random draws"
            )
        if one.fit.runs != runs:
            raise ValueError(
                f"bootstraps: number {place} has other runs than the first; fit all laws to the "
                "same runs"
            )
    return bootstraps[0]
