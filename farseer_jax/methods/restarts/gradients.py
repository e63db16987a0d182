"""The objective and its gradient at many parameter vectors at once.

The batch stands on the last axis, where a CPU computes several with one instruction.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.problem import Problem, predictions
from farseer_jax.objectives import (
    Residual,
    absolute,
    absolute_slope,
    residual_of,
    rho,
    rho_slope,
)
from farseer_jax.types import Array


def of_refits(problem: Problem, refit: Array) -> Problem:
    """The problem of these refits, from losses and weights ``(row, slot, refit)``."""
    if problem.observed.shape[-1] == 1:
        return problem
    own = problem.observed[..., refit], problem.weights[..., refit]
    return problem._replace(observed=own[0], weights=own[1])


class Form(NamedTuple):
    """What is compiled in.

    Attributes:
        law: the law's class.
        link: of the layout.
        residual: which residual.
        is_absolute: whether ρ is the absolute value, which no positive ``delta`` gives.
    """

    law: type[Law]
    link: Link
    residual: Residual
    is_absolute: bool


def misfit(form: Form, problem: Problem, free: Array) -> Array:
    """The objective, ``(batch,)``, of free parameters ``(free, batch)``."""
    r = _residuals(form, problem, free)
    rho_of = absolute(r, problem.quantile) if form.is_absolute else rho(r, *_shape(problem))
    return jnp.sum(problem.weights * rho_of, (0, 1))


def misfit_and_gradient(form: Form, problem: Problem, free: Array) -> tuple[Array, Array]:
    """The objective, ``(batch,)``, and its gradient, ``(free, batch)``.

    Where a residual is 0, the absolute value has the subgradient 0.
    """
    r, pull = jax.vjp(lambda x: _residuals(form, problem, x), free)
    if form.is_absolute:
        size, slope = absolute(r, problem.quantile), absolute_slope(r, problem.quantile)
    else:
        size, slope = rho(r, *_shape(problem)), rho_slope(r, *_shape(problem))
    value = jnp.sum(problem.weights * size, (0, 1))
    return value, pull(problem.weights * slope)[0]


def _shape(problem: Problem) -> tuple[Array, Array]:
    return problem.delta, problem.quantile


def _residuals(form: Form, problem: Problem, free: Array) -> Array:
    """``(row, slot, batch)``."""
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    predicted = predictions(form.law, form.link, problem, vector)
    return residual_of(form.residual, predicted, problem.observed)
