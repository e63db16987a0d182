"""Sums over the runs of each row (one size): the objective's derivatives in the law's curves.

The loss depends on the parameters through a few curves of N. These sums per row are all that the
derivatives need, so the parameters, of which there are more, are combined with rows, never with
runs.
"""

from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax.laws.separable import OneDataTerm, Separable
from farseer_jax.methods.end_to_end.problem import Problem
from farseer_jax.objectives import Residual, along_log_loss
from farseer_jax.runtime.fast_log import log
from farseer_jax.solvers.partials import partial_derivative
from farseer_jax.types import Array


class RowSums(NamedTuple):
    """Sums over the runs of each row.

    Attributes:
        value: objective, ``(batch,)``.
        gradient: derivative in each curve, ``(row, batch)``.
        hessian: second derivatives in each pair of curves ``(i, j)``, i ≥ j.
    """

    value: Array
    gradient: list[Array]
    hessian: dict[tuple[int, int], Array]


class _Along(NamedTuple):
    """The weighted objective along ln L, run by run, ``(row, slot, batch)``.

    Attributes:
        value: the objective.
        slope: its derivative.
        curvature: factor of products of two slopes of ln L.
        newton_slope: factor of second derivatives of ln L; None where the model has none.
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
        residual: kind of the residuals.
        newton: as for :func:`evaluate_normal`.
        problem: the runs of one tile.
        curves: values of the law's curves.
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
    """For the curves ln U, ln B, A of ``L = U + B · D^−A``; f is the data term's share of L.

    All products of slopes are f or f² times powers of ln D, which are constants: the sums are
    matrix products, with a third of the passes over the runs.
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
    """The problem with powers of ln D, ``(…, row, power, slot)``: computed once, not each step."""
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
    """For any law with curves of N, by differentiating its ``combine``."""
    wide = [curve[:, None] for curve in curves]

    def log_loss_at(values: list[Array]) -> Array:
        return law.combine(tuple(values), problem.log_D)

    along = _along(residual, newton, problem, log_loss_at(wide))
    partials = [partial_derivative(log_loss_at, i) for i in range(len(wide))]
    first = [partial(wide) for partial in partials]
    hessian = {}
    for i in range(len(wide)):
        for j in range(i + 1):
            entry = along.curvature * first[i] * first[j]
            if along.newton_slope is not None:
                entry += along.newton_slope * partial_derivative(partials[i], j)(wide)
            hessian[i, j] = jnp.sum(entry, 1)
    gradient = [jnp.sum(along.slope * slope, 1) for slope in first]
    return RowSums(jnp.sum(along.value, (0, 1)), gradient, hessian)
