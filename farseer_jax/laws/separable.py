"""Laws over N and D that depend on N through a few curves, computed once per size."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.declarations import Parameter
from farseer_jax.laws.domains import POSITIVE
from farseer_jax.laws.law import Center, Law, called_at_once
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array, ArrayLike


class Separable(Law):
    """A law ``ln L = combine(curves of N, ln D)``, from which its ``loss`` is derived.

    Solvers compute the curves once per size and the rest once per run. A subclass that defines
    ``loss`` itself is fitted by that, run by run, like any other law.
    """

    def loss(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``L(N, D)``; N and D positive and broadcastable."""
        return jnp.exp(self.combined(jnp.asarray(N), jnp.asarray(D)))

    def log_loss(self, *args: ArrayLike, **inputs: ArrayLike) -> Array:
        """``ln L(N, D)``."""
        if not type(self).is_separable():
            return super().log_loss(*args, **inputs)
        return called_at_once(_combined, self, self.bound(args, inputs))

    def combined(self, N: Array, D: Array) -> Array:
        """``ln L(N, D)`` for floating-point arrays."""
        return self.combine_anywhere(self.of_size(N), jnp.log(D))

    @classmethod
    def fields(cls) -> tuple[Parameter, ...]:
        """The parameters; solvers search the logarithm of all positive ones, even linear ones."""
        own = super().fields()
        return (
            tuple(f._replace(log=f.domain == POSITIVE) for f in own) if cls.is_separable() else own
        )

    @classmethod
    def linear(cls) -> tuple[str, ...]:
        """None by default; a law that is a sum of terms overrides this."""
        return () if cls.is_separable() else super().linear()

    @classmethod
    def is_separable(cls) -> bool:
        """Whether ``loss`` is the one derived from the curves."""
        return cls.loss is Separable.loss

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """The law's curves of N."""
        raise NotImplementedError

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from the curves of :meth:`of_size`, as cheaply as possible."""
        raise NotImplementedError

    @classmethod
    def combine_anywhere(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` without overflow, even far outside the range of runs."""
        return cls.combine(curves, log_D)

    @classmethod
    def curve_parameters(cls) -> tuple[tuple[int, ...], ...]:
        """Positions of the parameters that each curve of :meth:`of_size` depends on."""
        return _curve_parameters(cls)


def _combined(law: Separable, inputs: dict[str, Array]) -> Array:
    return law.combined(**inputs)


class OneDataTerm(Separable):
    """A law ``L(N, D) = U(N) + B(N) · D^(−A(N))``, whose curves of N are ln U, ln B and A.

    Solvers are about twice as fast for this form.
    """

    @classmethod
    def combine_anywhere(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L(N, D)`` as a log-sum-exp, in which nothing over- or underflows."""
        log_U, log_B, A = curves
        return jnp.logaddexp(log_U, log_B - A * log_D)

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L(N, D)`` in half the time; solvers reject steps at which it overflows."""
        log_U, log_B, A = curves
        return log(jnp.exp(log_U) + jnp.exp(log_B - A * log_D))


def require_curves(law: Law) -> None:
    """Refuse a law without curves U, B and A of N.

    Raises:
        TypeError: the law has none.
    """
    if not isinstance(law, OneDataTerm):
        raise TypeError(f"the law {law.name} has no curves U, B and A of N")


def is_separable(law: type[Law]) -> bool:
    """Whether solvers may use a law's curves of N."""
    return issubclass(law, Separable) and law.is_separable()


@cache
def _curve_parameters(law: type[Separable]) -> tuple[tuple[int, ...], ...]:
    """The parameters that the operations of each curve's trace read."""
    num = len(law.parameter_names())

    def curves(N: float, *numbers: Any) -> tuple[Array, ...]:
        return law.from_vector(numbers, Center(1e9, 1e10)).of_size(jnp.asarray(N))  # type: ignore[arg-type]

    with jax.enable_x64(True):
        trace = jax.make_jaxpr(curves)(1e9, *np.full(num, 0.5)).jaxpr
    reads: dict[Any, frozenset[int]] = {v: frozenset([i]) for i, v in enumerate(trace.invars)}
    for equation in trace.eqns:
        inputs = (v for v in equation.invars if not hasattr(v, "val"))  # not constants
        read = frozenset().union(*(reads.get(v, frozenset()) for v in inputs))
        reads |= dict.fromkeys(equation.outvars, read)
    return tuple(tuple(sorted(i - 1 for i in reads[v] if i > 0)) for v in trace.outvars)
