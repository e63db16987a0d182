"""A law of curves as a function of its parameters at points of curves, with derivatives, in NumPy.

The effect of a change and the loss are traced separately. Effects are summed over the changes
before each point, and the sum enters the loss as a further number that depends on the parameters.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np

from farseer_jax.curve_laws.changes import Change, Changes, changes_before
from farseer_jax.curve_laws.law import CurveLaw
from farseer_jax.link_functions import Link
from farseer_jax.solvers.bound_function import BoundFunction, Parameters, columns_of
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction

MakeLaw: TypeAlias = Callable[[Any], CurveLaw]

IDENTITY = Link("identity")
_BLOCK = 500_000  # effects computed at once


class CurveFunction:
    """The loss at one point of a curve, for least squares.

    Args:
        law: the class of the law.
        make: makes the law from a list of numbers; traceable.
        num_components: the number of numbers.
        link: the scale of the errors.
    """

    twice_differentiable = False
    input_shapes: Mapping[str, tuple[int, ...]] = {}  # all inputs are numbers or objects

    def __init__(
        self, law: type[CurveLaw], make: MakeLaw, num_components: int, link: Link = IDENTITY
    ) -> None:
        self.num_components = num_components
        own = [name for name in law.inputs() if name != "annealed"]

        def effect(numbers: list[Any], change: dict[str, Any]) -> Any:
            return make(numbers).effect(Change(**change))

        def loss(numbers: list[Any], point: dict[str, Any]) -> Any:
            return link.forward(make(numbers[:-1]).loss(annealed=numbers[-1], **point))

        scalars: list[tuple[int, ...]] = [()] * num_components
        self.effect = NumpyFunction(effect, scalars, dict.fromkeys(Change._fields, ()))
        self.loss = NumpyFunction(loss, [*scalars, ()], dict.fromkeys(own, ()))
        self.input_shapes = dict.fromkeys((*own, "schedule", "step"), ())
        self._inputs, self._counts_warmup = own, law.counts_warmup

    def bind(self, inputs: Mapping[str, np.ndarray]) -> "BoundCurveFunction":
        """The function at points.

        Args:
            inputs: ``"schedule"`` (objects), ``"step"``, and quantities that are constant along a
                curve; ``(point,)`` each.
        """
        distinct, point = _distinct(inputs["schedule"], inputs["step"], self._counts_warmup)
        effect = self.effect.bind(distinct.change._asdict())
        known = {"area": distinct.area[point], "warmup_area": distinct.warmup_area[point]}
        loss = self.loss.bind({name: {**inputs, **known}[name] for name in self._inputs})
        return BoundCurveFunction(distinct, point, effect, loss)


class BoundCurveFunction:
    """A law of curves at some points.

    Args:
        changes: those before each distinct step of each schedule.
        point: the distinct step of each point, ``(point,)``.
        effect: the effects, at the changes.
        loss: the loss, at the points.
    """

    num_rows = 1

    def __init__(
        self, changes: Changes, point: np.ndarray, effect: BoundFunction, loss: BoundFunction
    ) -> None:
        self._changes, self._point, self._effect, self._loss = changes, point, effect, loss
        self._full = np.diff(np.append(changes.start, len(changes.drop))) > 0

    @property
    def num_runs(self) -> int:
        """The number of points."""
        return len(self._point)

    def take(self, rows: np.ndarray) -> "BoundCurveFunction":
        """Itself: all batch elements share the points."""
        return self

    def value(self, parameters: Parameters) -> np.ndarray:
        """The losses, ``(element, point)``, of parameters ``(element, component)`` or by column."""
        columns = columns_of(parameters)
        block = max(1, _BLOCK // max(1, len(self._changes.drop)))
        parts = []
        for first in range(0, len(columns[0]), block):
            own = [column[first : first + block] for column in columns]
            parts.append(self._loss.value([*own, self._summed(self._effect.value(own))]))
        return np.concatenate(parts)

    def value_and_gradient(self, parameters: Parameters) -> tuple[np.ndarray, np.ndarray]:
        """Losses ``(element, point)`` and derivatives ``(element, component, point)``."""
        effect, slopes = self._effect.value_and_slopes(parameters)
        value, slope = self._loss.value_and_gradient(
            [*columns_of(parameters), self._summed(effect)]
        )
        found = slope[:, :-1]
        for component, own in slopes.items():
            found[:, component] += slope[:, -1] * self._summed(own)
        return value, found

    def _summed(self, effect: np.ndarray) -> np.ndarray:
        """Effects ``(…, change)`` times decreases, summed over the changes before each point."""
        found = np.zeros((*effect.shape[:-1], len(self._full)))
        if self._full.any():
            starts = self._changes.start[self._full]
            found[..., self._full] = np.add.reduceat(effect * self._changes.drop, starts, axis=-1)
        return found[..., self._point]


@cache
def law_function(law: type[CurveLaw]) -> CurveFunction:
    """The function of a law's own parameters, in the order of its fields."""
    names = law.parameter_names()

    def make(numbers: Any) -> CurveLaw:
        return law(**dict(zip(names, numbers, strict=True)))

    return CurveFunction(law, make, len(names))


def _distinct(
    schedules: np.ndarray, steps: np.ndarray, counts_warmup: bool
) -> tuple[Changes, np.ndarray]:
    """The changes before each distinct step of each schedule, and the distinct step of each point.

    Curves of several sizes share their schedules.
    """
    number: dict[Any, int] = {}
    own = np.array([number.setdefault(schedule, len(number)) for schedule in schedules], dtype=int)
    found, point, count, num_terms = [], np.zeros(len(own), dtype=int), 0, 0
    for schedule, place in number.items():
        at = np.flatnonzero(own == place)
        distinct, which = np.unique(steps[at].astype(int), return_inverse=True)
        changes = _changes(schedule, distinct.tobytes(), counts_warmup)
        point[at] = which + count
        found.append((changes, num_terms))
        count, num_terms = count + len(distinct), num_terms + len(changes.drop)
    return _joined(found), point


@lru_cache(maxsize=256)
def _changes(schedule: Any, steps: bytes, counts_warmup: bool) -> Changes:
    at = np.frombuffer(steps, dtype=int)
    return changes_before(schedule.rates, schedule.warmup, at, counts_warmup=counts_warmup)


def _joined(parts: Sequence[tuple[Changes, int]]) -> Changes:
    """The changes of several schedules, one after another; each with the number before it."""
    return Changes(
        np.concatenate([own.drop for own, _ in parts]),
        Change(*map(np.concatenate, zip(*(own.change for own, _ in parts), strict=True))),
        np.concatenate([own.start + before for own, before in parts]),
        np.concatenate([own.area for own, _ in parts]),
        np.concatenate([own.warmup_area for own, _ in parts]),
    )
