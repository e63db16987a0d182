"""A fit of an end-to-end method as a function of losses and weights, with exact derivatives."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import NoDerivativeError, Refit
from farseer_jax.methods.end_to_end._absolute import solve_absolute
from farseer_jax.methods.end_to_end._leave_out import without_each
from farseer_jax.methods.end_to_end._smooth import Data, End, solve_smooth
from farseer_jax.methods.end_to_end._surface import Surface
from farseer_jax.methods.end_to_end._why_not import reason
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout, distinct_rows
from farseer_jax.methods.method import weights_of
from farseer_jax.objectives import Objective
from farseer_jax.types import Array, RunValues


class EndToEndRefit(Refit):
    """The local optimum that a fitted law leads to for other losses and weights.

    All three end-to-end methods minimise the same objective and share it. A parameter that a bound
    holds stays there. Where no optimum is found the law's numbers are NaN.

    Attributes:
        surface: the law on the runs.
        share: 1 for a run, 1/k for each of k copies of one run, ``(run,)``.
        first: index of each run's first copy, ``(run,)``.
        start: free numbers of the fitted law, ``(free,)``.
        fitted: the losses it was fitted to, ``(run,)``.
        weights: with which weights, ``(run,)``.
        objective: what is minimised.
    """

    surface: Surface
    share: Array
    first: Array
    start: Array
    fitted: Array
    weights: Array
    objective: Objective = eqx.field(static=True)

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""
        own = self.cast(losses)
        end = own.end(losses, weights)
        # a factor: what is no optimum has no derivatives either
        return own.surface.law(end.free * jnp.where(end.good, 1.0, jnp.nan))

    @property
    def steps_removals(self) -> bool:
        """Of laws with curves of N; refits of others are exact and need no compiling.

        Absolute residuals jump from vertex to vertex, which no step foresees.
        """
        has_curves = "log_D" in self.surface.inputs
        return has_curves and self.objective.delta > 0.0 and not self.surface.natural

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse a fit that has no derivative, in float64.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """
        del evidence
        with jax.enable_x64(True):
            losses, weights = (np.asarray(x, np.float64) for x in (losses, weights))
            own = self.cast(jnp.asarray(losses))
            data = own.data(jnp.asarray(losses), jnp.asarray(weights))
            same = np.array_equal(losses, self.fitted), np.array_equal(weights, self.weights)
            why = reason(
                self.objective, own.surface, data, own.start, own.first, self.free_names, all(same)
            )
        if why:
            raise NoDerivativeError(why)

    def without_each(self, losses: RunValues, weights: RunValues) -> Law:
        """The law without each of the runs in turn, by a few Newton steps; leaves ``(run,)``."""
        if self.objective.delta == 0.0:
            return super().without_each(losses, weights)
        own = self.cast(losses)
        data = jax.lax.stop_gradient(own.data(losses, weights))
        end = jax.lax.stop_gradient(own.end(losses, weights))
        return jax.vmap(own.surface.law)(without_each(self.objective, own.surface, data, end))

    def data(self, losses: Array, weights: Array) -> Data:
        """Losses and weights as solvers take them."""
        return Data(self.surface.link.forward(losses), weights * self.share)

    def end(self, losses: Array, weights: Array) -> End:
        """Where the refit ends."""
        data = self.data(losses, weights)
        if self.objective.delta > 0.0:
            return solve_smooth(self.objective, self.surface, data, self.start)
        return solve_absolute(self.objective, self.surface, data, self.start, self.first)[0]

    def cast(self, like: Array) -> "EndToEndRefit":
        """The same in the precision of the losses."""

        def one(leaf: Array) -> Array:
            floating = jnp.issubdtype(leaf.dtype, jnp.floating)
            return jnp.asarray(leaf, like.dtype) if floating else jnp.asarray(leaf)

        return jax.tree.map(one, self)

    @property
    def free_names(self) -> tuple[str, ...]:
        """A parameter of each free number."""
        names, used = self.surface.law_type.parameter_names(), np.asarray(self.surface.basis) != 0
        others = np.where(used, used.sum(1, keepdims=True), len(names) + 1)
        return tuple(names[i] for i in others.argmin(0))


def build_refit(
    layout: Layout,
    free: Free,
    objective: Objective,
    start: np.ndarray,
    losses: np.ndarray,
    *,
    natural: bool = False,
) -> EndToEndRefit:
    """The refit of a method's layout.

    Args:
        layout: of the runs.
        free: free parameters, in natural numbers or those of the law's vector.
        objective: what is minimised.
        start: free numbers of the fitted law, ``(free,)``.
        losses: it was fitted to, ``(run,)``.
        natural: which.
    """
    runs = layout.runs
    rows = distinct_rows(layout.law, runs, runs.loss)
    _, index, which = np.unique(rows, axis=1, return_index=True, return_inverse=True)
    inputs: Any = layout.inputs
    if layout.by_curves:
        inputs = {"N": runs.N, "log_D": np.log(runs.D)}
    surface: Any = Surface  # NumPy arrays keep their digits until they meet the losses
    build: Any = EndToEndRefit
    arrays = surface(
        inputs=inputs,
        basis=free.basis,
        offset=free.offset,
        lower=free.lower,
        upper=free.upper,
        center=np.array(layout.center or (1.0, 1.0)),
        law_type=layout.law,
        link=layout.link,
        natural=natural,
    )
    first = index[which.ravel()]
    near = np.clip(start, free.lower, free.upper)
    fitted = np.asarray(losses, np.float64), weights_of(runs)
    refit: EndToEndRefit = build(arrays, layout.run_share, first, near, *fitted, objective)
    return refit
