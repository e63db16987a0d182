"""Standard errors and intervals of the targets, before and after suggested runs."""

from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.candidate_runs import Points
from farseer_jax.decisions.prediction_targets import Targets
from farseer_jax.decisions.prediction_variance import Spread
from farseer_jax.decisions.suggest_runs_result import SplitBefore, TargetBefore
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.coverage import extrapolation_length
from farseer_jax.runs.noise import Noise
from farseer_jax.runs.runs import Runs

_FAR = 2.0  # e-folds, sevenfold: hold-outs, which show the misfit, seldom reach further


class Errors(NamedTuple):
    """Standard errors, root mean squares over the targets, ``(subset,)``; NaN without targets.

    Attributes:
        loss: standard error of ``ln`` loss.
        noise: the part of it that is noise.
        ratio: standard error of ``ln`` of the optimal D/N.
    """

    loss: Floats
    noise: Floats
    ratio: Floats


def errors_of(spread: Spread, rate: float) -> Errors:
    """Standard errors over all targets."""
    parts = spread.total(rate), spread.noise, spread.ratio
    return Errors(*(root_mean(part) for part in parts))


def root_mean(variances: Floats) -> Floats:
    """Root mean of variances over the last axis; NaN without any."""
    if not variances.shape[1]:
        return np.full(len(variances), np.nan)
    return np.asarray(np.sqrt(variances.mean(axis=1)))


def weighed(errors: Errors, now: Errors) -> Floats:
    """The objective: a variance, ``(subset,)``; with losses and ratios, both relative to now."""
    if np.isnan(now.ratio[0]):
        return errors.loss**2
    if np.isnan(now.loss[0]):
        return errors.ratio**2
    shares = [
        (part / (start[0] or 1.0)) ** 2
        for part, start in ((errors.loss, now.loss), (errors.ratio, now.ratio))
    ]
    return np.asarray(0.5 * sum(shares))


def target_rows(
    runs: Runs, points: Points, predicted: Floats, low: Floats, high: Floats
) -> tuple[TargetBefore, ...]:
    """Target points, with the ends of their intervals before and after, ``(2, point)``."""
    far = extrapolation_length(runs, *points)
    return tuple(
        TargetBefore(
            N=float(points.N[i]),
            D=float(points.D[i]),
            predicted=float(predicted[i]),
            before=(float(low[0, i]), float(high[0, i])),
            after=(float(low[1, i]), float(high[1, i])),
            length=float(far[i]),
            flag=flag_of(float(far[i])),
        )
        for i in range(len(predicted))
    )


def split_rows(
    runs: Runs, targets: Targets, optima: Points, low: Floats, high: Floats
) -> tuple[SplitBefore, ...]:
    """Splits of the budgets, with the ends of their intervals before and after, ``(2, budget)``."""
    if not len(targets.compute):
        return ()
    ratio = optima.D / optima.N
    far = extrapolation_length(runs, *optima)
    return tuple(
        SplitBefore(
            compute=float(targets.compute[i]),
            N=float(optima.N[i]),
            D=float(optima.D[i]),
            tokens_per_parameter=float(ratio[i]),
            before=(float(low[0, i]), float(high[0, i])),
            after=(float(low[1, i]), float(high[1, i])),
            length=float(far[i]),
            flag=flag_of(float(far[i])),
        )
        for i in range(len(ratio))
    )


def flag_of(length: float) -> str:
    """How far outside the runs a point lies, in words."""
    if length == 0.0:
        return "inside the runs"
    return f"{'far ' if length > _FAR else ''}outside the runs by {length:.2f} e-folds"


def basis_of(noise: Noise | float, misfit: str, targets: Targets) -> str:
    """How the standard errors were found, in words; ``misfit`` is the part on losses."""
    level = noise if isinstance(noise, float) else noise.pooled
    found = _basis(f"noise of the runs ({level:.3%})", misfit, targets)
    return f"{found}\n{_INDEPENDENT}"


_INDEPENDENT = (
    "It takes the errors of runs for independent, and is too small where they move together, as "
    "they usually do; that of a forecast counts this"
)


def _basis(of_noise: str, misfit: str, targets: Targets) -> str:
    alone = "no misfit, because hold-outs show the errors of losses, not of allocations"
    if not len(targets.N):
        return f"standard error of ln D/N: {of_noise}; {alone}"
    of_loss = f"standard error of ln loss: {of_noise}{misfit}"
    return f"{of_loss}\nof ln D/N: the noise alone; {alone}" if len(targets.compute) else of_loss
