"""All refits without one run: Newton on the fit's own expansion of the law."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.methods.end_to_end._eliminate import solve_definite
from farseer_jax.methods.end_to_end._smooth import Data, End
from farseer_jax.methods.end_to_end._surface import Surface
from farseer_jax.objectives import Along, Objective, along_log_loss
from farseer_jax.types import Array

_BLOCK = 512  # members at once: bounds memory
_NUM_STEPS, _NUM_ROBUST_STEPS = 1, 5  # after the first
_SHORTER = 0.3  # part of a step that failed
_DAMPING = 1e-9


class Expansion(NamedTuple):
    """``ln L`` of all runs to second order in a move of the free numbers.

    Attributes:
        value: ``(run,)``.
        slopes: ``(run, free)``.
        bends: pairs of free numbers, ``(run, pair)``.
        products: of two slopes, ``(run, pair)``.
        pair: number of a pair, ``(free, free)``; NumPy.
        twice: 1 where both are the same, else 2: how often a pair counts, ``(pair,)``; NumPy.
        rows: first and second of each pair; NumPy.
    """

    value: Array
    slopes: Array
    bends: Array
    products: Array
    pair: np.ndarray
    twice: np.ndarray
    rows: tuple[np.ndarray, np.ndarray]


class _State(NamedTuple):
    move: Array
    value: Array
    gradient: Array
    hessian: Array
    part: Array
    trial: Array


def expand(surface: Surface, free: Array) -> Expansion:
    """The law around free numbers ``(free,)``."""
    rows = np.triu_indices(len(free))
    pair = np.zeros((len(free), len(free)), dtype=int)
    pair[rows] = np.arange(len(rows[0]))
    pair = np.maximum(pair, pair.T)
    units = jnp.eye(len(free), dtype=free.dtype)

    def slope(x: Array, direction: Array) -> Array:
        return jax.jvp(surface.predictions, (x,), (direction,))[1]

    def bend(one: Array, other: Array) -> Array:
        return jax.jvp(lambda x: slope(x, one), (free,), (other,))[1]

    first = jax.vmap(slope, (None, 0), 1)(free, units)
    return Expansion(
        value=surface.predictions(free),
        slopes=first,
        bends=jax.vmap(bend, out_axes=1)(units[rows[0]], units[rows[1]]),
        products=first[:, rows[0]] * first[:, rows[1]],
        pair=pair,
        twice=np.where(rows[0] == rows[1], 1.0, 2.0),
        rows=rows,
    )


def without_each(objective: Objective, surface: Surface, data: Data, end: End) -> Array:
    """Free numbers without each run, ``(run, free)``; NaN where the fit itself is no optimum.

    The law is expanded to second order around the fit, once; the objective of what is left is then
    minimised as it is, all members by the same products with constant matrices.
    """
    own, num = expand(surface, end.free), len(data.weights)
    members = jnp.pad(jnp.arange(num), (0, -num % min(_BLOCK, num)))
    low, high = surface.lower - end.free, surface.upper - end.free
    one = partial(_moves, objective, own, data, end, (low, high))
    blocks = members.reshape(-1, min(_BLOCK, num))
    moves = one(blocks[0])[None] if len(blocks) == 1 else jax.lax.map(one, blocks)
    moved = end.free + jnp.swapaxes(moves, 1, 2).reshape(-1, len(end.free))[:num]
    return moved * jnp.where(end.good, 1.0, jnp.nan)


def _moves(
    objective: Objective,
    own: Expansion,
    data: Data,
    end: End,
    bounds: tuple[Array, Array],
    members: Array,
) -> Array:
    """Moves of the free numbers without each of these runs, ``(free, member)``."""
    runs = jnp.arange(len(data.weights))
    weights = jnp.where(runs[:, None] == members, 0.0, data.weights[:, None])
    low, high = (jnp.where(end.held, 0.0, bound)[:, None] for bound in bounds)
    quadratic = objective.is_squared and objective.residual == "link"

    def look(move: Array) -> tuple[Array, Array, Array]:
        run = _along(objective, own, data, move)
        push = weights * run.slope
        bent = (own.bends.T @ push)[own.pair]
        gradient = own.slopes.T @ push + jnp.sum(bent * move, 1)
        hessian = (own.products.T @ (weights * run.curvature))[own.pair] + bent
        return jnp.sum(weights * run.value, 0), gradient, hessian

    def advance(_: int | Array, state: _State) -> _State:
        value, gradient, hessian = look(state.trial)
        better = value < state.value
        kept = (state.trial, value, gradient, hessian)
        move, value, gradient, hessian = (
            jnp.where(better, new, old) for new, old in zip(kept, state[:4], strict=True)
        )
        part = jnp.where(better, 1.0, _SHORTER * state.part)
        moved = _State(move, value, gradient, hessian, part, move)
        return moved._replace(trial=jnp.clip(move + part * _step(moved, end.held), low, high))

    state = _first(objective, own, data, end, members)
    state = state._replace(trial=jnp.clip(_step(state, end.held), low, high))
    num_steps = _NUM_STEPS if quadratic else _NUM_ROBUST_STEPS
    state = jax.lax.fori_loop(0, num_steps, advance, state)
    return state.trial if quadratic else state.move


def _first(
    objective: Objective,
    own: Expansion,
    data: Data,
    end: End,
    members: Array,
) -> _State:
    """All members at the fit: what all runs have there, without one of them."""
    zeros = jnp.zeros((len(end.free), len(members)), data.weights.dtype)
    run = _along(objective, own, data, zeros[:, :1])
    value, push, bend = (
        data.weights * x[:, 0]
        for x in (run.value, run.slope, jnp.broadcast_to(run.curvature, run.value.shape))
    )
    gradients = push[:, None] * own.slopes
    bends = bend[:, None] * own.products + push[:, None] * own.bends
    without = (jnp.sum(x, 0)[..., None] - x[members].T for x in (value, gradients, bends))
    values, gradient, hessian = without
    return _State(zeros, values, gradient, hessian[own.pair], jnp.ones_like(values), zeros)


def _along(objective: Objective, own: Expansion, data: Data, move: Array) -> Along:
    """ρ of the runs ``(run, member)`` after moves ``(free, member)``."""
    first, second = own.rows
    both = own.twice[:, None] * 0.5 * move[first] * move[second]
    return along_log_loss(
        objective.residual,
        objective.is_squared,
        jnp.asarray(objective.delta, move.dtype),
        jnp.asarray(objective.quantile, move.dtype),
        own.value[:, None] + own.slopes @ move + own.bends @ both,
        data.observed[:, None],
    )


def _step(state: _State, held: Array) -> Array:
    """Newton's step of all members, damped; along the diagonal where there is no minimum."""
    diagonal = jnp.arange(len(held))
    scale = jnp.sqrt(jnp.abs(state.hessian[diagonal, diagonal]))
    scale = jnp.where(scale > 0, scale, 1.0)
    slope = jnp.where(held[:, None], 0.0, state.gradient / scale)
    fixed = jnp.broadcast_to(held[:, None], slope.shape)
    damping = jnp.full_like(state.value, _DAMPING)
    x, definite = solve_definite(state.hessian, scale, fixed, damping, slope)
    return -jnp.where(definite, x, 0.1 * slope) / scale
