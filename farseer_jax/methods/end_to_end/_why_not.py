"""Why a fit has no derivative where it stands: one sentence, with the remedy."""

import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.end_to_end._absolute import residuals, solve_absolute
from farseer_jax.methods.end_to_end._continue import scale_of
from farseer_jax.methods.end_to_end._smooth import Data, End, solve_smooth
from farseer_jax.methods.end_to_end._surface import Surface
from farseer_jax.objectives import Objective
from farseer_jax.types import Array

_ON_BOUND = 1e-9  # of a number: what rounding leaves of a distance
_NO_FORCE = 1e-6  # of the objective's root, or of the most force: what counts as none
_ON_KINK = 1e-8  # of δ
_ZERO = 1e-12  # of the residuals' unit
_WORST = 1e12  # condition number: beyond, rounding is more than 1e-4 of a derivative
_FAR = 1e-3  # of the residuals: what a fit that has converged is not from its optimum


class Findings(NamedTuple):
    """What decides whether derivatives exist.

    Attributes:
        end: where the refit ended.
        at_bound: numbers on a bound, ``(free,)``.
        pressure: with which force, in roots of the objective, ``(free,)``.
        shift: of the predictions on the way from the start, against the residuals.
        kink: least distance of a residual from where ρ has a kink, in its unit.
        num_zero: distinct runs of residual 0.
        slack: least distance of a force from its limits, of their distance.
        condition: of the Hessian in its own units, ``[H_ij / √(H_ii H_jj)]``; 1 if none.
    """

    end: End
    at_bound: Array
    pressure: Array
    shift: Array
    kink: Array
    num_zero: Array
    slack: Array
    condition: Array


@eqx.filter_jit
def _inspect(
    objective: Objective, surface: Surface, data: Data, start: Array, first: Array
) -> Findings:
    num_zero, slack = jnp.array(0), jnp.array(1.0)
    if objective.delta > 0.0:
        end = solve_smooth(objective, surface, data, start)
    else:
        end, vertex, force = solve_absolute(objective, surface, data, start, first)
        room = jnp.minimum(force - vertex.low, vertex.high - force)
        room = room / jnp.where(vertex.active, vertex.high - vertex.low, 1.0)
        slack = jnp.min(jnp.where(vertex.active, room, 1.0))
        num_zero = vertex.num_zero
    near = _ON_BOUND * (1.0 + jnp.abs(end.free))
    at_bound = (end.free <= surface.lower + near) | (end.free >= surface.upper - near)
    pressure = jnp.where(end.held, jnp.abs(end.model.gradient), 0.0) / _most(
        objective, surface, data, end
    )
    r = residuals(objective, surface, data, end.free)
    moved = surface.predictions(start) - surface.predictions(end.free)
    shift = _rms(moved, data.weights) / (_rms(r, data.weights) + 1e-9)
    kink = _kink(objective, r, data.weights)
    condition = _condition(end) if objective.delta > 0.0 else jnp.array(1.0)
    return Findings(end, at_bound, pressure, shift, kink, num_zero, slack, condition)


def _condition(end: End) -> Array:
    """Of what is inverted for the derivatives: held parameters are not part of it."""
    scale = jnp.where(end.held, 1.0, scale_of(end.model.hessian))
    free = ~(end.held[:, None] | end.held)
    scaled = jnp.where(free, end.model.hessian / jnp.outer(scale, scale), jnp.eye(len(scale)))
    return jnp.linalg.cond(scaled)


def _most(objective: Objective, surface: Surface, data: Data, end: End) -> Array:
    """What a force is small or large against, ``(free,)``."""
    if objective.delta > 0.0:
        value = jnp.maximum(end.model.value, 1e-300)
        return scale_of(end.model.hessian) * jnp.sqrt(2.0 * value)
    slopes = jnp.abs(jax.jacfwd(surface.predictions)(end.free))
    return jnp.sum(data.weights[:, None] * slopes, 0)


def _rms(values: Array, weights: Array) -> Array:
    return jnp.sqrt(jnp.sum(weights * values**2) / jnp.sum(weights))


def _kink(objective: Objective, r: Array, weights: Array) -> Array:
    """Distance in units of which 1 is next to nothing."""
    size, distance = jnp.where(weights > 0, jnp.abs(r), jnp.inf), jnp.asarray(jnp.inf)
    if objective.delta == 0.0 or objective.is_squared:
        return distance
    if math.isfinite(objective.delta):
        apart = jnp.where(weights > 0, jnp.abs(size - objective.delta), jnp.inf)
        distance = jnp.min(apart) / (_ON_KINK * objective.delta)
    if objective.quantile != 0.5:
        distance = jnp.minimum(distance, jnp.min(size) / _ZERO)
    return distance


def reason(
    objective: Objective,
    surface: Surface,
    data: Data,
    start: Array,
    first: Array,
    names: tuple[str, ...],
    begun: bool,
) -> str | None:
    """The sentence, or None where the fit has its derivatives.

    Args:
        objective: what is minimised.
        surface: the law.
        data: losses and weights.
        start: free numbers of the fitted law.
        first: index of each run's first copy.
        names: a parameter of each free number.
        begun: these are the losses and weights of the fit, whose optimum the start should be.
    """
    found = _inspect(objective, surface, data, start, first)
    at_bound, pressure = np.asarray(found.at_bound), np.asarray(found.pressure)
    idle = np.flatnonzero(at_bound & ~(pressure > _NO_FORCE))
    if idle.size:
        return (
            f"the parameter {names[idle[0]]!r} lies on its bound and nothing presses it there: it "
            "moves one way and not the other; move the bound, or hold the parameter (fixed=)"
        )
    if begun and float(found.shift) > _FAR:
        return (
            "the fit has not converged: its optimum predicts otherwise by "
            f"{float(found.shift):.1g} of the residuals; fit with more steps or a smaller tolerance"
        )
    num_free = int((~np.asarray(found.end.held)).sum())
    if int(found.num_zero) > num_free:
        return (
            f"the law passes through {int(found.num_zero)} runs and has {num_free} free parameters "
            'to do so: absolute residuals have kinks there; take the objective "huber"'
        )
    if not float(found.slack) > _NO_FORCE:
        return (
            "the law passes through a run that is about to let it go: absolute residuals have "
            'one derivative on each side; take the objective "huber"'
        )
    if not float(found.kink) > 1.0:
        return (
            "the residual of a run lies on a kink of the objective, with another derivative on "
            'each side; take another delta, or the objective "squared"'
        )
    if not (bool(found.end.good) and np.isfinite(float(found.shift))):
        return (
            "no optimum of the objective was found: a parameter runs off or the runs do not "
            "determine it; hold parameters (fixed=, tied=, bounds=) or take the objective "
            '"squared"'
        )
    if not float(found.condition) < _WORST:
        return (
            "the runs determine the parameters of this form only to the last digits of a float64 "
            f"(condition number {float(found.condition):.0e}): derivatives would be rounding; fit "
            "the law in another form (Farseer for RawFarseer), or hold a parameter (fixed=)"
        )
    return None
