"""A warning where the simplest fit describes the runs clearly better than the one at hand."""

import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.reports import LARGEST_ERROR, Fitted

_CLEARLY = 1.5  # ratio of mean relative errors
_METHOD = LeastSquares(num_starts=16)


def better_fit_warnings(fitted: Fitted) -> list[str]:
    """Name Chinchilla by least squares where a fit misses its own runs, and clearly more than it.

    Computed by NumPy, and only where a fit misses its runs.
    """
    error, runs = fitted.mean_relative_error, fitted.runs
    if isinstance(fitted.law, Chinchilla) and isinstance(fitted.method, LeastSquares):
        return []
    if not fitted.outcome.usable or fitted.outcome is Outcome.not_converged:
        return []  # that is the reason
    if set(runs.inputs) != {"N", "D"} or runs.link.name != "log" or not error > LARGEST_ERROR:
        return []
    simple = _error_of_chinchilla(fitted)
    if not error > _CLEARLY * simple:
        return []
    return [
        f"{_misses(error)} misses them by {simple:.1%}: fit(Chinchilla, runs) describes them "
        "better (shell: --law chinchilla --method least-squares)."
    ]


def says_better(sentence: str, fitted: Fitted) -> bool:
    """Whether a sentence is such a warning about this fit, and not one about another error."""
    return sentence.startswith(_misses(fitted.mean_relative_error))


def _misses(error: float) -> str:
    return (
        f"the fit misses its own runs by {error:.1%} on average, and the Chinchilla law by least "
        "squares"
    )


def _error_of_chinchilla(fitted: Fitted) -> float:
    """Its mean relative error; infinite where it cannot be fitted."""
    runs = fitted.runs
    try:
        designs = _METHOD.prepare_many(Chinchilla, [runs])
        (solved,) = _METHOD.fit_many(designs, [runs.loss], [weights_of(runs)])
    except ValueError:
        return np.inf
    return float(solved.relative_error.mean()) if solved.outcome.usable else np.inf
