"""The conditions that the minima of searches satisfy, by which they are differentiated.

They are for several exponents, ``(search,)``, each with its own errors, ``(…, search)``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.solvers.search.base import Search
from farseer_jax.types import Array

# A minimum within this distance of a kink of the objective lies on it.
_NEAR_KINK = 1e-7
# If the unconstrained minimum lies this far beyond a bound, small changes leave the exponent there.
_BEYOND = 1e-6


class Errors(NamedTuple):
    """Errors whose sum a search minimises, and their slopes in its exponent.

    Attributes:
        value: errors, ``(error, search)``.
        slope: their derivatives in the exponent, ``(error, search)``.
        weight: 0 leaves an error out, ``(error, 1)``.
    """

    value: Array
    slope: Array
    weight: Array

    def gradient(self, absolute: bool) -> Array:
        """Each error's part of the derivative of the sum (of half the sum, for squares)."""
        return self.weight * self.slope * (jnp.sign(self.value) if absolute else self.value)


def errors_at(function: Callable[[Array], Array], exponents: Array, weight: Array) -> Errors:
    """Errors ``(error, search)`` of exponents, and their slopes, each in its own exponent."""
    value, slope = jax.jvp(function, (exponents,), (jnp.ones_like(exponents),))
    return Errors(value, slope, weight)


class ActiveSet(NamedTuple):
    """Which exponents are at a bound or on a kink, ``(search,)`` each.

    Attributes:
        exponents: the exponents where the searches ended.
        at_bound: whether they are at a bound of the search.
        kink: index of the error whose kink is nearest.
        on_kink: whether the minimum is there: a sum of absolute errors has it where one is 0.
        strict: whether small changes leave it at its bound, or on its kink; True without either.
    """

    exponents: Array
    at_bound: Array
    kink: Array
    on_kink: Array
    strict: Array


def active_set(exponents: Array, errors: Errors, search: Search, *, absolute: bool) -> ActiveSet:
    """The active bounds and kinks; no derivative flows through it.

    Args:
        exponents: the exponents where the searches ended, ``(search,)``.
        errors: the errors there.
        search: the search, for its bounds.
        absolute: whether the sum is of ``w |e|``, not of ``w e²``.
    """
    exponents, errors = jax.lax.stop_gradient((exponents, errors))
    at_lower = exponents <= search.lower + search.edge_margin
    at_bound = at_lower | (exponents >= search.upper - search.edge_margin)
    outward = jnp.sum(errors.gradient(absolute), axis=0) * jnp.where(at_lower, 1.0, -1.0)
    least = 0.0 if absolute else _BEYOND * jnp.sum(errors.weight * errors.slope**2, axis=0)
    none = jnp.zeros_like(exponents, int), jnp.zeros_like(at_bound), jnp.ones_like(at_bound)
    kink, on_kink, stays = _kinks(errors) if absolute else none
    strict = jnp.where(at_bound, outward > least, ~on_kink | stays)
    return ActiveSet(exponents, at_bound, kink, on_kink, strict)


def conditions(active: ActiveSet, exponents: Array, errors: Errors, *, absolute: bool) -> Array:
    """What vanishes at the minima, ``(search,)``.

    Between the bounds it is the derivative of the sum; on a kink the error that is 0 there, with
    the sign that makes it rise in the exponent; at a bound the distance from it.

    Args:
        active: the active bounds and kinks.
        exponents: near the minima.
        errors: at these exponents.
        absolute: as for :func:`active_set`.
    """
    value = jnp.sum(errors.gradient(absolute), axis=0)
    if absolute:
        rising = errors.value * jnp.sign(errors.slope)  # in the exponent, as at any minimum
        own = jnp.take_along_axis(rising, active.kink[None], axis=0)[0]
        value = jnp.where(active.on_kink, own, value)
    return jnp.where(active.at_bound, exponents - active.exponents, value)


def _kinks(errors: Errors) -> tuple[Array, Array, Array]:
    """The nearest kinks, whether the minima lie on them, and whether strictly."""
    value, slope, weight = errors
    moving = (weight > 0) & (slope != 0)
    distance = jnp.where(moving, jnp.abs(value / jnp.where(moving, slope, 1.0)), jnp.inf)
    kink = jnp.argmin(distance, axis=0)

    def at_kink(values: Array) -> Array:
        return jnp.take_along_axis(values, kink[None], axis=0)[0]

    gradients = errors.gradient(absolute=True)
    others = jnp.sum(gradients, axis=0) - at_kink(gradients)
    own = at_kink(weight * jnp.abs(slope))
    return kink, at_kink(distance) < _NEAR_KINK, jnp.abs(others) < own
