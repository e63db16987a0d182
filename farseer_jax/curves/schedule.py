"""Learning-rate schedules: the rate of each training step."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.curves.decay_shapes import DecayShape, check_shape, decayed
from farseer_jax.curves.schedule_checks import (
    checked_count,
    checked_decay,
    checked_final,
    checked_positions,
    checked_rate,
    checked_rates,
    checked_steps,
)

_JUMP = 0.02  # of the peak, in one step; a cosine over 1,000 steps changes by .0016


@dataclass(frozen=True, eq=False, repr=False)
class Schedule:
    """The learning rate of each step of training, ``rates[0]`` that of step 1.

    Rates may be in any unit, the same for all schedules of a fit.

    Attributes:
        rates: the learning rate of the steps 1 … steps, ``(steps,)``; zeros are allowed.
        warmup: number of warmup steps; None takes the first stretch of increasing rates.
        name: such as ``"cosine"`` or ``"wsd"``.
        text: the text that :meth:`parse` reads; empty if no text describes the rates.

    Raises:
        ValueError: there are no rates, a rate is negative, NaN or infinite, or the warmup is
            longer than the schedule.

    Example:
        >>> from farseer_jax import Schedule
        >>> schedule = Schedule.wsd(24_000, 3e-4, decay=4_000, final=3e-5, warmup=2_000)
        >>> schedule.steps, schedule.warmup, float(schedule.rates[-1])
        (24000, 2000, 3e-05)
        >>> print(schedule)
        wsd steps=24000 peak=0.0003 decay=4000 final=3e-05 warmup=2000
    """

    rates: NDArray[np.float64]
    warmup: int = None  # type: ignore[assignment]
    name: str = "given"
    text: str = ""

    def __post_init__(self) -> None:
        rates = checked_rates(self.rates)
        rates.setflags(write=False)
        found = _leading_rise(rates) if self.warmup is None else self.warmup
        object.__setattr__(self, "rates", rates)
        object.__setattr__(self, "warmup", checked_count("warmup", found, 0, len(rates)))

    @classmethod
    def constant(cls, steps: int, peak: float, *, warmup: int = 0) -> Self:
        """A constant rate after a linear warmup.

        Args:
            steps: the number of steps.
            peak: the learning rate.
            warmup: steps of linear warmup from 0; the last of them has the rate ``peak``.

        Example:
            >>> Schedule.constant(4, 1.0, warmup=2).rates
            array([0.5, 1. , 1. , 1. ])
        """
        return cls._made("constant", steps, peak, {}, warmup, lambda num, rate: np.full(num, rate))

    @classmethod
    def linear(cls, steps: int, peak: float, *, final: float = 0.0, warmup: int = 0) -> Self:
        """A linear decay to ``final`` at the last step, after a linear warmup.

        Example:
            >>> Schedule.linear(4, 1.0).rates
            array([0.75, 0.5 , 0.25, 0.  ])
        """
        end = checked_final(final, checked_rate("peak", peak))
        return cls._made(
            "linear", steps, peak, {"final": end}, warmup,
            lambda num, rate: decayed(num, rate, end, "linear"),
        )  # fmt: skip

    @classmethod
    def cosine(
        cls, steps: int, peak: float, *, final: float = 0.0, warmup: int = 0, cycles: int = 1
    ) -> Self:
        """Half a cosine from ``peak`` to ``final``, after a linear warmup.

        Args:
            steps: the number of steps.
            peak: the highest learning rate, that of the last step of the warmup.
            final: the rate at the last step.
            warmup: steps of linear warmup from 0.
            cycles: number of cycles, each starting at ``peak`` (SGDR: Loshchilov & Hutter).

        Example:
            >>> Schedule.cosine(4, 1.0, final=0.1).rates.round(3)
            array([0.868, 0.55 , 0.232, 0.1  ])
        """
        end = checked_final(final, checked_rate("peak", peak))
        num_cycles = checked_count("cycles", cycles, 1, checked_steps("steps", steps))

        def rates(num: int, rate: float) -> NDArray[np.float64]:
            ends = np.linspace(0, num, num_cycles + 1).round().astype(int)
            parts = [decayed(own, rate, end, "cosine") for own in np.diff(ends) if own]
            return np.concatenate([*parts, np.zeros(0)])

        own = {"final": end, "cycles": num_cycles}
        return cls._made("cosine", steps, peak, own, warmup, rates)

    @classmethod
    def wsd(
        cls,
        steps: int,
        peak: float,
        *,
        decay: float = 0.2,
        final: float = 0.0,
        shape: DecayShape = "linear",
        warmup: int = 0,
    ) -> Self:
        """Warmup, a stable phase and a decay phase (WSD: Hu et al., *MiniCPM*).

        Args:
            steps: the number of steps, including the decay.
            peak: the stable learning rate.
            decay: length of the decay, in steps or (below 1) as a fraction of all steps, of which
                it takes at least one.
            final: the rate at the last step.
            shape: ``"linear"``, ``"cosine"``, ``"exponential"`` or ``"sqrt"``, that is ``1 − √u``.
            warmup: steps of linear warmup from 0.

        Example:
            >>> Schedule.wsd(6, 1.0, decay=2, warmup=2).rates
            array([0.5, 1. , 1. , 1. , 0.5, 0. ])
        """
        total = checked_steps("steps", steps)
        num_decay = checked_decay(decay, total)
        end = checked_final(final, checked_rate("peak", peak))
        check_shape(shape)
        rise = checked_count("warmup", warmup, 0, total)
        if num_decay + rise > total:
            raise ValueError(
                f"decay: the warmup of {rise:,} steps and the decay of {num_decay:,} are together "
                f"longer than the {total:,} steps"
            )

        def rates(num: int, rate: float) -> NDArray[np.float64]:
            falling = decayed(num_decay, rate, end, shape) if num_decay else np.zeros(0)
            return np.concatenate([np.full(num - num_decay, rate), falling])

        own = {"decay": num_decay, "final": end, "shape": shape}
        return cls._made("wsd", total, peak, own, rise, rates)

    @classmethod
    def multi_step(
        cls,
        steps: int,
        peak: float,
        *,
        at: int | Sequence[int],
        to: float | Sequence[float],
        warmup: int = 0,
    ) -> Self:
        """A piecewise constant rate after a linear warmup.

        Args:
            steps: the number of steps.
            peak: the first learning rate.
            at: the first step at each new rate, increasing; without any the schedule is
                :meth:`constant`.
            to: the new rates.
            warmup: steps of linear warmup from 0.

        Example:
            >>> Schedule.multi_step(5, 1.0, at=[3, 5], to=[0.5, 0.1]).rates
            array([1. , 1. , 0.5, 0.5, 0.1])
        """
        total = checked_steps("steps", steps)
        starts = [checked_count("at", own, 1, total) for own in np.atleast_1d(at).tolist()]
        levels = [checked_rate("to", own) for own in np.atleast_1d(to).tolist()]
        rise = checked_count("warmup", warmup, 0, total)
        if len(starts) != len(levels):
            raise ValueError(f"to: expected a rate for each of the steps {starts}, got {levels}")
        if starts != sorted(set(starts)) or (starts and starts[0] <= rise):
            raise ValueError(f"at: expected increasing steps after the warmup, got {starts}")

        if not starts:
            return cls.constant(total, peak, warmup=rise)

        def rates(num: int, rate: float) -> NDArray[np.float64]:
            lengths = np.diff([rise + 1, *starts, total + 1])
            return np.repeat([rate, *levels], lengths)

        own = {"at": starts, "to": levels}
        return cls._made("multi_step", total, peak, own, rise, rates)

    @classmethod
    def inverse_sqrt(cls, steps: int, peak: float, *, warmup: int) -> Self:
        """``peak·√(warmup/t)`` after a linear warmup (Vaswani et al.).

        Example:
            >>> Schedule.inverse_sqrt(4, 1.0, warmup=1).rates.round(3)
            array([1.   , 0.707, 0.577, 0.5  ])
        """
        rise = checked_count("warmup", warmup, 1)

        def rates(num: int, rate: float) -> NDArray[np.float64]:
            return rate * np.sqrt(rise / np.arange(rise + 1, rise + num + 1))

        return cls._made("inverse_sqrt", steps, peak, {}, rise, rates)

    @classmethod
    def from_function(
        cls,
        function: Callable[[Any], Any],
        steps: int,
        *,
        warmup: int | None = None,
        name: str = "given",
    ) -> Self:
        """A schedule from a function of the step.

        Args:
            function: the rate of a step, counted from 1; called with an array of all steps
                ``(steps,)``, or with one step at a time if it does not take arrays.
            steps: the number of steps.
            warmup: steps of warmup; None takes the first stretch of increasing rates.
            name: of the schedule.

        Raises:
            TypeError: ``function`` is none.
            ValueError: it does not give one rate for each step.

        Example:
            >>> Schedule.from_function(lambda step: 3e-4 * min(1.0, step / 2), 3).rates
            array([0.00015, 0.0003 , 0.0003 ])
        """
        own = _rates_of(function, checked_steps("steps", steps))
        return cls(own, _leading_rise(own) if warmup is None else warmup, name)

    @classmethod
    def from_points(
        cls,
        steps: ArrayLike,
        rates: ArrayLike,
        *,
        warmup: int | None = None,
        total: int | None = None,
    ) -> Self:
        """A schedule from a logged learning rate, such as one logged every 128 steps.

        Args:
            steps: the logged steps, increasing, ``(point,)``.
            rates: the rate of each, ``(point,)``.
            warmup: steps of warmup, linear where they were not logged; None takes the first
                stretch of increasing rates.
            total: the number of steps, at least the last logged one; None takes that one.

        Example:
            >>> Schedule.from_points([1, 3, 5], [0.0, 1.0, 1.0]).rates
            array([0. , 0.5, 1. , 1. , 1. ])
        """
        from farseer_jax.curves.logged_rates import schedule_of_log

        own = schedule_of_log(steps, rates, warmup, total).schedule
        return cls(own.rates, own.warmup, own.name, own.text)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The schedule that a text describes, in the format of ``str(schedule)``.

        Args:
            text: the name of a constructor and its arguments; after semicolons, changes of the
                schedule: ``"cosine peak=3e-4 steps=24000 warmup=2160 final=3e-5; stop
                step=12000; decay at=12000 over=2000"``. Numbers may be written ``24,000`` or
                ``24k``. Percentages are of the peak in ``final`` and ``to``, and of all steps in
                ``decay`` and ``warmup``. In ``at`` and ``to`` commas separate numbers.

        Raises:
            TypeError: not a text.
            ValueError: a word is unknown, an argument is missing, or as for the constructor.

        Example:
            >>> print(Schedule.parse("cosine peak=3e-4 steps=24k warmup=2160 final=3e-5"))
            cosine steps=24000 peak=0.0003 final=3e-05 warmup=2160
        """
        from farseer_jax.curves.schedule_text import parsed

        return parsed(cls, text)

    @property
    def steps(self) -> int:
        """The number of steps."""
        return len(self.rates)

    @property
    def peak(self) -> float:
        """The highest learning rate."""
        return float(self.rates.max())

    @cached_property
    def areas(self) -> NDArray[np.float64]:
        """The sum of the rates up to each step, the step included, ``(steps,)``."""
        return np.cumsum(self.rates)

    @cached_property
    def jumps(self) -> NDArray[np.intp]:
        """The steps at which the rate changes by more than 2 % of the peak, ``(jump,)``.

        Steps of the warmup are excluded.

        Example:
            >>> Schedule.multi_step(5, 1.0, at=[3, 5], to=[0.5, 0.1]).jumps
            array([3, 5])
        """
        large = np.abs(np.diff(self.rates)) > _JUMP * self.peak
        at = np.flatnonzero(large) + 2
        return at[at > self.warmup + 1]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the rates and the warmup, in hexadecimal digits."""
        data = np.ascontiguousarray(self.rates, dtype="<f8").tobytes()
        return hashlib.sha256(f"{self.warmup}\0".encode() + data).hexdigest()

    def at(self, steps: ArrayLike) -> NDArray[np.float64]:
        """The rate of each of these steps.

        Args:
            steps: whole numbers from 1 to the number of steps.

        Raises:
            ValueError: they are not.

        Example:
            >>> Schedule.linear(4, 1.0).at([2, 4])
            array([0.5, 0. ])
        """
        return self.rates[checked_positions(steps, self.steps)]

    def truncated(self, step: int) -> Self:
        """The schedule of a run that stops after a step.

        Args:
            step: the last step.

        Example:
            >>> print(Schedule.linear(4, 1.0).truncated(2))
            linear steps=4 peak=1.0; stop step=2
        """
        last = checked_count("step", step, 1, self.steps)
        if last == self.steps:
            return self
        text = f"{self.text}; stop step={last}" if self.text else ""
        return type(self)(self.rates[:last], min(self.warmup, last), self.name, text)

    def with_decay(
        self, at: int, over: int, *, shape: DecayShape = "linear", final: float = 0.0
    ) -> Self:
        """This schedule up to a step, followed by a decay.

        Args:
            at: the last step before the decay.
            over: length of the decay, in steps.
            shape: ``"linear"``, ``"cosine"``, ``"exponential"`` or ``"sqrt"``.
            final: the rate at the end of the decay.

        Example:
            >>> Schedule.constant(9, 1.0).with_decay(2, 4).rates
            array([1.  , 1.  , 0.75, 0.5 , 0.25, 0.  ])
        """
        last, num = checked_count("at", at, 1, self.steps), checked_steps("over", over)
        first = float(self.rates[last - 1])
        end = checked_final(final, first)
        falling = decayed(num, first, end, shape)
        own = f"; decay at={last} over={num} final={end!r} shape={shape}"
        rates = np.concatenate([self.rates[:last], falling])
        text = f"{self.text}{own}" if self.text else ""
        return type(self)(rates, min(self.warmup, last), self.name, text)

    def to_dict(self) -> dict[str, Any]:
        """The text, or the rates where no text describes them, for JSON."""
        if self.text:
            return {"schedule": self.text}
        return {"rates": self.rates.tolist(), "warmup": self.warmup, "name": self.name}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`.

        Example:
            >>> schedule = Schedule([0.1, 0.2])
            >>> Schedule.from_dict(schedule.to_dict()) == schedule
            True
        """
        if "schedule" in content:
            return cls.parse(content["schedule"])
        return cls(np.array(content["rates"]), content["warmup"], content["name"])

    def __len__(self) -> int:
        return self.steps

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Schedule):
            return NotImplemented
        return self.warmup == other.warmup and np.array_equal(self.rates, other.rates)

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    def __str__(self) -> str:
        if self.text:
            return self.text
        ends = f"{self.rates[0]:.4g} to {self.rates[-1]:.4g}"
        warm = f", {self.warmup:,} of warmup" if self.warmup else ""
        return f"{self.name}: {self.steps:,} steps{warm}, rates {ends}, peak {self.peak:.4g}"

    def __repr__(self) -> str:
        return f"Schedule({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:  # arrays lose their read-only flag
        return type(self), (self.rates, self.warmup, self.name, self.text)

    @classmethod
    def _made(
        cls,
        name: str,
        steps: int,
        peak: float,
        settings: Mapping[str, Any],
        warmup: int,
        after: Callable[[int, float], NDArray[np.float64]],
    ) -> Self:
        """A schedule of a standard form: a linear warmup, then ``after(steps, peak)``."""
        from farseer_jax.curves.schedule_text import written

        total, rate = checked_steps("steps", steps), checked_rate("peak", peak)
        rise = checked_count("warmup", warmup, 0, total)
        rising = rate * np.arange(1, rise + 1) / max(rise, 1)
        own = {"steps": total, "peak": rate, **settings, "warmup": rise}
        text = written(getattr(cls, name), name, own)
        return cls(np.concatenate([rising, after(total - rise, rate)]), rise, name, text)


def _leading_rise(rates: NDArray[np.float64]) -> int:
    """The number of increasing steps at the start; 0 if the second step does not increase."""
    falls = np.flatnonzero(np.diff(rates) <= 0.0)
    rise = int(falls[0]) + 1 if falls.size else len(rates)
    return rise if rise > 1 else 0


def _rates_of(function: Callable[[Any], Any], steps: int) -> NDArray[np.float64]:
    """The rates of a function of the step, ``(steps,)``."""
    if not callable(function):
        raise TypeError(f"function: expected a function of the step, got {function!r}")
    progress = np.arange(1, steps + 1)
    try:
        rates = np.asarray(function(progress), dtype=np.float64)
    except (TypeError, ValueError):  # it uses comparisons or the math module
        values = [function(int(step)) for step in progress]
        if any(np.ndim(own) for own in values):
            raise ValueError("function: expected one learning rate for each step") from None
        rates = checked_rates(values)
    if rates.shape not in ((), progress.shape):
        raise ValueError(
            f"function: expected one learning rate for each of {steps:,} steps, got an array of "
            f"shape {rates.shape}"
        )
    return np.broadcast_to(rates, progress.shape)
