"""The method for Farseer as one pure function ``(design, losses, weights) → solution``."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential
from farseer_jax.methods.piecewise.compiling import Counts, compiled
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.layout import Layout
from farseer_jax.methods.piecewise.outcome import outcome_code, relative_errors
from farseer_jax.methods.piecewise.pair_error import shape_of
from farseer_jax.methods.piecewise.stage1 import (
    Gathered,
    SizeEstimates,
    difference,
    estimate_sizes,
    keep_live_sizes,
    with_batch_axes,
)
from farseer_jax.methods.piecewise.stage2 import Curve, DataTerm, evaluate, fit_data_term
from farseer_jax.methods.piecewise.stage3 import SizeTerm, fit_size_term
from farseer_jax.types import Array, Scalar, Slots

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class Curves(NamedTuple):
    """The law's curves."""

    A: Curve
    B: Curve
    U: Curve


class PiecewiseSolution(NamedTuple):
    """All that the stages found.

    Attributes:
        sizes: Stage 1.
        data_term: Stage 2.
        size_term: Stage 3.
        non_positive: pairs left out because the loss did not fall, ``(size, pair)``.
        relative_error: ``|predicted / observed − 1|`` per slot; 0 where there is no run.
        mean_relative_error: weighted mean over the fitted runs.
        outcome: code of an :class:`Outcome`.
    """

    sizes: SizeEstimates
    data_term: DataTerm
    size_term: SizeTerm
    non_positive: Array
    relative_error: Slots
    mean_relative_error: Scalar
    outcome: Array

    @property
    def curves(self) -> "Curves":
        """The law's curves."""
        return Curves(A=self.data_term.A, B=self.data_term.B, U=self.size_term.U)


def solve_gathered(
    design: Design | Layout, runs: Gathered, options: "Piecewise", counts: Counts | None = None
) -> PiecewiseSolution:
    """Fit losses and weights of slots; pure, for use under jit and vmap.

    ``counts`` replace those of the options.

    Batch elements may be a last axis of losses and weights, where :func:`takes_batches` says
    so; all arrays of the solution then have it.
    """
    search, search_U = options.searches(Farseer)
    N, log_pivot = (with_batch_axes(x, runs.loss, 2) for x in (design.N, design.log_pivot))
    z = jnp.log(N) - log_pivot
    pairs = difference(design, runs)
    sizes = estimate_sizes(pairs, options.min_pairs if counts is None else counts.min_pairs)
    data_term = fit_data_term(
        z,
        sizes,
        keep_live_sizes(pairs, sizes),
        criterion=options.criterion,
        search=search,
        rounds=None if options.rounds == "joint" else options.rounds,
        falling_B=options.falling_B,
        num_rounds=None if counts is None else counts.num_rounds,
    )
    log_B, A = evaluate(data_term.B, z), jnp.exp(evaluate(data_term.A, z))
    D_term = jnp.exp(log_B[:, None] - A[:, None] * pairs.log_D)
    size_term = fit_size_term(z, runs, D_term, criterion=options.criterion, search=search_U)
    predicted = jnp.exp(evaluate(size_term.U, z))[:, None] + D_term
    relative_error, mean_relative_error = relative_errors(runs, predicted)
    return PiecewiseSolution(
        sizes=sizes,
        data_term=data_term,
        size_term=size_term,
        non_positive=pairs.non_positive,
        relative_error=relative_error,
        mean_relative_error=mean_relative_error,
        outcome=outcome_code(
            sizes.live,
            size_term.usable,
            [*data_term.A, *data_term.B, *size_term.U],
            at_edge=data_term.rounds.at_edge[-1] | size_term.at_edge,
            resolved=data_term.rounds.resolved[-1] & size_term.resolved,
        ),
    )


solve_jit = compiled(solve_gathered, block=False, optimised=False)


class BatchSolution(NamedTuple):
    """What is kept of each refit of a batch."""

    curves: Curves
    pair_error: Scalar
    mean_relative_error: Scalar
    outcome: Array


def solve_batch(layout: Layout, runs: Gathered, options: "Piecewise") -> BatchSolution:
    """``solve_gathered`` for batch elements along a last axis, in one vectorised call."""

    def kept(runs: Gathered) -> BatchSolution:
        solution = solve_gathered(layout, runs, options)
        return BatchSolution(
            curves=solution.curves,
            pair_error=solution.data_term.rounds.pair_error[-1],
            mean_relative_error=solution.mean_relative_error,
            outcome=solution.outcome,
        )

    return kept(runs) if takes_batches(options) else jax.vmap(kept, in_axes=-1)(runs)


solve_block = compiled(solve_batch, block=True)


def takes_batches(options: "Piecewise") -> bool:
    """Whether ``solve_gathered`` takes the elements of a batch as a last axis.

    All its loops are then over whole vectors of the batch. It needs searches whose candidates are
    known beforehand; others are mapped.
    """
    looks = [search.look(shape_of(options.criterion)) for search in options.searches(Farseer)]
    return None not in looks and options.rounds != "joint" and not options.falling_B


def law_of(design: Design, found: PiecewiseSolution | BatchSolution) -> Farseer:
    """The law, or a stack of laws, of a solution in NumPy."""
    pivot = np.broadcast_to(np.exp(design.log_pivot), np.shape(found.curves.A.level))
    named = zip(found.curves._fields, found.curves, strict=True)
    return Farseer(**{name: StretchedExponential(*curve, pivot) for name, curve in named})
