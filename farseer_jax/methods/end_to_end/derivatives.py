"""A fit of all parameters at once as a function of losses and weights, with exact derivatives."""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import NoDerivativeError, Refit
from farseer_jax.methods.end_to_end.free_parameters import Free, leaders
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.local_optimum import (
    LocalOptimum,
    RunObjective,
    local_optimum,
    scale_of,
)
from farseer_jax.methods.method import weights_of
from farseer_jax.objectives import Objective
from farseer_jax.runtime.compiled import compiled
from farseer_jax.types import Array, RunValues

_ON_BOUND = 1e-9  # of a parameter: distances below this are rounding
_NO_FORCE = 1e-6  # of the objective's root
_ON_KINK = 1e-8  # of δ
_ZERO = 1e-12  # of the residuals' unit
_WORST = 1e12  # condition number: beyond, rounding is more than 1e-4 of a derivative
_FAR = 1e-3  # of the residuals: a fit further from its optimum has not converged


class EndToEndRefit(Refit):
    """The local optimum near a fitted law, for other losses and weights.

    All methods that fit all parameters at once share it, as they minimise the same objective. A
    parameter at an active bound stays there. Where no optimum is found the law's parameters are
    NaN.

    Attributes:
        problem: the objective of the losses and weights that were fitted.
        share: 1 for a run, 1/k for each of k copies of one run, ``(run,)``.
        start: free parameters of the fitted law, ``(free,)``.
    """

    problem: RunObjective
    share: Array
    start: Array

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""
        return _law_fitted_to(self, losses, weights)

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse a fit that has no derivative, in float64.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """
        del evidence
        losses, weights = (np.asarray(x, np.float64) for x in (losses, weights))
        fitted = np.array_equal(self.problem.link.forward(losses), self.problem.observed)
        fitted &= np.array_equal(weights * self.share, self.problem.weights)
        with jax.enable_x64(True):
            own = self._at(jnp.asarray(losses), jnp.asarray(weights))
            found = _inspect(own.problem, own.start)
        if reason := _failure_reason(found, self._free_names, fitted):
            raise NoDerivativeError(reason)

    def _at(self, losses: Array, weights: Array) -> "EndToEndRefit":
        """The same for other losses and weights, in the precision of the losses."""
        own = jax.tree.map(lambda leaf: jnp.asarray(leaf, losses.dtype), self)
        new = own.problem.link.forward(losses), weights * own.share
        return eqx.tree_at(lambda refit: (refit.problem.observed, refit.problem.weights), own, new)

    @property
    def _free_names(self) -> tuple[str, ...]:
        """One of the law's parameters for each free one, for messages."""
        return leaders(self.problem.law_type.parameter_names(), np.asarray(self.problem.basis))


@compiled()  # operation by operation, each would be compiled on its own
def _law_fitted_to(refit: EndToEndRefit, losses: Array, weights: Array) -> Law:
    own = refit._at(losses, weights)
    end = local_optimum(own.problem, own.start)
    # a factor: where there is no optimum, derivatives are NaN as well
    return own.problem.law(end.free * jnp.where(end.is_optimum, 1.0, jnp.nan))


def build_refit(
    layout: Layout,
    free: Free,
    objective: Objective,
    start: np.ndarray,
    losses: np.ndarray,
    *,
    natural: bool = False,
    columns: np.ndarray | None = None,
) -> EndToEndRefit:
    """The refit of a method's layout.

    Args:
        layout: layout of the runs.
        free: free parameters.
        objective: what is minimised.
        start: free parameters of the fitted law, ``(free,)``.
        losses: the losses that it was fitted to, ``(run,)``.
        natural: whether ``free`` gives the parameters' own values, not the law's vector.
        columns: of correlated errors, ``(run, column)``.

    Raises:
        NoDerivativeError: the objective is a sum of absolute residuals.
    """
    if objective.delta == 0.0:
        raise NoDerivativeError(
            "a fit of absolute residuals has no derivative: its law passes through some of the "
            "runs, and jumps to others as losses or weights change; use the objective 'huber'"
        )
    runs, share = layout.runs, layout.run_share
    new_problem: Any = RunObjective  # NumPy arrays keep their digits until they meet the losses
    problem = new_problem(
        inputs={"N": runs.N, "log_D": np.log(runs.D)} if layout.by_curves else layout.inputs,
        observed=layout.link.forward(np.asarray(losses, np.float64)),
        weights=weights_of(runs) * share,
        basis=free.basis,
        offset=free.offset,
        lower=free.lower,
        upper=free.upper,
        center=np.array(layout.center or (1.0, 1.0)),
        law_type=layout.law,
        link=layout.link,
        objective=objective,
        natural=natural,
        columns=columns,
    )
    new_refit: Any = EndToEndRefit
    refit: EndToEndRefit = new_refit(problem, share, np.clip(start, free.lower, free.upper))
    return refit


class _Findings(NamedTuple):
    """What decides whether derivatives exist.

    Attributes:
        end: where the refit ended.
        at_bound: parameters on a bound, ``(free,)``.
        pressure: force that pushes them there, in roots of the objective, ``(free,)``.
        shift: change of the predictions from start to end, relative to the residuals.
        kink: least distance of a residual from a kink of ρ, in units of what counts as on it.
        condition: condition number of the scaled Hessian, ``[H_ij / √(H_ii H_jj)]``.
    """

    end: LocalOptimum
    at_bound: Array
    pressure: Array
    shift: Array
    kink: Array
    condition: Array


@compiled()
def _inspect(problem: RunObjective, start: Array) -> _Findings:
    end = local_optimum(problem, start)
    near = _ON_BOUND * (1.0 + jnp.abs(end.free))
    at_bound = (end.free <= problem.lower + near) | (end.free >= problem.upper - near)
    scale, value = scale_of(end.quadratic.hessian), jnp.maximum(end.quadratic.value, 1e-300)
    pressure = jnp.where(end.active, jnp.abs(end.quadratic.gradient), 0.0)
    r = problem.residuals(end.free)
    moved = problem.predictions(start) - problem.predictions(end.free)
    return _Findings(
        end=end,
        at_bound=at_bound,
        pressure=pressure / (scale * jnp.sqrt(2.0 * value)),
        shift=_rms(moved, problem.weights) / (_rms(r, problem.weights) + 1e-9),
        kink=_distance_to_kink(problem.objective, r, problem.weights),
        condition=_condition(end),
    )


def _rms(values: Array, weights: Array) -> Array:
    return jnp.sqrt(jnp.sum(weights * values**2) / jnp.sum(weights))


def _condition(end: LocalOptimum) -> Array:
    """Condition number of the scaled Hessian, without the parameters at active bounds."""
    scale = jnp.where(end.active, 1.0, scale_of(end.quadratic.hessian))
    free = ~(end.active[:, None] | end.active)
    scaled = jnp.where(free, end.quadratic.hessian / jnp.outer(scale, scale), jnp.eye(len(scale)))
    return jnp.linalg.cond(scaled)


def _distance_to_kink(objective: Objective, r: Array, weights: Array) -> Array:
    size, distance = jnp.where(weights > 0, jnp.abs(r), jnp.inf), jnp.asarray(jnp.inf)
    if math.isfinite(objective.delta):
        apart = jnp.where(weights > 0, jnp.abs(size - objective.delta), jnp.inf)
        distance = jnp.min(apart) / (_ON_KINK * objective.delta)
    if objective.quantile != 0.5:
        distance = jnp.minimum(distance, jnp.min(size) / _ZERO)
    return distance


def _failure_reason(found: _Findings, names: tuple[str, ...], fitted: bool) -> str | None:
    """Why there is no derivative, with the remedy; None where there is one.

    Args:
        found: by :func:`_inspect`.
        names: one of the law's parameters for each free one.
        fitted: whether these are the losses and weights of the fit, whose optimum is the start.
    """
    at_bound, pressure = np.asarray(found.at_bound), np.asarray(found.pressure)
    idle = np.flatnonzero(at_bound & ~(pressure > _NO_FORCE))
    if idle.size:
        return (
            f"the parameter {names[idle[0]]!r} lies on its bound, but the objective does not push "
            "it there: it can move to one side only; change the bound, or fix it (fixed=)"
        )
    if fitted and float(found.shift) > _FAR:
        return (
            "the fit has not converged: predictions at the optimum differ from it by "
            f"{float(found.shift):.1g} of the residuals; fit with more steps or a smaller tolerance"
        )
    if not float(found.kink) > 1.0:
        return (
            "the residual of a run lies on a kink of the objective, where the derivatives from "
            "left and right differ; use another delta, or the objective 'squared'"
        )
    if not (bool(found.end.is_optimum) and np.isfinite(float(found.shift))):
        return (
            "no optimum of the objective was found: a parameter diverges or the runs do not "
            "determine it; constrain parameters (fixed=, tied=, bounds=) or use the objective "
            "'squared'"
        )
    if not float(found.condition) < _WORST:
        return (
            "the runs determine the parameters of this form only to the last digits of a float64 "
            f"(condition number {float(found.condition):.0e}): derivatives would be rounding; fit "
            "the law in another form (Farseer for RawFarseer), or fix a parameter (fixed=)"
        )
    return None
