"""Lines between transformed values and transformed N, for every pair of transformations."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.diagnostics.transforms import Transform
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.types import Array

# The relative error has kinks, so the first grid is dense; each further grid spans two steps on
# either side of the best exponent: after three of them steps are below 1e-5.
_NUM_OF_N, _NUM_OF_VALUES, _NUM_GRIDS, _STEPS_KEPT = 129, 33, 4, 2.0


class FormLines(NamedTuple):
    """The best line of each pair of transformations; ``(value transform, N transform)`` each.

    Attributes:
        error: mean relative error of the untransformed value.
        squared: residual sum of squares of the transformed value, Algorithm 1's ℓ.
        level: transformed value at the pivot.
        slope: slope over the transformed N.
        N_exponent: exponent of the transformation of N.
        value_exponent: exponent of the transformation of the value.
        curve: value of the curve at every size, ``(value transform, N transform, size)``.
    """

    error: Array
    squared: Array
    level: Array
    slope: Array
    N_exponent: Array
    value_exponent: Array
    curve: Array


class _Bounds(NamedTuple):
    """Ranges of exponents, ``(value transform, N transform)`` each."""

    low: Array
    high: Array

    def grid(self, num: int) -> Array:
        return self.low[..., None] + (self.high - self.low)[..., None] * jnp.linspace(0, 1, num)

    def around(self, best: Array, num: int, allowed: "_Bounds") -> "_Bounds":
        reach = _STEPS_KEPT * (self.high - self.low) / max(num - 1, 1)
        return _Bounds(
            jnp.maximum(best - reach, allowed.low), jnp.minimum(best + reach, allowed.high)
        )


@compiled(static=("of_values", "of_N"))
def search_forms(
    N: Array,
    pivot: Array,
    values: Array,
    scales: Array,
    weights: Array,
    of_values: tuple[Transform, ...],
    of_N: tuple[Transform, ...],
) -> FormLines:
    """Search the exponents of all pairs of transformations, for several curves of N.

    Args:
        N: sizes, ``(size,)``.
        pivot: geometric mean of the sizes.
        values: positive values to fit, ``(curve, size)``.
        scales: typical value of each curve, ``(curve,)``.
        weights: weights of sizes in lines and errors, ``(curve, size)``; 0 leaves one out.
        of_values: transformations of the values.
        of_N: transformations of N.

    Returns:
        Arrays ``(curve, value transform, N transform, …)``.
    """

    def one(problem: tuple[Array, Array, Array]) -> FormLines:
        return _search(_Problem(N, pivot, *problem, of_values, of_N))

    return jax.lax.map(one, (values, scales, weights))


class _Problem(NamedTuple):
    N: Array
    pivot: Array
    values: Array
    scale: Array
    weights: Array
    of_values: tuple[Transform, ...]
    of_N: tuple[Transform, ...]


def _search(problem: _Problem) -> FormLines:
    shape = (len(problem.of_values), len(problem.of_N))
    of_N = _bounds([t.range for t in problem.of_N], shape, 1)
    of_values = _bounds([t.range for t in problem.of_values], shape, 0)
    num_p = _NUM_OF_N if any(t.is_searched for t in problem.of_N) else 1
    num_q = _NUM_OF_VALUES if any(t.is_searched for t in problem.of_values) else 1

    def grid(within: tuple[_Bounds, _Bounds], _: None) -> tuple[tuple[_Bounds, _Bounds], FormLines]:
        p, q = within[0].grid(num_p), within[1].grid(num_q)
        best = _best(_lines(problem, p, q))
        return (
            within[0].around(best.N_exponent, num_p, of_N),
            within[1].around(best.value_exponent, num_q, of_values),
        ), best

    _, grids = jax.lax.scan(grid, (of_N, of_values), None, length=_NUM_GRIDS)
    # the best of all grids: because of kinks, a finer grid may miss an error of a coarser one
    which = jnp.argmin(grids.error, axis=0)[None]
    return jax.tree.map(lambda leaf: _taken(leaf, which, 0)[0], grids)


def _bounds(ranges: list[tuple[float, float]], shape: tuple[int, int], axis: int) -> _Bounds:
    low, high = np.asarray(ranges, dtype=float).T
    axes_shape = (1, -1) if axis else (-1, 1)
    return _Bounds(
        *(jnp.broadcast_to(jnp.asarray(a).reshape(axes_shape), shape) for a in (low, high))
    )


def _lines(problem: _Problem, p: Array, q: Array) -> FormLines:
    """Lines and errors of all exponents, ``(value transform, N transform, p, q)``."""
    unit = jnp.stack([problem.scale if t.scaled else jnp.ones(()) for t in problem.of_values])
    values = jnp.stack([in_unit(t, problem.values, problem.scale) for t in problem.of_values])
    x = jnp.stack(
        [
            abscissa(t, problem.N, problem.pivot, p[:, j, :, None])
            for j, t in enumerate(problem.of_N)
        ],
        axis=1,
    )
    y = jnp.stack([t.apply(values[i], q[i, :, :, None]) for i, t in enumerate(problem.of_values)])
    share = safe_divide(problem.weights, jnp.sum(problem.weights))
    mean_x, mean_y = x @ share, y @ share
    dx, dy = x - mean_x[..., None], y - mean_y[..., None]
    variance = jnp.sum(share * dx**2, axis=-1)
    slope = safe_divide(jnp.einsum("ijps,ijqs->ijpq", share * dx, dy), variance[..., None])
    level = mean_y[..., None, :] - slope * mean_x[..., None]
    fitted = level[..., None] + slope[..., None] * x[..., None, :]
    inverse = jnp.stack(
        [t.undo(fitted[i], q[i, :, None, :, None]) for i, t in enumerate(problem.of_values)]
    )
    taken = share > 0
    relative = jnp.abs(inverse / values[:, None, None, None, :] - 1.0)
    error = jnp.where(taken, relative, 0.0) @ share
    missed = jnp.where(taken, fitted - y[..., None, :, :], 0.0)
    squared = (missed**2) @ problem.weights
    return FormLines(
        error=jnp.where(jnp.isfinite(error), error, jnp.inf),
        squared=squared,
        level=level,
        slope=slope,
        N_exponent=jnp.broadcast_to(p[..., None], error.shape),
        value_exponent=jnp.broadcast_to(q[..., None, :], error.shape),
        curve=inverse * unit[:, None, None, None, None],
    )


def _best(lines: FormLines) -> FormLines:
    """The best exponents for each pair of transformations."""
    flat = jax.tree.map(lambda leaf: leaf.reshape(*leaf.shape[:2], -1, *leaf.shape[4:]), lines)
    which = jnp.argmin(flat.error, axis=2)[:, :, None]
    return jax.tree.map(lambda leaf: _taken(leaf, which, 2)[:, :, 0], flat)


def _taken(leaf: Array, which: Array, axis: int) -> Array:
    """Entries along an axis; ``which`` lacks the last axes of some leaves."""
    more = leaf.ndim - which.ndim
    return jnp.take_along_axis(leaf, which.reshape(*which.shape, *(1,) * more), axis=axis)


def in_unit(transform: Transform, values: Array, scale: Array) -> Array:
    """Positive numbers, over their scale if the transformation is scaled."""
    return values / scale if transform.scaled else values


def abscissa(transform: Transform, N: Array, pivot: Array, exponent: Array) -> Array:
    """Transformed N, 0 at the pivot, so that the level of a line is its value there."""
    at, zero = (in_unit(transform, jnp.asarray(x), pivot) for x in (N, pivot))
    return transform.apply(at, exponent) - transform.apply(zero, exponent)
