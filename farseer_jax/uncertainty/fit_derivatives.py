"""The derivatives of a fit in its runs, in NumPy and float64."""

from functools import lru_cache

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import fit_batch
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import (
    COMPILER_OPTIONS,
    Differentiable,
    NoDerivativeError,
    Refit,
    Response,
)
from farseer_jax.methods.method import weights_of
from farseer_jax.runtime.arrays import to_numpy
from farseer_jax.types import Array


def differentiable(fit: Fit) -> Refit:
    """The fit as a function of losses and weights that JAX differentiates exactly.

    The function, ``refit(losses, weights) → law``, is pure: it can be jitted, mapped, and
    differentiated forward, backward and to any order, alone or inside any function of the law. Its
    derivatives are those of the conditions that the solution satisfies (implicit differentiation),
    so they are exact however the solution was found. It computes in the precision of the losses:
    run it under ``jax.enable_x64(True)`` for the digits of :func:`fit`. Where a solution has no
    derivative its law is NaN. (By weights that are 0 the piecewise method has none: NaN.) Weights
    stand for the runs' own: give ``fit.runs.weights`` where there are some.

    A refit of all parameters at once goes on from the fit's own optimum.

    Args:
        fit: the fit.

    Raises:
        NoDerivativeError: its method or its settings have no derivative.

    Example:
        >>> import jax
        >>> import numpy as np
        >>> from farseer_jax import Farseer, differentiable, example_runs, fit
        >>> runs = example_runs()
        >>> refit = differentiable(fit(Farseer, runs))
        >>> def log_loss(losses, weights):
        ...     return refit(losses, weights).log_loss(25.1e9, 5e11)
        >>> with jax.enable_x64(True):
        ...     by_losses = np.asarray(jax.jit(jax.grad(log_loss))(runs.loss, np.ones(len(runs))))
        >>> round(float(by_losses @ runs.loss), 9)  # all losses 1 % higher: so is the prediction
        1.0
    """
    return _refit(fit)


@lru_cache(maxsize=4)
def _refit(fit: Fit) -> Refit:
    """Once for derivatives and removals: the layout of the runs takes as long as either."""
    method = _method_of(fit)
    design = fit.method.prepare(type(fit.law), fit.runs)
    return method.refit(design, fit.runs, fit.law, fit.diagnostics)


def _method_of(fit: Fit) -> Differentiable:
    method = fit.method
    if not isinstance(method, Differentiable):
        raise NoDerivativeError(
            f"the method {method.name!r} offers no derivatives of its fits (`refit`)"
        )
    return method


def _responded(refit: Refit, losses: np.ndarray, weights: np.ndarray) -> Response:
    with jax.enable_x64(True):
        response: Response = to_numpy(_response(refit, losses, weights))
    refit.check(losses, weights, response.evidence)
    return response


@lru_cache(maxsize=4)
def respond(fit: Fit) -> Response:
    """How the law responds to its runs; leaves in NumPy.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    return _responded(differentiable(fit), fit.runs.loss, weights_of(fit.runs))


@lru_cache(maxsize=4)
def respond_on_law(fit: Fit) -> Response:
    """The same at the fitted losses, where a bootstrap of other losses has its centre.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    runs = fit.runs.with_loss(evaluate_runs(fit.law, fit.runs))
    refit = _method_of(fit).refit(fit.method.prepare(type(fit.law), runs), runs, fit.law, None)
    return _responded(refit, runs.loss, weights_of(runs))


@lru_cache(maxsize=4)
def without_each(fit: Fit) -> Law:
    """The law without each of its runs in turn, leaves ``(run, …)``; NaN where there is none."""
    refit, num = differentiable(fit), len(fit.runs)
    if refit.steps_removals:
        with jax.enable_x64(True):
            stepped: Law = to_numpy(_without_each(refit, fit.runs.loss, weights_of(fit.runs)))
        return stepped
    refits = fit_batch(type(fit.law), fit.runs, weights=1.0 - np.eye(num), method=fit.method)

    def usable(leaf: np.ndarray) -> np.ndarray:
        return np.where(refits.usable.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, np.nan)

    return jax.tree.map(usable, refits.law)


def _respond(refit: Refit, losses: Array, weights: Array) -> Response:
    return refit.response(losses, weights)


def _remove(refit: Refit, losses: Array, weights: Array) -> Law:
    return refit.without_each(losses, weights)


_response = jax.jit(_respond, compiler_options=COMPILER_OPTIONS)
_without_each = jax.jit(_remove, compiler_options=COMPILER_OPTIONS)
