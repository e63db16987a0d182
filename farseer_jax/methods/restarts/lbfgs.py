"""L-BFGS whose line search advances in lock step: each trial is an update.

``optax.lbfgs`` searches a line within one update. Mapped over starts, all of them wait for the
slowest, and each trial evaluates the objective twice. Here an update proposes the next trial, on
the same line or on a new one, and no start waits.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.types import Array

if TYPE_CHECKING:
    import optax


MEMORY_SIZE = 10  # pairs of steps and gradients; laws have fewer parameters
_DECREASE, _CURVATURE = 1e-4, 0.9  # of Wolfe's conditions, as in Nocedal & Wright
_ROUNDING = 1e-14  # relative, of a sum over the runs: smaller changes are rounding
_MOST_TRIALS = 20
_MARGIN = 1e-3  # the model of L-BFGS may predict a hundredth of the decrease of Newton's step


class LineState(NamedTuple):
    """The state of one start's search.

    Attributes:
        memory: state of ``optax.scale_by_lbfgs``.
        base: the last accepted point, ``(free,)``.
        value: objective there; inf before the first.
        gradient: gradient there.
        direction: direction of the line.
        step: step of the trial that is being evaluated.
        low: largest step known to decrease enough.
        high: smallest step known to be too long.
        trials: trials on this line so far.
        calm: accepted points in a row that predict no decrease.
        done: whether the start stays where it is.
    """

    memory: Any
    base: Array
    value: Array
    gradient: Array
    direction: Array
    step: Array
    low: Array
    high: Array
    trials: Array
    calm: Array
    done: Array


def lock_step_lbfgs(tolerance: float) -> "optax.GradientTransformationExtraArgs":
    """L-BFGS for one start, which takes value and gradient of each of its trials.

    A start is done, and its updates are 0, where the model of two accepted points in a row
    predicts a relative decrease below ``tolerance``, or where even steepest descent finds no
    decrease.

    Source: Nocedal & Wright, *Numerical Optimization*, Algorithms 7.4 and 7.5; the bracketing of
    Lewis & Overton (2013), which does without smoothness; near the optimum, the approximate
    condition of Hager & Zhang (2006).
    """
    import optax

    scaling = optax.scale_by_lbfgs(memory_size=MEMORY_SIZE)

    def init(params: Any) -> LineState:
        zero, number = jnp.zeros_like(params), jnp.zeros((), params.dtype)
        count, inf = jnp.zeros((), int), number + jnp.inf
        return LineState(
            scaling.init(params), params, inf, zero, zero, number, number, inf, count, count,
            jnp.zeros((), bool),
        )  # fmt: skip

    def update(
        gradient: Any, state: Any, params: Any = None, *, value: Any, **_: Any
    ) -> tuple[Any, LineState]:
        accepted, enough = _judge(state, params, value, gradient)
        onward = _next_line(scaling, tolerance, state, params, value, gradient)
        again = _next_trial(state, value, gradient, params, enough)
        failed = ~accepted & (state.trials >= _MOST_TRIALS) & (again.low == 0.0)
        steepest = _steepest(scaling, state)
        new = _pick(failed, steepest, _pick(accepted, onward, again))
        # even steepest descent finds no decrease
        new = new._replace(done=new.done | (failed & (state.memory.count <= 1)))
        new = _pick(state.done, state, new)
        step = jnp.where(new.done, 0.0, new.step)
        return new.base + step * new.direction - params, new

    return optax.GradientTransformationExtraArgs(init, update)


def _pick(condition: Array, new: LineState, old: LineState) -> LineState:
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)


def _judge(state: LineState, params: Array, value: Array, gradient: Array) -> tuple[Array, Array]:
    """Whether the trial is accepted, and whether it decreases enough."""
    moved = params - state.base
    slope, slope_there = jnp.vdot(state.gradient, moved), jnp.vdot(gradient, moved)
    finite = jnp.isfinite(value) & jnp.isfinite(gradient).all()
    decreases = value <= state.value + _DECREASE * slope
    level = value - state.value <= _ROUNDING * jnp.abs(state.value)
    level &= slope_there <= (2.0 * _DECREASE - 1.0) * slope
    asked = state.step * state.direction
    cut = jnp.max(jnp.abs(moved - asked)) > 1e-6 * jnp.max(jnp.abs(asked))  # by a bound
    flatter = (slope_there >= _CURVATURE * slope) | cut | (state.trials >= _MOST_TRIALS)
    first = jnp.isinf(state.value)
    enough = finite & (decreases | level | first)
    return enough & (flatter | first), enough


def _next_line(
    scaling: "optax.GradientTransformation",
    tolerance: float,
    state: LineState,
    params: Array,
    value: Array,
    gradient: Array,
) -> LineState:
    """A new line from an accepted point, in the direction of L-BFGS."""
    scaled, memory = scaling.update(gradient, state.memory, params)
    # a gradient of exactly 0 marks a parameter at an active bound: the memory must not move it
    direction = jnp.where(gradient == 0.0, 0.0, -scaled)
    slope = jnp.vdot(gradient, direction)
    curved = jnp.vdot(gradient - state.gradient, params - state.base) > 0.0
    good = (curved | jnp.isinf(state.value)) & (slope < 0.0)
    calm = jnp.where(-0.5 * slope <= _MARGIN * tolerance * jnp.abs(value), state.calm + 1, 0)
    number = jnp.zeros_like(state.low)
    line = state._replace(
        memory=memory, base=params, value=value, gradient=gradient, direction=direction,
        step=number + 1.0, low=number, high=number + jnp.inf,
        trials=jnp.zeros_like(state.trials), calm=calm, done=(calm >= 2) | ~gradient.any(),
    )  # fmt: skip
    return _pick(good, line, _steepest(scaling, line))


def _steepest(scaling: "optax.GradientTransformation", state: LineState) -> LineState:
    """Steepest descent from the last accepted point, without memory."""
    norm = jnp.sqrt(jnp.vdot(state.gradient, state.gradient))
    fresh: Any = scaling.init(state.base)
    number = jnp.zeros_like(state.low)
    return state._replace(
        memory=fresh._replace(
            count=jnp.ones_like(fresh.count), params=state.base, updates=state.gradient
        ),
        direction=-state.gradient * jnp.minimum(1.0, 1.0 / norm),
        step=number + 1.0, low=number, high=number + jnp.inf,
        trials=jnp.zeros_like(state.trials), calm=jnp.zeros_like(state.calm),
    )  # fmt: skip


def _next_trial(
    state: LineState, value: Array, gradient: Array, params: Array, enough: Array
) -> LineState:
    """The next trial on the line: further out while it is too steep, else between the ends."""
    step = state.step
    low, high = jnp.where(enough, step, state.low), jnp.where(enough, state.high, step)
    slope = jnp.vdot(state.gradient, state.direction)
    excess = value - state.value - slope * step
    parabola = -0.5 * slope * step**2 / jnp.where(excess > 0.0, excess, 1.0)
    usable = ~enough & (low == 0.0) & (excess > 0.0) & jnp.isfinite(excess)
    between = jnp.where(usable, jnp.clip(parabola, 0.1 * step, 0.5 * step), 0.5 * (low + high))
    between = jnp.where(jnp.isfinite(value), between, low + 0.1 * (high - low))
    tried = jnp.where(jnp.isinf(high), 2.0 * low, between)
    last = state.trials + 1 >= _MOST_TRIALS
    tried = jnp.where(
        last & (low > 0.0), low, tried
    )  # it decreases enough, though it is still too steep there
    return state._replace(step=tried, low=low, high=high, trials=state.trials + 1)
