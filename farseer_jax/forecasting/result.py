"""``Forecast``: the loss that runs will reach, with its intervals and evidence."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.forecasting.fit_stack import cells_of, inputs_of, members_of, noise_of
from farseer_jax.forecasting.forecast_json import forecast_content
from farseer_jax.forecasting.forecast_table import forecast_table
from farseer_jax.forecasting.forecast_text import parts
from farseer_jax.forecasting.forecast_warnings import warnings_of
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.forecasting.posterior import Inputs, Moments, posterior_of, problem_of
from farseer_jax.forecasting.stack import Record, Stack
from farseer_jax.forecasting.usual_laws import UsualLaw
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.evaluate import evaluate, flat_points, refuse_options_names
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import law_to_dict  # noqa: F401  (its import registers laws)
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.results.agreement import require_close, require_same_law
from farseer_jax.results.result import Result
from farseer_jax.results.table import Table
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import distance_to_hull
from farseer_jax.runs.inputs import LOGARITHMIC
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.estimated_noise import laplace_at


@dataclass(frozen=True, eq=False)
class FittedMember:
    """One law of a forecast, fitted to all runs.

    Attributes:
        law: the fitted law.
        correlated: whether its errors are correlated; otherwise they are independent.
        share: its weight in the forecast; all sum to 1.
        widening: the factor of its standard deviations by its earlier extrapolations.
        noise: standard deviation of a run's noise, on the link's scale.
        record: its earlier extrapolations.
        free: the parameters that the solver searched, ``(free,)``.
        weights: of the runs, outliers' reduced, ``(run,)``.
        prior_precision: of the parameters, times the noise's variance, ``(parameter,)``.
    """

    law: Law
    correlated: bool
    share: float
    widening: float
    noise: float
    record: Record
    free: np.ndarray
    weights: np.ndarray
    prior_precision: np.ndarray


@dataclass(frozen=True, eq=False, repr=False)
class Forecast(Result):
    """What runs will reach, by laws whose errors are correlated. Prints as an answer.

    Attributes:
        runs: the runs that it rests on.
        points: where the table and the text predict, by input, ``(point,)``; a mixture ``(point,
            share)``.
        level: nominal coverage of the intervals.
        members: the laws that it combines.
        errors: amplitudes and lengths of the correlated errors.
        method: starts and fixed parameters of the user's law.
        law: the user's law, fitted; None for the usual ones over N and D.
        usual: what the usual laws say at the points; empty unless they were asked for.
        observed: losses observed at the points, ``(point,)``; None if they are not known.

    Example:
        >>> from farseer_jax import example_runs, forecast
        >>> answer = forecast(example_runs(), [(25.1e9, 5e11)])
        >>> float(answer.predict(25.1e9, 5e11).round(2))
        0.41
        >>> low, high = answer.interval(25.1e9, 5e11)
        >>> bool(low < 0.41096 < high)  # what the example's law gives there
        True
    """

    runs: Runs
    points: Mapping[str, np.ndarray]
    level: float
    members: tuple[FittedMember, ...]
    errors: CorrelatedErrors
    method: LeastSquares
    law: Law | None = None
    usual: tuple[UsualLaw, ...] = ()
    observed: np.ndarray | None = None

    def __post_init__(self) -> None:
        names = tuple(self.law_class.inputs())
        if set(self.points) != set(names):
            raise ValueError(f"points: expected {', '.join(names)}, got {', '.join(self.points)}")
        own = {name: self.points[name] for name in names}  # a file may give them in another order
        object.__setattr__(self, "points", own)

    def at(self, points: PointsLike, *, level: float | None = None) -> "Forecast":
        """The same forecast at other points.

        Args:
            points: pairs ``(N, D)``, a mapping of inputs to arrays, or :class:`Runs`, whose
                losses are then compared with the predictions.
            level: nominal coverage of the intervals.

        Raises:
            ValueError: an input is missing or not of its kind, or the level is not in (0, 1).
        """
        level = self.level if level is None else level
        check_level(level)
        own, observed = as_points(points, self.law_class)
        usual = tuple(law.at(own) for law in self.usual)
        moved = replace(self, points=own, observed=observed, level=level, usual=usual)
        refuse_without_value(moved)
        return moved

    def predict(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """The predicted response (its median).

        Args:
            args: the law's inputs in order, such as N and D; they broadcast.
            inputs: inputs by name.
        """
        flat, shape = flat_points(self.law_class, args, inputs)
        return np.asarray(self.runs.link.inverse(self.stack.moments(flat).mean)).reshape(shape)[()]

    def interval(
        self,
        *args: ArrayLike,
        level: float | None = None,
        new_run: bool = False,
        **inputs: ArrayLike,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of intervals.

        Args:
            args: the law's inputs in order.
            level: nominal coverage; that of the forecast unless given.
            new_run: the interval of one run, noise included, not of the mean of many.
            inputs: inputs by name.

        Raises:
            ValueError: the level is not in (0, 1), or as for :meth:`predict`.
        """
        refuse_options_names(self.law_class, args, inputs, ("level", "new_run"))
        level = self.level if level is None else level
        check_level(level)
        flat, shape = flat_points(self.law_class, args, inputs)
        moments = self.stack.moments(flat)
        low, high = self.interval_of(moments, level=level, new_run=new_run)
        return low.reshape(shape)[()], high.reshape(shape)[()]

    def interval_of(
        self, moments: Moments, *, level: float | None = None, new_run: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """The ends of intervals, from moments of the stack on the link's scale.

        Args:
            moments: of points.
            level: nominal coverage; that of the forecast unless given.
            new_run: the interval of one run, noise included.
        """
        from scipy.special import stdtrit

        level = self.level if level is None else level
        variance = moments.variance + (moments.noise if new_run else 0.0)
        reach = stdtrit(self.stack.degrees, 0.5 * (1.0 + level)) * np.sqrt(variance)
        ends = (self.runs.link.inverse(moments.mean + side * reach) for side in (-1.0, 1.0))
        low, high = (np.asarray(end) for end in ends)
        return low, high

    def draws(
        self,
        *args: ArrayLike,
        num: int = 1000,
        seed: int = 0,
        new_run: bool = False,
        size: bool = True,
        **inputs: ArrayLike,
    ) -> np.ndarray:
        """Joint draws of the response: what points have in common stays common.

        Args:
            args: the law's inputs in order.
            num: how many draws.
            seed: of the random numbers.
            new_run: draws of runs, noise included.
            size: whether the effects of sizes are included; leave them out to compare sizes that
                have not been chosen yet.
            inputs: inputs by name.

        Returns:
            ``(draw, *broadcast shape of the inputs)``.
        """
        refuse_options_names(self.law_class, args, inputs, ("num", "seed", "new_run", "size"))
        if not isinstance(num, int) or num < 1:
            raise ValueError(f"num must be a whole number from 1, got {num!r}")
        flat, shape = flat_points(self.law_class, args, inputs)
        drawn, noise = self.stack.draws(flat, num, seed, size=size)
        if new_run:
            normal = np.random.default_rng([seed, 1]).standard_normal(drawn.shape)
            drawn = drawn + noise[:, None] * normal
        return np.asarray(self.runs.link.inverse(drawn)).reshape(num, *shape)

    @property
    def law_class(self) -> type[Law]:
        """The law whose inputs the points have."""
        return Chinchilla if self.law is None else type(self.law)

    @cached_property
    def stack(self) -> Stack:
        """The members' posteriors, from what is stored of them."""
        inputs = inputs_of(self.runs, self._own)
        kinds = self.law_class.inputs()
        columns = self.errors.columns(kinds, inputs)
        target, noise = self.runs.link.forward(self.runs.loss), noise_of(self.runs)
        along = columns.along_of(inputs)
        cells = cells_of(inputs, along, target, self.members[0].weights[None])
        features = columns.of_runs(cells.inputs)
        posteriors = []
        for member, fitted in zip(
            members_of(self.runs, self._own, self.method), self.members, strict=True
        ):
            cells = cells.reweighted(target, fitted.weights[None])
            problem = problem_of(member, features, cells.inputs, cells.target, cells.weights)
            problem = replace(
                problem, weights=cells.weights, prior_precision=fitted.prior_precision[None]
            )
            found = laplace_at(problem, fitted.free[None], noise, rows=cells.rows)
            posteriors.append(posterior_of(member, columns, problem, found))
        shares = np.array([own.share for own in self.members])
        return Stack(posteriors, shares, np.array([own.widening for own in self.members]))

    def check_parts(self) -> None:
        """The members' shares, laws and noise; what the usual laws say at the points."""
        super().check_parts()
        require_close("the sum of the members' shares", sum(m.share for m in self.members), 1.0)
        for own, posterior in zip(self.members, self.stack.posteriors, strict=True):
            parameters = posterior.member.parameters(posterior.laplace.free[0])
            law, noise = posterior.member.law_of(parameters), posterior.laplace.noise[0]
            require_same_law(f"the law {own.law.name} of a member", own.law, law)
            require_close(f"the noise about {own.law.name}", own.noise, noise)
        for usual in self.usual:
            if usual.law is not None:
                said = evaluate(usual.law, **self.points)
                require_close(f"what {usual.name} says", usual.predicted, said)

    @cached_property
    def record(self) -> Record:
        """The earlier extrapolations of the members together, with their present weights."""
        records = [own.record for own in self.members]
        shares = np.array([own.share for own in self.members])
        errors = np.array([own.error for own in records])
        mean = shares @ errors
        widened = np.array([own.widening * own.record.sd for own in self.members])
        variance = shares @ (widened**2 + (errors - mean) ** 2)
        return Record(records[0].holdout, mean, np.sqrt(variance), records[0].weight)

    @property
    def run_weights(self) -> np.ndarray:
        """Weights of the runs over the members: outliers have small ones, ``(run,)``."""
        return np.asarray(sum(own.share * np.asarray(own.weights) for own in self.members))

    @property
    def noise(self) -> float:
        """Standard deviation of a run's noise on the link's scale, over the members."""
        return float(np.sqrt(sum(own.share * own.noise**2 for own in self.members)))

    @cached_property
    def beyond(self) -> np.ndarray:
        """Distance of the points beyond the runs in e-folds of the inputs, ``(point,)``."""
        runs = self._coordinates(inputs_of(self.runs, self._own))
        return distance_to_hull(runs, self._coordinates(self.points))

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the forecast, worst first."""
        return warnings_of(self)

    def table(self) -> Table:
        """One row per point: inputs, prediction, intervals and where the variance comes from."""
        return forecast_table(self)

    def text_parts(self) -> Sequence[str | Table]:
        """The answer, what it rests on, and reasons to doubt it."""
        return parts(self)

    def to_dict(self) -> dict[str, Any]:
        """The rows, the warnings, what they rest on and the usual laws, for readers of JSON."""
        return forecast_content(self)

    def __repr__(self) -> str:
        num = len(next(iter(self.points.values())))
        return f"Forecast({len(self.runs)} runs, {num} points, level={self.level:g})"

    @property
    def _own(self) -> type[Law] | None:
        return None if self.law is None else type(self.law)

    def _coordinates(self, inputs: Inputs) -> np.ndarray:
        """Coordinates of points, ``(point, coordinate)``: logarithms of positive inputs."""
        found = []
        for name, kind in self.law_class.inputs().items():
            values = np.asarray(inputs[name], dtype=float)
            values = np.log(values) if kind in LOGARITHMIC else values
            found.append(values.reshape(len(values), -1))
        return np.concatenate(found, axis=1)


def refuse_without_value(forecast: Forecast) -> None:
    """Refuse points at which the law has no value on the link's scale.

    Raises:
        ValueError: there are such points.
    """
    mean = forecast.stack.moments(forecast.points).mean
    bad = np.flatnonzero(~np.isfinite(mean))
    if len(bad):
        shown = ", ".join(map(str, bad[:5].tolist()))
        raise ValueError(
            f"points: the law {forecast.law_class.name!r} has no finite value at position {shown}, "
            f"where the link {forecast.runs.link.name!r} needs one: it may be negative there; "
            "choose another law or link, or leave the points out"
        )
