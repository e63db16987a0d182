"""The derivatives of a fit in its runs, in NumPy and float64."""

from functools import lru_cache

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError, Refit, Response
from farseer_jax.methods.method import weights_of


def differentiable(fit: Fit) -> Refit:
    """The fit as a function of losses and weights that JAX differentiates exactly.

    The function, ``refit(losses, weights) → law``, is pure: it can be jitted, mapped, and
    differentiated in forward and reverse mode to any order, alone or inside any function of the
    law. Its derivatives follow from the conditions that the solution satisfies (implicit
    differentiation), so they are exact however the solution was found. It computes in the
    precision of the losses: run it under ``jax.enable_x64(True)`` for the digits of :func:`fit`.
    If a solution has no derivative, its law is NaN (such as derivatives of the piecewise method in
    weights that are 0). ``weights`` replace those of the runs: pass ``fit.runs.weights`` if there
    are any.

    An end-to-end refit starts from the fit's optimum.

    Args:
        fit: the fit.

    Raises:
        NoDerivativeError: the method, or its settings, have no derivative.

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
    design = fit.method.prepare(type(fit.law), fit.runs)
    return method_of(fit).refit(design, fit.runs, fit.law, fit.diagnostics)


def method_of(fit: Fit) -> Differentiable:
    """The method of a fit, if it has derivatives.

    Raises:
        NoDerivativeError: it has none.
    """
    method = fit.method
    if not isinstance(method, Differentiable):
        raise NoDerivativeError(
            f"the method {method.name!r} does not implement derivatives of its fits (`refit`)"
        )
    return method


@lru_cache(maxsize=4)
def respond(fit: Fit, *, by_weights: bool = False) -> Response:
    """Derivatives of the law in its runs' losses, and in their weights if asked; in NumPy.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    return differentiable(fit).respond(fit.runs.loss, weights_of(fit.runs), by_weights=by_weights)


@lru_cache(maxsize=4)
def respond_on_law(fit: Fit) -> Response:
    """Derivatives of the law at the fitted losses, the centre of a bootstrap of losses.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    runs = fit.runs.with_loss(evaluate_runs(fit.law, fit.runs))
    refit = method_of(fit).refit(fit.method.prepare(type(fit.law), runs), runs, fit.law, None)
    return refit.respond(runs.loss, weights_of(runs))
