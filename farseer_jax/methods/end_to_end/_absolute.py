"""Where a refit of absolute residuals ends: at a point that the law of some runs passes through.

The optimum of Huber's objective at a tiny δ tells which runs those are, and the force with which
each pulls. Its limit, and its derivatives, are those of the Lagrangian: stationary in the free
numbers, residual 0 of those runs. At most as many runs as free numbers.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.end_to_end._continue import Model, held_at
from farseer_jax.methods.end_to_end._smooth import Data, End, rests, travel
from farseer_jax.methods.end_to_end._surface import Surface
from farseer_jax.objectives import Objective, residual_of
from farseer_jax.solvers import implicit as _implicit
from farseer_jax.types import Array

# Of δ, in the residuals' unit: larger steps would lose the path.
_SHRINKING = 10.0 ** -(np.arange(4, 21) / 2)


class Vertex(NamedTuple):
    """The runs that the law passes through; one slot for each free number.

    Attributes:
        active: which slots are taken, ``(slot,)``.
        members: a slot's run and its copies, shares of 1 by weight, ``(slot, run)``.
        others: 1 for runs of no slot, ``(run,)``.
        side: derivative of a run's ρ in its residual, ``(run,)``.
        low: least force of a slot, ``(slot,)``.
        high: most.
        num_zero: distinct runs of residual 0, also those without a slot.
    """

    active: Array
    members: Array
    others: Array
    side: Array
    low: Array
    high: Array
    num_zero: Array


def residuals(objective: Objective, surface: Surface, data: Data, free: Array) -> Array:
    """Residuals of all runs, ``(run,)``."""
    return residual_of(objective.residual, surface.predictions(free), data.observed)


def solve_absolute(
    objective: Objective, surface: Surface, data: Data, start: Array, first: Array
) -> tuple[End, Vertex, Array]:
    """The optimum that a start leads to, with implicit derivatives.

    Args:
        objective: of ``delta`` 0.
        surface: the law.
        data: losses and weights.
        start: ``(free,)``.
        first: index of each run's first copy, ``(run,)``.

    Returns:
        The end, the runs it passes through, and the force of each slot, ``(slot,)``.
    """
    fixed = jax.lax.stop_gradient(data)
    unit = jnp.ones((), start.dtype)
    if objective.residual == "absolute":
        unit = jnp.exp(jnp.mean(fixed.observed))
    found, model, delta = _path(objective, surface, fixed, start, unit)
    held = held_at(found, model.gradient, surface.lower, surface.upper)
    vertex, force = _vertex(objective, surface, fixed, found, delta, first)
    free, force = _polish(objective, surface, data, found, held, vertex, force)
    still = jax.lax.stop_gradient(free)
    matrix, slope = kkt(objective, surface, fixed, still, force, held, vertex)
    move = jnp.linalg.solve(matrix, -slope)[: len(start)]
    r = residuals(objective, surface, fixed, still)
    same = jnp.where((vertex.others > 0) & (data.weights > 0), r * vertex.side > 0, True).all()
    pulls = jnp.where(vertex.active, (force > vertex.low) & (force < vertex.high), True).all()
    few = vertex.num_zero <= len(start) - held.sum()
    inside = ((still >= surface.lower) & (still <= surface.upper)).all()
    good = same & pulls & few & inside & rests(move, still) & jnp.isfinite(force).all()
    nowhere = jnp.zeros_like(held)
    push = _conditions(objective, surface, fixed, nowhere, vertex, still, still, force)
    lagrangian = Model(model.value, push[: len(start)], matrix[: len(start), : len(start)])
    good &= _is_minimum(matrix, held, vertex.active)
    return End(free, held, lagrangian, move, good), vertex, force


def _path(
    objective: Objective, surface: Surface, data: Data, start: Array, unit: Array
) -> tuple[Array, Model, Array]:
    """Optima of Huber's objectives, δ from one to the next; each guessed from the two before."""
    deltas = unit * jnp.asarray(_SHRINKING, start.dtype)
    huber = Objective(objective.residual, 1.0, objective.quantile)  # its δ is the path's own
    parts = jnp.append(0.0, deltas[1:] / deltas[:-1]).at[1].set(0.0)

    def advance(
        carry: tuple[Array, Array], stage: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array], Model]:
        (now, before), (delta, part) = carry, stage
        guess = jnp.clip(now + part * (now - before), surface.lower, surface.upper)
        found, model, _ = travel(huber, surface, data, guess, delta)
        return (found, now), model

    (found, _), models = jax.lax.scan(advance, (start, start), (deltas, parts))
    return found, jax.tree.map(lambda leaf: leaf[-1], models), deltas[-1]


def _vertex(
    objective: Objective, surface: Surface, data: Data, free: Array, delta: Array, first: Array
) -> tuple[Vertex, Array]:
    """Which runs have residual 0, and the force of each."""
    r = residuals(objective, surface, data, free)
    num, weighs = len(r), data.weights > 0
    zero = weighs & (jnp.abs(r) <= delta)
    # a run with copies stands once: for its first copy that weighs
    own = jnp.arange(num)
    leader = jax.ops.segment_min(jnp.where(weighs, own, num), first, num)[first] == own
    size = jnp.where(weighs & leader, jnp.abs(r), jnp.inf)
    _, slots = jax.lax.top_k(-size, len(free))
    active = (zero & leader)[slots]
    same = (first == first[slots][:, None]) & active[:, None]
    members = jnp.where(same, data.weights, 0.0)
    total = members.sum(1)
    q = objective.quantile
    up, down = 2.0 * q, -2.0 * (1.0 - q)
    side = jnp.where(r > 0, up, down)
    force = jnp.where(active, jnp.sum(members * side * jnp.clip(jnp.abs(r) / delta, 0, 1), 1), 0.0)
    members = members / jnp.where(total > 0, total, 1.0)[:, None]
    others = jnp.where(same.any(0), 0.0, 1.0)
    num_zero = jnp.sum(zero & leader)
    return Vertex(active, members, others, side, down * total, up * total, num_zero), force


def _conditions(
    objective: Objective,
    surface: Surface,
    data: Data,
    held: Array,
    vertex: Vertex,
    bound: Array,
    free: Array,
    force: Array,
) -> Array:
    """The Lagrangian's derivatives in free numbers and forces: ``(free + slot,)``."""

    def lagrangian(x: Array) -> tuple[Array, Array]:
        r = residuals(objective, surface, data, x)
        passed = vertex.members @ r
        return jnp.sum(data.weights * vertex.others * vertex.side * r) + force @ passed, passed

    slope, passed = jax.grad(lagrangian, has_aux=True)(free)
    slope = jnp.where(held, free - bound, slope)
    return jnp.concatenate([slope, jnp.where(vertex.active, passed, force)])


def _polish(
    objective: Objective,
    surface: Surface,
    data: Data,
    found: Array,
    held: Array,
    vertex: Vertex,
    force: Array,
) -> tuple[Array, Array]:
    """The Lagrangian's stationary point, with implicit derivatives."""
    num = len(found)
    slopes = jax.jacfwd(surface.predictions)(found)
    size = jnp.sqrt(jnp.mean(slopes**2, 0))
    scale = jnp.where((size > 0) & jnp.isfinite(size), size, 1.0)
    both = jnp.concatenate([scale, jnp.ones_like(force)])

    def conditions(x: Array) -> Array:
        own = x / both
        value = _conditions(objective, surface, data, held, vertex, found, own[:num], own[num:])
        return value / both

    x = _implicit.root(conditions, jnp.concatenate([found, force]) * both) / both
    return jnp.where(held, found, x[:num]), jax.lax.stop_gradient(x[num:])


def kkt(
    objective: Objective,
    surface: Surface,
    data: Data,
    free: Array,
    force: Array,
    held: Array,
    vertex: Vertex,
) -> tuple[Array, Array]:
    """Matrix and value of the conditions, ``(free + slot, free + slot)``, ``(free + slot,)``."""
    num = len(free)

    def conditions(x: Array) -> tuple[Array, Array]:
        value = _conditions(objective, surface, data, held, vertex, free, x[:num], x[num:])
        return value, value

    return jax.jacfwd(conditions, has_aux=True)(jnp.concatenate([free, force]))


def _is_minimum(matrix: Array, held: Array, active: Array) -> Array:
    """Whether the Lagrangian has a minimum along the runs that the law passes through.

    It has where its matrix has one negative eigenvalue for each of them and no more (Gould 1985).
    """
    fixed = jnp.concatenate([held, jnp.zeros_like(held)])
    identity = jnp.eye(len(fixed), dtype=matrix.dtype)
    size = jnp.max(jnp.abs(matrix), 1)
    scale = jnp.sqrt(jnp.where(size > 0, size, 1.0))
    scaled = matrix / (scale[:, None] * scale)
    scaled = jnp.where(fixed[:, None] | fixed, identity, scaled)
    return jnp.sum(jnp.linalg.eigvalsh(scaled) < 0) == jnp.sum(active)
