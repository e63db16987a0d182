"""The normal equations of least squares: a law's curves of N, their derivatives, the Hessian."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end.problem import Owners, Problem, curves_of
from farseer_jax.methods.least_squares.row_sums import RowSums, row_sums, with_powers
from farseer_jax.objectives import Residual
from farseer_jax.solvers.partials import Function, partial_derivative
from farseer_jax.types import Array

_Curve = Callable[..., list[Array]]


class TracedCurves(NamedTuple):
    """A law's curves, traced once for all their derivatives.

    Attributes:
        of_sizes: intermediate results that depend on N alone, such as ln N, ``(tile, row, 1)``
            each.
        curves: each curve as a function of one tile's ``of_sizes`` and of the parameters.
        owners: positions of the parameters that each curve depends on.
    """

    of_sizes: list[Array]
    curves: list[_Curve]
    owners: Owners


class CurveDerivatives(NamedTuple):
    """The curves of a law and their derivatives in the parameters that each depends on.

    Attributes:
        values: ``(row, batch)`` each.
        slopes: ``(own, row, batch)`` each.
        second: ``(own, own, row, batch)`` each; empty where not requested.
    """

    values: list[Array]
    slopes: list[Array]
    second: list[Array]


def trace_curves(law: type[Separable], problem: Problem, parameters: list[Array]) -> TracedCurves:
    """The curves on a problem's tiles, for parameters ``(batch,)`` each.

    Each curve keeps only the operations that it needs: otherwise its derivative in a parameter
    would trace all curves again. What depends on N alone is computed once, not in each step.
    """

    def of_tile(N: Array, parameters: list[Array]) -> list[Array]:
        curves, _ = curves_of(law, problem._replace(inputs={"N": N}))
        return curves(parameters)

    N = jnp.asarray(problem.inputs["N"])
    trace = jax.make_jaxpr(of_tile)(N[0], parameters)
    jaxpr: Any = trace.jaxpr
    size, *numbers = jaxpr.invars
    varying, early, late = set(numbers), [], []
    for equation in jaxpr.eqns:
        if varying.isdisjoint(_read(equation)):
            early.append(equation)
        else:
            late.append(equation)
            varying.update(equation.outvars)
    outputs = [*(v for equation in late for v in _read(equation)), *jaxpr.outvars]
    read = dict.fromkeys(v for v in outputs if v not in varying)
    before = jaxpr.replace(invars=[size], eqns=early, outvars=list(read))
    of_sizes = jax.vmap(jaxpr_as_fun(ClosedJaxpr(before, trace.consts)))(N)
    after = jaxpr.replace(constvars=[], invars=[*read, *numbers], eqns=late)
    curves = [_only(after, i) for i in range(len(after.outvars))]
    return TracedCurves(of_sizes, curves, law.curve_parameters())


def _read(equation: Any) -> list[Any]:
    """Variables that an operation reads; constants have a value instead."""
    return [v for v in equation.invars if not hasattr(v, "val")]


def _only(jaxpr: Any, index: int) -> _Curve:
    """One of the outputs, with only the operations that it needs."""
    output = jaxpr.outvars[index]
    needed, equations = {output}, []
    for equation in reversed(jaxpr.eqns):
        if not needed.isdisjoint(equation.outvars):
            equations.append(equation)
            needed.update(_read(equation))
    own = jaxpr.replace(eqns=equations[::-1], outvars=[output])
    curve: _Curve = jaxpr_as_fun(ClosedJaxpr(own, []))
    return curve


def evaluate_curves(
    traced: TracedCurves, of_sizes: Sequence[Array], parameters: list[Array], *, second: bool
) -> CurveDerivatives:
    """The curves of one tile at parameters ``(batch,)`` each.

    Args:
        traced: the curves.
        of_sizes: of the tile, ``(row, 1)`` each.
        parameters: the point of evaluation.
        second: whether to compute second derivatives.
    """

    def bound(curve: _Curve) -> Function:
        return lambda parameters: curve(*of_sizes, *parameters)[0]

    curves = [(bound(curve), own) for curve, own in zip(traced.curves, traced.owners, strict=True)]
    return CurveDerivatives(
        values=[curve(parameters) for curve, _ in curves],
        slopes=[
            jnp.stack([partial_derivative(curve, k)(parameters) for k in own])
            for curve, own in curves
        ],
        second=[_second(curve, parameters, own) for curve, own in curves] if second else [],
    )


def _second(curve: Function, parameters: list[Array], own: tuple[int, ...]) -> Array:
    lower = {
        (k, m): partial_derivative(partial_derivative(curve, k), m)(parameters)
        for k in own
        for m in own
        if m <= k
    }
    return jnp.stack([jnp.stack([lower[max(k, m), min(k, m)] for m in own]) for k in own])


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
    """Sums over runs, with an entry for each parameter of each curve.

    Attributes:
        value: objective, ``(batch,)``.
        gradient: for each curve, ``(own, batch)``.
        blocks: of the matrix, for curves ``(i, j)``, i ≥ j, ``(own, own, batch)``.
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
        residual: kind of the residuals.
        newton: batch elements whose matrix is the exact Hessian, ``(batch,)``; the others get
            Gauss–Newton's with the weights ρ'/r: positive semidefinite, and above ρ. None: ρ is a
            square, and all get Gauss–Newton's.
        problem: the runs, in tiles.
        free: the point of evaluation.
    """
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    traced = trace_curves(law, problem, list(vector))
    owners = traced.owners
    problem = with_powers(law, problem)

    def add(at: Array | int, sums: _Sums) -> _Sums:
        of_sizes = [values[at] for values in traced.of_sizes]
        tile = problem.tile(at)

        def curves_of_tile() -> CurveDerivatives:
            return evaluate_curves(traced, of_sizes, list(vector), second=newton is not None)

        curves = _once(curves_of_tile, problem)
        rows = _once(lambda: row_sums(law, residual, newton, tile, curves.values), problem)
        return jax.tree.map(jnp.add, sums, _sums_of_tile(newton, rows, curves))

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


def _once(function: Callable[[], Any], problem: Problem) -> Any:
    """The results of a function, which XLA would compute anew for each of their many uses.

    It does not look into the branches of a condition.
    """
    if len(problem.log_D) == 1:  # one tile: on devices where a condition waits for the host
        return function()
    assert problem.num_tiles is not None
    shapes = jax.eval_shape(function)

    def nothing() -> Any:
        return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)

    return jax.lax.cond(problem.num_tiles > 0, function, nothing)


def _sums_of_tile(newton: Array | None, sums: RowSums, curves: CurveDerivatives) -> _Sums:
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
