"""The piecewise fit of Chinchilla as a function that JAX differentiates."""

from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.chinchilla import Chinchilla
from farseer_jax.methods.derivatives import (
    NoDerivativeError,
    Refit,
    no_derivative_at_zero,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.chinchilla import Numbers, solve
from farseer_jax.methods.piecewise.derivatives import Evidence, refuse_grids, why_not
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.stage1 import (
    Differences,
    Gathered,
    difference,
    estimate_sizes,
    gather,
    keep_live_sizes,
)
from farseer_jax.methods.piecewise.stage3 import remainder
from farseer_jax.solvers import implicit as _implicit
from farseer_jax.solvers import search as _search
from farseer_jax.solvers.linear_regression import safe_divide
from farseer_jax.solvers.power_law import best_line
from farseer_jax.solvers.search import Errors, Search
from farseer_jax.types import Array, RunValues, Scalar

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class _Ends(NamedTuple):
    """Where the searches have ended: β, α, and 0 in place of 1 where E is held at 0."""

    beta: Array
    alpha: Array
    floor: Array


class ChinchillaRefit(Refit):
    """See :class:`Refit`.

    Attributes:
        design: layout of the runs.
        options: settings.
    """

    design: Design
    options: "Piecewise" = eqx.field(static=True)

    def __call__(self, losses: RunValues, weights: RunValues) -> Chinchilla:
        """The kernel's searches, then closed forms at what they have found."""
        numbers, evidence, usable = self._solved(losses, weights)
        valid = jnp.all(evidence.holds) & usable
        return Chinchilla(*(jnp.where(valid, number, jnp.nan) for number in numbers))

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse minima without a derivative."""
        del evidence
        with jax.enable_x64(True):
            found: Evidence = jax.tree.map(np.asarray, _inspect(self, losses, weights))
        if reason := why_not(found, ["β", "α"]):
            raise NoDerivativeError(reason)

    def _solved(self, losses: RunValues, weights: RunValues) -> tuple[Numbers, Evidence, Array]:
        """The law's numbers, what they rest on, and whether there are any."""
        found = solve(self.design, *jax.lax.stop_gradient((losses, weights)), self.options)
        law = found.size_term.law
        ends = _Ends(
            beta=found.data_term.beta[None],
            alpha=law.exponent[None],
            floor=jnp.where(law.at_bound, 0.0, 1.0).astype(losses.dtype),
        )
        usable = jnp.isin(found.outcome, jnp.asarray(Outcome.usable_codes()))
        usable &= law.coefficient > 0
        chain = _Chain(self.design, losses, no_derivative_at_zero(weights), ends, self.options)
        start = jax.lax.stop_gradient(jnp.concatenate([ends.beta, ends.alpha]))
        exponents = _implicit.root(chain.conditions, start)
        bend = jnp.diag(jax.jacfwd(chain.conditions)(start))
        evidence = Evidence(exponents - start, bend, chain.strict)
        return chain.numbers(exponents), jax.lax.stop_gradient(evidence), usable


@jax.jit
def _inspect(refit: ChinchillaRefit, losses: Array, weights: Array) -> Evidence:
    return refit._solved(losses, weights)[1]


class _Chain:
    """Between the exponents and the law; closed over, never transformed."""

    def __init__(
        self,
        design: Design,
        losses: RunValues,
        weights: RunValues,
        ends: _Ends,
        options: "Piecewise",
    ) -> None:
        self.runs: Gathered = gather(design, losses, weights)
        pairs = difference(design, self.runs)
        sizes = estimate_sizes(pairs, options.min_pairs)
        self.pairs: Differences = keep_live_sizes(pairs, sizes)
        self.pivot = jnp.asarray(design.log_pivot, losses.dtype)
        self.z = jnp.log(jnp.asarray(design.N, losses.dtype)) - self.pivot
        self.centre = jnp.mean(pairs.log_D)  # D in units of it, as in the search
        self.floor, self.absolute = ends.floor, options.criterion == "relative"
        searches: tuple[Search, Search] = options.searches(Chinchilla)
        errors = self._errors(ends.beta, ends.alpha)
        self.where = [
            _search.standing(found, own, search, absolute=self.absolute)
            for found, own, search in zip(ends[:2], errors, searches, strict=True)
        ]
        self.strict = jnp.concatenate([where.strict for where in self.where])

    def conditions(self, exponents: Array) -> Array:
        """What vanishes at the minima: of β, then of α."""
        parts = exponents[:1], exponents[1:]
        errors = self._errors(*parts)
        return jnp.concatenate(
            [
                _search.conditions(where, own, error, absolute=self.absolute)
                for where, own, error in zip(self.where, parts, errors, strict=True)
            ]
        )

    def numbers(self, exponents: Array) -> Numbers:
        """The law's numbers."""
        beta, alpha = exponents
        B = self._B(beta[None])[0]
        y, shares = self._G(beta[None])
        E, A, _ = best_line(self.z, y, shares, alpha[None], self.floor)
        return Numbers(
            E=self.floor * E[0],
            A=A[0] * jnp.exp(alpha * self.pivot),
            B=B * jnp.exp(beta * self.centre),
            alpha=alpha,
            beta=beta,
        )

    def _errors(self, beta: Array, alpha: Array) -> tuple[Errors, Errors]:
        """What the searches minimise, each in its own exponent."""
        y, shares = self._G(beta)
        R = self.pairs.R.reshape(-1, 1)

        def of_pairs(exponent: Array) -> Array:
            error = self._B(exponent) * self._S(exponent) - R
            return error / R if self.absolute else error

        def of_sizes(exponent: Array) -> Array:
            error = best_line(self.z, y, shares, exponent, self.floor)[2] - y[:, None]
            return error / y[:, None] if self.absolute else error

        return (
            _search.errors_at(of_pairs, beta, self.pairs.weight.reshape(-1, 1)),
            _search.errors_at(of_sizes, alpha, shares[:, None]),
        )

    def _S(self, beta: Array) -> Array:
        """``D0^−β − D1^−β``, ``(pair, 1)``."""
        term = jnp.exp(-beta * (self.pairs.log_D - self.centre))
        return (term[:, :-1] - term[:, 1:]).reshape(-1, 1)

    def _B(self, beta: Array) -> Scalar:
        """The least-squares coefficient, in units of the centre."""
        S, weight = self._S(beta)[:, 0], self.pairs.weight.reshape(-1)
        R = self.pairs.R.reshape(-1)
        return safe_divide(jnp.sum(weight * S * R), jnp.sum(weight * S**2))[None]

    def _G(self, beta: Array) -> tuple[Array, Array]:
        """What the data term leaves of each size, and the sizes' shares in the size term."""
        data_term = self._B(beta) * jnp.exp(-beta * (self.pairs.log_D - self.centre))
        left = remainder(self.runs, data_term)
        y = jnp.where(left.usable, left.G, 1.0)
        return y, safe_divide(left.weight, jnp.sum(left.weight))


def build_chinchilla_refit(options: "Piecewise", design: Design) -> ChinchillaRefit:
    """The function that gave a fit.

    Raises:
        NoDerivativeError: an exponent was searched on a grid.
    """
    refuse_grids(options.searches(Chinchilla))
    return ChinchillaRefit(design, options)
