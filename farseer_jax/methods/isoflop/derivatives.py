"""Approach 2 as a function of losses and weights, with exact derivatives."""

from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import NoDerivativeError, Refit
from farseer_jax.methods.isoflop.budgets import BudgetDesign
from farseer_jax.methods.isoflop.kernel import (
    IsoFLOPSolution,
    Numbers,
    solve,
    solve_exactly,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.solvers.search import Grid, Search
from farseer_jax.types import Array, RunValues

_ON_BOUND = 1e-9  # of a loss, or of γ: what counts as none


class IsoFLOPRefit(Refit):
    """The chain of parabolas and power laws; γ is where the profile's slope vanishes.

    Which budgets take part is a matter of yes or no, and does not move. Where budgets give no law
    its numbers are NaN.

    Attributes:
        design: layout of the runs.
        min_runs: runs that a budget needs.
        search: of γ.
    """

    design: BudgetDesign
    min_runs: int = eqx.field(static=True)
    search: Search = eqx.field(static=True)

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""
        found, _ = solve_exactly(self.design, losses, weights, self.min_runs, self.search)
        return _law(found.numbers, found.outcome)

    @property
    def steps_removals(self) -> bool:
        """Removals are refits: one costs no more than a step would."""
        return True

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse a fit that has no derivative, in float64.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """
        del evidence
        with jax.enable_x64(True):
            found, miss = to_numpy(_inspect(self, np.asarray(losses), np.asarray(weights)))
        if why := _reason(found, float(miss), self.search):
            raise NoDerivativeError(why)

    def without_each(self, losses: RunValues, weights: RunValues) -> Law:
        """The law without each of the runs in turn, exactly: so cheap is the chain."""

        def one(run: Array) -> Law:
            held_out = jnp.where(jnp.arange(len(weights)) == run, 0.0, weights)
            found = solve(self.design, losses, held_out, self.min_runs, self.search)
            return _law(found.numbers, found.outcome)

        law: Law = jax.vmap(one)(jnp.arange(len(weights)))
        return law


def build_refit(design: BudgetDesign, min_runs: int, search: Search) -> IsoFLOPRefit:
    """The refit of a design.

    Raises:
        NoDerivativeError: the search is a grid.
    """
    if isinstance(search, Grid):
        raise NoDerivativeError(
            "a grid search has no derivative, γ jumps from one candidate to the next: take "
            f"search=Refined({search.lower:g}, {search.upper:g})"
        )
    return IsoFLOPRefit(design, min_runs, search)


@eqx.filter_jit
def _inspect(refit: IsoFLOPRefit, losses: Any, weights: Any) -> tuple[IsoFLOPSolution, Array]:
    losses, weights = jnp.asarray(losses), jnp.asarray(weights)
    return solve_exactly(refit.design, losses, weights, refit.min_runs, refit.search)


def _law(numbers: Numbers, outcome: Array) -> Chinchilla:
    """A factor: what is no fit has no derivatives either."""
    usable = jnp.isin(outcome, jnp.asarray(Outcome.usable_codes()))
    scaled = jax.tree.map(partial(jnp.multiply, jnp.where(usable, 1.0, jnp.nan)), numbers)
    return Chinchilla(**scaled._asdict())


def _reason(found: IsoFLOPSolution, miss: float, search: Search) -> str | None:
    """Why there is no derivative: a sentence, or None."""
    outcome, frontier = Outcome.from_code(int(found.outcome)), found.frontier
    if not outcome.usable:
        return f"there is no fit: {outcome.message}"
    if float(frontier.coefficient) == 0.0:
        return (
            "the optimal loss does not fall with compute, and γ is undetermined: fit end to end "
            "(`LeastSquares()`)"
        )
    if bool(frontier.at_edge) and not abs(miss) > search.edge_margin:
        return (
            "γ lies on a bound of its search and nothing presses it there: it moves one way and "
            f"not the other; search beyond [{search.lower:g}, {search.upper:g}]"
        )
    if not bool(frontier.resolved) or (not bool(frontier.at_edge) and not abs(miss) < 1e-4):
        return "the search of γ did not resolve its minimum: narrow the bounds of the search"
    if not bool(frontier.at_bound) and float(frontier.floor) < _ON_BOUND:
        return (
            "E lies on its bound 0 and nothing presses it there: it moves one way and not the "
            "other; fit end to end (`LeastSquares()`)"
        )
    return None
