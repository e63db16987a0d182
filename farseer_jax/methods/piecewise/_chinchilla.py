"""The method for Chinchilla, whose A(N) = β and B(N) = B do not depend on N."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax._design import Design
from farseer_jax._types import Array, RunValues, Scalar, Slots
from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.methods.piecewise._compile import compiled
from farseer_jax.methods.piecewise._constant_term import ConstantTerm, fit_constant_term
from farseer_jax.methods.piecewise._differences import Gathered, difference, gather
from farseer_jax.methods.piecewise._ending import outcome_code, relative_errors
from farseer_jax.methods.piecewise._layout import Layout
from farseer_jax.methods.piecewise._power_term import PowerTerm, fit_power_term
from farseer_jax.methods.piecewise._stage1 import SizeEstimates, estimate_sizes, keep_live_sizes

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class Numbers(NamedTuple):
    """The law's parameters."""

    E: Scalar
    A: Scalar
    B: Scalar
    alpha: Scalar
    beta: Scalar


class ChinchillaSolution(NamedTuple):
    """All that the stages found.

    Attributes:
        numbers: the law's parameters.
        sizes: Stage 1: what the exponent and coefficient of each size would be.
        data_term: Stage 2.
        size_term: Stage 3.
        non_positive: pairs left out because the loss did not fall, ``(size, pair)``.
        relative_error: ``|predicted / observed − 1|`` per slot; 0 where there is no run.
        mean_relative_error: weighted mean over the fitted runs.
        outcome: code of an :class:`Outcome`.
    """

    numbers: Numbers
    sizes: SizeEstimates
    data_term: ConstantTerm
    size_term: PowerTerm
    non_positive: Array
    relative_error: Slots
    mean_relative_error: Scalar
    outcome: Array


class BatchSolution(NamedTuple):
    """What is kept of each refit of a batch."""

    numbers: Numbers
    mean_relative_error: Scalar
    outcome: Array


def solve(
    design: Design, losses: RunValues, weights: RunValues, options: "Piecewise"
) -> ChinchillaSolution:
    """Fit one set of losses and weights; pure, for use under jit and vmap.

    Args:
        design: layout of the runs, from ``build_design``.
        losses: loss per run.
        weights: weight per run, not negative; 0 leaves a run out.
        options: static.
    """
    return solve_gathered(design, gather(design, losses, weights), options)


def solve_gathered(
    design: Design | Layout, runs: Gathered, options: "Piecewise"
) -> ChinchillaSolution:
    """``solve`` for losses and weights of slots."""
    search, search_U = options.searches(Chinchilla)
    pivot = jnp.asarray(design.log_pivot, runs.loss.dtype)
    z = jnp.log(jnp.asarray(design.N, runs.loss.dtype)) - pivot
    pairs = difference(design, runs)
    sizes = estimate_sizes(pairs, options.min_pairs)
    data_term = fit_constant_term(keep_live_sizes(pairs, sizes), options.criterion, search)
    D_term = jnp.exp(data_term.log_B - data_term.beta * pairs.log_D)
    size_term = fit_power_term(z, runs, D_term, criterion=options.criterion, search=search_U)
    law = size_term.law
    predicted = (law.floor + law.coefficient * jnp.exp(-law.exponent * z))[:, None] + D_term
    relative_error, mean_relative_error = relative_errors(runs, predicted)
    numbers = Numbers(
        E=law.floor,
        A=law.coefficient * jnp.exp(law.exponent * pivot),
        B=jnp.exp(data_term.log_B),
        alpha=law.exponent,
        beta=data_term.beta,
    )
    return ChinchillaSolution(
        numbers=numbers,
        sizes=sizes,
        data_term=data_term,
        size_term=size_term,
        non_positive=pairs.non_positive,
        relative_error=relative_error,
        mean_relative_error=mean_relative_error,
        outcome=outcome_code(
            sizes.live,
            size_term.usable,
            numbers,
            at_edge=data_term.rounds.at_edge[-1] | law.at_edge,
            resolved=data_term.rounds.resolved[-1] & law.resolved,
            at_bound=law.at_bound,
        ),
    )


def solve_members(layout: Layout, runs: Gathered, options: "Piecewise") -> BatchSolution:
    """``solve_gathered`` for members along a last axis, in one vectorised call."""

    def one(runs: Gathered) -> BatchSolution:
        found = solve_gathered(layout, runs, options)
        return BatchSolution(found.numbers, found.mean_relative_error, found.outcome)

    return jax.vmap(one, in_axes=-1)(runs)


solve_jit = compiled(solve_gathered, block=False)
solve_block = compiled(solve_members, block=True)


def law_of(design: Design, found: ChinchillaSolution | BatchSolution) -> Chinchilla:
    """The law, or a stack of laws, of a solution."""
    del design
    return Chinchilla(**found.numbers._asdict())
