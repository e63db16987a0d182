"""A law as a sum of terms: which coefficients and exponents are free, tied or fixed."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.objectives import Residual
from farseer_jax.types import Array


class Form(NamedTuple):
    """The static form of a problem.

    Attributes:
        law: the law's class.
        residual: kind of the residuals.
        coefficients: names of linear parameters, one group per free parameter; tied ones together.
        exponents: names of the other parameters, in the same groups.
        fixed: names of fixed parameters.
        bounded: whether each coefficient has the lower bound 0, as positive parameters do.
    """

    law: type[Law]
    residual: Residual
    coefficients: tuple[tuple[str, ...], ...]
    exponents: tuple[tuple[str, ...], ...]
    fixed: tuple[str, ...]
    bounded: tuple[bool, ...]


class Problem(NamedTuple):
    """Losses, weights and bounds of a batch; ``batch`` is 1 where all elements share them.

    Attributes:
        inputs: each of the law's inputs, ``(run, 1)``.
        observed: losses, ``(run, batch)``.
        weights: ``(run, batch)``.
        delta: where ρ turns into a line, ``()``.
        quantile: quantile of an asymmetric ρ, ``()``.
        fixed: values of the fixed parameters, ``(fixed,)``.
        low: lower bounds of the exponents, ``(exponent, 1)``.
        high: their upper bounds, ``(exponent, 1)``.
        tolerance: relative decrease of the objective that counts as none, ``()``.
    """

    inputs: dict[str, Array]
    observed: Array
    weights: Array
    delta: Array
    quantile: Array
    fixed: Array
    low: Array
    high: Array
    tolerance: Array


def build_form(
    law: type[Law],
    residual: Residual,
    fixed: dict[str, float],
    tied: tuple[tuple[str, ...], ...],
) -> Form:
    """Sort a law's parameters into coefficients, exponents and fixed ones."""
    group = {name: together for together in tied for name in together}
    free = [name for name in law.parameter_names() if name not in fixed]
    leaders = [name for name in free if group.get(name, (name,))[0] == name]
    groups = [group.get(name, (name,)) for name in leaders]
    coefficients = tuple(names for names in groups if names[0] in law.linear())
    return Form(
        law=law,
        residual=residual,
        coefficients=coefficients,
        exponents=tuple(names for names in groups if names[0] not in law.linear()),
        fixed=tuple(fixed),
        bounded=tuple(law.domains()[names[0]].lower == 0.0 for names in coefficients),
    )


def columns(form: Form, problem: Problem, exponents: list[Array]) -> list[Array]:
    """The fixed part of the loss, and the factor of each coefficient, ``(run, batch)`` each.

    Args:
        form: the law.
        problem: inputs and fixed values.
        exponents: ``(batch,)`` each.
    """
    shape = (len(problem.observed), *exponents[0].shape)
    one = jnp.ones_like(exponents[0])
    fixed = dict(zip(form.fixed, problem.fixed, strict=True))
    leaves = {name: fixed.get(name, 1.0) * one for name in form.law.parameter_names()}
    for names, value in zip(form.exponents, exponents, strict=True):
        leaves |= dict.fromkeys(names, value)
    leaves |= dict.fromkeys(form.law.linear(), one)
    terms = form.law(**leaves).terms(**problem.inputs)
    term = {n: jnp.broadcast_to(t, shape) for n, t in zip(form.law.linear(), terms, strict=True)}
    base = sum((fixed[name] * term[name] for name in form.fixed if name in term), jnp.zeros(shape))
    sums: list[Any] = [sum(term[name] for name in names) for names in form.coefficients]
    return [base, *sums]


def losses(columns: list[Array], coefficients: Array) -> Array:
    """The losses, ``(run, batch)``, for coefficients ``(coefficient, batch)``."""
    base, *own = columns
    return base + sum(x * c for x, c in zip(own, coefficients, strict=True))


def natural_free(form: Form, fixed: np.ndarray, low: np.ndarray, high: np.ndarray) -> Free:
    """The law's parameters from coefficients and then exponents, within their bounds."""
    names = form.law.parameter_names()
    groups = (*form.coefficients, *form.exponents)
    basis, offset = np.zeros((len(names), len(groups))), np.zeros(len(names))
    for column, group in enumerate(groups):
        for name in group:
            basis[names.index(name), column] = 1.0
    for name, value in zip(form.fixed, fixed, strict=True):
        offset[names.index(name)] = value
    lowest = np.where(form.bounded, 0.0, -np.inf)
    return Free(
        centering=np.eye(len(names)),
        basis=basis,
        offset=offset,
        lower=np.concatenate([lowest, low]),
        upper=np.concatenate([np.full(len(lowest), np.inf), high]),
        names=names,
    )


def natural_numbers(form: Form, law: Law) -> np.ndarray:
    """The free parameters of a fitted law, ``(free,)``."""
    groups = (*form.coefficients, *form.exponents)
    return np.array([float(getattr(law, group[0])) for group in groups])
