"""Fits by SciPy, to compare optima with; nothing here is shared with the package's solvers."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from scipy.optimize import least_squares

import farseer_jax as fj

Residuals = Callable[[Mapping[str, float]], np.ndarray]


def best_of_scipy(
    fit: fj.Fit,
    residuals: Residuals,
    delta: float = np.inf,
    num_starts: int = 6,
    spread: float = 0.3,
) -> float:
    """The least ``Σ ρ(residual)`` that SciPy finds around a fit, itself one of the starts.

    Positive parameters are searched as logarithms; those that the fit left at 0 stay there.

    Args:
        fit: the fit whose parameters are perturbed.
        residuals: of parameters by name, in plain NumPy.
        delta: of the Huber function.
        num_starts: how many starts.
        spread: standard deviation of the perturbations, of logarithms or relative.
    """
    domains = type(fit.law).domains()
    found = {name: float(value) for name, value in fit.law.parameters().items()}
    free = [name for name, value in found.items() if value != 0.0]
    is_log = np.array([domains[name].lower >= 0.0 for name in free])
    center = np.array(
        [np.log(found[n]) if log else found[n] for n, log in zip(free, is_log, strict=True)]
    )
    scale = np.where(is_log, 1.0, np.abs(center))

    def parameters(x: np.ndarray) -> dict[str, float]:
        with np.errstate(over="ignore"):
            values = np.where(is_log, np.exp(np.where(is_log, x, 0.0)), x)
        return {**found, **dict(zip(free, values.tolist(), strict=True))}

    def of(x: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            return np.nan_to_num(residuals(parameters(x)), nan=1e3, posinf=1e3, neginf=-1e3)

    rng, options = np.random.default_rng(0), _options(delta)
    starts = [
        center + spread * scale * (k > 0) * rng.standard_normal(len(free))
        for k in range(num_starts)
    ]
    return min(float(least_squares(of, start, **options).cost) for start in starts)


def _options(delta: float) -> dict[str, Any]:
    common = {"ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15, "x_scale": "jac", "max_nfev": 1000}
    if np.isinf(delta):
        return common
    return {**common, "loss": "huber", "f_scale": delta}
