"""A fit as a function of losses and weights that JAX differentiates."""

import abc
from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import numpy as np

from farseer_jax._law import AbstractLaw
from farseer_jax._types import RunValues


class NoDerivativeError(ValueError):
    """The fit has no derivative where it stands; the message says why and what to do."""


class Refit(eqx.Module):
    """The fit of a law as a pure function ``(losses, weights) → law``.

    Its derivatives are those of the conditions that the solution satisfies: exact, forward and
    reverse, to any order, under ``jit`` and ``vmap``. It is a pytree, arrays its leaves and
    settings static: a jitted function that takes it as an argument compiles once for all fits of
    one layout and method. It computes in the precision of the losses.
    """

    @abc.abstractmethod
    def __call__(self, losses: RunValues, weights: RunValues) -> AbstractLaw:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""

    @abc.abstractmethod
    def check(self, losses: np.ndarray, weights: np.ndarray) -> None:
        """Refuse a fit that has no derivative, in float64.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """

    @abc.abstractmethod
    def without_each(self, losses: RunValues, weights: RunValues) -> AbstractLaw:
        """The law without each of the runs in turn, approximately; leaves ``(run,)``.

        One step beyond the derivatives: removal is no small change of a run's own size or pairs.
        """


@runtime_checkable
class Differentiable(Protocol):
    """A method whose fits can be differentiated."""

    def refit(self, design: Any, law: AbstractLaw, losses: np.ndarray) -> Refit:
        """The function that gave a law.

        Args:
            design: from the method's ``prepare``.
            law: the fitted law: end-to-end methods go on from it.
            losses: losses it was fitted to, each of weight 1.

        Raises:
            NoDerivativeError: these settings have none.
        """
        ...
