"""Several laws and methods in one interval, each weighted by how well it extrapolated so far."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax._quantities import flat_points
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.resampling._calibration import Calibration, extrapolation_length
from farseer_jax.resampling._combination import CombinedInterval, combine
from farseer_jax.resampling._holdouts import calibration_of, least_sizes
from farseer_jax.resampling._intervals import Intervals
from farseer_jax.resampling._report import ends_warnings
from farseer_jax.resampling._result import Bootstrap
from farseer_jax.resampling._spread import log_standard_error, run_noise
from farseer_jax.runs.checks import check_level


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

    Each is calibrated by the same rolling hold-outs, and weighs as much as the misses there make it
    probable, all being equal beforehand. The interval is the mixture's: where fits disagree, it
    spans them.

    Args:
        bootstraps: two or more, of fits to the same runs; no jackknife.
        N: parameters, in the unit of the runs.
        D: tokens; broadcasts with N.
        level: nominal probability that an interval holds the truth.
        of: ``"mean"`` for the loss of the law, ``"run"`` for that of one new run.
        noise: standard deviation of ln loss from run to run; None estimates it from the runs.

    Raises:
        ValueError: fewer than two bootstraps, other runs, a jackknife, too few sizes for a
            hold-out, a fit without an answer in some hold-outs, or a level outside (0, 1).

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, bootstrap, combine_intervals
        >>> from farseer_jax import example_runs, fit
        >>> some = [bootstrap(fit(law, example_runs()), 100) for law in (Farseer, Chinchilla)]
        >>> combine_intervals(some, 25.1e9, 5e11).note
        'weights: farseer piecewise 1.000, chinchilla least-squares 0.000; 14 hold-outs'
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
        [np.hypot(log_standard_error(one.predict(N, D)), spread) for one in bootstraps],
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
    )
    own = dict.fromkeys(text for one in bootstraps for text in one.warnings)
    return replace(intervals, warnings=(*ends_warnings(intervals), *own))


def _calibrations(bootstraps: Sequence[Bootstrap]) -> list[Calibration]:
    """Of each fit, by the same hold-outs.

    Raises:
        ValueError: there are none, or some fits have no answer in some of them.
    """
    least = max(least_sizes(one.fit) for one in bootstraps)
    found = [calibration_of(one.fit, one.scheme, one.seed, min_sizes=least) for one in bootstraps]
    numbers = [calibration.num_holdouts for calibration in found]
    if not max(numbers):
        raise ValueError(
            "these runs have too few sizes for a hold-out, which weights need: take the interval "
            "of one bootstrap"
        )
    if len(set(numbers)) > 1:
        raise ValueError(
            f"bootstraps: {numbers} hold-outs could be fitted and resampled, and weights need the "
            "same ones: leave out the law or scheme that fails in some"
        )
    return found


def _weights(bootstraps: Sequence[Bootstrap], found: CombinedInterval) -> str:
    names = [f"{one.fit.law.name} {one.fit.method.name}" for one in bootstraps]
    pairs = zip(names, found.weights, strict=True)
    return "weights: " + ", ".join(f"{name} {weight:.3f}" for name, weight in pairs)


def _same_runs(bootstraps: Sequence[Bootstrap]) -> Bootstrap:
    """The first, if all are of the same runs and none is a jackknife."""
    if len(bootstraps) < 2:
        raise ValueError(f"bootstraps: {len(bootstraps)} given; combine at least two")
    runs = bootstraps[0].fit.runs
    for place, one in enumerate(bootstraps):
        require_N_and_D("combine_intervals", type(one.fit.law))
        if one.is_jackknife:
            raise ValueError(f"bootstraps: number {place} is a jackknife, which has no draws")
        if one.fit.runs != runs:
            raise ValueError(
                f"bootstraps: number {place} is of other runs than the first; fit all laws to the "
                "same ones"
            )
    return bootstraps[0]
