"""What every scaling law offers."""

import abc
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp

from farseer_jax._types import Array, ArrayLike


class AbstractLaw(eqx.Module):
    """A loss surface ``L(N, D)``: N parameters, D tokens.

    A law is an immutable pytree whose leaves are its parameters: it can be differentiated,
    jitted and mapped over. It computes in the precision of the arrays it is called with.

    Example:
        >>> from farseer_jax import AbstractLaw, Farseer
        >>> isinstance(Farseer.published(), AbstractLaw)
        True
    """

    name: ClassVar[str]

    @abc.abstractmethod
    def log_loss(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``ln L(N, D)``; N and D positive and broadcastable."""

    def __call__(self, N: ArrayLike, D: ArrayLike) -> Array:
        """``L(N, D)``; N and D positive and broadcastable."""
        return jnp.exp(self.log_loss(N, D))
