"""The data of a batch of starts or refits, and the law's predictions for them.

Every array has the batch on its last axis, where a CPU computes several elements with one
instruction.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.separable import Separable
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.objectives import Objective
from farseer_jax.types import Array


class Problem(NamedTuple):
    """Losses, weights and free parameters of a batch; ``batch`` is 1 where all elements share them.

    In tiles, the arrays of runs have the tile as their first axis.

    Attributes:
        inputs: for a law with curves ``N``, ``(row, 1)``, and ``log_D``, ``(row, slot, 1)``; for
            other laws each input, ``(row,)``, or a mixture, ``(row, share)``.
        observed: losses on the link's scale, ``(row, slot, batch)``.
        weights: ``(row, slot, batch)``.
        delta: where ρ turns into a line, ``()``.
        quantile: quantile of an asymmetric ρ, ``()``.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: lower bounds of the free parameters, ``(free, 1)``.
        upper: their upper bounds, ``(free, 1)``.
        center: N and D of the runs' centre, ``(2,)``.
        num_tiles: tiles in use; None where the problem is one table.
    """

    inputs: dict[str, Array]
    observed: Array
    weights: Array
    delta: Array
    quantile: Array
    basis: Array
    offset: Array
    lower: Array
    upper: Array
    center: Array
    num_tiles: Array | None = None

    @property
    def log_D(self) -> Array:
        """``ln D``, for a law with curves."""
        return self.inputs["log_D"]

    def tile(self, index: Array | int) -> "Problem":
        """One of the tiles, as a table."""

        def take(tiles: Array) -> Array:
            return jax.lax.dynamic_index_in_dim(jnp.asarray(tiles), index, keepdims=False)

        return self._replace(
            inputs={name: take(tiles) for name, tiles in self.inputs.items()},
            observed=take(self.observed),
            weights=take(self.weights),
            num_tiles=None,
        )


def build_problem(
    layout: Layout,
    free: Free,
    objective: Objective,
    delta: float,
    observed: np.ndarray,
    weights: np.ndarray,
    num_tiles: int | None = None,
) -> Problem:
    """The problem for losses on the link's scale and weights, ``(row, slot, batch)``, in NumPy.

    ``delta`` is the objective's own, or one on the way to it; ``num_tiles`` is for a layout in
    tiles.
    """
    new: Any = Problem  # jit takes NumPy arrays as well
    inputs = layout.inputs
    if layout.by_curves:
        inputs = {name: array[..., None] for name, array in inputs.items()}
    return new(
        inputs=inputs,
        observed=observed,
        weights=weights,
        delta=delta,
        quantile=objective.quantile,
        basis=free.basis,
        offset=free.offset,
        lower=free.lower[:, None],
        upper=free.upper[:, None],
        center=np.array(layout.center or (1.0, 1.0)),
        num_tiles=num_tiles,
    )


Owners = tuple[tuple[int, ...], ...]
Curves = Callable[[list[Array]], list[Array]]


def curves_of(law: type[Separable], problem: Problem) -> tuple[Curves, Owners]:
    """The law's curves of N, ``(row, batch)`` each.

    Returns:
        A function of the parameters, ``(batch,)`` each; and the parameters of each curve.
    """

    def curves(columns: list[Array]) -> list[Array]:
        N = problem.inputs["N"]
        shape = (len(N), columns[0].shape[-1])
        built = law.from_vector(jnp.stack(columns), _center(problem))
        return [jnp.broadcast_to(curve, shape) for curve in built.of_size(N)]

    return curves, law.curve_parameters()


def predictions(law: type[Law], link: Link, problem: Problem, vector: Array) -> Array:
    """All runs' predictions on the link's scale, ``(row, slot, batch)``.

    Args:
        law: the law's class.
        link: the layout's link.
        problem: the runs.
        vector: parameters, ``(parameter, batch)``.
    """
    if "log_D" in problem.inputs:
        assert issubclass(law, Separable)
        curves, _ = curves_of(law, problem)
        return law.combine(tuple(c[:, None] for c in curves(list(vector))), problem.log_D)

    def of_one(one: Array) -> Array:
        return run_by_run(law.from_vector(one), link, problem.inputs)

    return jax.vmap(of_one, -1, -1)(vector)[:, None]


def run_by_run(law: Law, link: Link, inputs: dict[str, Array]) -> Array:
    """A law's predictions on the link's scale, ``(run,)``, by one evaluation per run."""
    return jax.vmap(lambda own: link.forward(jnp.asarray(law.loss(**own))))(inputs)


def _center(problem: Problem) -> Center:
    """The centre, traced: a new one must not compile again."""
    N, D = problem.center
    return Center(N, D)
