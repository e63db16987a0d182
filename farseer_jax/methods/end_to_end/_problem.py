"""What members (starts, refits) are fitted to, the law's curves on it, and where they ended.

Every array has the members of the batch on its last axis, where a CPU computes several with one
instruction.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax._types import Array
from farseer_jax.laws.law import AbstractLaw, Center
from farseer_jax.methods.end_to_end._free import Free
from farseer_jax.methods.end_to_end._layout import Layout
from farseer_jax.objectives import Objective


class Problem(NamedTuple):
    """What members are fitted to; ``batch`` is 1 where all share it.

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


# How a member ended, as in the report of the starts; one that is under way has none of these.
CONVERGED, OUT_OF_STEPS, STALLED, NOT_FINITE = range(4)
ACTIVE = 4


class Optima(NamedTuple):
    """Where every member ended: rows of losses first, starts second; NumPy.

    Attributes:
        free: the best point found, ``(row · start, free)``.
        value: the objective there, ``(row · start,)``.
        status: CONVERGED and so on.
        steps: evaluations.
    """

    free: np.ndarray
    value: np.ndarray
    status: np.ndarray
    steps: np.ndarray


def build_problem(
    layout: Layout,
    free: Free,
    objective: Objective,
    delta: float,
    log_loss: np.ndarray,
    weights: np.ndarray,
) -> Problem:
    """The problem of losses (logarithms) and weights, ``(row, slot, batch)``; of NumPy arrays.

    ``delta`` is the objective's own, or one on the way to it.
    """
    new: Any = Problem  # jit takes NumPy arrays as well
    return new(
        N=layout.N[:, None],
        log_D=layout.log_D[..., None],
        log_loss=log_loss,
        weights=weights,
        delta=delta,
        quantile=objective.quantile,
        basis=free.basis,
        offset=free.offset,
        lower=free.lower[:, None],
        upper=free.upper[:, None],
        center=np.array(layout.center),
    )


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
