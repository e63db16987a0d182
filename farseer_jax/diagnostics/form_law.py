"""A law of chosen forms: ``L = U(N) + B(N) · D^(−A(N))``."""

import types
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from farseer_jax.diagnostics.form_search import abscissa
from farseer_jax.diagnostics.transforms import Transform
from farseer_jax.laws.domains import Real
from farseer_jax.laws.law import Center
from farseer_jax.laws.separable import Separable
from farseer_jax.results.converter import register, restore, state_of
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import as_leaf, leaf_like
from farseer_jax.types import Array

_CURVES = ("U", "B", "A")
# Spread of the starts of a refit around the chosen parameters: levels are transformed values of
# order one, and slopes are relative.
_SPREAD = {"level": 0.2, "slope": 0.3, "exponent": 0.2, "power": 0.2}


class CurveSpec(NamedTuple):
    """What defines a curve of N besides its parameters."""

    of_value: Transform
    of_N: Transform
    pivot: float
    scale: float

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of its parameters."""
        more = (("exponent", self.of_N), ("power", self.of_value))
        return ("level", "slope", *(name for name, of in more if of.is_searched))

    def __call__(self, N: Array, numbers: dict[str, Array]) -> Array:
        """The curve at N; NaN where it does not exist."""
        zero = jnp.zeros((), N.dtype)
        pivot = jnp.asarray(self.pivot, N.dtype)
        x = abscissa(self.of_N, N, pivot, numbers.get("exponent", zero))
        y = numbers["level"] + numbers["slope"] * x
        value = self.of_value.undo(y, numbers.get("power", zero))
        return value * self.scale if self.of_value.scaled else value


class ChosenLaw(Separable):
    """A law of chosen forms; each choice has a subclass, with its parameters as fields.

    ``fit(type(law), runs, LeastSquares())`` fits all its parameters at once, from starts around
    the chosen ones.
    """

    name: ClassVar[str] = "chosen-forms"
    formula: ClassVar[str] = "L(N, D) = U(N) + B(N) · D^(−A(N)), of chosen forms"
    specs: ClassVar[tuple[CurveSpec, ...]] = ()
    chosen: ClassVar[tuple[float, ...]] = ()

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """U, B and A; NaN where a curve does not exist, and so is the loss."""
        return tuple(
            spec(N, {p: leaf_like(getattr(self, f"{curve}_{p}"), N) for p in spec.parameters})
            for curve, spec in zip(_CURVES, self.specs, strict=True)
        )

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from U, B and A."""
        U, B, A = curves
        return jnp.log(U + B * jnp.exp(-A * log_D))

    @classmethod
    def from_vector(cls, vector: Array, center: Center | None = None) -> Self:
        """Parameters in their order; the curves have a centre of their own."""
        del center
        return cls(**dict(zip(cls.parameter_names(), vector, strict=True)))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> Self:
        """The chosen parameters, and others around them."""
        del runs
        columns: dict[str, np.ndarray] = {}
        for i, (name, value) in enumerate(zip(cls.parameter_names(), cls.chosen, strict=True)):
            kind = name.partition("_")[2]
            reach = _SPREAD[kind] * (abs(value) if kind == "slope" else 1.0)
            step = reach * (2.0 * cube[:, i] - 1.0)
            step[0] = 0.0
            columns[name] = value + step
        return cls(**columns)


def chosen_law(specs: dict[str, CurveSpec], numbers: dict[str, dict[str, float]]) -> ChosenLaw:
    """The law with these curves U, B and A and their parameters."""
    values = {
        f"{curve}_{p}": numbers[curve][p] for curve in _CURVES for p in specs[curve].parameters
    }
    kind = _class_of(tuple(specs[curve] for curve in _CURVES), tuple(values.values()))
    return kind(**{name: as_leaf(value) for name, value in values.items()})


@lru_cache(maxsize=64)  # the same choice has the same class, so that JAX compiles once
def _class_of(specs: tuple[CurveSpec, ...], chosen: tuple[float, ...]) -> type[ChosenLaw]:
    names = [f"{curve}_{p}" for curve, s in zip(_CURVES, specs, strict=True) for p in s.parameters]
    body = {
        "__annotations__": dict.fromkeys(names, Real),
        "__module__": __name__,
        "__doc__": ChosenLaw.__doc__,
        "specs": specs,
        "chosen": chosen,
    }
    return types.new_class("ChosenLaw", (ChosenLaw,), exec_body=lambda space: space.update(body))


def _to_plain(law: ChosenLaw) -> dict[str, Any]:
    fields = law.parameter_names()
    return {
        "specs": state_of(list(law.specs)),
        "chosen": list(law.chosen),
        "parameters": {name: float(getattr(law, name)) for name in fields},
    }


def _from_plain(plain: dict[str, Any]) -> ChosenLaw:
    specs = restore(tuple[CurveSpec, ...], plain["specs"], "the law of the forms")
    kind = _class_of(specs, tuple(plain["chosen"]))
    return kind(**{name: as_leaf(value) for name, value in plain["parameters"].items()})


register(ChosenLaw, _to_plain, _from_plain)
