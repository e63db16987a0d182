"""What the usual laws say at the points of a forecast, and their record on the same hold-outs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

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
from farseer_jax.runs.fingerprint import fingerprint
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
    table, found = _Table(runs, rolling), []
    for place in in_stages("fitting the usual laws", range(len(USUAL))):
        own, errors = _fitted(table, place)
        misfit = np.nan if errors is None else rms(errors, run_weights)
        found.append(replace(own, misfit=misfit).at(points))
    return tuple(found)


class _Table:
    """Runs and their hold-outs, equal where their values are."""

    def __init__(self, runs: Runs, rolling: RollingLimits) -> None:
        self.runs, self.rolling = runs, rolling
        self._key = fingerprint(runs), rolling.fitted.tobytes(), rolling.predicted.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Table) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=16)
def _fitted(table: _Table, place: int) -> tuple[UsualLaw, np.ndarray | None]:
    """One of the usual laws, and its errors at the runs where it could be fitted.

    Kept, as forecasts of other points of the same runs need the same fits.
    """
    (law, method), runs, rolling = USUAL[place], table.runs, table.rolling
    num_holdouts = len(rolling.limit)
    weights = np.concatenate([np.ones((1, len(runs))), rolling.fitted.astype(float)])
    try:
        refits = Refits.of(law, runs, method, few=True)(weights=weights)
    except ValueError as error:
        return _unfitted(law, method, num_holdouts, str(error)), None
    if not refits.usable[0]:
        reason = refits.outcome(0).message.rstrip(".").lower()
        return _unfitted(law, method, num_holdouts, reason), None
    errors = np.log(runs.loss) - np.log(refits.predict(runs.N, runs.D))
    errors[~refits.usable] = np.nan
    miss = [rms(own[at]) for own, at in zip(errors[1:], rolling.predicted, strict=True)]
    nothing, fitted = np.zeros(0), refits.law_at(0)
    return UsualLaw(law.name, method.name, fitted, nothing, np.array(miss), np.nan), errors[0]


def _unfitted(law: type[Law], method: Method, num_holdouts: int, reason: str) -> UsualLaw:
    miss = np.full(num_holdouts, np.nan)
    return UsualLaw(law.name, method.name, None, np.zeros(0), miss, float("nan"), reason)


def rms(errors: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Weighted root mean square; of equal weights unless given."""
    return float(np.sqrt(np.average(errors**2, weights=weights)))
