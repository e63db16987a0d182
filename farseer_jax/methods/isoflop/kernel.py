"""Approach 2 as one pure function ``(design, losses, weights) → solution``."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.methods.isoflop.budgets import BudgetDesign
from farseer_jax.methods.method import SolvedBatch
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runtime.compiled import compiled
from farseer_jax.solvers.linear_regression import (
    fit_line,
    line_points,
    mean_weight,
    safe_divide,
    weighted_mean,
)
from farseer_jax.solvers.power_law import PowerLaw, fit_power_law
from farseer_jax.solvers.search import Search
from farseer_jax.types import Array, RunValues, Scalar

MIN_BUDGETS = 3  # E, K and γ


class Parabola(NamedTuple):
    """Parabolas ``L = loss_opt + curvature / 2 · (x − x_opt)²``, ``(budget,)`` each.

    Attributes:
        x_opt: position of the vertex; 0 where there is no minimum.
        loss_opt: loss at the vertex.
        curvature: ``d²L/dx²``; 0 where fewer than three x are distinct.
    """

    x_opt: Array
    loss_opt: Array
    curvature: Array


class IsoFLOPSolution(NamedTuple):
    """The result of Approach 2.

    Attributes:
        law: the law.
        parabola: parabola of each budget, over ``ln N``.
        log_C: ``ln`` of each budget's compute.
        usable: budgets that enter the power laws.
        a: exponent of ``N_opt = G · (C/6)^a``.
        log_G: its coefficient.
        frontier: ``L_opt = E + K · (C/6)^−γ``, K at the design's pivot.
        mean_relative_error: weighted mean over the runs of usable budgets.
        outcome: code of an :class:`Outcome`.
    """

    law: Chinchilla
    parabola: Parabola
    log_C: Array
    usable: Array
    a: Scalar
    log_G: Scalar
    frontier: PowerLaw
    mean_relative_error: Scalar
    outcome: Array


class _Runs(NamedTuple):
    """Runs by budget, ``(budget, slot)``, in the precision of the losses."""

    log_N: Array
    log_D: Array
    log_C: Array
    loss: Array
    share: Array
    weight: Array  # the run's own times its share
    budget_weight: Array
    pivot: Scalar


def solve(
    design: BudgetDesign, losses: RunValues, weights: RunValues, min_runs: int, search: Search
) -> IsoFLOPSolution:
    """Fit one set of losses and weights; pure, for use under jit and vmap.

    Args:
        design: layout of the runs.
        losses: loss per run.
        weights: weight per run, not negative; 0 leaves a run out.
        min_runs: runs that a budget needs; static.
        search: of γ; static.
    """
    found = optima(design, losses, weights, min_runs)
    frontier = fit_power_law(*found.points, search)
    valid = (found.a > 0) & (found.a < 1) & (frontier.coefficient > 0)
    law = law_of(found, frontier.floor, frontier.coefficient, frontier.exponent)
    return IsoFLOPSolution(
        law=law,
        parabola=found.parabola,
        log_C=found.log_C,
        usable=found.usable,
        a=found.a,
        log_G=found.log_G,
        frontier=frontier,
        mean_relative_error=_mean_relative_error(law, found.runs, found.usable),
        outcome=_outcome(found.usable, valid, frontier, law),
    )


class Optima(NamedTuple):
    """The optimum of each budget, and ``N_opt = G · (C/6)^a`` through them.

    Attributes:
        runs: by budget.
        parabola: of each budget.
        log_C: ``ln`` of each budget's compute.
        usable: budgets that enter the power laws.
        a: exponent of compute.
        log_G: ``ln`` of the coefficient.
        points: ``ln`` C/6 over the pivot, the optimal loss and the weight of each budget.
    """

    runs: "_Runs"
    parabola: Parabola
    log_C: Array
    usable: Array
    a: Scalar
    log_G: Scalar
    points: tuple[Array, Array, Array]


def optima(design: BudgetDesign, losses: RunValues, weights: RunValues, min_runs: int) -> Optima:
    """The part in closed form, before the search of γ; arguments as for :func:`solve`."""
    runs = _gather(design, losses, weights)
    parabola = fit_parabolas(runs.log_N, runs.loss, runs.weight)
    num_runs = jnp.sum(jnp.where(runs.weight > 0, runs.share, 0.0), axis=1)
    inside = _inside(parabola.x_opt, runs)
    usable = (num_runs > min_runs - 0.5) & (parabola.curvature > 0) & inside
    log_C = weighted_mean(runs.log_C, runs.weight, axis=1)
    z = log_C - jnp.log(6.0) - runs.pivot
    budget_weight = jnp.where(usable, runs.budget_weight, 0.0)
    line = fit_line(line_points(jnp.where(usable, parabola.x_opt, 0.0), budget_weight), z)
    return Optima(
        runs=runs,
        parabola=parabola,
        log_C=log_C,
        usable=usable,
        a=line.slope,
        log_G=line.intercept - line.slope * runs.pivot,
        points=(z, jnp.where(usable, parabola.loss_opt, 1.0), budget_weight),
    )


solve_jit = compiled(static=("min_runs", "search"))(solve)


@compiled(static=("min_runs", "search"))
def solve_block(
    design: BudgetDesign, losses: Array, weights: Array, min_runs: int, search: Search
) -> SolvedBatch:
    """``solve`` for stacks of losses and weights, ``(batch, run)``, in one vectorised call."""
    new: Any = SolvedBatch  # of JAX's arrays

    def one(loss: RunValues, weight: RunValues) -> SolvedBatch:
        found = solve(design, loss, weight, min_runs, search)
        return new(found.law, found.outcome, found.mean_relative_error)

    return jax.vmap(one)(losses, weights)


def _gather(design: BudgetDesign, losses: RunValues, weights: RunValues) -> _Runs:
    log_N, log_D, log_C, share, pivot = (
        jnp.asarray(leaf, losses.dtype)
        for leaf in (design.log_N, design.log_D, design.log_C, design.run_share, design.pivot)
    )
    own = weights[design.run_index]
    return _Runs(
        log_N=log_N,
        log_D=log_D,
        log_C=log_C,
        loss=losses[design.run_index],
        share=share,
        weight=own * share,
        budget_weight=mean_weight(own, 1, share),
        pivot=pivot,
    )


def _inside(x_opt: Array, runs: _Runs) -> Array:
    """Whether a vertex lies within the sizes of its budget's runs."""
    has_weight = runs.weight > 0
    lowest = jnp.min(jnp.where(has_weight, runs.log_N, jnp.inf), axis=1)
    highest = jnp.max(jnp.where(has_weight, runs.log_N, -jnp.inf), axis=1)
    return (lowest <= x_opt) & (x_opt <= highest)


def _mean_relative_error(law: Chinchilla, runs: _Runs, usable: Array) -> Scalar:
    predicted = (
        law.E + law.A * jnp.exp(-law.alpha * runs.log_N) + law.B * jnp.exp(-law.beta * runs.log_D)
    )
    fitted = jnp.where(usable[:, None], runs.weight, 0.0)
    error = jnp.abs(predicted / runs.loss - 1.0)
    return safe_divide(jnp.sum(fitted * error), jnp.sum(fitted))


def law_of(found: Optima, floor: Scalar, coefficient: Scalar, gamma: Scalar) -> Chinchilla:
    """The law from the optima and from ``L_opt = floor + coefficient · (C/6 / pivot)^−γ``.

    With ``a = β/(α+β)`` and ``γ = αβ/(α+β)``, α = γ/a and β = γ/(1−a); and at the optimum
    ``α·A·N^−α = β·B·D^−β`` shares K·(C/6)^−γ between the terms as a to 1−a.
    """
    valid = (found.a > 0) & (found.a < 1) & (coefficient > 0)
    a = jnp.where(valid, found.a, 0.5)
    alpha, beta = gamma / a, gamma / (1 - a)
    K = coefficient * jnp.exp(gamma * found.runs.pivot)
    return Chinchilla(
        E=floor,
        A=a * K * jnp.exp(alpha * found.log_G),
        B=(1 - a) * K * jnp.exp(-beta * found.log_G),
        alpha=alpha,
        beta=beta,
    )


def _outcome(usable: Array, valid: Array, frontier: PowerLaw, law: Chinchilla) -> Array:
    finite = jnp.all(jnp.isfinite(jnp.stack(jax.tree.leaves(law))))
    code = jnp.where(frontier.at_bound, Outcome.bound_active.code, Outcome.success.code)
    code = jnp.where(frontier.at_edge, Outcome.exponent_at_edge.code, code)
    code = jnp.where(frontier.resolved, code, Outcome.exponent_unresolved.code)
    code = jnp.where(finite, code, Outcome.not_finite.code)
    code = jnp.where(valid, code, Outcome.no_allocation.code)
    return jnp.where(jnp.sum(usable) < MIN_BUDGETS, Outcome.too_few_budgets.code, code)


_FLAT = 1e-10  # spread of x about two values, against the spread of x, both squared


def fit_parabolas(x: Array, y: Array, weights: Array) -> Parabola:
    """Weighted least squares, ``(budget, slot)``.

    The basis is orthogonal under the weights: powers of x would cost digits.
    """

    def mean(values: Array) -> Array:
        return jnp.sum(shares * values, axis=1, keepdims=True)

    shares = safe_divide(weights, jnp.sum(weights, axis=1, keepdims=True))
    mean_x, mean_y = mean(x), mean(y)
    first = x - mean_x
    second_moment = mean(first**2)
    skew = safe_divide(mean(first**3), second_moment)
    second = first**2 - skew * first - second_moment
    norm = mean(second**2)
    # with two distinct x this is only rounding
    norm = jnp.where(norm > _FLAT * second_moment**2, norm, 0.0)
    slope = safe_divide(mean(first * (y - mean_y)), second_moment)
    curvature = safe_divide(mean(second * (y - mean_y)), norm)
    bowl = curvature > 0
    vertex = jnp.where(bowl, 0.5 * (skew - slope / jnp.where(bowl, curvature, 1.0)), -mean_x)
    loss_opt = mean_y + slope * vertex + curvature * (vertex**2 - skew * vertex - second_moment)
    return Parabola((mean_x + vertex)[:, 0], loss_opt[:, 0], 2 * curvature[:, 0])
