"""The objective, its gradient and a Hessian at many parameter vectors at once.

The derivatives factor: of the loss in the law's few curves (run by run, `_row_sums`), times those
of the curves in their parameters (row by row, here).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._types import Array
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end._problem import Curves, Problem, curves_of
from farseer_jax.methods.least_squares._row_sums import row_sums
from farseer_jax.objectives import Residual


class Normal(NamedTuple):
    """A quadratic model of the objective around free parameters.

    Attributes:
        value: ``(batch,)``.
        gradient: ``(free, batch)``.
        matrix: the exact Hessian, or one that lies above it, ``(free, free, batch)``.
    """

    value: Array
    gradient: Array
    matrix: Array


def evaluate_normal(
    law: type[Separable],
    residual: Residual,
    newton: Array | None,
    problem: Problem,
    free: Array,
) -> Normal:
    """Objective and derivatives at free parameters, ``(free, batch)``.

    Args:
        law: the law's class.
        residual: its kind.
        newton: members whose matrix is the exact Hessian, ``(batch,)``; the others get
            Gauss–Newton's with the weights ρ'/r: positive semidefinite, and above ρ. None: ρ is a
            square, and Gauss–Newton serves all.
        problem: the runs.
        free: where.
    """
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    curves, owners = curves_of(law, problem)
    columns = list(vector)
    sums = row_sums(law, residual, newton, problem, curves(columns))
    slopes = [_partials(curves, columns, i, own) for i, own in enumerate(owners)]
    # entries: (curve, parameter); a parameter of several curves has several
    gradient = jnp.concatenate(
        [jnp.sum(slope * pull, 1) for slope, pull in zip(slopes, sums.slopes, strict=True)]
    )
    blocks = _blocks(slopes, sums.bends)
    if newton is not None:
        for i, own in enumerate(owners):
            pull = jnp.where(newton, sums.slopes[i], 0.0)
            blocks[i][i] += jnp.sum(_curve_bends(curves, columns, i, own) * pull, 2)
    matrix = jnp.concatenate([jnp.concatenate(row, 1) for row in blocks])
    entries = jnp.concatenate([problem.basis[jnp.array(own)] for own in owners])
    return Normal(sums.value, jnp.tensordot(entries.T, gradient, 1), _project(entries, matrix))


def _partials(curves: Curves, columns: list[Array], i: int, own: tuple[int, ...]) -> Array:
    """Derivatives of curve i in the parameters that it depends on, ``(own, row, batch)``."""
    return jnp.stack([_partial(curves, columns, i, k) for k in own])


def _partial(curves: Curves, columns: list[Array], i: int, k: int) -> Array:
    def curve(x: Array) -> Array:
        return curves([*columns[:k], x, *columns[k + 1 :]])[i]

    return jax.jvp(curve, (columns[k],), (jnp.ones_like(columns[k]),))[1]


def _curve_bends(curves: Curves, columns: list[Array], i: int, own: tuple[int, ...]) -> Array:
    """Second derivatives of curve i, ``(own, own, row, batch)``."""

    def bend(k: int, m: int) -> Array:
        def slope(x: Array) -> Array:
            return _partial(curves, [*columns[:m], x, *columns[m + 1 :]], i, k)

        return jax.jvp(slope, (columns[m],), (jnp.ones_like(columns[m]),))[1]

    lower = {(k, m): bend(k, m) for k in own for m in own if m <= k}
    return jnp.stack([jnp.stack([lower[max(k, m), min(k, m)] for m in own]) for k in own])


def _blocks(slopes: list[Array], bends: dict[tuple[int, int], Array]) -> list[list[Array]]:
    """``Σ slope_k · bend_ij · slope_m`` over rows: a block of entries for each pair of curves."""
    lower = {
        (i, j): jnp.sum(slopes[i][:, None] * (bend * slopes[j])[None], 2)
        for (i, j), bend in bends.items()
    }
    curves = range(len(slopes))
    return [
        [lower[i, j] if i >= j else jnp.swapaxes(lower[j, i], 0, 1) for j in curves] for i in curves
    ]


def _project(entries: Array, matrix: Array) -> Array:
    """``entriesᵀ · matrix · entries``, as one product with a matrix that all members share."""
    num_entries, num_free = entries.shape
    both = jnp.einsum("ka,mb->abkm", entries, entries).reshape(num_free**2, num_entries**2)
    flat = matrix.reshape(num_entries**2, -1)
    return (both @ flat).reshape(num_free, num_free, -1)
