"""A fit as a function of losses and weights that JAX differentiates.

A fit's unknowns are the root of conditions, ``F(x, losses, weights) = 0``, and its law is a
function ``f(x, losses, weights)``. By the implicit function theorem

    d law = (∂f − ∂f/∂x (∂F/∂x)⁻¹ ∂F) d(losses, weights),

however the solver found x. :class:`SearchedRefit` serves the methods that search exponents one by
one: each gives the errors that its searches minimise, and its law.
"""

import abc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.solvers import implicit
from farseer_jax.solvers import search as _search
from farseer_jax.solvers.search import ActiveSet, Errors, Grid, Search
from farseer_jax.types import Array, RunValues

# One LLVM module, XLA's own loops for small sums and its older emitters: compiled sooner on a CPU
_OPTIONS: dict[str, Any] = {
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_cpu_use_fusion_emitters": False,
}
# A response is computed once for each fit, and takes milliseconds even without optimisation.
_UNOPTIMISED = {**_OPTIONS, "xla_backend_optimization_level": 0}
_LESS_OPTIMISED = {**_OPTIONS, "xla_backend_optimization_level": 1}


class NoDerivativeError(ValueError):
    """The fit has no derivative at its optimum; the message says why and what to do."""


@jax.custom_jvp
def no_derivative_at_zero(weights: Array) -> Array:
    """Weights whose derivative is NaN where they are 0.

    Some sums depend on a run's weight by more than a factor. A kernel that leaves runs of weight 0
    out of them gives a derivative of 0, which is wrong.
    """
    return weights


@no_derivative_at_zero.defjvp
def _no_derivative_at_zero_jvp(primals: tuple[Array], tangents: tuple[Array]) -> Any:
    (weights,), (change,) = primals, tangents
    return weights, change * jnp.where(weights > 0, 1.0, jnp.nan)


class Response(NamedTuple):
    """A fit's law, and how it responds to its runs.

    Attributes:
        law: the law.
        by_losses: its derivative in the loss of each run: laws, leaves ``(run, …)``.
        by_weights: its derivative in the weight of each run; None where not requested.
        evidence: what shows that the derivatives exist, for :meth:`Refit.check`.
    """

    law: Law
    by_losses: Any
    by_weights: Any
    evidence: Any


class Sensitivity(NamedTuple):
    """How functions of a fit's law respond to its losses; several fits have a leading axis.

    Attributes:
        by_losses: derivatives, ``(function, run)``.
        taking_part: whether a run has weight and its size enough runs, ``(run,)``.
        evidence: what shows that they exist, for :meth:`Refit.check` and :meth:`Refit.holds`.
    """

    by_losses: Any
    taking_part: Any
    evidence: Any


class Refit(eqx.Module):
    """The fit of a law as a pure function ``(losses, weights) → law``.

    Its derivatives are those of the conditions that the solution satisfies: exact, forward and
    reverse, to any order, under ``jit`` and ``vmap``. It is a pytree whose leaves are arrays and
    whose settings are static: a jitted function of it compiles once for all fits of one layout and
    method. It computes in the precision of the losses.
    """

    @abc.abstractmethod
    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""

    def response(self, losses: RunValues, weights: RunValues) -> Response:
        """How the fit's law responds to its own losses and weights; pure.

        Args:
            losses: the losses that gave the law.
            weights: their weights.
        """
        law, pull = jax.vjp(self, losses, weights)
        flat, law_of = ravel_pytree(law)
        cotangents = jax.vmap(law_of)(jnp.eye(len(flat), dtype=flat.dtype))
        by_losses, by_weights = jax.vmap(pull)(cotangents)
        return Response(law, _laws(law_of, by_losses), _laws(law_of, by_weights), evidence=None)

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """How some functions of the law, rather than all of it, respond to the losses; pure.

        Args:
            functions: from a law to values ``(function,)``.
            losses: the losses that gave the law.
            weights: their weights; runs of weight 0 have derivatives of 0.
        """
        values, pull = jax.vjp(lambda losses: functions(self(losses, weights)), losses)
        (by_losses,) = jax.vmap(pull)(jnp.eye(len(values), dtype=values.dtype))
        return Sensitivity(by_losses, weights > 0, None)

    def holds(self, evidence: Any) -> Array:
        """Whether :meth:`check` would pass; pure, for batches of refits."""
        del evidence  # where there is no derivative, the law is NaN
        return jnp.asarray(True)

    @abc.abstractmethod
    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse a fit that has no derivative, in float64.

        Args:
            losses: the losses that gave the law.
            weights: their weights.
            evidence: from their :class:`Response`, in NumPy.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """

    def respond(
        self, losses: np.ndarray, weights: np.ndarray, *, by_weights: bool = False
    ) -> Response:
        """:meth:`response` in NumPy and float64, checked.

        Args:
            losses: the losses that gave the law.
            weights: their weights.
            by_weights: whether to compute the derivatives in the weights, which take longer to
                compile than those in the losses.

        Raises:
            NoDerivativeError: the fit has no derivative.
        """
        with jax.enable_x64(True):
            response: Response = to_numpy(_response(self, losses, weights, by_weights))
        self.check(losses, weights, response.evidence)
        return response

    def respond_each(
        self,
        functions: Callable[..., Array],
        arguments: tuple[np.ndarray, ...],
        losses: np.ndarray,
        weights: np.ndarray,
    ) -> tuple[Sensitivity, np.ndarray]:
        """:meth:`sensitivity` of subsets of the runs, in NumPy and float64; not checked.

        Args:
            functions: ``(law, *arguments) → (function,)``; compiled once for each.
            arguments: arguments of the functions.
            losses: the law's own losses, ``(run,)``.
            weights: ``(subset, run)``.

        Returns:
            All leaves with a leading axis ``(subset,)``; and which subsets have derivatives.
        """
        with jax.enable_x64(True):
            found = _sensitivities(self, functions, arguments, losses, weights)
        sensitivity, holds = to_numpy(found)
        return sensitivity, holds


@partial(jax.jit, static_argnums=3, compiler_options=_UNOPTIMISED)
def _response(refit: Refit, losses: Array, weights: Array, by_weights: bool) -> Response:
    response = refit.response(losses, weights)
    return response if by_weights else response._replace(by_weights=None)


@partial(jax.jit, static_argnums=1, compiler_options=_LESS_OPTIMISED)
def _sensitivities(
    refit: Refit, functions: Any, arguments: Any, losses: Array, weights: Array
) -> tuple[Sensitivity, Array]:
    def of_one(row: Array) -> tuple[Sensitivity, Array]:
        found = refit.sensitivity(lambda law: functions(law, *arguments), losses, row)
        return found, refit.holds(found.evidence)

    found: tuple[Sensitivity, Array] = jax.vmap(of_one)(weights)
    return found


def _laws(law_of: Callable[[Array], Law], derivatives: Array) -> Law:
    """Derivatives ``(parameter, …)`` as laws whose leaves have the axes ``…`` in front."""
    flat = derivatives.reshape(len(derivatives), -1).T
    laws = jax.vmap(law_of)(flat)
    shape = derivatives.shape[1:]
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), laws)


# Exponents that searches have found


class Found(NamedTuple):
    """Where the searches of a fit ended.

    Attributes:
        exponents: ``(search,)``.
        floor: 0 in place of 1 where a floor (the law's E) is at its bound 0.
    """

    exponents: Any
    floor: Any = 1.0


class Evidence(NamedTuple):
    """What shows that the derivatives exist, ``(search,)``.

    Attributes:
        step: Newton's step from where the searches ended.
        hessian: derivative of each condition in its own exponent.
        strict: under small changes an exponent stays at its bound, or on its kink.
    """

    step: Any
    hessian: Any
    strict: Any

    @property
    def holds(self) -> Any:
        """Whether each minimum has the derivative that its condition gives."""
        return (abs(self.step) < _LARGEST_STEP) & (self.hessian > 0) & self.strict


# Newton's step from a minimum that a search found: searches of kinked objectives err by 5e-8.
_LARGEST_STEP = 1e-6


class Stages(Protocol):
    """A method's closed forms between exponents and the law, for one set of losses and weights."""

    @property
    def taking_part(self) -> Array:
        """Which losses enter the law, in the shape of the losses."""
        ...

    def at(self, exponents: Array) -> tuple[Sequence[Errors], Law]:
        """The errors that each group of searches minimises, in its own exponent; and the law."""
        ...


class SearchedRefit(Refit):
    """A law in closed form of exponents that are minima of one-dimensional searches.

    Attributes:
        found: where the searches of the fit ended; None repeats them.
    """

    found: eqx.AbstractVar[Found | None]

    @property
    @abc.abstractmethod
    def searches(self) -> Sequence[Search]:
        """The search of each group of exponents."""

    @property
    @abc.abstractmethod
    def names(self) -> Sequence[str]:
        """The exponents' names in messages."""

    @property
    def absolute(self) -> bool:
        """Whether sums of absolute errors are minimised, not of squares."""
        return False

    @abc.abstractmethod
    def search(self, losses: RunValues, weights: RunValues) -> tuple[Found, Array]:
        """Repeat the searches for other losses and weights; and whether there is a law."""

    @abc.abstractmethod
    def stages(self, losses: RunValues, weights: RunValues, floor: Any) -> Stages:
        """The closed forms for these losses and weights."""

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """Search the exponents, then solve for the root of their conditions nearby."""
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
        """By one linearisation of conditions and law, where the fit's searches ended."""
        law_of: Any = None

        def flattened(law: Law) -> Array:
            nonlocal law_of
            flat, law_of = ravel_pytree(law)
            return flat

        flat, (by_losses, by_weights), _, evidence = self._linearised(flattened, losses, weights)
        by = _laws(law_of, by_losses), _laws(law_of, by_weights)
        return Response(law_of(flat), *by, evidence=evidence)

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """As :meth:`response`, for a few functions."""
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
        inverse = jnp.linalg.inv(hessian)  # small, and used twice
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
            "the exponents of a grid search jump from candidate to candidate and have no "
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
            "ended at a bound of its search, or on a kink of the criterion, and small changes of "
            "the losses would move it away"
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
        "Piecewise(search=Refined(-1.0, 1.0)), or use the squared criterion"
    )


@runtime_checkable
class Differentiable(Protocol):
    """A method whose fits can be differentiated."""

    def refit(self, design: Any, runs: Runs, law: Law, found: Any) -> Refit:
        """The function of losses and weights that gave a fit.

        Args:
            design: from the method's ``prepare``.
            runs: the runs that were fitted.
            law: the fitted law.
            found: the diagnostics of the fit; None where the losses are the law's own, to the last
                digit, and no search is needed.

        Raises:
            NoDerivativeError: fits with these settings have no derivative.
        """
        ...
