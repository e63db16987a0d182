"""Standard errors and intervals of targets, before and after suggested runs."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from farseer_jax.decisions.planning_model import PlanningModel
from farseer_jax.decisions.planning_targets import Targets
from farseer_jax.decisions.posterior_variance import PosteriorVariance, Rows
from farseer_jax.decisions.suggest_runs_result import SplitBefore, TargetBefore
from farseer_jax.forecasting.posterior import Inputs
from farseer_jax.laws.evaluate import by_column
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.coverage import distance_beyond, extrapolation_length

_FAR = 2.0  # e-folds, sevenfold: hold-outs, which show the misfit, seldom reach further


class Errors(NamedTuple):
    """Standard errors, root mean squares over the targets, ``(subset,)``; NaN without targets.

    Attributes:
        response: standard error of the response on the link's scale.
        ratio: standard error of ``ln`` of the optimal D/N.
    """

    response: Floats
    ratio: Floats


@dataclass(frozen=True, eq=False)
class PlannedErrors:
    """Errors of the targets with any set of candidates.

    Attributes:
        model: what is known before them.
        targets: the targets.
        variances: of the targets, with any of the candidates.
    """

    model: PlanningModel
    targets: Targets
    variances: PosteriorVariance

    def of(self, chosen: Rows) -> Errors:
        """Standard errors with subsets of the candidates, ``(subset, candidate)``."""
        variances, num = self.variances.of(chosen), self._num_points
        return Errors(root_mean(variances[:, :num]), root_mean(variances[:, num:]))

    def target_rows(self, ends: Rows) -> tuple[TargetBefore, ...]:
        """Target points, with no candidate and with those chosen."""
        if not self._num_points:
            return ()
        model, points = self.model, self.targets.points
        expected = model.predict(points)
        if model.runs is None:  # nothing has told the scale of the response
            expected = np.full(len(expected), np.nan)
        predicted = model.link.inverse(expected)
        with np.errstate(over="ignore"):  # an end may be infinite where little is known
            low, high = map(model.link.inverse, self._ends(expected, ends, slice(self._num_points)))
        columns = by_column(model.law, dict(points))
        far = _lengths(model, columns)
        return tuple(
            TargetBefore(
                inputs={name: _plain(values[i]) for name, values in columns.items()},
                predicted=float(predicted[i]),
                before=(float(low[0, i]), float(high[0, i])),
                after=(float(low[1, i]), float(high[1, i])),
                length=float(far[i]),
                flag=flag_of(float(far[i])),
            )
            for i in range(len(predicted))
        )

    def split_rows(self, ends: Rows) -> tuple[SplitBefore, ...]:
        """Splits of the budgets, likewise."""
        compute, optima = self.targets.compute, self.targets.optima
        if not len(compute):
            return ()
        ratio = optima["D"] / optima["N"]
        low, high = map(np.exp, self._ends(np.log(ratio), ends, slice(self._num_points, None)))
        runs = self.model.runs
        far = np.full(len(ratio), np.inf)
        if runs is not None:
            far = extrapolation_length(runs, optima["N"], optima["D"])
        return tuple(
            SplitBefore(
                compute=float(compute[i]),
                N=float(optima["N"][i]),
                D=float(optima["D"][i]),
                tokens_per_parameter=float(ratio[i]),
                before=(float(low[0, i]), float(high[0, i])),
                after=(float(low[1, i]), float(high[1, i])),
                length=float(far[i]),
                flag=flag_of(float(far[i])),
            )
            for i in range(len(ratio))
        )

    @property
    def _num_points(self) -> int:
        return len(next(iter(self.targets.points.values())))

    def _ends(self, center: Floats, ends: Rows, which: slice) -> tuple[Floats, Floats]:
        """Ends of the intervals now and with new runs, ``(2, target)`` each."""
        from scipy.special import stdtrit

        degrees = self.model.stack.degrees + ends.sum(axis=1, keepdims=True)
        reach = stdtrit(degrees, 0.5 * (1.0 + self.model.level))
        half = reach * np.sqrt(self.variances.of(ends)[:, which])
        return center - half, center + half


def root_mean(variances: Floats) -> Floats:
    """Root mean of variances over the last axis; NaN without any."""
    if not variances.shape[1]:
        return np.full(len(variances), np.nan)
    return np.asarray(np.sqrt(variances.mean(axis=1)))


def weighed(errors: Errors, now: Errors) -> Floats:
    """The objective: a variance, ``(subset,)``; with both kinds of targets, relative to now."""
    if np.isnan(now.ratio[0]):
        return errors.response**2
    if np.isnan(now.response[0]):
        return errors.ratio**2
    shares = [
        (part / (start[0] or 1.0)) ** 2
        for part, start in ((errors.response, now.response), (errors.ratio, now.ratio))
    ]
    return np.asarray(0.5 * sum(shares))


def flag_of(length: float) -> str:
    """How far outside the runs a point lies, in words."""
    if length == 0.0:
        return "inside the runs"
    if not np.isfinite(length):
        return ""
    return f"{'far ' if length > _FAR else ''}outside the runs by {length:.2f} e-folds"


def _lengths(model: PlanningModel, columns: Inputs) -> Floats:
    """Distance of points outside the runs; infinite without runs, ``(point,)``."""
    if model.runs is None:
        return np.full(len(next(iter(columns.values()))), np.inf)
    return distance_beyond(model.runs, columns)


def _plain(value: object) -> float | str:
    return value if isinstance(value, str) else float(value)  # type: ignore[arg-type]
