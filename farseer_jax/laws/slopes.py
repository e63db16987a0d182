"""How a loss moves with N and D: derivatives of its logarithm in ln N and ln D, by autodiff."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from farseer_jax.laws.law import Law
from farseer_jax.types import Array

# An elasticity of a law that is flat is a difference of numbers of order 1: it has this rounding.
ROUNDING = 1e-13

Surface = Callable[[Array, Array], Array]


def log_surface(law: Law) -> Surface:
    """``ln L`` as a function of ln N and ln D, which broadcast."""
    return lambda log_N, log_D: law.log_loss(jnp.exp(log_N), jnp.exp(log_D))


def along_N(surface: Surface) -> Surface:
    """The derivative in ln N, elementwise."""
    return lambda log_N, log_D: jax.jvp(
        lambda moved: surface(moved, log_D), (log_N,), (jnp.ones_like(log_N),)
    )[1]


def along_D(surface: Surface) -> Surface:
    """The derivative in ln D, elementwise."""
    return lambda log_N, log_D: jax.jvp(
        lambda moved: surface(log_N, moved), (log_D,), (jnp.ones_like(log_D),)
    )[1]


def elasticities(law: Law, log_N: Array, log_D: Array) -> tuple[Array, Array]:
    """``∂ ln L / ∂ ln N`` and ``∂ ln L / ∂ ln D``; positive where the loss rises.

    Args:
        law: the law, leaves ``()``.
        log_N: ln N.
        log_D: ln D; broadcasts with ln N.
    """
    surface = log_surface(law)
    return along_N(surface)(log_N, log_D), along_D(surface)(log_N, log_D)
