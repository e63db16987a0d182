"""A fit as a function of losses and weights that JAX differentiates."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.runtime.compiled import compiled
from farseer_jax.runtime.compiler_options import accepted
from farseer_jax.types import Array, RunValues

# One LLVM module, XLA's own loops for small sums and its older emitters: compiled sooner on a CPU
_OPTIONS: dict[str, Any] = {
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_experimental_ynn_fusion_type": "",
    "xla_cpu_use_fusion_emitters": False,
}
# A response is computed once for each fit, and takes milliseconds even without optimisation.
_UNOPTIMISED = {**_OPTIONS, "xla_backend_optimization_level": 0}


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
        return Response(law, laws_of(law_of, by_losses), laws_of(law_of, by_weights), evidence=None)

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


@compiled(static=("by_weights",), compiler_options=accepted(_UNOPTIMISED))
def _response(refit: Refit, losses: Array, weights: Array, by_weights: bool) -> Response:
    response = refit.response(losses, weights)
    return response if by_weights else response._replace(by_weights=None)


def laws_of(law_of: Callable[[Array], Law], derivatives: Array) -> Law:
    """Laws of derivatives ``(number, …)``: each leaf with the axes ``…`` in front."""
    flat = derivatives.reshape(len(derivatives), -1).T
    laws = jax.vmap(law_of)(flat)
    shape = derivatives.shape[1:]
    return jax.tree.map(lambda leaf: leaf.reshape(*shape, *leaf.shape[1:]), laws)


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
