"""The local optimum near given free parameters, with its implicit derivatives.

A damped Newton method within a box. It follows an optimum whose losses or weights have changed;
the methods' own solvers find one from afar.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.separable import Separable
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.problem import run_by_run
from farseer_jax.objectives import Along, Objective, along_log_loss, residual_of
from farseer_jax.solvers import implicit
from farseer_jax.solvers.small_systems import active_bounds
from farseer_jax.types import Array

_FIRST_DAMPING, _LEAST_DAMPING, _MOST_DAMPING = 1e-8, 1e-14, 1e10
_MAX_STEPS = 100
_FLOOR = 1e-13  # least eigenvalue of the scaled Hessian
_ROUNDING = 1e-15  # of a residual: sums of squares below this cannot decrease any further


class Quadratic(NamedTuple):
    """The objective around a point.

    Attributes:
        value: ``()``.
        gradient: ``(free,)``.
        hessian: ``(free, free)``.
    """

    value: Array
    gradient: Array
    hessian: Array


class RunObjective(eqx.Module):
    """The objective of a fit as a function of the free parameters, summed run by run.

    Attributes:
        inputs: for a law with curves ``N`` and ``log_D``, ``(run,)``; for others each input.
        observed: losses on the link's scale, ``(run,)``.
        weights: weights times each run's share, ``(run,)``.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: lower bounds of the free parameters, ``(free,)``.
        upper: their upper bounds, ``(free,)``.
        center: N and D of the runs' centre, ``(2,)``.
        law_type: the law's class.
        link: the scale of predictions.
        objective: what is minimised; not absolute residuals.
        natural: the vector holds the parameters themselves and the loss is a sum of the law's
            ``terms``, so that coefficients may be 0; else it is that of ``from_vector``.
        columns: of correlated errors, with standard normal coefficients that are eliminated,
            ``(run, column)``; None where errors are independent.
    """

    inputs: dict[str, Array]
    observed: Array
    weights: Array
    basis: Array
    offset: Array
    lower: Array
    upper: Array
    center: Array
    law_type: type[Law] = eqx.field(static=True)
    link: Link = eqx.field(static=True)
    objective: Objective = eqx.field(static=True)
    natural: bool = eqx.field(static=True)
    columns: Array | None = None

    def law(self, free: Array) -> Law:
        """The law of free parameters ``(free,)``; leaves ``()``."""
        vector = self.offset + self.basis @ free
        if self.natural:
            return self.law_type(**dict(zip(self.law_type.parameter_names(), vector, strict=True)))
        N, D = self.center
        return self.law_type.from_vector(vector, Center(N, D))

    def predictions(self, free: Array) -> Array:
        """Predictions of all runs on the link's scale, ``(run,)``."""
        if self.natural:
            return self.link.forward(self._sum_of_terms(free))
        law = self.law(free)
        if "log_D" not in self.inputs:
            return run_by_run(law, self.link, self.inputs)
        assert isinstance(law, Separable)
        return law.combine(law.of_size(self.inputs["N"]), self.inputs["log_D"])

    def _sum_of_terms(self, free: Array) -> Array:
        """The loss by its terms: coefficients may be 0, where logarithms do not exist."""
        names, linear = self.law_type.parameter_names(), self.law_type.linear()
        values = dict(zip(names, self.offset + self.basis @ free, strict=True))
        # terms do not depend on the linear parameters
        ones = {name: jnp.ones_like(values[name]) for name in linear}
        inputs = dict(self.inputs)
        if "log_D" in inputs:
            inputs["D"] = jnp.exp(inputs.pop("log_D"))
        terms = self.law_type(**{**values, **ones}).terms(**inputs)
        return sum(values[n] * t for n, t in zip(linear, terms, strict=True))

    def residuals(self, free: Array) -> Array:
        """Residuals of all runs, ``(run,)``."""
        return residual_of(self.objective.residual, self.predictions(free), self.observed)

    def gradient(self, free: Array) -> tuple[Array, Array]:
        """Gradient of the objective in the free parameters, and its value."""
        predicted, pull = jax.vjp(self.predictions, free)
        own: Along = along_log_loss(
            self.objective.residual,
            self.objective.is_squared,
            jnp.asarray(self.objective.delta, free.dtype),
            jnp.asarray(self.objective.quantile, free.dtype),
            predicted,
            self.observed,
        )
        slope, value = self.weights * own.slope, jnp.sum(self.weights * own.value)
        if self.columns is not None:  # Woodbury's identity, as in `CorrelatedWeights`
            weighted = self.weights[:, None] * self.columns
            matrix = jnp.eye(self.columns.shape[1]) + self.columns.T @ weighted
            along = self.columns.T @ slope
            coefficients = jnp.linalg.solve(matrix, along)
            slope, value = slope - weighted @ coefficients, value - 0.5 * along @ coefficients
        return pull(slope)[0], value

    def quadratic(self, free: Array) -> Quadratic:
        """Value, gradient and exact Hessian."""

        def both(x: Array) -> tuple[Array, tuple[Array, Array]]:
            gradient, value = self.gradient(x)
            return gradient, (gradient, value)

        hessian, (gradient, value) = jax.jacfwd(both, has_aux=True)(free)
        return Quadratic(value, gradient, hessian)

    def active(self, free: Array, gradient: Array) -> Array:
        """Which parameters lie at a bound that the objective decreases beyond, ``(free,)``."""
        active: Array = active_bounds(free, gradient, self.lower, self.upper)
        return active

    def inside(self, free: Array) -> Array:
        """Whether all parameters lie within their bounds."""
        return ((free >= self.lower) & (free <= self.upper)).all()


class LocalOptimum(NamedTuple):
    """Where a search ended.

    Attributes:
        free: ``(free,)``, with implicit derivatives.
        active: parameters at an active bound, ``(free,)``.
        quadratic: the objective there.
        is_optimum: whether Newton's step there is only rounding, and the Hessian of the other
            parameters is positive definite.
    """

    free: Array
    active: Array
    quadratic: Quadratic
    is_optimum: Array


def local_optimum(problem: RunObjective, start: Array) -> LocalOptimum:
    """The optimum near a start ``(free,)``, with implicit derivatives."""
    fixed = jax.lax.stop_gradient(problem)
    found, around, converged = _search(fixed, start)
    active = problem.active(found, around.gradient)
    scale = scale_of(around.hessian)  # units in which the Hessian has a diagonal of ones

    def conditions(x: Array) -> Array:
        return jnp.where(active, x - found * scale, problem.gradient(x / scale)[0] / scale)

    free = implicit.root(conditions, found * scale, 1) / scale
    free = jnp.where(active, found, free)  # on its bound to the last digit
    still = jax.lax.stop_gradient(free)
    around = fixed.quadratic(still)
    step, _, definite = _newton_step(around, active, 0.0)
    few = 100.0 * float(np.sqrt(np.finfo(still.dtype).eps))
    is_rounding = (jnp.abs(step) <= few * (1.0 + jnp.abs(still))).all()
    good = converged & definite & problem.inside(still) & is_rounding
    return LocalOptimum(free, active, around, good)


def scale_of(hessian: Array) -> Array:
    """Roots of the diagonal, 1 where that vanishes, ``(free,)``."""
    size = jnp.sqrt(jnp.abs(jnp.diagonal(hessian)))
    return jnp.where((size > 0) & jnp.isfinite(size), size, 1.0)


def _newton_step(
    around: Quadratic, active: Array, damping: Array | float
) -> tuple[Array, Array, Array]:
    """The step of the parameters at no active bound; downhill even where the Hessian is indefinite.

    Returns:
        The step, ``(free,)``; the decrease that the quadratic predicts; and whether the Hessian of
        those parameters is positive definite.
    """
    scale = scale_of(around.hessian)
    identity = jnp.eye(len(active), dtype=scale.dtype)
    matrix = around.hessian / (scale[:, None] * scale)
    matrix = jnp.where(active[:, None] | active, identity, matrix)
    slope = jnp.where(active, 0.0, around.gradient / scale)
    values, vectors = jnp.linalg.eigh(jnp.where(jnp.isfinite(matrix), matrix, identity))
    curvature = jnp.maximum(jnp.abs(values), _FLOOR) + damping
    step = -(vectors @ ((slope @ vectors) / curvature)) / scale
    decrease = -around.gradient @ step - 0.5 * step @ (around.hessian @ step)
    return step, decrease, values[0] > 0


class _State(NamedTuple):
    free: Array
    around: Quadratic
    damping: Array
    trial: Array
    num_steps: Array
    converged: Array


def _search(problem: RunObjective, start: Array) -> tuple[Array, Quadratic, Array]:
    """Damped Newton from a start ``(free,)`` within the bounds.

    Returns:
        Where it ended, with the last step of a search that converged; the objective around the
        point before that step; and whether it converged.
    """
    tolerance = 64 * float(np.finfo(start.dtype).eps)
    rounding = 0.5 * _ROUNDING**2 * jnp.sum(problem.weights)

    def choose(state: _State) -> _State:
        """The next trial, or the end."""
        active = problem.active(state.free, state.around.gradient)
        step, decrease, definite = _newton_step(state.around, active, state.damping)
        target = state.free + step
        trial = jnp.clip(target, problem.lower, problem.upper)
        cut = (
            trial != target
        ).any()  # that bound is active next time, and the other parameters continue
        small = ~cut & definite & (decrease <= tolerance * state.around.value + rounding)
        return state._replace(trial=trial, converged=small & (state.damping <= 1e-3))

    def advance(state: _State) -> _State:
        around = problem.quadratic(state.trial)
        finite = jnp.isfinite(around.value) & jnp.isfinite(around.hessian).all()
        better = finite & (around.value < state.around.value)
        factor = jnp.where(better, 0.1, 10.0)
        damping = jnp.clip(state.damping * factor, _LEAST_DAMPING, _MOST_DAMPING)
        free, around = jax.tree.map(
            lambda new, old: jnp.where(better, new, old),
            (state.trial, around),
            (state.free, state.around),
        )
        return choose(_State(free, around, damping, free, state.num_steps + 1, state.converged))

    def continues(state: _State) -> Array:
        small = state.damping < _MOST_DAMPING
        return ~state.converged & (state.num_steps < _MAX_STEPS) & small

    # evaluated only within the loop: every copy of the objective is compiled separately
    square = jnp.zeros((len(start), len(start)), start.dtype)
    unknown = Quadratic(jnp.asarray(jnp.inf, start.dtype), jnp.zeros_like(start), square)
    damping = jnp.asarray(_FIRST_DAMPING, start.dtype)
    first = _State(start, unknown, damping, start, jnp.array(0), jnp.array(False))
    last = jax.lax.while_loop(continues, advance, first)
    return jnp.where(last.converged, last.trial, last.free), last.around, last.converged
