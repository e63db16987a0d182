"""Several laws and methods in one interval, each weighted by how well it extrapolated so far."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax._evaluate import evaluate
from farseer_jax.resampling._calibration import extrapolation_length
from farseer_jax.resampling._combination import combine
from farseer_jax.resampling._holdouts import calibration_of, least_sizes
from farseer_jax.resampling._intervals import Intervals, check_level
from farseer_jax.resampling._result import Bootstrap
from farseer_jax.resampling._spread import log_standard_error, run_noise


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
            hold-out, or a level outside (0, 1).

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
    N, D = (column.ravel() for column in np.broadcast_arrays(*np.atleast_1d(N, D)))
    spread = run_noise(runs, of, noise)
    least = max(least_sizes(one.fit) for one in bootstraps)
    calibrations = [
        calibration_of(one.fit, one.scheme, one.seed, min_sizes=least) for one in bootstraps
    ]
    if not min(calibration.num_holdouts for calibration in calibrations):
        raise ValueError(
            "these runs have too few sizes for a hold-out, which weights need: take the interval "
            "of one bootstrap"
        )
    found = combine(
        [np.log(evaluate(one.fit.law, N, D)) for one in bootstraps],
        [np.hypot(log_standard_error(one.predict(N, D)), spread) for one in bootstraps],
        extrapolation_length(runs, N, D),
        calibrations,
        level=level,
    )
    names = [f"{one.fit.law.name} {one.fit.method.name}" for one in bootstraps]
    weights = ", ".join(f"{n} {w:.3f}" for n, w in zip(names, found.weights, strict=True))
    return Intervals(
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
        note=f"weights: {weights}; {calibrations[0].num_holdouts} hold-outs",
        warnings=tuple(dict.fromkeys(text for one in bootstraps for text in one.warnings)),
    )


def _same_runs(bootstraps: Sequence[Bootstrap]) -> Bootstrap:
    """The first, if all are of the same runs and none is a jackknife."""
    if len(bootstraps) < 2:
        raise ValueError(f"bootstraps: {len(bootstraps)} given; combine at least two")
    runs = bootstraps[0].fit.runs
    for place, one in enumerate(bootstraps):
        if one.is_jackknife:
            raise ValueError(f"bootstraps: number {place} is a jackknife, which has no draws")
        if one.fit.runs != runs:
            raise ValueError(
                f"bootstraps: number {place} is of other runs than the first; fit all laws to the "
                "same ones"
            )
    return bootstraps[0]
