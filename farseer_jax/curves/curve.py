"""One training run: its loss along training, and its learning-rate schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from farseer_jax.curves.schedule import Schedule
from farseer_jax.tables.row_numbers import shown_rows

_POSITIVE: Final = ("N", "N_active", "D", "B", "U")


@dataclass(frozen=True, eq=False)
class Curve:
    """The loss of one run along training, under its schedule.

    Attributes:
        name: what identifies the run.
        steps: the logged steps, increasing, from 1, ``(point,)``.
        losses: the loss at each, positive, ``(point,)``.
        schedule: the learning rate of each step; it may continue past the last logged step.
        inputs: quantities that are constant along the run, such as N or the batch size, by name.
        noise: standard deviation of the noise in ln loss of one logged row; None if it is not
            known.
        counts: number of logged rows averaged into each loss, ``(point,)``; None means one.
        correlation: of the noise in neighbouring rows; positive where the log was smoothed.

    Raises:
        ValueError: the arrays differ in length, are empty, or hold invalid values; the learning
            rate is 0 up to the first loss; N, D or the batch size B is not positive.

    Example:
        >>> from farseer_jax import Curve, Schedule
        >>> curve = Curve("a", [10, 20], [4.0, 3.5], Schedule.constant(30, 3e-4), {"N": 1e8})
        >>> len(curve), float(curve.rates[-1])
        (2, 0.0003)
    """

    name: str
    steps: NDArray[np.int64]
    losses: NDArray[np.float64]
    schedule: Schedule
    inputs: Mapping[str, float] = field(default_factory=dict)
    noise: float | None = None
    counts: NDArray[np.int64] | None = None
    correlation: float = 0.0

    def __post_init__(self) -> None:
        steps, losses = np.array(self.steps), np.array(self.losses, dtype=np.float64)
        if steps.ndim != 1 or steps.shape != losses.shape or not steps.size:
            raise ValueError(
                f"curve {self.name!r}: expected a step for each loss, got shapes {steps.shape} "
                f"and {losses.shape}"
            )
        _refuse(self.name, "steps", "whole numbers from 1", steps != np.round(steps), steps < 1)
        _refuse(self.name, "losses", "positive and finite", ~(np.isfinite(losses) & (losses > 0)))
        _refuse(self.name, "steps", "increasing", np.r_[False, np.diff(steps) <= 0])
        if steps[-1] > self.schedule.steps:
            raise ValueError(
                f"curve {self.name!r}: its last loss is at step {int(steps[-1]):,}, but its "
                f"schedule has only {self.schedule.steps:,} steps; give a longer schedule"
            )
        counts = None if self.counts is None else np.array(self.counts, dtype=np.int64)
        for name, values in (("steps", steps.astype(np.int64)), ("losses", losses)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)
        object.__setattr__(self, "counts", counts)
        _check_rates(self.name, int(steps[0]), self.schedule)
        own = {str(name): float(value) for name, value in self.inputs.items()}
        _check_inputs(self.name, own)
        object.__setattr__(self, "inputs", own)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def rates(self) -> NDArray[np.float64]:
        """The learning rate at each logged step, ``(point,)``."""
        return self.schedule.at(self.steps)

    @property
    def is_running(self) -> bool:
        """Whether the schedule continues past the last loss by more than two logging intervals."""
        every = float(np.median(np.diff(self.steps))) if len(self) > 1 else 1.0
        return bool(self.schedule.steps - self.steps[-1] > 2.0 * every)

    @property
    def standard_errors(self) -> NDArray[np.float64] | None:
        """Standard deviation of the noise in ln loss at each point, ``(point,)``, or None.

        Averaging neighbouring rows reduces the noise, but less so where it is correlated.
        """
        if self.noise is None:
            return None
        counts = np.ones(len(self)) if self.counts is None else self.counts
        independent = counts * (1.0 - self.correlation) / (1.0 + self.correlation)
        return np.asarray(self.noise / np.sqrt(np.maximum(independent, 1.0)))

    def truncated(self, step: int) -> Curve:
        """The points up to a step; the schedule is kept whole.

        Raises:
            ValueError: none is left.
        """
        return self.where(self.steps <= step)

    def thinned(self, points: int = 64) -> Curve:
        """About this many points, each the mean of neighbouring rows; see `Curves.thinned`."""
        from farseer_jax.curves.thinning import thinned

        return thinned(self, points)

    def where(self, keep: NDArray[Any]) -> Curve:
        """Some of the points, by a mask or by positions.

        Raises:
            ValueError: none is left.
        """
        counts = None if self.counts is None else self.counts[keep]
        return replace(self, steps=self.steps[keep], losses=self.losses[keep], counts=counts)


def _refuse(name: str, column: str, expected: str, *bad: NDArray[np.bool_]) -> None:
    rows = np.flatnonzero(np.logical_or.reduce(bad))
    if rows.size:
        raise ValueError(f"curve {name!r}: {column} must be {expected}; {shown_rows(rows)}")


def _check_rates(name: str, first: int, schedule: Schedule) -> None:
    """Raises ValueError if nothing is learnt up to the first loss: laws divide by this area."""
    if schedule.peak == 0.0:
        raise ValueError(f"curve {name!r}: lr is 0 at every step: is it another column?")
    if not schedule.rates[:first].any():
        raise ValueError(
            f"curve {name!r}: lr is 0 up to its first loss, at step {first:,}: leave out losses "
            "before the first step of training"
        )


def _check_inputs(name: str, inputs: Mapping[str, float]) -> None:
    """Raises ValueError if a number of parameters, tokens or sequences is none."""
    for key in _POSITIVE:
        if key in inputs and not 0.0 < inputs[key] < np.inf:
            raise ValueError(
                f"curve {name!r}: {key} must be positive and finite, got {inputs[key]:g}"
            )
