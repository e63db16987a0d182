"""Runs to train next by a forecast: the exact update of its posterior."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from farseer_jax.decisions.candidate_runs import NONE, Candidates, Points
from farseer_jax.decisions.exchange_search import Rows
from farseer_jax.decisions.forecast_optima import ForecastOptima
from farseer_jax.decisions.forecast_surface import ForecastSurface
from farseer_jax.decisions.forecast_variance import BLOCK, ForecastVariance, forecast_variance
from farseer_jax.decisions.optimal_allocations import Circumstances
from farseer_jax.decisions.prediction_targets import Targets, refuse_without_optimum
from farseer_jax.decisions.suggest_runs_result import SplitBefore, TargetBefore
from farseer_jax.decisions.target_errors import (
    Errors,
    root_mean,
    split_rows,
    target_rows,
    weighed,
)
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.compute_optimal import Cost
from farseer_jax.runs.checks import Floats


@dataclass(frozen=True, eq=False)
class ForecastPlan:
    """What a search of new runs needs of a forecast.

    Attributes:
        forecast: the forecast.
        payable: the affordable candidates.
        targets: the targets.
        optima: the compute-optimal points of the budgets among them.
        variances: of the targets, with any of the candidates.
        level: nominal probability of the intervals.
    """

    forecast: Forecast
    payable: Candidates
    targets: Targets
    optima: Points
    variances: ForecastVariance
    level: float
    block: ClassVar[int] = BLOCK

    @property
    def title(self) -> str:
        """The forecast, in words."""
        return f"Forecast, {len(self.forecast.runs)} runs"

    @property
    def basis(self) -> str:
        """What the standard errors rest on, in words."""
        of_loss = "of ln loss: the forecast's, by its law, its misfit and the effect of the size"
        of_ratio = "of ln D/N: by the law and its misfit"
        parts = [of_loss] * bool(len(self.targets.N)) + [of_ratio] * bool(len(self.targets.compute))
        return "standard error " + "\n".join(parts) + "; new runs are assumed to lie on its mean"

    def errors(self, chosen: Rows) -> Errors:
        """Standard errors with subsets of the candidates."""
        variances, num = self.variances.of(chosen), len(self.targets.N)
        unknown = np.full(len(chosen), np.nan)
        return Errors(root_mean(variances[:, :num]), unknown, root_mean(variances[:, num:]))

    def variance(self, chosen: Rows, now: Errors) -> Floats:
        """The objective, ``(subset,)``."""
        return weighed(self.errors(chosen), now)

    def target_rows(self, ends: Rows) -> tuple[TargetBefore, ...]:
        """Target points, with no candidate and with those chosen."""
        points = self.targets.points
        if not len(points.N):
            return ()
        predicted = self.forecast.predict(*points)
        low, high = self._ends(np.log(predicted), ends, slice(len(points.N)))
        return target_rows(self.forecast.runs, points, predicted, low, high)

    def split_rows(self, ends: Rows) -> tuple[SplitBefore, ...]:
        """Splits of the budgets, likewise."""
        log_ratio = np.log(self.optima.D / self.optima.N)
        low, high = self._ends(log_ratio, ends, slice(len(self.targets.N), None))
        return split_rows(self.forecast.runs, self.targets, self.optima, low, high)

    def _ends(self, center: Floats, ends: Rows, which: slice) -> tuple[Floats, Floats]:
        """Ends of the intervals now and with new runs, ``(2, target)`` each."""
        from scipy.special import stdtrit

        degrees = self.forecast.stack.degrees + ends.sum(axis=1, keepdims=True)
        reach = stdtrit(degrees, 0.5 * (1.0 + self.level))
        half = reach * np.sqrt(self.variances.of(ends)[:, which])
        return np.exp(center - half), np.exp(center + half)


def plan_by_forecast(
    forecast: Forecast,
    paid: Points,
    payable: Callable[[Points], Candidates],
    targets: Targets,
    level: float | None,
) -> ForecastPlan:
    """The plan of :func:`suggest_runs` by a forecast, whose arguments these are.

    Raises:
        ValueError: the response is not a positive loss, or a budget has no optimum.
    """
    if forecast.runs.link.name != "log":
        raise ValueError(
            "suggest_runs: the targets are ln loss, but the forecast has the link "
            f"{forecast.runs.link.name!r}: forecast a positive loss"
        )
    optima = _optimal_points(forecast, targets.compute)
    found = payable(optima)
    variances = forecast_variance(forecast, found.points, paid, targets.points, optima)
    level = forecast.level if level is None else level
    return ForecastPlan(forecast, found, targets, optima, variances, level)


def _optimal_points(forecast: Forecast, compute: Floats) -> Points:
    if not len(compute):
        return NONE
    plain = Circumstances(0.0, np.inf, np.inf)
    optima = ForecastOptima(ForecastSurface(forecast), Cost(), plain, is_limited=False)
    found = optima.points(np.log(compute))
    refuse_without_optimum(compute, found.log_N)
    return Points(np.exp(found.log_N), np.exp(found.log_D))
