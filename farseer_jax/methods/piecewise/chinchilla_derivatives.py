"""The piecewise fit of Chinchilla as a function that JAX differentiates."""

from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.law import Law
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.chinchilla import solve_gathered
from farseer_jax.methods.piecewise.derivatives import GRID_REMEDY, PiecewiseRefit, SlotsRefit
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.layout import Layout
from farseer_jax.methods.piecewise.stage1 import (
    Gathered,
    difference,
    estimate_sizes,
    keep_live_sizes,
)
from farseer_jax.methods.piecewise.stage3 import remainder
from farseer_jax.methods.searched_exponents import Found, refuse_grids
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.solvers.power_law import power_law_at
from farseer_jax.solvers.search import Errors, errors_at
from farseer_jax.types import Array, Scalar, Slots

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class ChinchillaRefit(SlotsRefit):
    """Chinchilla's fit.

    Attributes:
        found: β and α, and whether E is at its bound 0.
    """

    law_type: ClassVar[type[Law]] = Chinchilla

    @property
    def names(self) -> list[str]:
        """The exponents, in the order of the searches."""
        return ["β", "α"]

    def search(self, losses: Slots, weights: Slots) -> tuple[Found, Array]:
        """The kernel's searches."""
        solution = solve_gathered(self.layout, Gathered(losses, weights), self.options)
        law = solution.size_term.law
        usable = jnp.isin(solution.outcome, jnp.asarray(Outcome.usable_codes()))
        floor = jnp.where(law.at_bound, 0.0, 1.0).astype(losses.dtype)
        found = Found(jnp.stack([solution.data_term.beta, law.exponent]), floor)
        return found, usable & (law.coefficient > 0)

    def stages(self, losses: Slots, weights: Slots, floor: Any) -> "ChinchillaStages":
        """The data term and the size term."""
        return ChinchillaStages(self.layout, Gathered(losses, weights), self.options, floor)


class ChinchillaStages:
    """The closed forms between exponents and law; closed over, never passed to a transformation."""

    def __init__(self, layout: Layout, runs: Gathered, options: "Piecewise", floor: Scalar) -> None:
        pairs = difference(layout, runs)
        self.runs, self.sizes = runs, estimate_sizes(pairs, options.min_pairs)
        self.pairs = keep_live_sizes(pairs, self.sizes)
        self.pivot = jnp.asarray(layout.log_pivot, runs.loss.dtype)
        self.z = jnp.log(jnp.asarray(layout.N, runs.loss.dtype)) - self.pivot
        self.log_D = pairs.log_D
        self.centre = jnp.mean(pairs.log_D)  # D in units of it, as in the search
        self.floor, self.absolute = floor, options.criterion == "relative"

    @property
    def taking_part(self) -> Array:
        """Every run counts in the size term."""
        return jnp.ones_like(self.runs.weight, dtype=bool)

    def at(self, exponents: Array) -> tuple[list[Errors], Chinchilla]:
        """The errors of the differences and of the sizes, and the law."""
        beta, alpha = exponents[:1], exponents[1:]
        of_pairs = errors_at(self._of_pairs, beta, self.pairs.weight.reshape(-1, 1))
        B = self._B(self._S(beta))
        left = remainder(self.runs, B * jnp.exp(-beta * (self.log_D - self.centre)))
        y = jnp.where(left.usable, left.G, 1.0)
        of_sizes, E, A = power_law_at(
            self.z, y, left.weight, alpha, self.floor, relative=self.absolute
        )
        law = Chinchilla(
            E=E,
            A=A * jnp.exp(alpha[0] * self.pivot),
            B=B * jnp.exp(beta[0] * self.centre),
            alpha=alpha[0],
            beta=beta[0],
        )
        return [of_pairs, of_sizes], law

    def _of_pairs(self, beta: Array) -> Array:
        S, R = self._S(beta), self.pairs.R.reshape(-1, 1)
        error = self._B(S) * S - R
        return error / R if self.absolute else error

    def _S(self, beta: Array) -> Array:
        """``D0^−β − D1^−β``, ``(pair, 1)``."""
        term = jnp.exp(-beta * (self.log_D - self.centre))
        return (term[:, :-1] - term[:, 1:]).reshape(-1, 1)

    def _B(self, S: Array) -> Scalar:
        """The least-squares coefficient, in units of the centre."""
        weight, R = self.pairs.weight.reshape(-1, 1), self.pairs.R.reshape(-1, 1)
        return safe_divide(jnp.sum(weight * S * R), jnp.sum(weight * S**2))


def build_chinchilla_refit(options: "Piecewise", design: Design, law: Chinchilla) -> PiecewiseRefit:
    """The function that gave a fit; its exponents are those of the law.

    Raises:
        NoDerivativeError: an exponent was searched on a grid.
    """
    refuse_grids(options.searches(Chinchilla), GRID_REMEDY)
    at = Found(np.array([float(law.beta), float(law.alpha)]), float(law.E > 0))
    build: Any = ChinchillaRefit
    return PiecewiseRefit(design, build(Layout.of(design), at, options))
