"""The method for Chinchilla, whose A(N) = β and B(N) = B do not depend on N."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.methods.piecewise.compiling import Counts, compiled
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.layout import Layout
from farseer_jax.methods.piecewise.outcome import outcome_code, relative_errors
from farseer_jax.methods.piecewise.pair_error import UNROLL, Criterion, error, total
from farseer_jax.methods.piecewise.stage1 import (
    Differences,
    Gathered,
    SizeEstimates,
    difference,
    estimate_sizes,
    keep_live_sizes,
)
from farseer_jax.methods.piecewise.stage2 import Round
from farseer_jax.methods.piecewise.stage3 import Remainder, remainder
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.solvers.power_law import PowerLaw, fit_power_law
from farseer_jax.solvers.search import Search, Shape
from farseer_jax.types import (
    Array,
    Candidates,
    PerSizeCandidate,
    Scalar,
    SizeMask,
    Sizes,
    Slots,
)

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class PowerTerm(NamedTuple):
    """The size term and what it was fitted to.

    Attributes:
        law: E, A at the pivot, and α.
        G: mean over D of ``L − B · D^−β``, per size.
        usable: sizes with runs and a positive G.
        residual: ``O − G`` per slot; 0 where there is no run.
    """

    law: PowerLaw
    G: Sizes
    usable: SizeMask
    residual: Slots


class ConstantTerm(NamedTuple):
    """``B · D^−β``, and how its search ended.

    Attributes:
        log_B: ``ln B``.
        beta: β.
        rounds: the one search, with a leading axis of 1; it has no α.
    """

    log_B: Scalar
    beta: Scalar
    rounds: Round


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


def solve_gathered(
    design: Design | Layout, runs: Gathered, options: "Piecewise", counts: Counts | None = None
) -> ChinchillaSolution:
    """Fit losses and weights of slots; pure, for use under jit and vmap.

    ``counts`` replace those of the options.
    """
    search, search_U = options.searches(Chinchilla)
    pivot = jnp.asarray(design.log_pivot, runs.loss.dtype)
    z = jnp.log(jnp.asarray(design.N, runs.loss.dtype)) - pivot
    pairs = difference(design, runs)
    sizes = estimate_sizes(pairs, options.min_pairs if counts is None else counts.min_pairs)
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


def solve_batch(layout: Layout, runs: Gathered, options: "Piecewise") -> BatchSolution:
    """``solve_gathered`` for batch elements along a last axis, in one vectorised call."""

    def one(runs: Gathered) -> BatchSolution:
        found = solve_gathered(layout, runs, options)
        return BatchSolution(found.numbers, found.mean_relative_error, found.outcome)

    return jax.vmap(one, in_axes=-1)(runs)


solve_jit = compiled(solve_gathered, block=False)
solve_block = compiled(solve_batch, block=True)


def law_of(design: Design, found: ChinchillaSolution | BatchSolution) -> Chinchilla:
    """The law, or a stack of laws, of a solution."""
    del design
    return Chinchilla(**found.numbers._asdict())


def fit_constant_term(pairs: Differences, criterion: Criterion, search: Search) -> ConstantTerm:
    """Search β over the global residual ℓ_R of ``R̃ = B · S``, ``S = D0^−β − D1^−β``.

    For each candidate B is the least-squares line of R through the origin, under either criterion:
    as in the curves of Stage 2, the criterion compares candidates and no more.
    """
    centre = jnp.mean(pairs.log_D)  # D in units of it: terms of order 1, B of the size of R
    pairs = pairs._replace(log_D=pairs.log_D - centre)
    sum_R2 = jnp.sum(pairs.weight * pairs.R**2)

    def objective(exponents: Candidates) -> Candidates:
        sum_SR, sum_S2 = _moments(pairs, exponents)
        B = safe_divide(sum_SR, sum_S2)
        if criterion == "squared":  # what B leaves, without another walk
            return sum_R2 - B * sum_SR
        return _pair_error(pairs, exponents, B, criterion)

    # the profile has poles where ΣS² is 0, at complex β: a second look is far from them
    shape: Shape = "locally smooth" if criterion == "squared" else "kinked"
    beta = search.minimise(objective, shape, centre.dtype)
    B = safe_divide(*_moments(pairs, beta.exponent[None]))
    trace = Round(
        alpha=jnp.full_like(beta.exponent, jnp.nan)[None],
        beta=beta.exponent[None],
        pair_error=_pair_error(pairs, beta.exponent[None], B, criterion),
        at_edge=beta.at_edge[None],
        resolved=beta.resolved[None],
    )
    return ConstantTerm(
        log_B=jnp.log(jnp.where(B > 0, B, 1.0))[0] + beta.exponent * centre,
        beta=beta.exponent,
        rounds=trace,
    )


def _pair_error(
    pairs: Differences, exponents: Candidates, B: Candidates, criterion: Criterion
) -> Candidates:
    """ℓ_R of candidate exponents and their coefficients."""

    def errors(S: PerSizeCandidate, R: Array) -> Array:
        return error(B * S, R, criterion)[None]

    return total(_sum_over_pairs(pairs, exponents, errors, 1)[0], pairs, criterion)


def _moments(pairs: Differences, exponents: Candidates) -> Array:
    """``ΣSR`` and ``ΣS²``, ``(2, candidate)``."""

    def products(S: PerSizeCandidate, R: Array) -> Array:
        return jnp.stack([S * R, S**2])

    return _sum_over_pairs(pairs, exponents, products, 2)


def _sum_over_pairs(
    pairs: Differences,
    exponents: Candidates,
    contribution: Callable[[PerSizeCandidate, Array], Array],
    num: int,
) -> Array:
    """Weighted sums of contributions ``(num, size, candidate)``: ``(num, candidate)``.

    One exponential per slot and candidate, and a walk along D, as in :func:`pair_error`.
    """

    def term(log_D: Array) -> PerSizeCandidate:
        return jnp.exp(-exponents * log_D[:, None])

    def add_pair(
        state: tuple[Array, PerSizeCandidate], slot: tuple[Array, Array, Array]
    ) -> tuple[tuple[Array, PerSizeCandidate], None]:
        sums, last = state
        log_D, R, weight = slot
        current = term(log_D)
        sums += weight[:, None] * contribution(last - current, R[:, None])
        return (sums, current), None

    first = term(pairs.log_D[:, 0])
    slots = (pairs.log_D[:, 1:].T, pairs.R.T, pairs.weight.T)
    start = (jnp.zeros((num, *first.shape), first.dtype), first)
    (sums, _), _ = jax.lax.scan(add_pair, start, slots, unroll=UNROLL)
    return jnp.sum(sums, axis=1)


def fit_power_term(
    z: Sizes, runs: Gathered, data_term: Slots, *, criterion: Criterion, search: Search
) -> PowerTerm:
    """Fit G to ``E + A · N^−α``; every run with weight counts, also of sizes without pairs.

    The criterion is Stage 2's, of differences of G; E and A are least squares under either.
    """
    left: Remainder = remainder(runs, data_term)
    law = fit_power_law(
        z,
        jnp.where(left.usable, left.G, 1.0),
        left.weight,
        search,
        error=lambda predicted, observed: error(predicted, observed, criterion),
        shape="locally smooth" if criterion == "squared" else "kinked",
    )
    return PowerTerm(law, left.G, left.usable, left.residual)
