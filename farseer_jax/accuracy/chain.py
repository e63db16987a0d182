"""``Chain``: accuracies from a loss that a scaling law predicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.accuracy.chain_draws import (
    Means,
    aligned,
    central,
    central_ends,
    draws,
    law_of,
    means,
    response_of,
    step_draws,
)
from farseer_jax.accuracy.chain_table import chain_parts, chain_table
from farseer_jax.accuracy.chain_warnings import chain_warnings
from farseer_jax.accuracy.step import AccuracyStep
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.forecasting.result import Forecast
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.evaluate import flat_points, refuse_options_names
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import law_to_dict  # noqa: F401  (its import registers laws)
from farseer_jax.results.result import Result, pickled_as_file
from farseer_jax.results.table import Table
from farseer_jax.runs.checks import check_level
from farseer_jax.uncertainty.bootstrap_result import Bootstrap

_NUM_DRAWS = 4000


@dataclass(frozen=True, eq=False, repr=False)
class Chain(Result):
    """Accuracies in two steps: a law predicts a loss, and another the accuracy from that loss.

    Attributes:
        first: the predictors of the loss on each task, or of one loss for all.
        steps: the laws of accuracy; a task may have several, weighted by their shares.
        points: the points of the table, by input, ``(point,)``.
        level: nominal coverage of the intervals.
        seed: of the draws.

    Example:
        >>> import farseer_jax as fj
        >>> runs = fj.example_tasks()
        >>> loss = fj.forecast(runs, response="easy_bpb", usual=False)
        >>> accuracy = fj.fit("logistic-accuracy", runs, fj.LeastSquares(fixed={"ceiling": 1.0}),
        ...                   response="easy_acc", columns_of={"task_loss": "easy_bpb"})
        >>> both = fj.chain(loss, then=accuracy)
        >>> low, high = both.interval(7e9, 2e12)
        >>> bool(low < both.predict(7e9, 2e12) < high)
        True
    """

    first: tuple[Forecast | Bootstrap, ...]
    steps: tuple[AccuracyStep, ...]
    points: Mapping[str, np.ndarray]
    level: float
    seed: int = 0

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks."""
        return tuple(dict.fromkeys(step.task for step in self.steps))

    @property
    def law_class(self) -> type[Law]:
        """The law whose inputs define the points."""
        return law_of(self.first[0]) if self.first else Chinchilla

    @property
    def losses(self) -> tuple[str, ...]:
        """The columns that the first steps predict."""
        return tuple(map(response_of, self.first))

    def of_task(self, task: str) -> tuple[AccuracyStep, ...]:
        """The steps of a task.

        Raises:
            ValueError: the task is unknown.
        """
        found = tuple(step for step in self.steps if step.task == task)
        if not found:
            raise ValueError(f"task: expected one of {', '.join(self.tasks)}, got {task!r}")
        return found

    def at(self, points: PointsLike, *, level: float | None = None) -> "Chain":
        """The same chain at other points.

        Args:
            points: pairs ``(N, D)``, a mapping of inputs to arrays, or :class:`Runs`.
            level: nominal coverage of the intervals.

        Raises:
            ValueError: an input is missing or not of its kind, or the level is not in (0, 1).
        """
        level = self.level if level is None else level
        check_level(level)
        return replace(self, points=as_points(points, self.law_class)[0], level=level)

    def predict(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """The predicted accuracy, ``(*shape of the inputs, task)``; of one task without that axis.

        Args:
            args: the first law's inputs in order, such as N and D; they broadcast.
            inputs: inputs by name.
        """
        flat, shape = flat_points(self.law_class, args, inputs)
        found = replace(self, points=flat).predicted
        return self._shaped(found, shape)

    def interval(
        self,
        *args: ArrayLike,
        level: float | None = None,
        new_run: bool = False,
        **inputs: ArrayLike,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper ends of intervals, with the shape of :meth:`predict`.

        Args:
            args: the first law's inputs in order.
            level: nominal coverage; that of the chain unless given.
            new_run: the interval of a single run, noise included, rather than of the mean of many.
            inputs: inputs by name.
        """
        refuse_options_names(self.law_class, args, inputs, ("level", "new_run"))
        level = self.level if level is None else level
        check_level(level)
        flat, shape = flat_points(self.law_class, args, inputs)
        found = replace(self, points=flat)
        low, high = found.ends(level, new_run=new_run)
        return self._shaped(low, shape), self._shaped(high, shape)

    def draws(
        self,
        *args: ArrayLike,
        num: int = _NUM_DRAWS,
        seed: int = 0,
        new_run: bool = False,
        **inputs: ArrayLike,
    ) -> np.ndarray:
        """Joint draws, ``(draw, *shape of the inputs, task)``, which keep correlations.

        Args:
            args: the first law's inputs in order.
            num: number of draws.
            seed: of the random numbers.
            new_run: draws of runs, noise included.
            inputs: inputs by name.
        """
        refuse_options_names(self.law_class, args, inputs, ("num", "seed", "new_run"))
        if not isinstance(num, int) or num < 1:
            raise ValueError(f"num must be a whole number from 1, got {num!r}")
        flat, shape = flat_points(self.law_class, args, inputs)
        found, noise = replace(self, points=flat, seed=seed)._simulate(num)
        if new_run:
            rng = np.random.default_rng([seed, 2])
            found = found + noise[:, None] * rng.standard_normal(found.shape)
            found = np.clip(found, 0.0, 1.0)
        return found.reshape(num, *shape, len(self.tasks))

    @cached_property
    def loss(self) -> np.ndarray:
        """The predicted losses at the points, ``(first step, point)``."""
        rows = [central(own, self.points) for own in self.first]
        return np.array(rows).reshape(len(self.first), self.num_points)

    @cached_property
    def loss_draws(self) -> list[np.ndarray]:
        """Joint draws of the losses at the points, ``(draw, point)`` for each first step."""
        return self._first_draws(_NUM_DRAWS)

    @property
    def num_points(self) -> int:
        """The number of points."""
        return len(next(iter(self.points.values())))

    @cached_property
    def moments(self) -> dict[str, Means]:
        """The joint prediction of each task's steps at the points, with parts of its variance."""
        drawn = self.loss_draws
        found = {}
        for task in self.tasks:
            steps = self.of_task(task)
            parts = [
                means(step, self.points, self._loss_of(step), _drawn_of(step, drawn))
                for step in steps
            ]
            shares = np.array([step.share for step in steps])
            mean = shares @ np.array([own.accuracy for own in parts])
            apart = [(own.accuracy - mean) ** 2 for own in parts]
            first, law, misfit, noise = (
                shares @ np.array([getattr(own, name) for own in parts])
                for name in ("first", "law", "misfit", "noise")
            )
            found[task] = Means(mean, first, law + shares @ np.array(apart), misfit, noise)
        return found

    @property
    def predicted(self) -> np.ndarray:
        """Predicted accuracies, ``(point, task)``."""
        return np.stack([self.moments[task].accuracy for task in self.tasks], axis=1)

    @cached_property
    def simulated(self) -> tuple[np.ndarray, np.ndarray]:
        """Joint draws without noise, ``(draw, point, task)``, and the noise's, ``(draw, task)``."""
        return self._simulate(_NUM_DRAWS)

    def ends(
        self, level: float | None = None, *, new_run: bool = False
    ) -> tuple[np.ndarray, np.ndarray]:
        """Ends of central intervals, widened to contain the prediction, ``(point, task)`` each.

        Args:
            level: nominal coverage.
            new_run: the interval of one run: the noise is added to the draws of the mean exactly,
                not by draws of its own, so that it is never narrower than that of the mean.
        """
        drawn, noise = self.simulated
        level = self.level if level is None else level
        return central_ends(drawn, self.predicted, level, noise if new_run else None)

    def average_ends(self, *, new_run: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Ends of the intervals of the average over tasks, ``(point,)`` each."""
        drawn, noise = self.simulated
        of_average = np.sqrt(np.sum(noise**2, axis=1, keepdims=True)) / noise.shape[1]
        low, high = central_ends(
            drawn.mean(axis=2, keepdims=True),
            self.predicted.mean(axis=1, keepdims=True),
            self.level,
            of_average if new_run else None,
        )
        return low[:, 0], high[:, 0]

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the accuracies, worst first."""
        return chain_warnings(self)

    __reduce__ = pickled_as_file

    def table(self) -> Table:
        """One row per point and task, and their average if there are several."""
        return chain_table(self)

    def text_parts(self) -> Sequence[str | Table]:
        """The accuracies, what they are based on, and warnings."""
        return chain_parts(self)

    def to_dict(self) -> dict[str, Any]:
        """The rows and the warnings, for JSON."""
        return {
            "tasks": list(self.tasks),
            "losses": list(self.losses),
            "level": self.level,
            "rows": self.table().records(),
            "warnings": list(self.warnings),
        }

    def __repr__(self) -> str:
        return f"Chain({len(self.tasks)} tasks, {self.num_points} points, level={self.level:g})"

    def _shaped(self, values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        own = values.reshape(*shape, len(self.tasks))
        return np.asarray(own[..., 0] if len(self.tasks) == 1 else own)[()]

    def _loss_of(self, step: AccuracyStep) -> np.ndarray | None:
        return None if step.source < 0 else self.loss[step.source]

    def _first_draws(self, num: int) -> list[np.ndarray]:
        found = [draws(own, self.points, num, self.seed) for own in self.first]
        return aligned(found, self.seed)

    def _simulate(self, num: int) -> tuple[np.ndarray, np.ndarray]:
        drawn = self.loss_draws if num == _NUM_DRAWS else self._first_draws(num)
        mean = np.empty((num, self.num_points, len(self.tasks)))
        noise = np.empty((num, len(self.tasks)))
        for place, task in enumerate(self.tasks):
            rng = np.random.default_rng([self.seed, 1, place])
            steps = self.of_task(task)
            counts = rng.multinomial(num, [step.share for step in steps])
            rows = np.split(rng.permutation(num), np.cumsum(counts)[:-1])
            for step, own in zip(steps, rows, strict=True):
                if not len(own):
                    continue
                some = _drawn_of(step, drawn, own)
                found = step_draws(step, self.points, self._loss_of(step), some, len(own), rng)
                mean[own, :, place] = found
                noise[own, place] = step.widening * step.noise
        return mean, noise


def _drawn_of(
    step: AccuracyStep, drawn: Sequence[np.ndarray], rows: np.ndarray | None = None
) -> np.ndarray | None:
    """Draws of the loss that a step uses; None for a law of the points alone."""
    if step.source < 0:
        return None
    return drawn[step.source] if rows is None else drawn[step.source][rows]
