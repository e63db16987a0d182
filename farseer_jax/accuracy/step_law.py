"""The laws of accuracy as steps of a chain: priors, starts, and what is fixed."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.catalogue.accuracy import (
    ExponentialAccuracy,
    LogisticAccuracy,
    SingleStepAccuracy,
)
from farseer_jax.laws.law import Law

CEILING = 1.0
_FLOOR_SD = 0.1  # of the floor around chance
_NO_CHANCE_SD = 0.2  # where chance is not known


class StepPrior(NamedTuple):
    """Normal priors of a law's parameter vector, fixed parameters, and starts.

    Attributes:
        mean: ``(parameter,)``.
        sd: 0 for a fixed parameter, ``(parameter,)``.
        starts: ``(start, parameter)``.
    """

    mean: np.ndarray
    sd: np.ndarray
    starts: np.ndarray


def step_prior(
    law: type[Law], inputs: Mapping[str, np.ndarray], accuracy: np.ndarray, chance: float
) -> StepPrior:
    """Weak priors of a law of accuracy, from the range of its inputs.

    Args:
        law: the law's class.
        inputs: its inputs at the runs that count, ``(run,)`` each.
        accuracy: their accuracies, ``(run,)``.
        chance: the chance level; NaN if it is not known.
    """
    if law is LogisticAccuracy:
        return _logistic(inputs["task_loss"], accuracy, chance)
    if law is ExponentialAccuracy:
        return _exponential(inputs["task_loss"], accuracy, chance)
    if law is SingleStepAccuracy:
        return _single_step(inputs, accuracy, chance)
    raise ValueError(
        f"law: expected logistic-accuracy, exponential-accuracy or single-step-accuracy, got "
        f"{law.name}"
    )


def _floor(accuracy: np.ndarray, chance: float) -> tuple[float, float]:
    """The prior of the floor: near chance, or otherwise somewhat below the lowest accuracy."""
    if np.isfinite(chance):
        return chance, _FLOOR_SD
    return 0.9 * float(accuracy.min()), _NO_CHANCE_SD


def _logistic(loss: np.ndarray, accuracy: np.ndarray, chance: float) -> StepPrior:
    low, width = _range(loss)
    floor, floor_sd = _floor(accuracy, chance)
    mean = np.array([floor, CEILING, np.log(3.0 / width), low])
    sd = np.array([floor_sd, 0.0, 0.5, width])
    shapes = [(k, m) for k in (1.5, 4.0) for m in (-0.5, 0.3)]
    starts = [[floor, CEILING, np.log(k / width), low + m * width] for k, m in shapes]
    return StepPrior(mean, sd, np.array(starts))


def _exponential(loss: np.ndarray, accuracy: np.ndarray, chance: float) -> StepPrior:
    low, width = _range(loss)
    floor, floor_sd = _floor(accuracy, chance)
    gain = max(float(accuracy.max()) - floor, 0.02)
    rates = np.array([1.0, 2.0, 4.0]) / width
    starts = [[1.0 - floor, np.log(gain) + rate * low, np.log(rate)] for rate in rates]
    mean = np.array([1.0 - floor, np.log(gain) + rates[1] * low, np.log(rates[1])])
    return StepPrior(mean, np.array([floor_sd, 2.0 + 2.0 * low / width, 1.0]), np.array(starts))


def _single_step(
    inputs: Mapping[str, np.ndarray], accuracy: np.ndarray, chance: float
) -> StepPrior:
    floor, floor_sd = _floor(accuracy, chance)
    N, D = (float(np.log(inputs[name]).mean()) for name in ("N", "D"))
    mean = np.array([floor, CEILING, 2.0, N + 3.0, np.log(0.3), D + 3.0, np.log(0.3)])
    sd = np.array([floor_sd, 0.0, 2.0, 3.0, 0.5, 3.0, 0.5])
    starts = [
        [floor, CEILING, limit, N + reach, np.log(0.3), D + reach, np.log(0.3)]
        for limit in (1.0, 3.0)
        for reach in (1.0, 4.0)
    ]
    return StepPrior(mean, sd, np.array(starts))


def _range(loss: np.ndarray) -> tuple[float, float]:
    low = float(loss.min())
    return low, float(np.ptp(loss)) or 1.0
