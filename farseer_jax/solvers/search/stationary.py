"""The conditions that the minima of searches satisfy: their derivatives are those of a root.

Several exponents at once, ``(search,)``, each with errors of its own, ``(…, search)``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.solvers.search.base import Search
from farseer_jax.types import Array

# A minimum that is found on a kink of the objective lies within this of it.
_NEAR_KINK = 1e-7
# A free minimum so far beyond a bound leaves the exponent there under small changes.
_BEYOND = 1e-6


class Errors(NamedTuple):
    """Errors whose sum a search minimises, and their slopes in its exponent.

    Attributes:
        value: errors, ``(error, search)``.
        slope: their derivatives in the exponent, likewise.
        weight: 0 leaves an error out, ``(error, 1)``.
    """

    value: Array
    slope: Array
    weight: Array

    def gradient(self, absolute: bool) -> Array:
        """What each error adds to the derivative of the sum (of squares: to half of it)."""
        return self.weight * self.slope * (jnp.sign(self.value) if absolute else self.value)


def errors_at(function: Callable[[Array], Array], exponents: Array, weight: Array) -> Errors:
    """Errors ``(error, search)`` of exponents, and their slopes, each in its own exponent."""
    value, slope = jax.jvp(function, (exponents,), (jnp.ones_like(exponents),))
    return Errors(value, slope, weight)


class ActiveSet(NamedTuple):
    """Which exponents are at a bound or on a kink, ``(search,)`` each.

    Attributes:
        exponents: where their searches have ended.
        at_bound: at a bound of the search.
        kink: the error whose kink is nearest.
        on_kink: the minimum is on it: the sum of absolute errors has its minimum where one is 0.
        strict: small changes leave it at its bound, or on its kink; True where it has neither.
    """

    exponents: Array
    at_bound: Array
    kink: Array
    on_kink: Array
    strict: Array


def active_set(exponents: Array, errors: Errors, search: Search, *, absolute: bool) -> ActiveSet:
    """The active bounds and kinks; no derivative flows through it.

    Args:
        exponents: where the searches have ended, ``(search,)``.
        errors: there.
        search: its bounds.
        absolute: the sum is of ``w |e|``, not of ``w e²``.
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
    the sign that lets it rise; at a bound the distance from it.

    Args:
        active: bounds and kinks that are active.
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
