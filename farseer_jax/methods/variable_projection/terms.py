"""A law as a sum of terms: which coefficients and exponents are free, tied or held."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.objectives import Residual
from farseer_jax.types import Array


class Form(NamedTuple):
    """What a kernel is compiled for.

    Attributes:
        law: the law's class.
        residual: kind of the residuals.
        coefficients: names of linear parameters, one group per free number; tied ones together.
        exponents: names of the other parameters, likewise.
        held: names of parameters that are held.
        bounded: whether each coefficient has the lower bound 0: those of positive parameters.
    """

    law: type[Law]
    residual: Residual
    coefficients: tuple[tuple[str, ...], ...]
    exponents: tuple[tuple[str, ...], ...]
    held: tuple[str, ...]
    bounded: tuple[bool, ...]


class Problem(NamedTuple):
    """What a block of members is fitted to; ``batch`` is 1 where all share it.

    Attributes:
        inputs: each of the law's, ``(run, 1)``.
        observed: losses, ``(run, batch)``.
        weights: ``(run, batch)``.
        delta: where ρ turns into a line, a number.
        quantile: of asymmetric ρ, a number.
        held: values of the parameters that are held, ``(held,)``.
        low: lower ends of the exponents' ranges, ``(exponent, 1)``.
        high: upper ends.
        tolerance: relative fall of the objective that counts as none, a number.
    """

    inputs: dict[str, Array]
    observed: Array
    weights: Array
    delta: Array
    quantile: Array
    held: Array
    low: Array
    high: Array
    tolerance: Array


def build_form(
    law: type[Law],
    residual: Residual,
    fixed: dict[str, float],
    tied: tuple[tuple[str, ...], ...],
) -> Form:
    """Sort the parameters of a law."""
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
        held=tuple(fixed),
        bounded=tuple(law.domains()[names[0]].lower == 0.0 for names in coefficients),
    )


def columns(form: Form, problem: Problem, exponents: list[Array]) -> list[Array]:
    """What is held, and what each coefficient multiplies: ``(run, batch)`` each.

    Args:
        form: the law.
        problem: inputs and the values that are held.
        exponents: ``(batch,)`` each.
    """
    shape = (len(problem.observed), *exponents[0].shape)
    one = jnp.ones_like(exponents[0])
    held = dict(zip(form.held, problem.held, strict=True))
    leaves = {name: held.get(name, 1.0) * one for name in form.law.parameter_names()}
    for names, value in zip(form.exponents, exponents, strict=True):
        leaves |= dict.fromkeys(names, value)
    leaves |= dict.fromkeys(form.law.linear(), one)
    terms = form.law(**leaves).terms(**problem.inputs)
    term = {n: jnp.broadcast_to(t, shape) for n, t in zip(form.law.linear(), terms, strict=True)}
    base = sum((held[name] * term[name] for name in form.held if name in term), jnp.zeros(shape))
    sums: list[Any] = [sum(term[name] for name in names) for names in form.coefficients]
    return [base, *sums]


def losses(columns: list[Array], coefficients: Array) -> Array:
    """Losses of coefficients ``(coefficient, batch)``: ``(run, batch)``."""
    base, *own = columns
    return base + sum(x * c for x, c in zip(own, coefficients, strict=True))


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
