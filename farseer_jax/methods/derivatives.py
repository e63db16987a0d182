"""A fit as a function of losses and weights that JAX differentiates."""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array, RunValues

# One LLVM module, and XLA's own loops for small sums: less time to run on a CPU
COMPILER_OPTIONS = {
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_cpu_experimental_ynn_fusion_type": "",
}


class NoDerivativeError(ValueError):
    """The fit has no derivative where it stands; the message says why and what to do."""


@jax.custom_jvp
def no_derivative_at_zero(weights: Array) -> Array:
    """Weights whose derivative is NaN where they are 0.

    A run without weight takes no part in sums that its weight enters as more than a factor: a
    kernel that leaves it out gives a derivative of 0, which is wrong.
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
        by_weights: in the weight of each run, likewise.
        evidence: what the derivatives rest on, for :meth:`Refit.check`.
    """

    law: Law
    by_losses: Law
    by_weights: Law
    evidence: Any


class Sensitivity(NamedTuple):
    """How functions of a fit's law respond to the losses of its runs.

    Attributes:
        by_losses: derivatives, ``(function, run)``.
        taking_part: whether a run has weight and its size enough runs, ``(run,)``.
        evidence: what they rest on, for :meth:`Refit.check` and :meth:`Refit.holds`.
    """

    by_losses: Array
    taking_part: Array
    evidence: Any


class Refit(eqx.Module):
    """The fit of a law as a pure function ``(losses, weights) → law``.

    Its derivatives are those of the conditions that the solution satisfies: exact, forward and
    reverse, to any order, under ``jit`` and ``vmap``. It is a pytree, arrays its leaves and
    settings static: a jitted function that takes it as an argument compiles once for all fits of
    one layout and method. It computes in the precision of the losses.
    """

    @abc.abstractmethod
    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to these losses and weights, ``(run,)`` each, weights not negative."""

    def response(self, losses: RunValues, weights: RunValues) -> Response:
        """How the fit's law responds to its own losses and weights; pure.

        Args:
            losses: those that gave the law.
            weights: likewise.
        """
        law, pull = jax.vjp(self, losses, weights)
        leaves, tree = jax.tree.flatten(law)
        ends = np.cumsum([leaf.size for leaf in leaves])
        rows = jnp.split(jnp.eye(int(ends[-1]), dtype=leaves[0].dtype), ends[:-1], axis=1)
        shaped = [own.reshape(-1, *leaf.shape) for own, leaf in zip(rows, leaves, strict=True)]
        slopes = jax.vmap(pull)(jax.tree.unflatten(tree, shaped))

        def laws(by_number: Array) -> Law:
            parts = jnp.split(by_number, ends[:-1])
            own = [p.T.reshape(-1, *leaf.shape) for p, leaf in zip(parts, leaves, strict=True)]
            changes: Law = jax.tree.unflatten(tree, own)
            return changes

        return Response(law, laws(slopes[0]), laws(slopes[1]), evidence=None)

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """How some functions of the law, rather than all of it, respond to the losses; pure.

        Args:
            functions: of a law, values ``(function,)``.
            losses: those that gave the law.
            weights: likewise; runs of weight 0 have derivatives of 0.
        """
        values, pull = jax.vjp(lambda losses: functions(self(losses, weights)), losses)
        (by_losses,) = jax.vmap(pull)(jnp.eye(len(values), dtype=values.dtype))
        return Sensitivity(by_losses, weights > 0, None)

    def holds(self, evidence: Any) -> Array:
        """Whether :meth:`check` would pass; pure, for many refits at once."""
        del evidence  # where there is no derivative, the law is NaN
        return jnp.asarray(True)

    @property
    def steps_removals(self) -> bool:
        """Whether there is :meth:`without_each`; otherwise a removal takes a refit."""
        return False

    def without_each(self, losses: RunValues, weights: RunValues) -> Law:
        """The law without each of the runs in turn, leaves ``(run,)``; pure.

        Beyond first order, for a removal is no small change of the run's own size.
        """
        raise NotImplementedError

    @abc.abstractmethod
    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse a fit that has no derivative, in float64.

        Args:
            losses: those that gave the law.
            weights: likewise.
            evidence: of their :class:`Response`, in NumPy.

        Raises:
            NoDerivativeError: which condition fails, and the remedy.
        """


@runtime_checkable
class Differentiable(Protocol):
    """A method whose fits can be differentiated."""

    def refit(self, design: Any, runs: Runs, law: Law, found: Any) -> Refit:
        """The function that gave a fit.

        Args:
            design: from the method's ``prepare``.
            runs: the runs that were fitted.
            law: the fitted law.
            found: the diagnostics of the fit; None where losses are the law's own, to the last
                digit, and no search is needed.

        Raises:
            NoDerivativeError: these settings have none.
        """
        ...
