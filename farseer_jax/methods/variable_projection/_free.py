"""Coefficients and exponents as free numbers: natural ones, so that a coefficient may be 0."""

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end._free import Free
from farseer_jax.methods.variable_projection._form import Form


def natural_free(form: Form, held: np.ndarray, low: np.ndarray, high: np.ndarray) -> Free:
    """Parameters from coefficients, then exponents, within their bounds."""
    names = form.law.parameter_names()
    groups = (*form.coefficients, *form.exponents)
    basis, offset = np.zeros((len(names), len(groups))), np.zeros(len(names))
    for column, group in enumerate(groups):
        for name in group:
            basis[names.index(name), column] = 1.0
    for name, value in zip(form.held, held, strict=True):
        offset[names.index(name)] = value
    lowest = np.where(form.bounded, 0.0, -np.inf)
    return Free(
        centering=np.eye(len(names)),
        basis=basis,
        offset=offset,
        lower=np.concatenate([lowest, low]),
        upper=np.concatenate([np.full(len(lowest), np.inf), high]),
    )


def natural_numbers(form: Form, law: Law) -> np.ndarray:
    """The free numbers of a fitted law, ``(free,)``."""
    groups = (*form.coefficients, *form.exponents)
    return np.array([float(getattr(law, group[0])) for group in groups])
