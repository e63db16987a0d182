"""Approach 2 as a function of losses and weights, with exact derivatives."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.methods.derivatives import NoDerivativeError
from farseer_jax.methods.isoflop.budgets import BudgetDesign
from farseer_jax.methods.isoflop.kernel import law_of, optima, solve
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.searched_exponents import Found, SearchedRefit, refuse_grids
from farseer_jax.solvers.power_law import power_law_at
from farseer_jax.solvers.search import Errors, Search
from farseer_jax.types import Array, RunValues, Scalar

_ON_BOUND = 1e-9  # E below this counts as 0


class IsoFLOPRefit(SearchedRefit):
    """The chain of parabolas and power laws; γ is where the profile's slope vanishes.

    Which budgets are used does not change under small changes of the losses.

    Attributes:
        design: layout of the runs.
        found: None: losses on a law do not give that law back, and the search is cheap.
        min_runs: runs that a budget needs.
        gamma_search: search of γ.
    """

    design: BudgetDesign
    found: None
    min_runs: int = eqx.field(static=True)
    gamma_search: Search = eqx.field(static=True)

    @property
    def searches(self) -> Sequence[Search]:
        """The search of γ."""
        return [self.gamma_search]

    @property
    def names(self) -> list[str]:
        """The name of the one exponent."""
        return ["γ"]

    def search(self, losses: RunValues, weights: RunValues) -> tuple[Found, Array]:
        """The kernel's search."""
        found = solve(self.design, losses, weights, self.min_runs, self.gamma_search)
        usable = jnp.isin(found.outcome, jnp.asarray(Outcome.usable_codes()))
        floor = jnp.where(found.frontier.at_bound, 0.0, 1.0).astype(losses.dtype)
        return Found(found.frontier.exponent[None], floor), usable

    def stages(self, losses: RunValues, weights: RunValues, floor: Any) -> "IsoFLOPStages":
        """Optima of the budgets, and power laws through them."""
        return IsoFLOPStages(self.design, losses, weights, self.min_runs, floor)


class IsoFLOPStages:
    """The closed forms between γ and the law; closed over, never passed to a transformation."""

    def __init__(
        self,
        design: BudgetDesign,
        losses: RunValues,
        weights: RunValues,
        min_runs: int,
        floor: Scalar,
    ) -> None:
        self.found, self.floor = optima(design, losses, weights, min_runs), floor
        self.weights = weights

    @property
    def taking_part(self) -> Array:
        """All runs."""
        return jnp.ones_like(self.weights, dtype=bool)

    def at(self, exponents: Array) -> tuple[list[Errors], Chinchilla]:
        """The errors of the budgets' optimal losses, and the law."""
        found = self.found
        errors, E, K = power_law_at(*found.points, exponents, self.floor)
        return [errors], law_of(found, E, K, exponents[0])


def build_refit(
    design: BudgetDesign, min_runs: int, search: Search, law: Chinchilla
) -> IsoFLOPRefit:
    """The refit of a design.

    Raises:
        NoDerivativeError: the search is a grid, or E is at its bound 0 with no force on it.
    """
    refuse_grids([search], f"take search=Refined({search.lower:g}, {search.upper:g})")
    if 0.0 < float(law.E) < _ON_BOUND:
        raise NoDerivativeError(
            "E lies on its bound 0 and the objective does not push it there: it can move to one "
            "side only; fit end to end (`LeastSquares()`)"
        )
    return IsoFLOPRefit(design=design, found=None, min_runs=min_runs, gamma_search=search)
