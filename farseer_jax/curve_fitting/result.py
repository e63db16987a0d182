"""``CurveFit``: a fitted law of loss curves."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.curve_fitting.curve_fit_text import fit_content, fit_parts, fit_table
from farseer_jax.curve_fitting.curve_warnings import warnings_of
from farseer_jax.curve_fitting.errors import CurveErrors
from farseer_jax.curve_fitting.members import member_of, noise_of
from farseer_jax.curve_fitting.points import inputs_at, joined, points_of, scale_of
from farseer_jax.curve_laws.law import CurveLaw, CurveScale, checked_steps, positive
from farseer_jax.curve_laws.registry import CURVE_LAWS  # noqa: F401  (its import registers laws)
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule
from farseer_jax.fitting.type_checks import with_article
from farseer_jax.forecasting.posterior import Moments, posterior_of, problem_of
from farseer_jax.forecasting.stack import Stack
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result
from farseer_jax.results.table import Table
from farseer_jax.runs.checks import check_level
from farseer_jax.solvers.estimated_noise import laplace_at

NEW_RUN = ""  # the label of a run that is not among the curves


@dataclass(frozen=True, eq=False)
class CurveRecord:
    """The errors of a law on curves, and ends of curves, that were held out.

    Attributes:
        law: the law's name.
        holdouts: the held-out curves and ends of curves, ``(holdout,)``.
        miss: root mean square error of ln loss on each, ``(holdout,)``.
        widening: the factor by which these errors widen standard deviations, at least 1.
        fitted: the law, fitted to all points.

    Example:
        >>> from farseer_jax import example_curves, fit_curves
        >>> record = fit_curves(example_curves(), "multi-power").records[0]
        >>> record.holdouts[0], bool(record.miss[0] < 0.002)
        ('curve constant', True)
    """

    law: str
    holdouts: tuple[str, ...]
    miss: np.ndarray
    widening: float
    fitted: CurveLaw

    @property
    def rms(self) -> float:
        """Geometric mean of the errors; infinite without hold-outs."""
        return float(np.exp(np.log(self.miss).mean())) if len(self.miss) else np.inf


@dataclass(frozen=True, eq=False, repr=False)
class CurveFit(Result):
    """A law of loss curves with its error model, fitted to the curves of runs.

    Attributes:
        curves: the curves.
        law: the fitted law.
        errors: amplitudes and length of the correlated errors.
        points: number of points to which each curve was thinned.
        level: nominal coverage of intervals.
        free: the searched parameters, ``(number,)``.
        weights: of the points, reduced for outliers, ``(point,)``, one curve after another.
        prior_precision: of the searched parameters, times the variance of the noise,
            ``(number,)``.
        records: the hold-outs of the law, then those of the other laws tried.

    Example:
        >>> from farseer_jax import Schedule, example_curves, fit_curves
        >>> found = fit_curves(example_curves(), "multi-power")
        >>> schedule = Schedule.wsd(20_000, 3e-4, decay=4_000, warmup=2_000)
        >>> low, high = found.interval(schedule)
        >>> bool(low < found.predict(schedule) < high)
        True
    """

    curves: Curves
    law: CurveLaw
    errors: CurveErrors
    points: int
    level: float
    free: np.ndarray
    weights: np.ndarray
    prior_precision: np.ndarray
    records: tuple[CurveRecord, ...]

    def __post_init__(self) -> None:
        num_points = sum(map(len, self.thinned))
        if (
            not self.records
            or np.shape(self.free) != (len(type(self.law).searched),)
            or np.shape(self.prior_precision) != np.shape(self.free)
            or np.shape(self.weights) != (num_points,)
        ):
            raise ValueError("the parts of a fit of curves contradict each other")
        law = self._member.law_of(self.free)
        if any(
            not np.isclose(value, law.parameters()[name], rtol=1e-6)
            for name, value in self.law.parameters().items()
        ):
            raise ValueError("the law of a fit of curves is not that of the numbers that it found")

    def predict(
        self,
        schedule: Schedule | str,
        steps: ArrayLike | None = None,
        *,
        curve: str | None = None,
        **inputs: Any,
    ) -> np.ndarray:
        """The predicted median loss at steps of a schedule.

        Args:
            schedule: of the run, or its text.
            steps: the steps; None takes the last step of the schedule.
            curve: the name of the fitted curve that the run continues, or leaves at a step after
                its first loss; None for a new run.
            inputs: quantities that are constant along the run, such as N; those of ``curve`` by
                default.

        Returns:
            Of the shape of ``steps``.

        Raises:
            TypeError: an input is missing or unknown.
            ValueError: the curve is unknown, the schedule has no such step, or it differs from
                that of the curve from before its first loss on.
        """
        moments, shape = self._moments(schedule, steps, curve, inputs)
        return np.exp(moments.mean).reshape(shape)[()]

    def interval(
        self,
        schedule: Schedule | str,
        steps: ArrayLike | None = None,
        *,
        curve: str | None = None,
        level: float | None = None,
        new_run: bool = False,
        **inputs: float,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of intervals of the loss; arguments as for :meth:`predict`.

        Args:
            schedule: of the run.
            steps: the steps; None takes the last step of the schedule.
            curve: the fitted curve that the run continues or branches from.
            level: nominal coverage; that of the fit unless given.
            new_run: the interval of one logged loss, noise included.
            inputs: quantities that are constant along the run.
        """
        level = self.level if level is None else level
        moments, shape = self._moments(schedule, steps, curve, inputs)
        low, high = self.interval_of(moments, level, new_run=new_run)
        return low.reshape(shape)[()], high.reshape(shape)[()]

    def interval_of(
        self, moments: Moments, level: float, *, new_run: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends of intervals, from moments of the stack, ``(point,)`` each.

        Args:
            moments: of points.
            level: nominal coverage.
            new_run: the interval of one logged loss, noise included.
        """
        from scipy.special import stdtrit

        check_level(level)
        variance = moments.variance + (moments.noise if new_run else 0.0)
        reach = stdtrit(self.stack.degrees, 0.5 * (1.0 + level)) * np.sqrt(variance)
        return np.exp(moments.mean - reach), np.exp(moments.mean + reach)

    def draws(
        self,
        points: Sequence[tuple[Schedule, int, str | None]],
        *,
        num: int = 1000,
        seed: int = 0,
        **inputs: float,
    ) -> np.ndarray:
        """Joint draws of the loss without noise, which keep the correlations between points.

        Args:
            points: for each, a schedule, a step, and the fitted curve that it continues, or None.
            num: number of draws.
            seed: of the random numbers.
            inputs: quantities that are constant along the runs.

        Returns:
            ``(draw, point)``.
        """
        if not points or not isinstance(num, int) or num < 1:
            raise ValueError(
                f"draws: expected one or more points, and num a whole number from 1; got "
                f"{len(points)} points and num={num!r}"
            )
        parts = [self._inputs(own, step, curve, inputs) for own, step, curve in points]
        return np.exp(self.stack.draws(joined(parts), num, seed)[0])

    @cached_property
    def stack(self) -> Stack:
        """The posterior, restored from the stored fields."""
        points = points_of(self.thinned, type(self.law), self.errors)
        member = self._member
        columns: Any = self.errors.columns(points.inputs)  # has what a posterior needs
        features = columns.at(points.inputs)
        problem = problem_of(member, features, points.inputs, points.target, self.weights[None])
        problem = replace(
            problem, weights=self.weights[None], prior_precision=self.prior_precision[None]
        )
        found = laplace_at(problem, self.free[None], noise_of(self.errors))
        posterior = posterior_of(member, columns, problem, found)
        return Stack([posterior], np.ones(1), np.array([self.records[0].widening]))

    @cached_property
    def scale(self) -> CurveScale:
        """The scale relative to which parameters are searched."""
        return scale_of(self.thinned)

    @cached_property
    def thinned(self) -> Curves:
        """The curves as they were fitted."""
        return self.curves.thinned(self.points)

    @cached_property
    def residuals(self) -> np.ndarray:
        """Logarithms of the losses minus those of the law with correlated errors, ``(point,)``."""
        return self.stack.posteriors[0].laplace.residuals[0]

    @property
    def noise(self) -> float:
        """Standard deviation of ln loss of a point about the law with its correlated errors."""
        return float(self.stack.posteriors[0].laplace.noise[0])

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the fit, worst first."""
        return warnings_of(self)

    def table(self) -> Table:
        """One row per curve: the quality of the fit and the final loss."""
        return fit_table(self)

    def to_dict(self) -> dict[str, Any]:
        """The law, its parameters and hold-outs, warnings, and the rows of the table, for JSON."""
        return or_null(fit_content(self))

    def text_parts(self) -> Sequence[str | Table]:
        """The answer, what it is based on, and warnings."""
        return fit_parts(self)

    def __repr__(self) -> str:
        return f"CurveFit({self.law.name}, {self.curves!r})"

    @property
    def _member(self) -> Any:
        return member_of(type(self.law), self.scale)

    def _moments(
        self, schedule: Schedule | str, steps: ArrayLike | None, curve: str | None, inputs: Any
    ) -> tuple[Moments, tuple[int, ...]]:
        schedule = as_schedule(schedule)
        at = np.asarray(schedule.steps if steps is None else steps)
        return self.stack.moments(self._inputs(schedule, at.ravel(), curve, inputs)), at.shape

    def _inputs(
        self, schedule: Schedule | str, steps: ArrayLike, curve: str | None, inputs: Any
    ) -> dict[str, np.ndarray]:
        schedule = as_schedule(schedule)
        at = checked_steps(schedule, steps)
        known = {} if curve is None else dict(self.curves[curve].inputs)
        if curve is not None:
            refuse_another_past(self.curves[curve], schedule)
        needed = type(self.law).inputs_of_curves()
        own = {name: value for name, value in (known | inputs).items() if name in needed}
        if set(own) != set(needed) or not set(inputs) <= set(needed):
            raise TypeError(
                f"the law {self.law.name} needs the inputs {', '.join(needed) or 'none'} of a "
                f"run; got {', '.join(own | inputs) or 'none'}"
            )
        own = {name: positive(name, value) for name, value in own.items()}
        return inputs_at(curve or NEW_RUN, schedule, at, own, self.scale)


def as_schedule(schedule: Schedule | str) -> Schedule:
    """A schedule, or that of a text.

    Raises:
        TypeError: neither.
    """
    if isinstance(schedule, str):
        return Schedule.parse(schedule)
    if not isinstance(schedule, Schedule):
        raise TypeError(
            "schedule: expected a Schedule, or a text such as 'cosine steps=24000 peak=3e-4', got "
            f"{with_article(type(schedule).__name__)}"
        )
    return schedule


def refuse_another_past(curve: Curve, schedule: Schedule) -> None:
    """Refuse a schedule that a curve cannot have followed, even at its first loss.

    Raises:
        ValueError: it differs from that of the curve up to there.
    """
    first = min(int(curve.steps[0]), schedule.steps)
    own, other = curve.schedule.rates[:first], schedule.rates[:first]
    if not np.allclose(own, other, rtol=1e-3, atol=1e-6 * curve.schedule.peak):
        at = int(np.flatnonzero(np.abs(own - other) > 1e-3 * own)[:1].sum()) + 1
        raise ValueError(
            f"curve {curve.name!r}: the schedule has the rate {other[at - 1]:.3g} at step {at:,}, "
            f"and the run had {own[at - 1]:.3g}: it cannot continue that run; leave curve= out for "
            "a new run, or give the schedule the same warmup and peak"
        )
