"""The base class of laws of whole loss curves."""

import abc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from farseer_jax.curve_laws.changes import Change
from farseer_jax.laws.law import Law
from farseer_jax.types import Array, ArrayLike

if TYPE_CHECKING:
    from farseer_jax.curves.schedule import Schedule

FROM_SCHEDULE = ("area", "warmup_area", "annealed")  # inputs computed from the schedule


class Prior(NamedTuple):
    """The normal prior of a searched parameter.

    Attributes:
        mean: its mean.
        sd: its standard deviation.

    Example:
        >>> import farseer_jax as fj
        >>> fj.Annealing.searched["alpha"]  # of its logarithm
        Prior(mean=-0.8, sd=0.2)
    """

    mean: float
    sd: float


class CurveScale(NamedTuple):
    """The scale of a set of curves, relative to which fits search the parameters of their laws.

    Attributes:
        loss: the lowest loss.
        rate: the highest learning rate.
        area: the largest sum of learning rates of a schedule.
        N: geometric mean of the sizes; 1 where the curves have none.

    Example:
        >>> import farseer_jax as fj
        >>> scale = fj.CurveScale(loss=2.9, rate=3e-4, area=6.0, N=1e8)
        >>> round(scale.tenth)
        2000
    """

    loss: float
    rate: float
    area: float
    N: float

    @property
    def tenth(self) -> float:
        """Steps at the highest rate that make up a tenth of the area."""
        return 0.1 * self.area / self.rate


# A jump of the rate to 0 reduces the loss by this share within a tenth of the run: .035, .047 and
# .059 were fitted for 25, 100 and 400 M.
DROP = Prior(-3.2, 0.4)


class CurveLaw(Law):
    """The loss along training as a function of the learning-rate schedule.

    A law of curves is a :class:`Law` whose inputs are computed from the schedule up to a step:
    ``area``, the sum of the learning rates; ``warmup_area``, the sum over the warmup alone; and
    ``annealed``, the sum over all decreases of the learning rate, each times its ``effect``.
    Define ``effect(self, change)``, with a :class:`~farseer_jax.Change`, and ``loss(self, area,
    annealed)``, with ``warmup_area`` if needed. Quantities that are constant along a curve, such as
    N, are further arguments of ``loss``.

    For fits, ``searched`` names the searched parameters with their priors, and ``of_searched``
    makes the law from their values.

    Attributes:
        counts_warmup: whether the increase of the rate in the warmup is among the changes.
        searched: the parameters that a fit searches, with their priors.

    Example:
        >>> import farseer_jax as fj
        >>> law = fj.MultiPower.published("25M")
        >>> steady = fj.Schedule.constant(20_000, 3e-4)
        >>> annealed = fj.Schedule.wsd(20_000, 3e-4, decay=4_000)
        >>> [round(float(law.losses(own, [20_000])[0]), 3) for own in (steady, annealed)]
        [3.359, 3.275]
    """

    counts_warmup: ClassVar[bool] = False
    searched: ClassVar[dict[str, Prior]] = {}

    @abc.abstractmethod
    def effect(self, change: Change) -> Any:
        """What a unit decrease of the learning rate contributes to ``annealed`` at a later step."""

    @classmethod
    @abc.abstractmethod
    def of_searched(cls, numbers: Any, scale: CurveScale) -> Self:
        """The law with these searched parameters.

        Args:
            numbers: in the order of :attr:`searched`.
            scale: of the curves.
        """

    @classmethod
    def inputs_of_curves(cls) -> tuple[str, ...]:
        """The inputs that are constant along a curve, such as N."""
        return tuple(name for name in cls.inputs() if name not in FROM_SCHEDULE)

    def losses(self, schedule: "Schedule", steps: ArrayLike, **inputs: float) -> np.ndarray:
        """The losses at some steps of a schedule, in float64.

        Args:
            schedule: the learning rate of each step.
            steps: from 1 to the schedule's number of steps, ``(step,)``.
            inputs: quantities that are constant along the curve, such as N.

        Returns:
            ``(step,)``.

        Raises:
            TypeError: an input is missing or unknown.
            ValueError: a step is not one of the schedule's.
        """
        from farseer_jax.curve_laws.function import law_function

        own, at = type(self), checked_steps(schedule, steps)
        points: dict[str, np.ndarray] = {"schedule": np.full(len(at), schedule, dtype=object)}
        points["step"] = at
        constant = checked_constants(own, inputs, "a curve")
        points |= {name: np.full(len(at), value) for name, value in constant.items()}
        values = np.array([float(getattr(self, name)) for name in own.parameter_names()])
        return np.asarray(law_function(own).bind(points).value(values[None])[0])

    def final_loss(self, rates: ArrayLike, warmup: int = 0, **inputs: ArrayLike) -> Array:
        """The loss after the last step, differentiable in the learning rates and the parameters.

        Args:
            rates: of each step, ``(step,)``; they set the precision.
            warmup: how many of the first steps are warmup.
            inputs: quantities that are constant along the curve, such as N.

        Example:
            >>> import jax, jax.numpy as jnp
            >>> import farseer_jax as fj
            >>> law = fj.MultiPower.published("25M")
            >>> slopes = jax.grad(law.final_loss)(jnp.full(1000, 3e-4))
            >>> slopes.shape, bool(slopes[-1] > 0 > slopes[0])  # lower rates at the end
            ((1000,), True)
        """
        rates = jnp.asarray(rates)
        area = jnp.cumsum(rates)
        before = area - rates
        since = area[-1] - before
        age = jnp.arange(len(rates) - 1, -1, -1, dtype=rates.dtype)
        previous = jnp.concatenate([jnp.zeros(1, rates.dtype), rates[:-1]])
        counts = self.counts_warmup | (np.arange(len(rates)) > warmup)
        before = jnp.where(counts, before, area[-1])  # an area of 0 has no negative power
        change = Change(previous, rates, since, before, age)
        falls = jnp.where(counts, previous - rates, 0.0)
        annealed = jnp.sum(falls * self.effect(change))
        own = {"area": area[-1], "warmup_area": jnp.sum(rates[:warmup]), "annealed": annealed}
        used = {name: own[name] for name in FROM_SCHEDULE if name in type(self).inputs()}
        return jnp.asarray(self.loss(**used, **inputs))


def checked_steps(schedule: "Schedule", steps: Any) -> np.ndarray:
    """Steps of a schedule after which a law has a value, ``(step,)``.

    Raises:
        ValueError: there are none, one is not of the schedule, or the rates up to it are all 0.
    """
    at = np.atleast_1d(np.asarray(steps)).ravel()
    if not len(at):
        raise ValueError("steps: expected one or more steps, got none")
    schedule.at(at)
    at = at.astype(int)
    if schedule.areas[at.min() - 1] <= 0.0:
        raise ValueError(
            f"steps: the learning rates up to step {at.min():,} are all 0, where laws of curves "
            "have no value: leave these steps out"
        )
    return at


def checked_constants(
    law: type[CurveLaw], inputs: Mapping[str, float], owner: str
) -> dict[str, float]:
    """What is constant along a curve, checked.

    Args:
        law: the law.
        inputs: by name.
        owner: what has them, for messages: "a curve" or "a run".

    Raises:
        TypeError: an input is missing or unknown.
        ValueError: one is not positive and finite.
    """
    needed = law.inputs_of_curves()
    if set(inputs) != set(needed):
        raise TypeError(
            f"the law {law.name} needs the inputs {', '.join(needed) or 'none'} of {owner}; got "
            f"{', '.join(inputs) or 'none'}"
        )
    return {name: positive(name, value) for name, value in inputs.items()}


def positive(name: str, value: float) -> float:
    """An input of a run, such as N.

    Raises:
        ValueError: it is not positive and finite.
    """
    if not 0.0 < float(value) < np.inf:
        raise ValueError(f"{name}: expected a positive number, got {value!r}")
    return float(value)


def exponentials(law: type[CurveLaw], numbers: Any, but: str = "") -> dict[str, Any]:
    """The searched parameters by name: exponentials of all numbers but one."""
    own = dict(zip(law.searched, numbers, strict=True))
    return {name: value if name == but else jnp.exp(value) for name, value in own.items()}


def positive_power(base: ArrayLike, exponent: ArrayLike) -> Array:
    """``base ** exponent`` for a base that may be 0, with a derivative of 0 there."""
    base = jnp.asarray(base)
    safe = jnp.where(base > 0.0, base, 1.0)
    return jnp.where(base > 0.0, safe**exponent, 0.0)


def power_fall(change: Change, q: ArrayLike) -> Array:
    """``(η_{k−1}^q − η_k^q) / (η_{k−1} − η_k)``, also where the rate does not change."""
    fall = jnp.asarray(change.previous - change.rate)
    small = jnp.abs(fall) <= 1e-9 * (change.previous + change.rate)
    powers = positive_power(change.previous, q) - positive_power(change.rate, q)
    slope = q * positive_power(change.rate, q - 1.0)
    return jnp.where(small, slope, powers / jnp.where(small, 1.0, fall))
