"""The entry points: one fit, or a batch of refits."""

from typing import Any

import numpy as np

from farseer_jax.fitting.arguments import as_method, as_runs, held_over
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.methods._method import Method


def fit(
    law: type[Law],
    runs: object,
    method: Method | None = None,
    *,
    monotone_over: Any = None,
) -> Fit:
    """Fit a law to runs.

    Computes in float64 whatever JAX is set to, and returns NumPy.

    Args:
        law: the law's class, such as :class:`Farseer` or :class:`Chinchilla`.
        runs: :class:`Runs`, or a pandas or polars table with columns that name N, D and loss.
        method: how: :class:`Piecewise` (Farseer's default; Chinchilla too), :class:`LeastSquares`
            (that of all other laws), :class:`Restarts`, :class:`VariableProjection` (laws that are
            linear in some parameters), :class:`IsoFLOP` (Chinchilla), or an object of one's own
            with the same methods.
        monotone_over: ``((N_low, N_high), (D_low, D_high))``, a domain over which the fitted loss
            must fall with N and with D: short for ``method=MonotoneOver(method, N=…, D=…)``.

    Raises:
        ValueError: the runs cannot be fitted; the message says why and what to do.
        TypeError: the law is no class, or the method does not fit it.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> result = fit(Farseer, example_runs())
        >>> result
        Fit(farseer, 337 runs, mean_relative_error=4.178e-04, outcome=success)
    """
    runs, method = as_runs(runs), as_method(method, law)
    if monotone_over is not None:
        method = held_over(method, monotone_over)
    design = method.prepare(law, runs)
    solved = method.fit_one(design, runs.loss, np.ones(len(runs)))
    return Fit(
        law=solved.law,
        runs=runs,
        method=method,
        outcome=solved.outcome,
        relative_error=solved.relative_error,
        diagnostics=solved.diagnostics,
    )
