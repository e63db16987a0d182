"""Families of learning-rate schedules, each with a few parameters, searched by gradient."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from farseer_jax.curve_fitting.schedule_objective import FinalLoss
from farseer_jax.curves.decay_shapes import DECAY_SHAPES, decayed
from farseer_jax.curves.schedule import Schedule

LOWEST: Final = 1e-3  # of the peak: rates below it, other than 0, are not searched
_SHORTEST: Final = 0.02  # of the steps after the warmup: a decay
_DIFFERENCE: Final = 1e-6
_DROPS: Final = 2  # of a multi-step schedule


@dataclass(frozen=True, eq=False)
class Family:
    """Schedules of one form, with parameters from 0 to 1.

    Attributes:
        name: of the family.
        rates: the rates at the steps after the warmup, relative to the peak, as a smooth function
            of the parameters.
        schedule: the schedule with these parameters, rounded to whole steps.
        lower: bounds of the parameters, ``(number,)``.
        upper: likewise.
        starts: ``(start, number)``.
    """

    name: str
    rates: Callable[[np.ndarray], np.ndarray]
    schedule: Callable[[np.ndarray], Schedule]
    lower: np.ndarray
    upper: np.ndarray
    starts: np.ndarray

    def best(self, objective: FinalLoss) -> Schedule:
        """The schedule with the lowest final loss."""
        found = [self._searched(objective, start) for start in self.starts]
        return self.schedule(min(found, key=lambda own: own[0])[1])

    def _searched(self, objective: FinalLoss, start: np.ndarray) -> tuple[float, np.ndarray]:
        from scipy.optimize import minimize

        if not len(start):
            return 0.0, start

        def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
            rates = self.rates(numbers)
            value, slopes = objective(objective.peak * rates)
            return value, objective.peak * self._changes(numbers) @ slopes

        bounds = list(zip(self.lower, self.upper, strict=True))
        found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
        return float(found.fun), np.asarray(found.x)

    def _changes(self, numbers: np.ndarray) -> np.ndarray:
        """Derivatives of the rates by the parameters, ``(number, step)``, by finite differences."""
        found = []
        for place, value in enumerate(numbers):
            ahead, behind = numbers.copy(), numbers.copy()
            ahead[place] = min(value + _DIFFERENCE, self.upper[place])
            behind[place] = max(value - _DIFFERENCE, self.lower[place])
            width = ahead[place] - behind[place]  # 0 for a number that is given
            found.append((self.rates(ahead) - self.rates(behind)) / max(width, _DIFFERENCE))
        return np.array(found)


FAMILIES: Final = ("wsd", "cosine", "linear", "multi-step")


def families_named(names: Sequence[str], objective: FinalLoss, final: float | None) -> list[Family]:
    """The families of these names; WSD once for each shape of its decay.

    Args:
        names: from :data:`FAMILIES`.
        objective: with the number of steps, the peak and the warmup.
        final: the rate at the last step; None searches it.
    """
    made = {"wsd": _wsd, "cosine": _whole, "linear": _whole, "multi-step": _multi_step}
    return list(itertools.chain(*(made[name](name, objective, final) for name in names)))


def _final_ratios(
    objective: FinalLoss, final: float | None, starts: Sequence[float]
) -> tuple[list[float], list[float], list[float]]:
    """Bounds and starts of the last rate relative to the peak; equal bounds if it is given."""
    if final is None:
        return [LOWEST], [1.0], list(starts)
    own = final / objective.peak
    return [own], [own], [own]


def _whole(name: str, objective: FinalLoss, final: float | None) -> Iterator[Family]:
    """A decay over all steps after the warmup."""
    low, high, starts = _final_ratios(objective, final, [0.1])
    num = objective.num_free
    make: Any = getattr(Schedule, name)

    def rates(numbers: np.ndarray) -> np.ndarray:
        return decayed(num, 1.0, float(numbers[0]), name)

    def schedule(numbers: np.ndarray) -> Schedule:
        end = plain_rate(numbers[0] * objective.peak)
        return make(objective.steps, objective.peak, final=end, warmup=objective.warmup)

    yield Family(name, rates, schedule, np.array(low), np.array(high), np.array(starts)[:, None])


def _wsd(name: str, objective: FinalLoss, final: float | None) -> Iterator[Family]:
    """A stable phase and a decay: its fraction of the steps after the warmup, and last rate."""
    low, high, ends = _final_ratios(objective, final, [0.05])
    num = objective.num_free

    for shape in DECAY_SHAPES:
        if shape == "exponential" and final == 0.0:
            continue

        def rates(numbers: np.ndarray, shape: str = shape) -> np.ndarray:
            fraction, end = numbers
            progress = np.clip(1.0 - np.arange(num - 1, -1, -1) / (fraction * num), 0.0, 1.0)
            return _SHAPED[shape](progress, end)

        def schedule(numbers: np.ndarray, shape: Any = shape) -> Schedule:
            return Schedule.wsd(
                objective.steps,
                objective.peak,
                decay=int(np.clip(round(numbers[0] * num), 1, num)),
                final=plain_rate(numbers[1] * objective.peak),
                shape=shape,
                warmup=objective.warmup,
            )

        yield Family(
            f"{name} {shape}",
            rates,
            schedule,
            np.array([_SHORTEST, *low]),
            np.array([1.0, *high]),
            np.array(list(itertools.product([0.2, 0.7], ends))),
        )


# As decay_shapes, of progress and the ratio of the last rate to the first.
_SHAPED: Final[dict[str, Callable[[np.ndarray, float], np.ndarray]]] = {
    "linear": lambda u, r: 1.0 - (1.0 - r) * u,
    "cosine": lambda u, r: r + (1.0 - r) * (1.0 + np.cos(np.pi * u)) / 2.0,
    "exponential": lambda u, r: r**u,
    "sqrt": lambda u, r: 1.0 - (1.0 - r) * np.sqrt(u),
}


def _multi_step(name: str, objective: FinalLoss, final: float | None) -> Iterator[Family]:
    """Two drops: their places as fractions of the remaining steps, and the rates after them."""
    low, high, _ = _final_ratios(objective, final, [0.1])
    num, steps = objective.num_free, np.arange(1, objective.num_free + 1)

    def places(numbers: np.ndarray) -> tuple[float, float]:
        first = numbers[0] * (num - 2)
        return first, first + 1.0 + numbers[1] * (num - 2 - first)

    def rates(numbers: np.ndarray) -> np.ndarray:
        middle, end = _levels(numbers)
        first, second = (np.clip(steps - at, 0.0, 1.0) for at in places(numbers))
        return 1.0 - (1.0 - middle) * first - (middle - end) * second

    def schedule(numbers: np.ndarray) -> Schedule:
        at = [objective.warmup + 1 + round(own) for own in places(numbers)]
        to = [plain_rate(own * objective.peak) for own in _levels(numbers)]
        return Schedule.multi_step(
            objective.steps, objective.peak, at=at, to=to, warmup=objective.warmup
        )

    def _levels(numbers: np.ndarray) -> tuple[float, float]:
        end = numbers[3]
        return end + numbers[2] * (1.0 - end), end

    # drops along the way, and one near the end
    starts = [[0.5, 0.4, 0.3, 0.1], [0.8, 0.5, 0.3, 0.1], [0.93, 0.8, 0.0, 0.03]]
    starts = [[*own[:3], float(np.clip(own[3], low[0], high[0]))] for own in starts]
    bounds = np.array([[0.02, 0.02, 0.0, *low], [0.98, 0.98, 1.0, *high]])
    yield Family(name, rates, schedule, bounds[0], bounds[1], np.array(starts))


def plain_rate(rate: float) -> float:
    """A rate rounded to four digits, for a readable text of the schedule."""
    return float(f"{rate:.4g}")
