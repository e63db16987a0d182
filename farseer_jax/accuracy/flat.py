"""An accuracy that does not change with the loss, beside a law by which it rises."""

from dataclasses import replace

import numpy as np

from farseer_jax.accuracy.step import NOISE, FittedStep, member_of, problem_of
from farseer_jax.accuracy.step_law import StepPrior, flat_prior
from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.solvers.estimated_noise import Laplace, laplace_at
from farseer_jax.solvers.fit_problem import FitProblem

_ROUNDS = 4  # of the noise, which hardly moves after two


def flat_of(fitted: FittedStep) -> FittedStep:
    """The same runs at one accuracy, with the priors of the law's floor and its weights.

    The law stays, with its rise out of reach, so that its floor is all that is free; predictions
    are linear in it.

    Args:
        fitted: a law of accuracy, fitted to all runs and to those of each hold-out.
    """
    step, given = fitted.step, fitted.posterior
    law = type(step.law)
    prior = flat_prior(law, step.prior)
    member = member_of(law, prior)
    problem = problem_of(member, step.runs, prior, given.problem.linear, given.laplace.weights)
    found = _linear_fit(problem, prior, len(given.laplace.free))
    problem = replace(problem, prior_precision=found.prior_precision)
    flat = replace(
        step,
        law=member.law_of(member.parameters(found.free[0])),
        prior=prior,
        free=found.free[0],
        prior_precision=found.prior_precision[0],
        is_flat=True,
    )
    return FittedStep(flat, Posterior(member, given.columns, problem, found))


def _linear_fit(problem: FitProblem, prior: StepPrior, num: int) -> Laplace:
    """The posterior of the floor, and the noise, of each data set."""
    is_free = prior.sd > 0.0
    precision = np.where(is_free, 1.0 / np.where(is_free, prior.sd, 1.0) ** 2, 0.0)
    at_prior = np.tile(prior.mean[is_free], (num, 1))
    first = laplace_at(
        replace(problem, prior_precision=np.zeros((num, len(precision)))), at_prior, NOISE
    )
    information, pull, squares = first.information[:, 0, 0], first.pull[:, 0], first.squares
    variance = np.full(num, NOISE.guess**2)
    count = (first.weights > 0.0).sum(axis=1) + NOISE.strength
    for _ in range(_ROUNDS):
        own = information + precision.sum() * variance
        move = pull / own
        left = squares - 2.0 * move * pull + move**2 * information
        variance = (left + NOISE.strength * NOISE.guess**2) / (count - information / own)
    problem = replace(problem, prior_precision=precision * variance[:, None])
    return laplace_at(problem, at_prior + move[:, None], NOISE)


def chance_of_rise(fitted: FittedStep, flat: FittedStep) -> np.ndarray:
    """The probability of the law against one accuracy for all runs, ``(data_set,)``.

    Both are as likely before the runs are seen; the evidence of each is that of its Laplace
    approximation, the noise's variance integrated out.

    Args:
        fitted: the law.
        flat: the same runs at one accuracy.
    """
    odds = _log_evidence(fitted) - _log_evidence(flat)
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -500.0, 500.0))))


def _log_evidence(fitted: FittedStep) -> np.ndarray:
    """Its logarithm but for what is common to laws of the same runs, ``(data_set,)``."""
    found, prior = fitted.posterior.laplace, fitted.step.prior
    is_free = prior.sd > 0.0
    num = (found.weights > 0.0).sum(axis=1) + NOISE.strength
    squares = found.squares + NOISE.strength * NOISE.guess**2
    scores = (found.free - prior.mean[is_free]) / prior.sd[is_free]
    occam = np.linalg.slogdet(found.covariance * found.prior_precision[:, None, is_free])[1]
    return np.asarray(-0.5 * num * np.log(squares) - 0.5 * (scores**2).sum(axis=1) + 0.5 * occam)
