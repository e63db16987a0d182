"""What the usual laws say at the points of a forecast, and their record on the same hold-outs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.fitting.fit_batch import Refits
from farseer_jax.forecasting.rolling_limits import RollingLimits
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.coupled import Coupled
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.kaplan import Kaplan
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import in_stages

USUAL: tuple[tuple[type[Law], Method], ...] = (
    (Farseer, Piecewise()),
    (Chinchilla, LeastSquares("huber")),
    (Coupled, LeastSquares("huber")),
    (Kaplan, LeastSquares("huber")),
)


@dataclass(frozen=True, eq=False)
class UsualLaw:
    """A usual law fitted to the runs of a forecast.

    Attributes:
        name: the law's name.
        method: how it was fitted.
        law: the fitted law; None where it could not be fitted.
        predicted: losses at the points; NaN where it could not be fitted, ``(point,)``.
        miss: root mean square of ``ln`` observed less predicted on each hold-out, NaN where it
            could not be fitted, ``(holdout,)``.
        misfit: the same on the runs that it was fitted to, with the weights of the forecast, in
            which outliers hardly count.
        reason: why it could not be fitted; empty if it was.
    """

    name: str
    method: str
    law: Law | None
    predicted: np.ndarray
    miss: np.ndarray
    misfit: float
    reason: str = ""

    @property
    def asymptote(self) -> float:
        """Its loss with unlimited N and D; NaN where it has none."""
        if isinstance(self.law, Chinchilla | Coupled):
            return float(np.asarray(self.law.E))
        return float("nan")

    @property
    def rms_miss(self) -> float:
        """Root mean square of its misses; NaN without hold-outs."""
        return rms(self.miss) if len(self.miss) else float("nan")

    def at(self, points: Mapping[str, np.ndarray]) -> "UsualLaw":
        """The same law at other points, N and D, ``(point,)`` each."""
        if self.law is None:
            return replace(self, predicted=np.full(len(points["N"]), np.nan))
        return replace(self, predicted=evaluate(self.law, points["N"], points["D"]))


def fit_usual_laws(
    runs: Runs,
    rolling: RollingLimits,
    points: Mapping[str, np.ndarray],
    run_weights: np.ndarray,
) -> tuple[UsualLaw, ...]:
    """Fit the usual laws to all runs and to the runs below each rolling limit.

    Args:
        runs: runs over N and D.
        rolling: the hold-outs.
        points: N and D, ``(point,)`` each.
        run_weights: weights of the runs in the misfit, those of the forecast: an outlier hardly
            counts, ``(run,)``.
    """
    return tuple(
        _usual_law(law, method, runs, rolling, points, run_weights)
        for law, method in in_stages("fitting the usual laws", USUAL)
    )


def _usual_law(
    law: type[Law],
    method: Method,
    runs: Runs,
    rolling: RollingLimits,
    points: Mapping[str, np.ndarray],
    run_weights: np.ndarray,
) -> UsualLaw:
    num_holdouts = len(rolling.limit)
    weights = np.concatenate([np.ones((1, len(runs))), rolling.fitted.astype(float)])
    try:
        refits = Refits.of(law, runs, method, few=True)(weights=weights)
    except ValueError as error:
        return _unfitted(law, method, num_holdouts, str(error)).at(points)
    if not refits.usable[0]:
        reason = refits.outcome(0).message.rstrip(".").lower()
        return _unfitted(law, method, num_holdouts, reason).at(points)
    errors = np.log(runs.loss) - np.log(refits.predict(runs.N, runs.D))
    errors[~refits.usable] = np.nan
    miss = [rms(own[at]) for own, at in zip(errors[1:], rolling.predicted, strict=True)]
    nothing, fitted = np.zeros(0), refits.law_at(0)
    misfit = rms(errors[0], run_weights)
    own = UsualLaw(law.name, method.name, fitted, nothing, np.array(miss), misfit)
    return own.at(points)


def _unfitted(law: type[Law], method: Method, num_holdouts: int, reason: str) -> UsualLaw:
    miss = np.full(num_holdouts, np.nan)
    return UsualLaw(law.name, method.name, None, np.zeros(0), miss, float("nan"), reason)


def rms(errors: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Weighted root mean square; of equal weights unless given."""
    return float(np.sqrt(np.average(errors**2, weights=weights)))
