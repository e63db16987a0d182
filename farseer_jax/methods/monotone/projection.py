"""The nearest law that decreases over a domain.

Minimises ``½ Σ w (ln L − ln L_fitted)²`` over the runs, subject to ``∂ ln L / ∂ ln N ≤ −margin``
and ``∂ ln L / ∂ ln D ≤ −margin`` on a grid of the domain: sequential quadratic programming with
Gauss–Newton models of nine or so parameters. (Penalties and augmented Lagrangians crawl here: a law
hardly changes at the runs while its slopes at the far end of the domain change sign, and their
kinks are stiff.)
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.slopes import ROUNDING
from farseer_jax.methods.monotone.problem import Problem, constrained_slopes, largest_slopes
from farseer_jax.methods.monotone.quadratic_programme import solve
from farseer_jax.types import Array

_MARGIN = 1e-6  # an elasticity: negligible next to the 1e-2 of laws in use
_MAX_MARGINS = 8
_UNIT = 1e-3  # of residuals: projections change the losses by about this
_MAX_STEPS = 100
_ENOUGH = 1e-3  # share of the predicted decrease that an accepted step must reach
_LEAST_DECREASE = 1e-9  # steps end where less is predicted: 5e-8 of a loss
_BROKEN = 1e-8
_HIGHEST_PRICE = 1e7
_WEAKEST = 1e-16  # of the metric's eigenvalues, relative to the largest


class Projected(NamedTuple):
    """The nearest law, and its slopes.

    Attributes:
        vector: its parameters, ``(parameter,)``; unchanged where the law decreases already.
        before: largest elasticities of the fitted law in N and D over the domain, ``(2,)``.
        after: those of the nearest law.
    """

    vector: Array
    before: Array
    after: Array


class _Rounds(NamedTuple):
    """The state of the rounds of margins: constrained on one grid, checked on the finer one."""

    moved: Array
    margin: Array
    before: Array
    after: Array
    num: Array


class _Step(NamedTuple):
    """The state of the sequential quadratic programming."""

    moved: Array
    damping: Array
    price: Array
    decrease: Array
    num: Array


class _Local(NamedTuple):
    """The problem of one law as functions of scaled changes of its free parameters, from 0."""

    vector: Any  # parameters
    law: Any
    residuals: Any  # ``(run,)``
    slopes: Any  # ``(2, node)``
    limit: Any  # the changes, within the bounds of the parameters


def project(
    kind: type[Law], problem: Problem, vector: Array, center: Array, weights: Array
) -> Projected:
    """Project one law.

    Args:
        kind: the law's class.
        problem: runs, domain and free parameters.
        vector: the fitted law's parameters, ``(parameter,)``.
        center: N and D of the centre that its parameters refer to, ``(2,)``.
        weights: of the runs, ``(run,)``.
    """
    local = _localised(kind, problem, vector, center, weights)

    def continues(state: _Rounds) -> Array:
        return (state.num == 0) | (_rises(state.after) & (state.num <= _MAX_MARGINS))

    def one(state: _Rounds) -> _Rounds:
        # the check and the steps appear once each: every copy is compiled separately
        after = largest_slopes(local.law(state.moved), problem)
        before = jnp.where(state.num == 0, after, state.before)
        more = jnp.where(state.num > 0, 1.5 * after, 0.0) + _MARGIN
        # only the slope that rises gets a margin: the other may be as gentle as it is
        margin = jnp.where(after > ROUNDING, state.margin + more, state.margin)
        moved = jax.lax.cond(
            _rises(after) & (state.num < _MAX_MARGINS),
            lambda moved: _solve(local, moved, margin),
            lambda moved: moved,
            state.moved,
        )
        return _Rounds(moved, margin, before, after, state.num + 1)

    zeros = jnp.zeros(2, vector.dtype)
    start = jnp.zeros(problem.basis.shape[1], vector.dtype)
    begin = _Rounds(start, zeros, zeros, zeros, jnp.zeros((), int))
    found = jax.lax.while_loop(continues, one, begin)
    return Projected(local.vector(found.moved), found.before, found.after)


def _rises(largest: Array) -> Array:
    return jnp.any(largest > ROUNDING)


def _localised(
    kind: type[Law], problem: Problem, vector: Array, center: Array, weights: Array
) -> _Local:
    start = problem.basis.T @ problem.centering.T @ problem.centering @ (vector - problem.offset)

    def vector_of(free: Array) -> Array:
        # from the fitted vector, not from its free parameters: the start is the law itself
        return vector + problem.basis @ (free - start)

    def law_of(free: Array) -> Law:
        return kind.from_vector(vector_of(free), Center(*center))

    share = jnp.sqrt(weights / jnp.sum(weights)) / _UNIT

    def log_losses(free: Array) -> Array:
        return share * law_of(free).log_loss(problem.N, problem.D)

    target, slopes = log_losses(start), jax.jacfwd(log_losses)(start)
    values, vectors = jnp.linalg.eigh(slopes.T @ slopes)
    # a unit change moves the losses by one of their units, root mean square
    unit = vectors / jnp.sqrt(jnp.maximum(values, _WEAKEST * values[-1]))
    back = vectors.T * jnp.sqrt(jnp.maximum(values, _WEAKEST * values[-1]))[:, None]

    def limit(moved: Array) -> Array:
        free = start + unit @ moved
        kept = jnp.clip(free, problem.lower, problem.upper)
        return jnp.where(jnp.all(kept == free), moved, back @ (kept - start))

    return _Local(
        vector=lambda moved: vector_of(start + unit @ moved),
        law=lambda moved: law_of(start + unit @ moved),
        residuals=lambda moved: log_losses(start + unit @ moved) - target,
        slopes=lambda moved: constrained_slopes(law_of(start + unit @ moved), problem),
        limit=limit,
    )


def _solve(local: _Local, start: Array, margin: Array) -> Array:
    """The nearest point whose slopes keep the margins, ``(2,)``."""

    def both(moved: Array) -> tuple[Array, Array]:
        return local.residuals(moved), (local.slopes(moved) + margin[:, None]).ravel()

    def with_values(moved: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        values = both(moved)
        return values, values

    def merit(residuals: Array, limits: Array, price: Array) -> Array:
        return 0.5 * jnp.sum(residuals**2) + price * jnp.maximum(jnp.max(limits), 0.0)

    def continues(step: _Step) -> Array:
        return (step.decrease > _LEAST_DECREASE) & (step.num < _MAX_STEPS)

    def one(step: _Step) -> _Step:
        (slopes, rows), (r, limits) = jax.jacfwd(with_values, has_aux=True)(step.moved)
        hessian = slopes.T @ slopes + step.damping * jnp.eye(len(step.moved))
        gradient = slopes.T @ r
        found = solve(hessian, gradient, rows, limits, step.price)
        change = local.limit(step.moved + found.change) - step.moved
        now = merit(r, limits, step.price)
        new = merit(*both(step.moved + change), step.price)
        excess = jnp.maximum(jnp.max(limits), 0.0)
        predicted = (
            step.price * (excess - found.broken)
            - found.change @ gradient
            - 0.5 * found.change @ hessian @ found.change
        )
        better = now - new > _ENOUGH * predicted
        short = (found.broken > _BROKEN) & (step.price < _HIGHEST_PRICE)
        return _Step(
            moved=jnp.where(better, step.moved + change, step.moved),
            damping=jnp.clip(jnp.where(better, 0.2, 5.0) * step.damping, 1e-6, 1e12),
            price=jnp.where(short, 10.0 * step.price, step.price),
            decrease=jnp.where(short, jnp.inf, predicted),
            num=step.num + 1,
        )

    begin = _Step(
        moved=start,
        damping=jnp.full((), 1e-3),
        price=jnp.full((), 10.0),
        decrease=jnp.full((), jnp.inf),
        num=jnp.zeros((), int),
    )
    return jax.lax.while_loop(continues, one, begin).moved
