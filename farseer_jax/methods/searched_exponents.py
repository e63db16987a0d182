"""Laws in closed form of exponents that searches have found, and their implicit derivatives.

The exponents are the root of conditions, ``F(x, losses, weights) = 0``, and the law is a function
``f(x, losses, weights)``. By the implicit function theorem

    d law = (∂f − ∂f/∂x (∂F/∂x)⁻¹ ∂F) d(losses, weights),

whatever way the searches took to x. A method gives the errors that its searches minimise, and its
law.
"""

import abc
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import (
    NoDerivativeError,
    Refit,
    Response,
    Sensitivity,
    laws_of,
    no_derivative_at_zero,
)
from farseer_jax.solvers import implicit
from farseer_jax.solvers import search as _search
from farseer_jax.solvers.search import ActiveSet, Errors, Grid, Search
from farseer_jax.types import Array, RunValues


class Found(NamedTuple):
    """Where the searches of a fit have ended.

    Attributes:
        exponents: ``(search,)``.
        floor: 0 in place of 1 where a floor (the law's E) is at its bound 0.
    """

    exponents: Any
    floor: Any = 1.0


class Evidence(NamedTuple):
    """What the derivatives rest on, ``(search,)``.

    Attributes:
        step: Newton's step from where the searches have ended.
        hessian: derivative of each condition in its own exponent.
        strict: small changes leave an exponent at its bound, or on its kink.
    """

    step: Any
    hessian: Any
    strict: Any

    @property
    def holds(self) -> Any:
        """Whether each minimum has the derivative that its condition gives."""
        return (abs(self.step) < _LARGEST_STEP) & (self.hessian > 0) & self.strict


# Newton's step from a minimum that a search has found: kinked objectives locate it to 5e-8.
_LARGEST_STEP = 1e-6


class Stages(Protocol):
    """A method's closed forms between exponents and the law, of given losses and weights."""

    @property
    def taking_part(self) -> Array:
        """Which losses enter the law, like the losses."""
        ...

    def at(self, exponents: Array) -> tuple[Sequence[Errors], Law]:
        """The errors that each group of searches minimises, in its own exponent; and the law."""
        ...


class SearchedRefit(Refit):
    """A law in closed form of exponents that are minima of one-dimensional searches.

    Attributes:
        found: where the searches of the fit have ended; None where they are to be repeated.
    """

    found: eqx.AbstractVar[Found | None]

    @property
    @abc.abstractmethod
    def searches(self) -> Sequence[Search]:
        """Of each group of exponents."""

    @property
    @abc.abstractmethod
    def names(self) -> Sequence[str]:
        """What messages call the exponents."""

    @property
    def absolute(self) -> bool:
        """Whether sums of absolute errors are minimised, not of squares."""
        return False

    @abc.abstractmethod
    def search(self, losses: RunValues, weights: RunValues) -> tuple[Found, Array]:
        """Where the searches of other losses and weights end, and whether there is a law."""

    @abc.abstractmethod
    def stages(self, losses: RunValues, weights: RunValues, floor: Any) -> Stages:
        """The closed forms."""

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The searches, then the root of their conditions at what they have found."""
        found, usable = jax.lax.stop_gradient(self.search(losses, weights))
        stages = self.stages(losses, no_derivative_at_zero(weights), found.floor)
        start = jnp.asarray(found.exponents, losses.dtype)
        active = self._active(start, stages.at(start)[0])

        def conditions(exponents: Array) -> Array:
            return self._conditions(active, exponents, stages.at(exponents)[0])

        exponents = implicit.root(conditions, start)
        hessian = jnp.diag(jax.jacfwd(conditions)(start))
        evidence = Evidence(exponents - start, hessian, _joined(own.strict for own in active))
        valid = usable & self.holds(jax.lax.stop_gradient(evidence))
        law: Law = stages.at(exponents)[1]
        return jax.tree.map(lambda leaf: jnp.where(valid, leaf, jnp.nan), law)

    def response(self, losses: RunValues, weights: RunValues) -> Response:
        """From one linearisation of conditions and law, at what the fit's searches have found."""
        law_of: Any = None

        def numbers(law: Law) -> Array:
            nonlocal law_of
            flat, law_of = ravel_pytree(law)
            return flat

        flat, (by_losses, by_weights), _, evidence = self._linearised(numbers, losses, weights)
        by = laws_of(law_of, by_losses), laws_of(law_of, by_weights)
        return Response(law_of(flat), *by, evidence=evidence)

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """Likewise, of few functions."""
        _, (by_losses,), taking_part, evidence = self._linearised(
            functions, losses, weights, by_weights=False
        )
        return Sensitivity(by_losses, (weights > 0) & taking_part, evidence)

    def holds(self, evidence: Evidence) -> Array:
        """Whether every minimum has the derivative that its condition gives."""
        return jnp.all(evidence.holds)

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Evidence) -> None:
        """Refuse minima without a derivative."""
        del losses, weights
        if reason := failure_reason(evidence, self.names):
            raise NoDerivativeError(reason)

    def _linearised(
        self,
        function: Callable[[Law], Array],
        losses: RunValues,
        weights: RunValues,
        *,
        by_weights: bool = True,
    ) -> tuple[Array, list[Array], Array, Evidence]:
        """A function of the law, and its total derivatives in losses (and weights)."""
        found = self.found or jax.lax.stop_gradient(self.search(losses, weights)[0])
        start = jnp.asarray(found.exponents, losses.dtype)
        num = len(start)

        def outputs(exponents: Array, losses: Array, weights: Array) -> Any:
            stages = self.stages(losses, no_derivative_at_zero(weights), found.floor)
            errors, law = stages.at(exponents)
            active = self._active(exponents, errors)
            conditions = self._conditions(active, exponents, errors)
            strict = _joined(own.strict for own in active)
            return jnp.concatenate([conditions, function(law)]), (strict, stages.taking_part)

        data = (losses, weights) if by_weights else (losses,)
        values, pull, (strict, taking_part) = jax.vjp(
            lambda exponents, *data: outputs(exponents, *(*data, weights)[:2]),
            start,
            *data,
            has_aux=True,
        )
        slopes, *by = jax.vmap(pull)(jnp.eye(len(values), dtype=values.dtype))
        hessian = slopes[:num]
        inverse = jnp.linalg.inv(hessian)  # of few numbers, for both uses
        step, back = -inverse @ values[:num], slopes[num:] @ inverse
        total = [own[num:] - jnp.tensordot(back, own[:num], 1) for own in by]
        return values[num:], total, taking_part, Evidence(step, jnp.diag(hessian), strict)

    def _active(self, exponents: Array, errors: Sequence[Errors]) -> list[ActiveSet]:
        groups = zip(self._split(exponents, errors), errors, self.searches, strict=True)
        return [_search.active_set(*own, absolute=self.absolute) for own in groups]

    def _conditions(
        self, active: Sequence[ActiveSet], exponents: Array, errors: Sequence[Errors]
    ) -> Array:
        groups = zip(active, self._split(exponents, errors), errors, strict=True)
        return _joined(_search.conditions(*own, absolute=self.absolute) for own in groups)

    def _split(self, exponents: Array, errors: Sequence[Errors]) -> list[Array]:
        ends = np.cumsum([own.value.shape[1] for own in errors])[:-1]
        return jnp.split(exponents, ends)


def _joined(parts: Any) -> Array:
    return jnp.concatenate(list(parts))


def refuse_grids(searches: Sequence[Search], remedy: str) -> None:
    """Refuse exponents that were searched on a grid.

    Raises:
        NoDerivativeError: one was.
    """
    if any(isinstance(search, Grid) for search in searches):
        raise NoDerivativeError(
            "the exponents of a grid search jump from candidate to candidate, and have no "
            f"derivative: {remedy}"
        )


def failure_reason(evidence: Evidence, names: Sequence[str]) -> str | None:
    """Why a fit has no derivative: a sentence that names a search, or None."""
    bad = np.flatnonzero(~evidence.holds)
    if not len(bad):
        return None
    first = bad[0]
    if not evidence.strict[first]:
        reason = (
            "ended at a bound of its search, or on a kink of the criterion, which small "
            "changes of the losses would make it leave"
        )
    elif evidence.hessian[first] <= 0:
        reason = "has no minimum where its search ended: the objective has no positive curvature"
    else:
        reason = (
            f"ended {abs(evidence.step[first]):.1e} from its minimum: the search converged no "
            "further"
        )
    return (
        f"the fit has no derivative: {names[first]} {reason}. Widen the search, as in "
        "Piecewise(search=Refined(-1.0, 1.0)), or take the squared criterion"
    )
