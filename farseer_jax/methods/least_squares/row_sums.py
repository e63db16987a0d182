"""What the runs of one row (one size) add to the objective's derivatives in the law's curves.

The loss depends on the parameters through a few curves of N. Per row these sums are all that the
derivatives need, so that parameters, of which there are more, meet rows and never runs.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.separable import OneDataTerm, Separable
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.objectives import Residual, along_log_loss
from farseer_jax.runtime.fast_log import log
from farseer_jax.types import Array


class RowSums(NamedTuple):
    """Sums over the runs of each row.

    Attributes:
        value: objective, ``(batch,)``.
        gradient: of its derivative in each curve, ``(row, batch)``.
        hessian: of its second derivatives in each pair of curves ``(i, j)``, i ≥ j.
    """

    value: Array
    gradient: list[Array]
    hessian: dict[tuple[int, int], Array]


class _Along(NamedTuple):
    """The weighted objective along ln L, run by run, ``(row, slot, batch)``.

    Attributes:
        value: itself.
        slope: its derivative.
        curvature: what multiplies products of two slopes of ln L.
        newton_slope: what multiplies second derivatives of ln L; None where the model has none.
    """

    value: Array
    slope: Array
    curvature: Array
    newton_slope: Array | None


def row_sums(
    law: type[Separable],
    residual: Residual,
    newton: Array | None,
    problem: Problem,
    curves: list[Array],
) -> RowSums:
    """The sums at curves ``(row, batch)``.

    Args:
        law: the law's class.
        residual: its kind.
        newton: batch elements whose Hessian is the exact one, ``(batch,)``; that of the others is
            Gauss–Newton's with the weights ρ'/r, which lies above. None: ρ is a square, and
            Gauss–Newton serves all.
        problem: the runs of one tile.
        curves: the law's.
    """
    if issubclass(law, OneDataTerm):
        return _one_data_term(residual, newton, problem, curves)
    return _any_law(law, residual, newton, problem, curves)


def _along(residual: Residual, newton: Array | None, problem: Problem, log_loss: Array) -> _Along:
    squared = newton is None
    along = along_log_loss(
        residual, squared, problem.delta, problem.quantile, log_loss, problem.observed
    )
    value, slope, majoriser, curvature = (problem.weights * part for part in along)
    if newton is None:
        return _Along(value, slope, majoriser, None)
    curvature = jnp.where(newton, curvature, majoriser)
    return _Along(value, slope, curvature, jnp.where(newton, slope, 0.0))


def _one_data_term(
    residual: Residual, newton: Array | None, problem: Problem, curves: list[Array]
) -> RowSums:
    """Curves ln U, ln B, A of ``L = U + B · D^−A``; f is the data term's share of L.

    All products of slopes are f, f² and powers of ln D: sums with constants, as matrix products,
    in a third of the passes over the runs.
    """
    U, B, A = (curve[:, None] for curve in curves)
    D_term = jnp.exp(B - A * problem.log_D)
    loss = jnp.exp(U) + D_term
    f = D_term / loss
    along = _along(residual, newton, problem, log(loss))
    (p0,), (p1, p2) = _moments(problem, along.slope, 0), _moments(problem, along.slope * f, 1)
    square = along.curvature * f * f
    if along.newton_slope is not None:
        # ∂²ln L / ∂(ln U)² = f (1 − f), and up to signs and powers of ln D so are all others
        square += along.newton_slope * f * (1.0 - f)
    (k0,), (f0, f1), (g0, g1, g2) = (
        _moments(problem, along.curvature, 0),
        _moments(problem, along.curvature * f, 1),
        _moments(problem, square, 2),
    )
    hessian = {
        (0, 0): k0 - 2.0 * f0 + g0,
        (1, 0): f0 - g0, (1, 1): g0,
        (2, 0): g1 - f1, (2, 1): -g1, (2, 2): g2,
    }  # fmt: skip
    return RowSums(jnp.sum(along.value, (0, 1)), [p0 - p1, p1, -p2], hessian)


def with_powers(law: type[Separable], problem: Problem) -> Problem:
    """With powers of ln D, ``(…, row, power, slot)``: computed once, not in each step."""
    if not issubclass(law, OneDataTerm) or problem.log_D.shape[-2] == 1:
        return problem
    powers = {
        f"powers_{degree}": jnp.stack(
            [problem.log_D[..., 0] ** k for k in range(degree + 1)], axis=-2
        )
        for degree in (1, 2)
    }
    return problem._replace(inputs={**problem.inputs, **powers})


def _moments(problem: Problem, values: Array, degree: int) -> list[Array]:
    """``Σ values · (ln D)^k`` over the slots of each row, k up to the degree."""
    log_D = problem.log_D
    if values.shape[1] == 1:
        return [values[:, 0] * log_D[:, 0] ** k for k in range(degree + 1)]
    if degree == 0:
        return [jnp.sum(values, 1)]
    return list(jnp.einsum("rks,rsb->krb", problem.inputs[f"powers_{degree}"], values))


def _any_law(
    law: type[Separable],
    residual: Residual,
    newton: Array | None,
    problem: Problem,
    curves: list[Array],
) -> RowSums:
    """Any law, by differentiating its ``combine``."""
    wide = [curve[:, None] for curve in curves]

    def log_loss_at(values: list[Array]) -> Array:
        return law.combine(tuple(values), problem.log_D)

    along = _along(residual, newton, problem, log_loss_at(wide))
    first = [_derivative(log_loss_at, wide, i) for i in range(len(wide))]
    hessian = {}
    for i in range(len(wide)):
        for j in range(i + 1):
            entry = along.curvature * first[i] * first[j]
            if along.newton_slope is not None:
                entry += along.newton_slope * _second_derivative(log_loss_at, wide, i, j)
            hessian[i, j] = jnp.sum(entry, 1)
    gradient = [jnp.sum(along.slope * slope, 1) for slope in first]
    return RowSums(jnp.sum(along.value, (0, 1)), gradient, hessian)


Elementwise = Callable[[list[Array]], Array]


def _derivative(f: Elementwise, values: list[Array], i: int) -> Array:
    """Of a function of several arrays in one of them, elementwise."""

    def one(x: Array) -> Array:
        return f([*values[:i], x, *values[i + 1 :]])

    return jax.jvp(one, (values[i],), (jnp.ones_like(values[i]),))[1]


def _second_derivative(f: Elementwise, values: list[Array], i: int, j: int) -> Array:
    def slope(x: Array) -> Array:
        return _derivative(f, [*values[:j], x, *values[j + 1 :]], i)

    return jax.jvp(slope, (values[j],), (jnp.ones_like(values[j]),))[1]
