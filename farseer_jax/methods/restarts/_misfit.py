"""The objective and its gradient at many parameter vectors at once.

Members of the batch stand on the last axis, where a CPU computes several with one instruction.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._law import AbstractLaw, Center
from farseer_jax._objective import (
    Residual,
    absolute,
    absolute_slope,
    residual_of,
    rho,
    rho_slope,
)
from farseer_jax._types import Array


class Problem(NamedTuple):
    """What members are fitted to; the last axis of losses and weights is 1 where all share them.

    Attributes:
        N: ``(row, 1)``.
        log_D: ``(row, slot, 1)``.
        log_loss: observed, ``(row, slot, refit)``.
        weights: ``(row, slot, refit)``.
        delta: where ρ turns into a line, a number; 0 is the absolute value.
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

    def of_refits(self, refit: Array) -> "Problem":
        """The problem of these members, losses and weights ``(row, slot, batch)``."""
        if self.log_loss.shape[-1] == 1:
            return self
        return self._replace(log_loss=self.log_loss[..., refit], weights=self.weights[..., refit])


class Form(NamedTuple):
    """What is compiled in.

    Attributes:
        law: the law's class.
        residual: which residual.
        is_absolute: whether ρ is the absolute value, which no positive ``delta`` gives.
    """

    law: type[AbstractLaw]
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
    N, D = problem.center  # traced: a new centre must not compile again
    law = form.law.from_vector(vector, Center(N, D))
    if form.law.curve_parameters:
        # exponentials of N once per size, of D once per run
        shape = (len(problem.N), free.shape[-1])
        curves = [jnp.broadcast_to(curve, shape)[:, None] for curve in law.of_size(problem.N)]
        log_loss = form.law.combine(tuple(curves), problem.log_D)
    else:
        log_loss = law.log_loss(problem.N[:, None], jnp.exp(problem.log_D))
    return residual_of(form.residual, log_loss, problem.log_loss)
