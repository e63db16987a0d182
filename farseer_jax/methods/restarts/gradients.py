"""The objective and its gradient for a batch of parameter vectors.

The batch is the last axis, where a CPU computes several elements with one instruction.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
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
    """The problem for some refits, from losses and weights ``(row, slot, refit)``."""
    if problem.observed.shape[-1] == 1:
        return problem
    own = problem.observed[..., refit], problem.weights[..., refit]
    return problem._replace(observed=own[0], weights=own[1])


class Form(NamedTuple):
    """The static form of the objective.

    Attributes:
        law: the law's class.
        link: the layout's link.
        residual: kind of the residuals.
        is_absolute: whether ρ is the absolute value, which no positive ``delta`` gives.
    """

    law: type[Law]
    link: Link
    residual: Residual
    is_absolute: bool


def misfit(form: Form, problem: Problem, free: Array) -> Array:
    """The objective, ``(batch,)``, at free parameters ``(free, batch)``."""
    r = _residuals(form, problem, free)
    shape = problem.delta, problem.quantile
    sizes = absolute(r, problem.quantile) if form.is_absolute else rho(r, *shape)
    return jnp.sum(problem.weights * sizes, (0, 1))


def misfit_and_gradient(form: Form, problem: Problem, free: Array) -> tuple[Array, Array]:
    """The objective, ``(batch,)``, and its gradient, ``(free, batch)``.

    The absolute value has the subgradient 0 where a residual is 0.
    """
    r, pull = jax.vjp(lambda x: _residuals(form, problem, x), free)
    if form.is_absolute:
        sizes, slope = absolute(r, problem.quantile), absolute_slope(r, problem.quantile)
    else:
        shape = problem.delta, problem.quantile
        sizes, slope = rho(r, *shape), rho_slope(r, *shape)
    value = jnp.sum(problem.weights * sizes, (0, 1))
    return value, pull(problem.weights * slope)[0]


def _residuals(form: Form, problem: Problem, free: Array) -> Array:
    """``(row, slot, batch)``."""
    vector = jnp.tensordot(problem.basis, free, 1) + problem.offset[:, None]
    predicted = predictions(form.law, form.link, problem, vector)
    return residual_of(form.residual, predicted, problem.observed)
