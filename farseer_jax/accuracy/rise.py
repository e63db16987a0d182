"""Accuracies that may rise as a law says, or stay as they are: both, with their probabilities."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from farseer_jax.accuracy.chain_table import AVERAGE
from farseer_jax.accuracy.flat import chance_of_rise, flat_of
from farseer_jax.accuracy.records import EarlierLosses, TaskRecord, mixed, record_of
from farseer_jax.accuracy.step import AccuracyStep, FittedStep, StepSpec, bounds_of, fit_steps
from farseer_jax.accuracy.step_law import CEILING, with_ceiling
from farseer_jax.forecasting.rolling_limits import RollingLimits
from farseer_jax.laws.law import Law

_LEAST_SHARE = 1e-3  # of one accuracy for all runs, beside a law


class MayRise(NamedTuple):
    """A law of accuracy, and the same runs at one accuracy.

    Attributes:
        rising: the law, fitted to all runs and those of each hold-out.
        flat: one accuracy for all of them; None where the law is certain.
        rise: the probability of the law, ``(data_set,)``.
    """

    rising: FittedStep
    flat: FittedStep | None
    rise: np.ndarray

    @property
    def steps(self) -> list[AccuracyStep]:
        """The law, and the one accuracy where it is likely enough to matter."""
        share = float(self.rise[0])
        if self.flat is None or share == 1.0:
            return [self.rising.step]
        flat = replace(self.flat.step, share=1.0 - share)
        return [replace(self.rising.step, share=share), flat]

    def record(
        self,
        approach: str,
        rolling: RollingLimits,
        earlier: EarlierLosses | None,
        N: np.ndarray,
        D: np.ndarray,
    ) -> TaskRecord:
        """The earlier extrapolations of both together; the arguments of :func:`record_of`."""
        law = record_of(self.rising, approach, rolling, earlier, N, D)
        if self.flat is None:
            return law
        flat = record_of(self.flat, approach, rolling, earlier, N, D)
        return mixed(law, flat, self.rise[1:])


def fit_tasks(
    law: type[Law],
    specs: Sequence[StepSpec],
    rolling: RollingLimits,
    rises: Sequence[np.ndarray] | None = None,
) -> list[MayRise]:
    """Fit a law to each task, and then to their average, whose ceiling follows from the tasks.

    Args:
        law: the law of accuracy.
        specs: the tasks, the average last if it is among them.
        rolling: the hold-outs.
        rises: the probabilities that they rise, ``(data_set,)`` each, if they are known already:
            whether a task rises is a question of the runs, and not of the law.
    """
    tasks = [spec for spec in specs if spec.task != AVERAGE]
    given = [None] * len(specs) if rises is None else list(rises)
    found = list(map(_may_rise, fit_steps(law, tasks, rolling), given))
    for spec in specs[len(tasks) :]:
        prior = with_ceiling(law, spec.prior, *_ceiling_of_average(found))
        (own,) = fit_steps(law, [spec._replace(prior=prior)], rolling)
        found.append(_may_rise(own, given[-1]))
    return found


def _may_rise(rising: FittedStep, rise: np.ndarray | None) -> MayRise:
    flat = None
    if rise is None:
        flat = flat_of(rising)
        rise = chance_of_rise(rising, flat)
        rise = np.where(rise > 1.0 - _LEAST_SHARE, 1.0, rise)
    if (rise == 1.0).all():
        return MayRise(rising, None, rise)
    return MayRise(rising, flat_of(rising) if flat is None else flat, rise)


def _ceiling_of_average(tasks: Sequence[MayRise]) -> tuple[float, float]:
    """The most that an average of tasks can reach, and its standard deviation.

    A task that does not rise stays at its one accuracy, however small the loss.
    """
    rise = np.array([own.rise[0] for own in tasks])
    flat = np.array([CEILING if own.flat is None else _level(own.flat.step) for own in tasks])
    spread = np.sqrt(np.sum(rise * (1.0 - rise) * (CEILING - flat) ** 2)) / len(tasks)
    return float(np.mean(rise * CEILING + (1.0 - rise) * flat)), float(spread)


def _level(flat: AccuracyStep) -> float:
    """The one accuracy of a flat step."""
    return bounds_of(flat.law.parameters())[0]
