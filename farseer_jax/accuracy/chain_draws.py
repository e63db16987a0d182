"""Joint draws of accuracies: draws of the loss are propagated through the law of accuracy."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from farseer_jax.accuracy.step import SIZE, AccuracyStep
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.uncertainty.bootstrap_result import Bootstrap

_LARGEST = 1e6  # medians: a draw beyond is as good as infinite

FirstStep: TypeAlias = Forecast | Bootstrap
Points: TypeAlias = Mapping[str, np.ndarray]
_BEYOND = 8.0  # standard deviations of noise that bound a quantile
_HALVINGS = 20  # to a millionth


def law_of(first: FirstStep) -> type[Law]:
    """The law whose inputs the points have."""
    return type(first.fit.law) if isinstance(first, Bootstrap) else first.law_class


def response_of(first: FirstStep) -> str:
    """The column that the first step predicts."""
    runs = first.fit.runs if isinstance(first, Bootstrap) else first.runs
    return runs.loss_name or "loss"


def central(first: FirstStep, points: Points) -> np.ndarray:
    """The loss that the first step predicts, ``(point,)``."""
    if isinstance(first, Bootstrap):
        return np.atleast_1d(evaluate(first.fit.law, **points))
    return np.atleast_1d(first.predict(**points))


def draws(first: FirstStep, points: Points, num: int, seed: int) -> np.ndarray:
    """Joint draws of the loss, ``(draw, point)``; what overflows is large."""
    if isinstance(first, Bootstrap):
        known = np.atleast_2d(np.asarray(evaluate(first.laws, **points)))
        return known[np.random.default_rng(seed).integers(len(known), size=num)]
    own: dict[str, Any] = dict(points)
    found = first.draws(num=num, seed=seed, **own)
    known = np.where(np.isfinite(found), found, np.inf)
    return np.minimum(known, _LARGEST * np.median(known, axis=0))


def aligned(found: Sequence[np.ndarray], seed: int) -> list[np.ndarray]:
    """Draws of several losses, reordered so that all are high, or low, together.

    Losses of one run on several tasks err together; how much is not known, and this is the most,
    so that the interval of an average over tasks is not too narrow.

    Args:
        found: draws, ``(draw, point)`` each.
        seed: of the order of the rows.
    """
    if len(found) < 2:
        return list(found)
    order = np.random.default_rng([seed, 7]).permutation(len(found[0]))
    ranked = []
    for own in found:
        spread = np.std(own, axis=0)
        level = ((own - own.mean(axis=0)) / np.where(spread > 0.0, spread, 1.0)).mean(axis=1)
        ranked.append(own[np.argsort(level, kind="stable")][order])
    return ranked


class Means(NamedTuple):
    """Accuracies at points, ``(point,)`` each, and the variances of one step.

    Attributes:
        accuracy: as predicted.
        first: variance by the first step.
        law: variance by the parameters of the law of accuracy.
        misfit: variance by its misfit and by the error that runs of one size share.
        noise: variance of a run's accuracy.
    """

    accuracy: np.ndarray
    first: np.ndarray
    law: np.ndarray
    misfit: np.ndarray
    noise: np.ndarray


def inputs_at(step: AccuracyStep, points: Points, loss: np.ndarray | None) -> dict[str, np.ndarray]:
    """The inputs of a step's law at points; the loss may be drawn, ``(draw, point)``."""
    return {
        name: points[name] if name in points else np.asarray(loss)
        for name in type(step.law).inputs()
    }


def with_size(step: AccuracyStep, points: Points, loss: np.ndarray | None) -> dict[str, np.ndarray]:
    """The inputs of the step's errors at points, ``(point,)`` each."""
    own = inputs_at(step, points, loss)
    size = points["N"] if "N" in points else 1.0 / np.asarray(loss)
    return {**own, SIZE: size}


def means(
    step: AccuracyStep, points: Points, loss: np.ndarray | None, drawn: np.ndarray | None
) -> Means:
    """The prediction of a step at points, with parts of its variance.

    Args:
        step: the step.
        points: the points.
        loss: that the first step predicts there, ``(point,)``.
        drawn: draws of it, ``(draw, point)``.
    """
    at = with_size(step, points, loss)
    moments = step.posterior.moments(at)
    low, high = step.bounds
    first = np.zeros(len(moments.mean))
    if drawn is not None:
        own = inputs_at(step, points, drawn)
        own = {name: np.broadcast_to(x, drawn.shape) for name, x in own.items()}
        member = step.posterior.member
        parameters = np.broadcast_to(
            member.parameters(step.free), (len(drawn), len(step.prior.mean))
        )
        values = member.function.bind(member.inputs_of(own)).value(parameters)
        first = np.var(np.clip(values, low, high), axis=0)
    factor = step.widening**2
    return Means(
        np.clip(moments.mean, low, high),
        first,
        factor * moments.law,
        factor * (moments.misfit + moments.size),
        factor * moments.noise,
    )


def step_draws(
    step: AccuracyStep,
    points: Points,
    loss: np.ndarray | None,
    drawn: np.ndarray | None,
    num: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Joint draws of the accuracy without a run's noise, ``(draw, point)``.

    Args:
        step: the step.
        points: the points.
        loss: as predicted by the first step, ``(point,)``.
        drawn: draws of it, ``(draw, point)``.
        num: number of draws.
        rng: source of random numbers.
    """
    at = with_size(step, points, loss)
    own = inputs_at(step, points, drawn)
    if drawn is not None:
        own = {name: np.broadcast_to(x, drawn.shape) for name, x in own.items()}
    found = step.posterior.draws(own, num, step.widening, rng, size=True, at=at)
    return np.clip(found, *step.bounds)


def central_ends(
    drawn: np.ndarray, predicted: np.ndarray, level: float, noise: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of central intervals that hold the prediction as well, ``(point, task)`` each.

    Args:
        drawn: accuracies without noise, ``(draw, point, task)``.
        predicted: ``(point, task)``.
        level: nominal coverage.
        noise: standard deviation of a run, ``(draw, task)``; None for intervals of the mean.
    """
    sides = np.array([0.5 - 0.5 * level, 0.5 + 0.5 * level])
    low, high = np.quantile(drawn, sides, axis=0)
    if noise is not None:
        wider = np.clip(_noisy_quantiles(drawn, noise[:, None], sides), 0.0, 1.0)
        low, high = np.minimum(low, wider[0]), np.maximum(high, wider[1])
    return np.minimum(low, predicted), np.maximum(high, predicted)


def _noisy_quantiles(drawn: np.ndarray, noise: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Quantiles of draws plus normal noise, by bisection, ``(side, point, task)``."""
    from scipy.special import ndtr

    reach = _BEYOND * noise.max(axis=0)
    low = np.broadcast_to(drawn.min(axis=0) - reach, (len(sides), *drawn.shape[1:])).copy()
    high = np.broadcast_to(drawn.max(axis=0) + reach, low.shape).copy()
    some = np.maximum(noise, 1e-12)
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        share = np.stack([ndtr((own - drawn) / some).mean(axis=0) for own in middle])
        below = share < sides[:, None, None]
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
