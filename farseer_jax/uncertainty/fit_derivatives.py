"""The derivatives of a fit in its runs, in NumPy and float64."""

from functools import lru_cache

from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.methods.derivatives import Differentiable, NoDerivativeError, Refit, Response
from farseer_jax.methods.method import weights_of


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
    design = fit.method.prepare(type(fit.law), fit.runs)
    return method_of(fit).refit(design, fit.runs, fit.law, fit.diagnostics)


def method_of(fit: Fit) -> Differentiable:
    """The method of a fit that has derivatives.

    Raises:
        NoDerivativeError: it offers none.
    """
    method = fit.method
    if not isinstance(method, Differentiable):
        raise NoDerivativeError(
            f"the method {method.name!r} offers no derivatives of its fits (`refit`)"
        )
    return method


@lru_cache(maxsize=4)
def respond(fit: Fit, *, by_weights: bool = False) -> Response:
    """How the law responds to its runs' losses, or to their weights as well; leaves in NumPy.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    return differentiable(fit).respond(fit.runs.loss, weights_of(fit.runs), by_weights=by_weights)


@lru_cache(maxsize=4)
def respond_on_law(fit: Fit) -> Response:
    """The same at the fitted losses, where a bootstrap of other losses has its centre.

    Raises:
        NoDerivativeError: the fit has no derivative.
    """
    runs = fit.runs.with_loss(evaluate_runs(fit.law, fit.runs))
    refit = method_of(fit).refit(fit.method.prepare(type(fit.law), runs), runs, fit.law, None)
    return refit.respond(runs.loss, weights_of(runs))
