"""What a block of members is fitted to, and the law's curves on it.

Every array has the members of the batch on its last axis, where a CPU computes several with one
instruction.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp

from farseer_jax._law import AbstractLaw, Center
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


Owners = tuple[tuple[int, ...], ...]
Curves = Callable[[list[Array]], list[Array]]


def curves_of(law: type[AbstractLaw], problem: Problem) -> tuple[Curves, Owners]:
    """The law's curves of N, ``(row, batch)`` each; without any, its parameters themselves.

    Returns:
        A function of the parameters, ``(batch,)`` each; and those that each curve depends on.
    """
    if not law.curve_parameters:
        owners = tuple((k,) for k in range(len(law.parameter_names())))
        return lambda columns: [column[None] for column in columns], owners

    def curves(columns: list[Array]) -> list[Array]:
        shape = (len(problem.N), columns[0].shape[-1])
        built = law.from_vector(jnp.stack(columns), _center(problem))
        return [jnp.broadcast_to(curve, shape) for curve in built.of_size(problem.N)]

    return curves, law.curve_parameters


def combine(law: type[AbstractLaw], problem: Problem, values: list[Array]) -> Array:
    """``ln L`` of all runs, ``(row, slot, batch)``, from the curves, ``(row, 1, batch)`` each."""
    if law.curve_parameters:
        return law.combine(tuple(values), problem.log_D)
    columns = [value[0, 0] for value in values]
    built = law.from_vector(jnp.stack(columns), _center(problem))
    return built.log_loss(problem.N[:, None], jnp.exp(problem.log_D))


def _center(problem: Problem) -> Center:
    """The centre as traced numbers: a new one must not compile again."""
    N, D = problem.center
    return Center(N, D)
