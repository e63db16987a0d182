"""The objective, its gradient and two Hessians at many parameter vectors at once.

Every array has the members of the batch on its last axis, where a CPU computes several with one
instruction. The derivatives of a law factor: of the loss in the law's few curves (run by run),
times those of the curves in their parameters (size by size).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._law import AbstractLaw, Center
from farseer_jax._objective import Residual, residual_of, rho, rho_slope, rho_weights
from farseer_jax._types import Array


class Problem(NamedTuple):
    """What a block of members is fitted to; ``batch`` is 1 where all share it.

    Attributes:
        N: ``(row, 1)``.
        log_D: ``(row, slot, 1)``.
        log_loss: observed, ``(row, slot, batch)``.
        weights: ``(row, slot, batch)``.
        delta: where ρ turns into a line, a number.
        quantile: of asymmetric ρ, a number.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: bounds of the free ones, ``(free, 1)``.
        upper: likewise.
        center: N and D of the runs' centre, ``(2,)``.
    """

    N: Array
    log_D: Array
    log_loss: Array
    weights: Array
    delta: Array
    quantile: Array
    basis: Array
    offset: Array
    lower: Array
    upper: Array
    center: Array


class Normal(NamedTuple):
    """A quadratic model of the objective around free parameters.

    Attributes:
        value: ``(batch,)``.
        gradient: ``(free, batch)``.
        majoriser: Gauss–Newton with the weights ρ'/r, positive semidefinite,
            ``(free, free, batch)``.
        hessian: the exact one; the majoriser itself where ρ is a square.
    """

    value: Array
    gradient: Array
    majoriser: Array
    hessian: Array


def evaluate_normal(
    law: type[AbstractLaw], residual: Residual, exact: bool, problem: Problem, free: Array
) -> Normal:
    """Objective and derivatives at free parameters, ``(free, batch)``."""
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    curves_of, owners = _curves(law, problem)
    columns = list(vector)
    curves = curves_of(columns)
    slopes = [_partials(curves_of, columns, i, own) for i, own in enumerate(owners)]

    def residual_at(values: list[Array]) -> Array:
        log_loss = _combine(law, problem, values)
        return residual_of(residual, log_loss, problem.log_loss)

    wide = [curve[:, None] for curve in curves]
    r = residual_at(wide)
    first = _slopes(residual_at, wide)
    bend, curvature = rho_weights(r, problem.delta, problem.quantile)
    w = problem.weights
    value = jnp.sum(w * rho(r, problem.delta, problem.quantile), (0, 1))
    push = w * rho_slope(r, problem.delta, problem.quantile)
    pull = [jnp.sum(push * f, 1) for f in first]  # per row and curve
    gradient = [jnp.zeros_like(value) for _ in columns]
    for i, own in enumerate(owners):
        for k in own:
            gradient[k] += jnp.sum(slopes[i][k] * pull[i], 0)
    majoriser = _assemble(owners, slopes, first, lambda i, j: w * bend)
    hessian = majoriser
    if exact:
        second = _second(residual_at, wide)
        hessian = _assemble(owners, slopes, first, lambda i, j: w * curvature)
        hessian = _add_bends(hessian, owners, slopes, second, push)
        hessian = _add_curve_bends(hessian, owners, curves_of, columns, pull)
    return Normal(
        value,
        jnp.tensordot(problem.basis.T, jnp.stack(gradient), 1),
        _project(problem.basis, majoriser),
        _project(problem.basis, hessian),
    )


Grid = list[list[Array]]
Owners = tuple[tuple[int, ...], ...]


def _curves(
    law: type[AbstractLaw], problem: Problem
) -> tuple[Callable[[list[Array]], list[Array]], Owners]:
    """The law's curves of N, ``(row, batch)`` each; without any, its parameters themselves."""
    if not law.curve_parameters:
        return lambda columns: [c[None] for c in columns], tuple(
            (k,) for k in range(len(law.parameter_names()))
        )

    def curves_of(columns: list[Array]) -> list[Array]:
        shape = (len(problem.N), columns[0].shape[-1])
        built = law.from_vector(jnp.stack(columns), _center(problem))
        return [jnp.broadcast_to(curve, shape) for curve in built.of_size(problem.N)]

    return curves_of, law.curve_parameters


def _combine(law: type[AbstractLaw], problem: Problem, values: list[Array]) -> Array:
    if law.curve_parameters:
        return law.combine(tuple(values), problem.log_D)
    columns = [value[0, 0] for value in values]
    built = law.from_vector(jnp.stack(columns), _center(problem))
    return built.log_loss(problem.N[:, None], jnp.exp(problem.log_D))


def _center(problem: Problem) -> Center:
    """The centre as traced numbers: a new one must not compile again."""
    N, D = problem.center
    return Center(N, D)


def _partials(
    curves_of: Callable[[list[Array]], list[Array]], columns: list[Array], i: int, own: Any
) -> dict[int, Array]:
    """Derivatives of curve i in the parameters that it depends on."""

    def along(k: int) -> Array:
        def curve(x: Array) -> Array:
            return curves_of([*columns[:k], x, *columns[k + 1 :]])[i]

        return jax.jvp(curve, (columns[k],), (jnp.ones_like(columns[k]),))[1]

    return {k: along(k) for k in own}


def _slopes(f: Callable[[list[Array]], Array], values: list[Array]) -> list[Array]:
    """Derivatives of a function of several arrays, elementwise."""

    def along(i: int) -> Array:
        def one(x: Array) -> Array:
            return f([*values[:i], x, *values[i + 1 :]])

        return jax.jvp(one, (values[i],), (jnp.ones_like(values[i]),))[1]

    return [along(i) for i in range(len(values))]


def _second(f: Callable[[list[Array]], Array], values: list[Array]) -> Grid:
    """Second derivatives, elementwise; the lower triangle."""

    def along(i: int, j: int) -> Array:
        def slope(x: Array) -> Array:
            return _slopes(f, [*values[:j], x, *values[j + 1 :]])[i]

        return jax.jvp(slope, (values[j],), (jnp.ones_like(values[j]),))[1]

    return [[along(i, j) for j in range(i + 1)] for i in range(len(values))]


def _assemble(
    owners: Owners, slopes: list[dict[int, Array]], first: list[Array], weight: Any
) -> Array:
    """``Σ weight · ∂r/∂θk · ∂r/∂θl``, by way of the curves' products per row."""
    products = {
        (i, j): jnp.sum(weight(i, j) * first[i] * first[j], 1)
        for i in range(len(first))
        for j in range(i + 1)
    }
    return _spread(owners, slopes, products)


def _spread(owners: Owners, slopes: list[dict[int, Array]], products: Any) -> Array:
    num = 1 + max(k for own in owners for k in own)
    batch = next(iter(products.values())).shape[-1]
    cells: Grid = [[jnp.zeros(batch)] * num for _ in range(num)]
    for (i, j), product in products.items():
        for k in owners[i]:
            for m in owners[j]:
                term = jnp.sum(slopes[i][k] * slopes[j][m] * product, 0)
                cells[k][m] = cells[k][m] + term
                if i != j:
                    cells[m][k] = cells[m][k] + term
    return jnp.stack([jnp.stack(row) for row in cells])


def _add_bends(
    hessian: Array, owners: Owners, slopes: list[dict[int, Array]], second: Grid, push: Array
) -> Array:
    """``Σ ρ' ∂²r/∂fi∂fj`` of the curves f."""
    products = {
        (i, j): jnp.sum(push * second[i][j], 1) for i in range(len(second)) for j in range(i + 1)
    }
    return hessian + _spread(owners, slopes, products)


def _add_curve_bends(
    hessian: Array,
    owners: Owners,
    curves_of: Callable[[list[Array]], list[Array]],
    columns: list[Array],
    pull: list[Array],
) -> Array:
    """``Σ ρ' ∂r/∂f ∂²f/∂θk∂θl``."""
    for i, own in enumerate(owners):
        for k in own:
            for m in own:

                def slope(x: Array, i: int = i, k: int = k, m: int = m) -> Array:
                    moved = [*columns[:m], x, *columns[m + 1 :]]
                    return _partials(curves_of, moved, i, (k,))[k]

                bend = jax.jvp(slope, (columns[m],), (jnp.ones_like(columns[m]),))[1]
                hessian = hessian.at[k, m].add(jnp.sum(bend * pull[i], 0))
    return hessian


def _project(basis: Array, matrix: Array) -> Array:
    """``basisᵀ · matrix · basis``."""
    half = jnp.tensordot(basis.T, matrix, 1)
    return jnp.einsum("alb,lc->acb", half, basis)
