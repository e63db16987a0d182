"""The compute-optimal split of a budget between parameters and tokens."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.flops import training_flops
from farseer_jax.laws.law import Law
from farseer_jax.laws.slopes import log_surface
from farseer_jax.solvers.implicit import root
from farseer_jax.solvers.root_finding import bisect
from farseer_jax.types import Array

FLOPs = Callable[[Array, Array], Array]

# No one trains beyond these ratios of tokens to parameters, and optima there are meaningless.
LOWEST, HIGHEST = 0.1, 1e5
_LOG_LOWEST, _LOG_HIGHEST = np.log(LOWEST), np.log(HIGHEST)
_NUM_RATIOS = 129
_NUM_HALVINGS = 48  # of one step of the grid, to rounding
_REACH = 40.0  # e-folds around 6 N D within which to solve for another cost
_MAX_STEPS = 100  # bisection alone needs 60

_State = tuple[
    Array, Array, Array, Array, Array
]  # of a search: x, its bracket (2), is it moving, count

INTERIOR, DATA, SIZE, BOTH = range(4)  # what limits an optimum


class Limits(NamedTuple):
    """Upper limits on parameters and tokens; infinite for no limit."""

    N: Array
    D: Array


class Split(NamedTuple):
    """The optimal split of a budget: ln N, ln D and what limits them; NaN if there is no optimum.

    Without an optimum, ``limit`` is what leaves no ratio in the range: data, size or (0) neither.
    """

    log_N: Array
    log_D: Array
    limit: Array


class Place(NamedTuple):
    """ln N and ln D at one ratio, and whether the budget can be spent there."""

    log_N: Array
    log_D: Array
    found: Array


class Grid(NamedTuple):
    """Splits of a budget, from the lowest ratio to the highest.

    Attributes:
        log_ratio: ln D/N, ``(ratio,)``.
        places: N and D at each, ``(ratio,)``.
        is_left: whether limits on both N and D leave some of the budget.
    """

    log_ratio: Array
    places: Place
    is_left: Array


@dataclass(frozen=True)
class Cost:
    """FLOPs of a model: ``flops(N, D)`` for training (default 6 N D), plus 2 N per token served.

    Hashable, so that calls with the same function share compiled code.
    """

    flops: FLOPs | None = None
    is_served: bool = False

    def training(self, N: Array, D: Array) -> Array:
        """FLOPs of training."""
        return jnp.asarray((self.flops or training_flops)(N, D))

    def log_total(self, log_N: Array, log_D: Array, tokens_served: Array) -> Array:
        """Log of the FLOPs of training and inference."""
        N = jnp.exp(log_N)
        total = self.training(N, jnp.exp(log_D))
        return jnp.log(total + 2.0 * N * tokens_served if self.is_served else total)

    @property
    def is_plain(self) -> bool:
        """Whether the cost is 6 N D, for which N has a closed form."""
        return self.flops is None and not self.is_served

    def at_ratio(self, log_ratio: Array, log_C: Array, tokens_served: Array) -> Place:
        """The N and D that spend the budget at a ratio D/N."""
        log_N = 0.5 * (log_C - np.log(6.0) - log_ratio)
        if self.is_plain:
            return Place(log_N, log_N + log_ratio, jnp.asarray(True))

        def excess(x: Array) -> Array:
            return self.log_total(x, x + log_ratio, tokens_served) - log_C

        log_N, found = _crossing(excess, log_N)
        return Place(log_N, log_N + log_ratio, found)

    def direction(self, at: Place, tokens_served: Array) -> tuple[Array, Array]:
        """Derivatives of ln N and ln D in ln D/N along the budget."""
        if self.is_plain:
            return jnp.asarray(-0.5), jnp.asarray(0.5)
        by_N, by_D = (
            _along(lambda x, y: self.log_total(x, y, tokens_served), at, way)
            for way in ((1.0, 0.0), (0.0, 1.0))
        )
        return -by_D / (by_N + by_D), by_N / (by_N + by_D)


def optimal_ratio(law: Law, compute: Array) -> Array:
    """Tokens per parameter ``D/N`` at which ``L(N, D)`` is lowest for ``6 N D = compute`` FLOPs.

    Only interior minima count: a loss that still decreases at an end of the range (0.1 to 1e5
    tokens per parameter) has none. Pure, for use under ``jit`` and ``vmap``, and differentiable to
    any order, since the optimum is a root of the loss's slope.

    Args:
        law: a law, N in parameters.
        compute: one budget, in FLOPs.

    Returns:
        The ratio; NaN if there is no interior minimum.
    """
    split = optimum(law, compute)
    return jnp.exp(split.log_D - split.log_N)


def optimum(
    law: Law,
    compute: Array,
    cost: Cost = Cost(),
    tokens_served: Array | float = 0.0,
    limits: Limits | None = None,
) -> Split:
    """The N and D with the lowest loss among those that cost the whole budget.

    The lowest minimum between 0.1 and 1e5 tokens per parameter. The ends of that range do not count
    as minima; ends set by limits on N or D do. A budget that the limits do not allow to be spent
    remains unspent. Pure and differentiable, as :func:`optimal_ratio`.

    Args:
        law: a law, N in parameters.
        compute: one budget, in FLOPs.
        cost: the cost of a model; must increase with N and with D.
        tokens_served: tokens served over the life of the model.
        limits: upper limits of N and D, or None.
    """
    log_C, served = jnp.log(compute), jnp.asarray(tokens_served)
    limits_known = jnp.log(jnp.asarray([jnp.inf, jnp.inf] if limits is None else [*limits]))
    fixed = jax.lax.stop_gradient((law, log_C, served, limits_known))
    at, limit = _search(*fixed, cost, is_limited=limits is not None)
    if limits is None and cost.is_plain:
        # one condition: its derivative costs half as much as that of two
        def condition(u: Array) -> Array:
            place = cost.at_ratio(u[0], log_C, served)
            return _along(log_surface(law), place, (-0.5, 0.5))[None]

        u = root(condition, (at.log_D - at.log_N)[None], num_steps=0)[0]
        log_N, log_D, _ = cost.at_ratio(u, log_C, served)
        return Split(log_N, log_D, limit)

    def conditions(point: Array) -> Array:
        """Zero where the budget is spent, and the loss is stationary or an active limit is met."""
        place = Place(point[0], point[1], jnp.asarray(True))
        loss_slope = _along(log_surface(law), place, cost.direction(place, served))
        to_N, to_D = point - jnp.where(jnp.isfinite(limits_known), limits_known, 0.0)
        spent = jnp.where(limit == BOTH, to_N, cost.log_total(point[0], point[1], served) - log_C)
        best = jnp.where(limit == SIZE, to_N, jnp.where(limit == INTERIOR, loss_slope, to_D))
        return jnp.stack([spent, best])

    log_N, log_D = root(conditions, jnp.stack(at[:2]), num_steps=0)
    return Split(log_N, log_D, limit)


def lower_end(
    law: Law,
    compute: Array,
    cost: Cost = Cost(),
    tokens_served: Array | float = 0.0,
    limits: Limits | None = None,
) -> Place:
    """The end of the range of D/N, within the limits, at which the loss is lower.

    Where the loss has no minimum, its optimum lies at this end or beyond. Pure.

    Args:
        law: a law, N in parameters.
        compute: one budget, in FLOPs.
        cost: the cost of a model.
        tokens_served: tokens served over the life of the model.
        limits: upper limits of N and D, or None.
    """
    log_limits = jnp.log(jnp.asarray([jnp.inf, jnp.inf] if limits is None else [*limits]))
    ends = grid_along(
        cost,
        jnp.log(compute),
        jnp.asarray(tokens_served),
        log_limits,
        2,
        is_limited=limits is not None,
    ).places
    losses = jnp.where(ends.found, log_surface(law)(ends.log_N, ends.log_D), jnp.inf)
    lower = jnp.argmin(losses)
    return Place(*(jnp.broadcast_to(own, losses.shape)[lower] for own in ends))


def _along(
    function: Callable[[Array, Array], Array],
    at: Place,
    direction: tuple[Array | float, Array | float],
) -> Array:
    """Directional derivative of a function of ln N and ln D, elementwise."""
    point = at.log_N, at.log_D
    tangents = tuple(jnp.full(x.shape, w, x.dtype) for x, w in zip(point, direction, strict=True))
    return jax.jvp(function, point, tangents)[1]


def _search(
    law: Law, log_C: Array, served: Array, limits: Array, cost: Cost, *, is_limited: bool
) -> tuple[Place, Array]:
    """The lowest minimum along a budget, to rounding, and what limits it; not differentiable."""
    surface = log_surface(law)
    grid, places, is_left = grid_along(
        cost, log_C, served, limits, _NUM_RATIOS, is_limited=is_limited
    )
    first, last = grid[0], grid[-1]
    values = jnp.where(places.found, surface(places.log_N, places.log_D), jnp.nan)
    at_low = at_high = jnp.asarray(False)
    if is_limited:
        at_low = (first > _LOG_LOWEST) & (values[0] <= values[1])
        at_high = (last < _LOG_HIGHEST) & (values[-1] <= values[-2])
    inner = values[1:-1]
    is_inner = (inner < values[:-2]) & (inner <= values[2:])
    is_minimum = jnp.concatenate([at_low[None], is_inner, at_high[None]])
    best = jnp.argmin(jnp.where(is_minimum, values, jnp.inf))
    bracket = grid[jnp.maximum(best - 1, 0)], grid[jnp.minimum(best + 1, _NUM_RATIOS - 1)]

    def rises(log_ratio: Array) -> Array:
        place = cost.at_ratio(log_ratio, log_C, served)
        return _along(surface, place, cost.direction(place, served)) > 0

    low, high = bisect(rises, *bracket, _NUM_HALVINGS)
    u = jnp.where(jnp.any(is_minimum), 0.5 * (low + high), jnp.nan)
    limit = jnp.asarray(INTERIOR)
    if is_limited:
        # the bracket shrank to the end set by a limit: the loss decreases up to it
        is_low = (best == 0) & (low == grid[0])
        is_high = (best == _NUM_RATIOS - 1) & (high == grid[-1])
        u = jnp.where(is_low, first, jnp.where(is_high, last, u))
        u = jnp.where((first < _LOG_HIGHEST) & (last > _LOG_LOWEST), u, jnp.nan)
        at_end = jnp.where(is_low, SIZE, jnp.where(is_high, DATA, limit))
        # without an optimum: what leaves no ratio in the range, if anything does
        at_end = jnp.where(jnp.any(is_minimum), at_end, limit)
        at_end = jnp.where(first >= _LOG_HIGHEST, SIZE, at_end)
        at_end = jnp.where(last <= _LOG_LOWEST, DATA, at_end)
        limit = jnp.where(is_left, BOTH, at_end)
    place = cost.at_ratio(u, log_C, served)
    if is_limited:
        log_N, log_D = jnp.where(is_left, limits, jnp.stack(place[:2]))
        place = Place(log_N, log_D, place.found)
    return place, limit


def grid_along(
    cost: Cost, log_C: Array, served: Array, limits: Array, num: int, *, is_limited: bool
) -> Grid:
    """Splits of a budget between the lowest and the highest ratio, within the limits.

    Args:
        cost: the cost of a model.
        log_C: log of the budget.
        served: tokens served over the life of the model.
        limits: logs of the limits on N and D, infinite without one, ``(2,)``.
        num: how many ratios.
        is_limited: whether there are limits.
    """
    if not is_limited:
        # a NumPy grid is a constant of the compiled code
        grid = jnp.asarray(np.linspace(_LOG_LOWEST, _LOG_HIGHEST, num))
        return Grid(grid, cost.at_ratio(grid, log_C, served), jnp.asarray(False))
    first, last, is_left = _ends(cost, log_C, served, limits)
    grid = first + (last - first) * jnp.linspace(0.0, 1.0, num)
    return Grid(grid, cost.at_ratio(grid, log_C, served), is_left)


def _ends(cost: Cost, log_C: Array, served: Array, limits: Array) -> tuple[Array, Array, Array]:
    """The range of ln D/N within the limits, and whether spending up to both leaves budget over."""
    x, y = limits
    of_D = jnp.asarray([False, True])

    def excess(z: Array) -> Array:
        """At the limit of N as a function of D, and at the limit of D as a function of N."""
        return cost.log_total(jnp.where(of_D, z, x), jnp.where(of_D, y, z), served) - log_C

    other, affordable = _crossing(excess, log_C - np.log(6.0) - jnp.minimum(limits, 1e3))
    binds = jnp.isfinite(limits) & affordable
    low = jnp.maximum(_LOG_LOWEST, jnp.where(binds[0], other[0] - x, -jnp.inf))
    high = jnp.minimum(_LOG_HIGHEST, jnp.where(binds[1], y - other[1], jnp.inf))
    return low, high, cost.log_total(x, y, served) <= log_C


def _crossing(function: Callable[[Array], Array], start: Array) -> tuple[Array, Array]:
    """The root of an increasing function, elementwise, and whether there is one near ``start``.

    Newton's method, safeguarded by bisection.
    """

    def is_moving(state: _State) -> Array:
        return jnp.any(state[3]) & (state[4] < _MAX_STEPS)

    def one_step(state: _State) -> _State:
        x, low, high, _, count = state
        value, slope = jax.jvp(function, (x,), (jnp.ones_like(x),))
        low, high = jnp.where(value < 0, x, low), jnp.where(value < 0, high, x)
        new = x - value / slope
        new = jnp.where((new >= low) & (new <= high), new, 0.5 * (low + high))
        resolution = 4.0 * np.finfo(x.dtype).eps * jnp.abs(x)
        return new, low, high, jnp.abs(new - x) > resolution, count + 1

    moving = jnp.ones(start.shape, bool)
    low, high = start - _REACH, start + _REACH
    state = start, low, high, moving, jnp.asarray(0)
    found = jax.lax.while_loop(is_moving, one_step, state)[0]
    near = 1e-6 * _REACH  # a search that ends at an end of its bracket has no root
    return found, (found > low + near) & (found < high - near)
