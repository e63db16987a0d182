"""Minima that searches have found, as conditions: their derivatives are those of a root.

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


def errors_at(function: Callable[[Array], Array], exponents: Array, weight: Array) -> Errors:
    """Errors ``(error, search)`` of exponents, and their slopes, each in its own exponent."""
    value, slope = jax.jvp(function, (exponents,), (jnp.ones_like(exponents),))
    return Errors(value, slope, weight)


class Standing(NamedTuple):
    """How exponents stand where their searches have ended, ``(search,)`` each.

    Attributes:
        found: the exponents.
        stuck: at a bound.
        kink: the error whose kink is nearest.
        on_kink: the minimum is on it: the sum of absolute errors has its minimum where one is 0.
        strict: small changes leave it at its bound, or on its kink; True where it has neither.
    """

    found: Array
    stuck: Array
    kink: Array
    on_kink: Array
    strict: Array


def standing(found: Array, errors: Errors, search: Search, *, absolute: bool) -> Standing:
    """See how exponents stand; no derivative flows through it.

    Args:
        found: the exponents, ``(search,)``.
        errors: there.
        search: its bounds.
        absolute: the sum is of ``w |e|``, not of ``w e²``.
    """
    found, errors = jax.lax.stop_gradient((found, errors))
    at_lower = found <= search.lower + search.edge_margin
    stuck = at_lower | (found >= search.upper - search.edge_margin)
    outward = jnp.sum(_pulls(errors, absolute), axis=0) * jnp.where(at_lower, 1.0, -1.0)
    least = 0.0 if absolute else _BEYOND * jnp.sum(errors.weight * errors.slope**2, axis=0)
    kink, on_kink, holds = _kinks(errors) if absolute else (jnp.zeros_like(found, int), False, True)
    return Standing(
        found=found,
        stuck=stuck,
        kink=kink,
        on_kink=jnp.broadcast_to(on_kink, found.shape),
        strict=jnp.where(stuck, outward > least, jnp.where(on_kink, holds, True)),
    )


def conditions(where: Standing, exponents: Array, errors: Errors, *, absolute: bool) -> Array:
    """What vanishes at the minima, ``(search,)``.

    Between the bounds it is the derivative of the sum; on a kink the error that is 0 there, with
    the sign that lets it rise; at a bound the distance from it.

    Args:
        where: how the minima stand.
        exponents: near them.
        errors: at these exponents.
        absolute: as for :func:`standing`.
    """
    value = jnp.sum(_pulls(errors, absolute), axis=0)
    if absolute:
        rising = errors.value * jnp.sign(errors.slope)  # in the exponent, as at any minimum
        own = jnp.take_along_axis(rising, where.kink[None], axis=0)[0]
        value = jnp.where(where.on_kink, own, value)
    return jnp.where(where.stuck, exponents - where.found, value)


def _pulls(errors: Errors, absolute: bool) -> Array:
    """What each error adds to the derivative of the sum (of squares: to half of it)."""
    value, slope, weight = errors
    return weight * slope * (jnp.sign(value) if absolute else value)


def _kinks(errors: Errors) -> tuple[Array, Array, Array]:
    """The nearest kinks, whether the minima lie on them, and whether strictly."""
    value, slope, weight = errors
    moving = (weight > 0) & (slope != 0)
    distance = jnp.where(moving, jnp.abs(value / jnp.where(moving, slope, 1.0)), jnp.inf)
    kink = jnp.argmin(distance, axis=0)

    def at_kink(values: Array) -> Array:
        return jnp.take_along_axis(values, kink[None], axis=0)[0]

    pulls = _pulls(errors, absolute=True)
    others = jnp.sum(pulls, axis=0) - at_kink(pulls)
    own = at_kink(weight * jnp.abs(slope))
    return kink, at_kink(distance) < _NEAR_KINK, jnp.abs(others) < own
