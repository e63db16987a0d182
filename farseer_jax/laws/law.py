"""What every scaling law offers."""

import abc
import dataclasses
from typing import ClassVar, NamedTuple, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax._log import log
from farseer_jax._types import Array, ArrayLike
from farseer_jax.runs.runs import Runs


class Center(NamedTuple):
    """The middle of a set of runs, where parameters are nearly uncorrelated.

    Attributes:
        N: geometric mean of the sizes.
        D: geometric mean of the tokens.

    Example:
        >>> from farseer_jax import Center, example_runs
        >>> print(f"{Center.of(example_runs()).N:.2e}")
        1.13e+09
    """

    N: float
    D: float

    @classmethod
    def of(cls, runs: Runs) -> "Center":
        """The centre of these runs; each size counts once."""
        return cls(
            N=float(np.exp(np.log(np.unique(runs.N)).mean())),
            D=float(np.exp(np.log(runs.D).mean())),
        )


class AbstractLaw(eqx.Module):
    """A loss surface ``L(N, D)``: N parameters, D tokens.

    A law is an immutable pytree whose leaves are its parameters: it can be differentiated,
    jitted and mapped over. It computes in the precision of the arrays it is called with, and
    elementwise: leaves of shape ``(batch,)`` broadcast with N and D.

    A law of one's own needs a ``name``, its parameters as fields, ``log_loss``, and ``starts`` for
    fits by :class:`LeastSquares` and :class:`Restarts`, or ``linear`` for fits by
    :class:`VariableProjection`; all other methods have defaults.

    Attributes:
        name: how files and the shell call the law.
        formula: one line for reports.
        positive: parameters that are positive: solvers work on their logarithm.
        curve_parameters: positions of the parameters that each curve of :meth:`of_size` depends
            on; empty where the law has no such curves.
        linear: parameters that the loss is a sum of, each times a function of N, D and the other
            parameters: :class:`VariableProjection` solves for them.

    Example:
        >>> from farseer_jax import AbstractLaw, Farseer
        >>> isinstance(Farseer.published(), AbstractLaw)
        True
    """

    name: ClassVar[str]
    formula: ClassVar[str] = ""
    positive: ClassVar[tuple[str, ...]] = ()
    curve_parameters: ClassVar[tuple[tuple[int, ...], ...]] = ()
    linear: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def log_loss(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``ln L(N, D)``; N and D positive and broadcastable."""

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``L(N, D)``; N and D positive and broadcastable."""
        return jnp.exp(self.log_loss(N, D))

    @classmethod
    def parameter_names(cls) -> tuple[str, ...]:
        """Names of the parameters, in the order of :meth:`to_vector`."""
        return tuple(field.name for field in dataclasses.fields(cls))

    def to_vector(self) -> Array:
        """The parameters as unconstrained numbers, ``(parameter, …)``: logs of positive ones."""
        values = [jnp.asarray(getattr(self, name)) for name in self.parameter_names()]
        return jnp.stack(
            [
                jnp.log(value) if name in self.positive else value
                for name, value in zip(self.parameter_names(), values, strict=True)
            ]
        )

    @classmethod
    def from_vector(cls, vector: Array, center: Center) -> Self:
        """The inverse of :meth:`to_vector`; what a law keeps beside its parameters is ``center``'s.

        Args:
            vector: ``(parameter, …)``.
            center: centre of the runs.
        """
        return cls(
            **{
                name: jnp.exp(value) if name in cls.positive else value
                for name, value in zip(cls.parameter_names(), vector, strict=True)
            }
        )

    @classmethod
    def centering(cls, center: Center) -> np.ndarray:
        """An upper triangular matrix whose product with the vector is better conditioned.

        ``ln A`` and ``α`` of a term ``A · N^−α``, say, are correlated; ``ln A − α ln N0`` and
        ``α`` hardly are.
        """
        return np.eye(len(cls.parameter_names()))

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> Self:
        """Laws to start solvers from, spread over what runs of this kind may show.

        Args:
            runs: the runs to be fitted: their range and losses inform the spread.
            cube: points of the unit cube, ``(start, parameter)``, one law for each.

        Returns:
            A law whose leaves have shape ``(start,)``.
        """
        raise NotImplementedError(
            f"the law {cls.__name__} has no `starts(runs, cube)`: define it, or give starts to the "
            "method"
        )

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """What the law needs of each size: curves of N alone.

        A solver computes these once per size, and everything else once per run.
        """
        raise NotImplementedError

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from the curves of :meth:`of_size`, as cheaply as possible."""
        raise NotImplementedError

    def terms(self, N: ArrayLike, D: ArrayLike) -> tuple[Array, ...]:
        """What each linear parameter multiplies: ``L`` is their sum; broadcastable with N and D.

        By default the derivatives of the loss, which do not depend on the linear parameters. A law
        may give them more cheaply.
        """
        values = {name: jnp.asarray(getattr(self, name)) for name in self.parameter_names()}
        ones = {name: jnp.ones_like(values[name]) for name in self.linear}

        def loss(linear: dict[str, Array]) -> Array:
            return type(self)(**{**values, **linear})(N, D)

        def along(name: str) -> Array:
            direction = {n: v if n == name else jnp.zeros_like(v) for n, v in ones.items()}
            return jax.jvp(loss, (ones,), (direction,))[1]

        return tuple(along(name) for name in self.linear)


class OneDataTerm(AbstractLaw):
    """A law ``L(N, D) = U(N) + B(N) · D^(−A(N))``, whose curves of N are ln U, ln B and A.

    Solvers know this form, and are about twice as fast with it.
    """

    @classmethod
    def combine(cls, curves: tuple[Array, ...], log_D: Array) -> Array:
        """``ln L`` from ln U, ln B and A; a solver rejects steps where it overflows."""
        log_U, log_B, A = curves
        # half the time of logaddexp, which is for callers far outside the range of runs
        return log(jnp.exp(log_U) + jnp.exp(log_B - A * log_D))


def spread(cube: np.ndarray, column: int, low: float, high: float) -> np.ndarray:
    """One column of the unit cube, stretched over ``[low, high]``."""
    return low + (high - low) * cube[:, column]
