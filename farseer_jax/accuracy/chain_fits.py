"""``chain``: fits joined to a chain, each with the errors of a forecast."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.accuracy.chain import Chain
from farseer_jax.accuracy.chain_draws import law_of
from farseer_jax.accuracy.step import AccuracyStep, StepRuns, StepSpec, fit_steps, rolling_sizes
from farseer_jax.accuracy.step_law import StepPrior
from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.forecasting.result import Forecast
from farseer_jax.forecasting.weak_priors import weak_priors
from farseer_jax.laws.law import Law
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.runs.checks import check_level
from farseer_jax.uncertainty.bootstrap_result import Bootstrap


def chain(
    first: Forecast | Bootstrap | Fit,
    then: Fit | Fits | Bootstrap | Sequence[Fit] | Mapping[str, Fit],
    points: PointsLike | None = None,
    *,
    level: float | None = None,
) -> Chain:
    """Join a law of a loss and laws of the accuracy given that loss.

    Draws of the first step, its misfit included, go through the second, with its own parameters,
    misfit and noise; runs of one size share an error in both. Intervals stay between the floor and
    the ceiling of the law of accuracy.

    Args:
        first: what predicts the loss: a forecast, a bootstrap, or a fit, which is given the errors
            of a forecast with its law.
        then: a fit of the accuracy with that loss as an input, such as
            :class:`LogisticAccuracy` with its ``task_loss``; or several, one for each task. The
            parameters that its method fixes stay fixed.
        points: where the table predicts; those of the forecast unless given.
        level: nominal coverage of the intervals.

    Raises:
        ValueError: the second law has no input, or more than one, that is not an input of the
            first; or there are no points.
        TypeError: an argument is something else.

    Example:
        >>> import farseer_jax as fj
        >>> runs = fj.example_tasks()
        >>> loss = fj.fit("chinchilla", runs, response="easy_bpb")
        >>> accuracy = fj.fit("logistic-accuracy", runs, fj.LeastSquares(fixed={"ceiling": 1.0}),
        ...                   response="easy_acc", columns_of={"task_loss": "easy_bpb"})
        >>> found = fj.chain(loss, then=accuracy, points=[(7e9, 2e12)])
        >>> found.tasks, found.losses
        (('easy_acc',), ('easy_bpb',))
    """
    start = _first_of(first)
    given = level if level is not None else getattr(start, "level", 0.9)
    check_level(given)
    steps = tuple(_step_of(task, fit, law_of(start)) for task, fit in _fits_of(then).items())
    at = _points_of(start, points)
    return Chain((start,), steps, at, given)


def _first_of(first: Any) -> Forecast | Bootstrap:
    if isinstance(first, Forecast | Bootstrap):
        return first
    if not isinstance(first, Fit):
        raise TypeError(
            f"first: expected a Forecast, a Bootstrap or a Fit, got {type(first).__name__}"
        )
    method = first.method if isinstance(first.method, LeastSquares) else None
    return forecast(first.runs, law=type(first.law), method=method, usual=False)


def _fits_of(then: Any) -> dict[str, Fit]:
    """The fits of accuracies by the names of their tasks."""
    if isinstance(then, Bootstrap):
        then = then.fit
    if isinstance(then, Fit):
        return {then.response: then}
    if isinstance(then, Mapping):
        found = dict(then)
    elif isinstance(then, Fits | Sequence) and not isinstance(then, str):
        found = {own.response if isinstance(own, Fit) else "": own for own in then}
        if len(found) < len(then):
            raise ValueError(
                "then: several fits have the same response: name the tasks, {task: fit, …}"
            )
    else:
        raise TypeError(f"then: expected fits, got {type(then).__name__}")
    wrong = [own for own in found.values() if not isinstance(own, Fit)]
    if wrong or not found:
        raise TypeError(f"then: expected fits, got {type(wrong[0]).__name__ if wrong else 'none'}")
    return found


def _points_of(first: Forecast | Bootstrap, points: PointsLike | None) -> Mapping[str, np.ndarray]:
    if points is not None:
        return as_points(points, law_of(first))[0]
    if isinstance(first, Forecast):
        return first.points
    raise ValueError(
        "points: a bootstrap has no points of its own; give them, such as [(7e9, 2e12)]"
    )


def _step_of(task: str, fit: Fit, first: type[Law]) -> AccuracyStep:
    """A fit of an accuracy with the errors of a forecast."""
    law, runs = type(fit.law), fit.runs
    between = [name for name in law.inputs() if name not in first.inputs()]
    if len(between) != 1:
        known = ", ".join(first.inputs())
        raise ValueError(
            f"then: the law {law.name} needs one input that the first step predicts, besides "
            f"{known}; it has {', '.join(law.inputs())}"
        )
    inputs = law.columns(runs)
    size = _size_of(fit, inputs[between[0]])
    weights = np.ones(len(runs)) if runs.weights is None else runs.weights / runs.weights.mean()
    own = StepRuns(inputs, size, runs.loss, weights)
    spec = StepSpec(task, own, _prior_of(fit, inputs))
    rolling = rolling_sizes(size, weights > 0.0)
    return fit_steps(law, [spec], rolling)[0].step


def _size_of(fit: Fit, loss: np.ndarray) -> np.ndarray:
    """N of the runs; if it is not known, runs are ordered by their losses."""
    runs = fit.runs
    known = runs.inputs.get("N", runs.extra.get("N"))
    if known is not None and known.dtype.kind in "fiu" and (known > 0.0).all():
        return np.asarray(known, dtype=float)
    return np.asarray(1.0 / loss)


def _prior_of(fit: Fit, inputs: Mapping[str, np.ndarray]) -> StepPrior:
    """Weak priors, with the parameters that the fit's method fixes, and the fit as the start."""
    law = type(fit.law)
    start = np.asarray(fit.law.to_vector(), dtype=float)[None]
    mean, sd = weak_priors(law, None, inputs, fit.runs.loss, start)
    fixed = dict(getattr(fit.method, "fixed", ()) or ())
    for place, name in enumerate(law.parameter_names()):
        if name in fixed:
            mean[place], sd[place] = start[0, place], 0.0
    return StepPrior(mean, sd, start)
