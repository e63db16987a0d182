"""Smoothly broken power laws, in any one input."""

import dataclasses
import types
from functools import cache
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Exponent, Positive, Real
from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array

_MAX_BREAKS = 9
_DRAWS_PER_START = 64
_RISING = 0.2  # share of the drawn exponents with which y rises
_BREAK = {"c": Real, "d": Positive, "f": Exponent}


class UnbrokenPowerLaw(Law):
    """``y = a + b·x^(−c0)``: the law without a break, the base class of the others."""

    name: ClassVar[str] = "broken-power-law-0"
    formula: ClassVar[str] = "y(x) = a + b·x^(−c0)"

    a: Positive
    b: Positive
    c0: Real

    def loss(self, x: Any) -> Array:
        """The power law, with each break."""
        log_x = jnp.log(x)
        bends = -self.c0 * log_x
        for at in range(1, type(self).num_breaks() + 1):
            c, d, f = (getattr(self, f"{name}{at}") for name in _BREAK)
            # c·f·ln(1 + (x/d)^(1/f)), in which nothing overflows where f is small
            bends = bends - c * f * jnp.logaddexp(0.0, (log_x - jnp.log(d)) / f)
        return jnp.asarray(self.a + self.b * jnp.exp(bends))

    @classmethod
    def num_breaks(cls) -> int:
        """The number of breaks."""
        return (len(dataclasses.fields(cls)) - 3) // 3

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "UnbrokenPowerLaw":
        """For each start, the draw of 64 that is closest to the runs, with fitted a and b."""
        log_x, y, num = np.log(runs.inputs["x"]), runs.loss, cls.num_breaks()
        steps = np.arange(_DRAWS_PER_START)[:, None, None] * np.sqrt(
            np.arange(2, 2 + cube.shape[1])
        )
        draws = np.reshape((cube + steps) % 1.0, (-1, cube.shape[1]))
        exponents, breaks, f = _drawn_shapes(draws, num, log_x, y)
        shape = _log_shape(exponents, breaks, f, log_x)
        a, b, misses = _levels(shape, y)
        best = np.argmin(misses.reshape(_DRAWS_PER_START, len(cube)), axis=0)
        kept = best * len(cube) + np.arange(len(cube))
        values = {"a": a[kept], "b": b[kept], "c0": exponents[kept, 0]}
        c = np.diff(exponents, axis=1)
        for i in range(num):
            values |= {f"c{i + 1}": c[kept, i], f"d{i + 1}": np.exp(breaks[kept, i])}
            values[f"f{i + 1}"] = f[kept, i]
        return cls(**values)


class BrokenPowerLaw(UnbrokenPowerLaw):
    """``y = a + b·x^(−c0) · (1 + (x/d1)^(1/f1))^(−c1·f1)``: a power law with one break.

    Far below d1 the exponent is c0, far beyond it is c0 + c1; f1 is how wide the bend is in ln x.
    The input x may be N, D, compute or any other: ``columns_of={"x": "N"}``, in the shell
    ``--input x=N``. :func:`broken_power_law` makes laws of more breaks.

    Source: Caballero et al., *Broken Neural Scaling Laws* (arXiv 2210.14891), Eq. 1. The paper
    minimises squared errors of ln y; its code those of ln(y + 1), after a grid search.

    Attributes:
        a: the limit of y.
        b: scale of the power law.
        c0: its exponent before the break.
        c1: change of the exponent at the break.
        d1: position of the break, in the unit of x.
        f1: width of the break in ln x; 0 is a sharp corner.

    Example:
        >>> from farseer_jax import BrokenPowerLaw
        >>> law = BrokenPowerLaw(a=0.5, b=4.0, c0=0.1, c1=0.8, d1=1e4, f1=0.2)
        >>> [round(float(law(x)), 3) for x in (1e2, 1e4, 1e6)]
        [3.024, 1.925, 0.525]
    """

    name: ClassVar[str] = "broken-power-law"
    formula: ClassVar[str] = "y(x) = a + b·x^(−c0)·(1 + (x/d1)^(1/f1))^(−c1·f1)"

    c1: Real
    d1: Positive
    f1: Exponent


def _drawn_shapes(
    cube: np.ndarray, num: int, log_x: np.ndarray, y: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exponents between breaks, ``(draw, break + 1)``; ln d and f, ``(draw, break)``."""
    width = max(float(np.ptp(log_x)), 1e-9)
    overall = max(float(np.log(y.max() / y.min())), 1e-3) / width
    of_break = cube[:, 3:].reshape(len(cube), num, 3)
    breaks = log_x.min() + width * np.sort(of_break[:, :, 0], axis=1)
    f = width * np.exp(np.log(0.02) + np.log(10.0) * of_break[:, :, 1])
    share = np.concatenate([cube[:, 2:3], of_break[:, :, 2]], axis=1)
    is_rising = share < _RISING
    size = np.where(is_rising, share / _RISING, (share - _RISING) / (1.0 - _RISING))
    exponents = np.where(is_rising, -1.0, 1.0) * overall * 10.0 ** (2.0 * size - 1.0)
    return exponents, breaks, f


def _log_shape(
    exponents: np.ndarray, breaks: np.ndarray, f: np.ndarray, log_x: np.ndarray
) -> np.ndarray:
    """The logarithm of the power law and its bends, ``(draw, run)``."""
    bends = np.logaddexp(0.0, (log_x - breaks[:, :, None]) / f[:, :, None])
    c = np.diff(exponents, axis=1)
    return -exponents[:, :1] * log_x - np.sum((c * f)[:, :, None] * bends, axis=1)


def _levels(shape: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Levels a and b of ``a + b·e^shape`` by least squares of relative errors; sum of squares."""
    middle = shape.mean(axis=1)
    g = np.exp(np.clip(shape - middle[:, None], -50.0, 50.0)) / y
    gg, g1, o1 = np.sum(g * g, axis=1), np.sum(g / y, axis=1), np.sum(1.0 / y**2)
    determinant = np.maximum(gg * o1 - g1 * g1, 1e-300)
    a = (np.sum(1.0 / y) * gg - np.sum(g, axis=1) * g1) / determinant
    a = np.clip(a, 0.01 * y.min(), 0.98 * y.min())
    b = np.maximum((np.sum(g, axis=1) - a * g1) / gg, 1e-3 * y.min() / (g * y).max(axis=1))
    misses = np.sum((a[:, None] / y + b[:, None] * g - 1.0) ** 2, axis=1)
    return a, b * np.exp(-np.clip(middle, -600.0, 600.0)), misses


@cache
def broken_power_law(num_breaks: int = 1) -> type[UnbrokenPowerLaw]:
    """The broken power law with a given number of breaks.

    ``y = a + b·x^(−c0) · Π_i (1 + (x/d_i)^(1/f_i))^(−c_i·f_i)``, with parameters a, b, c0 and c, d,
    f of each break (c1, d1, f1, c2 …). A break has three parameters, which need several runs on
    either side to be determined.

    Args:
        num_breaks: 0 to 9.

    Returns:
        The law's class; :class:`BrokenPowerLaw` for one break.

    Raises:
        ValueError: not a whole number from 0 to 9.

    Example:
        >>> from farseer_jax import broken_power_law
        >>> broken_power_law(2).parameter_names()
        ('a', 'b', 'c0', 'c1', 'd1', 'f1', 'c2', 'd2', 'f2')
    """
    if isinstance(num_breaks, bool) or num_breaks not in range(_MAX_BREAKS + 1):
        raise ValueError(
            f"num_breaks: expected a whole number from 0 to {_MAX_BREAKS}, got {num_breaks!r}"
        )
    if num_breaks < 2:
        return BrokenPowerLaw if num_breaks else UnbrokenPowerLaw
    breaks = range(2, num_breaks + 1)
    space = {
        "__module__": __name__,
        "__doc__": f"A power law with {num_breaks} breaks: :func:`broken_power_law`.",
        "__annotations__": {
            f"{name}{at}": domain for at in breaks for name, domain in _BREAK.items()
        },
        "name": f"broken-power-law-{num_breaks}",
        "formula": "y(x) = a + b·x^(−c0)"
        + "".join(f"·(1 + (x/d{i})^(1/f{i}))^(−c{i}·f{i})" for i in range(1, num_breaks + 1)),
    }
    made: type[UnbrokenPowerLaw] = types.new_class(
        f"BrokenPowerLaw{num_breaks}", (BrokenPowerLaw,), exec_body=lambda own: own.update(space)
    )
    return made


def __getattr__(name: str) -> Any:
    """The made classes by their names, so that they can be pickled."""
    number = name.removeprefix("BrokenPowerLaw")
    if number != name and number in map(str, range(2, _MAX_BREAKS + 1)):
        return broken_power_law(int(number))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
