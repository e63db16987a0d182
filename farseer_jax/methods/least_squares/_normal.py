"""The objective, its gradient and a Hessian at many parameter vectors at once.

The derivatives factor: of the loss in the law's few curves (run by run, `_row_sums`), times those
of the curves in their parameters (row by row, `_curves`). Both are summed tile by tile.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._types import Array
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end._problem import Owners, Problem
from farseer_jax.methods.least_squares._curves import (
    CurveDerivatives,
    evaluate_curves,
    trace_curves,
)
from farseer_jax.methods.least_squares._row_sums import row_sums, with_powers
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


class _Sums(NamedTuple):
    """Sums over runs; an entry is a curve's parameter, and a parameter of several curves several.

    Attributes:
        value: objective, ``(batch,)``.
        gradient: of each curve, ``(own, batch)``.
        blocks: of the matrix for curves ``(i, j)``, i ≥ j, ``(own, own, batch)``.
    """

    value: Array
    gradient: list[Array]
    blocks: dict[tuple[int, int], Array]


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
        newton: batch elements whose matrix is the exact Hessian, ``(batch,)``; the others get
            Gauss–Newton's with the weights ρ'/r: positive semidefinite, and above ρ. None: ρ is a
            square, and Gauss–Newton serves all.
        problem: the runs, in tiles.
        free: where.
    """
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    traced = trace_curves(law, problem, list(vector))
    owners = traced.owners
    problem = with_powers(law, problem)

    def add(at: Array | int, sums: _Sums) -> _Sums:
        of_sizes = [values[at] for values in traced.of_sizes]
        curves = evaluate_curves(traced, of_sizes, list(vector), second=newton is not None)
        own = _sums_of_tile(law, residual, newton, problem.tile(at), curves)
        return jax.tree.map(jnp.add, sums, own)

    sums = _nothing(owners, vector[0])
    if len(problem.log_D) == 1:
        sums = add(0, sums)
    else:
        sums = jax.lax.fori_loop(0, problem.num_tiles, add, sums)
    entries = jnp.concatenate([problem.basis[jnp.array(own)] for own in owners])
    gradient = jnp.tensordot(entries.T, jnp.concatenate(sums.gradient), 1)
    return Normal(sums.value, gradient, _project(entries, _assemble(sums.blocks, len(owners))))


def _nothing(owners: Owners, like: Array) -> _Sums:
    def zeros(*shape: int) -> Array:
        return jnp.zeros((*shape, *like.shape), like.dtype)

    num = [len(own) for own in owners]
    blocks = {(i, j): zeros(num[i], num[j]) for i in range(len(num)) for j in range(i + 1)}
    return _Sums(zeros(), [zeros(n) for n in num], blocks)


def _sums_of_tile(
    law: type[Separable],
    residual: Residual,
    newton: Array | None,
    problem: Problem,
    curves: CurveDerivatives,
) -> _Sums:
    sums = row_sums(law, residual, newton, problem, curves.values)
    gradient = [
        jnp.sum(slope * pull, 1) for slope, pull in zip(curves.slopes, sums.gradient, strict=True)
    ]
    blocks = {
        (i, j): jnp.sum(curves.slopes[i][:, None] * (hessian * curves.slopes[j])[None], 2)
        for (i, j), hessian in sums.hessian.items()
    }
    if newton is not None:
        for i, second in enumerate(curves.second):
            blocks[i, i] += jnp.sum(second * jnp.where(newton, sums.gradient[i], 0.0), 2)
    return _Sums(sums.value, gradient, blocks)


def _assemble(blocks: dict[tuple[int, int], Array], num: int) -> Array:
    """The whole symmetric matrix of entries, ``(entry, entry, batch)``."""

    def block(i: int, j: int) -> Array:
        return blocks[i, j] if i >= j else jnp.swapaxes(blocks[j, i], 0, 1)

    rows = [jnp.concatenate([block(i, j) for j in range(num)], 1) for i in range(num)]
    return jnp.concatenate(rows)


def _project(entries: Array, matrix: Array) -> Array:
    """``entriesᵀ · matrix · entries`` of symmetric matrices, one after the other."""
    half = jnp.tensordot(entries.T, matrix, 1)
    return jnp.tensordot(entries.T, jnp.swapaxes(half, 0, 1), 1)
