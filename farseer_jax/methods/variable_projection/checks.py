"""Checks of laws and settings; each message says what is wrong and what to do."""

from functools import lru_cache

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.variable_projection.terms import Form
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.compiled import compiled

DEFAULT_RANGE = (0.01, 1.5)
_MOST_COEFFICIENTS = 6  # every set of active bounds is tried, at most 64


def check_law(law: type[Law], runs: Runs) -> None:
    """Refuse anything but a law that is linear in some parameters.

    Raises:
        TypeError: ``law`` is not a law's class.
        ValueError: it declares no linear parameters, or is not linear in them.
    """
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    kinds = [kind for kind in law.inputs().values() if kind in ("mixture", "category")]
    if kinds or not law.linear():
        reason = f"has a {kinds[0]} among its inputs" if kinds else "is linear in no parameter"
        raise ValueError(f"the law {law.name!r} {reason}: fit it with `LeastSquares(…)`")
    law.columns(runs)
    unknown = [name for name in law.linear() if name not in law.parameter_names()]
    if unknown:
        raise ValueError(
            f"the law {law.name!r} has no parameter {unknown[0]!r}, which its `linear` lists; it "
            f"has {law.parameter_names()}"
        )
    _check_linear(law)


@lru_cache(maxsize=32)
def _check_linear(law: type[Law]) -> None:
    """Refuse a loss that is not the sum of its linear parameters, each times its term."""
    num = 3
    inputs = {name: np.geomspace(1e8, 1e9, 4)[:, None] for name in law.inputs()}
    values = {name: np.linspace(0.3, 0.5, num) for name in law.parameter_names()}
    factors = {name: np.array([1.0, 3.0, 0.5]) * 2.0**i for i, name in enumerate(law.linear())}
    with jax.enable_x64(True):
        fitted = law(**{**values, **factors})
        whole, terms = compiled()(lambda law, own: (law(**own), law.terms(**own)))(fitted, inputs)
        parts = [np.asarray(t) * factors[n] for n, t in zip(law.linear(), terms, strict=True)]
    if whole.shape != (4, num):
        raise ValueError(
            f"the law {law.__name__}: `loss` of inputs (4, 1) and parameters ({num},) has shape "
            f"{whole.shape}, expected (4, {num}): compute elementwise, without sums or indexing"
        )
    if not np.allclose(sum(parts), whole, rtol=1e-9, atol=0.0):
        raise ValueError(
            f"the law {law.name!r} is not the sum of its linear parameters {law.linear()}, each "
            "times a function of the inputs and the other parameters: fit it with `LeastSquares(…)`"
        )


def check_form(form: Form, bounds: dict[str, tuple[float, float]]) -> None:
    """Refuse settings that leave too few or too many parameters free.

    Raises:
        ValueError: a setting is wrong.
    """
    law = form.law
    mixed = [
        names
        for names in (*form.coefficients, *form.exponents)
        if len({name in law.linear() for name in names}) > 1
    ]
    if mixed:
        raise ValueError(
            f"tied: the law is linear in one of {mixed[0]} but not in another: tie only parameters "
            "of one kind"
        )
    num, others = len(form.exponents), [names[0] for names in form.exponents]
    if num not in (1, 2):
        raise ValueError(
            f"the law {law.name!r} has {num} free parameters that it is not linear in {others}, "
            "but this method searches one or two: fix or tie others (fixed=, tied=), or "
            "fit it with `LeastSquares(…)`"
        )
    if not 1 <= len(form.coefficients) <= _MOST_COEFFICIENTS:
        raise ValueError(
            f"the law {law.name!r} has {len(form.coefficients)} free linear parameters, but this "
            f"method solves for 1 to {_MOST_COEFFICIENTS}: fit it with `LeastSquares(…)`"
        )
    linear = [name for name in bounds if name in law.linear()]
    if linear:
        raise ValueError(
            f"bounds: the law is linear in {linear[0]!r}, and this method bounds such parameters "
            "only by 0: bound the others, or fit it with `LeastSquares(…)`"
        )
    endless = [name for name, ends in bounds.items() if not np.isfinite(ends).all()]
    if endless:
        raise ValueError(f"bounds: the range of {endless[0]!r} needs two finite ends")


def ranges(form: Form, bounds: dict[str, tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the exponents, ``(exponent,)``; tied ones share the overlap of their ranges.

    Raises:
        ValueError: the ranges of tied exponents do not overlap.
    """
    own = [[bounds.get(name, DEFAULT_RANGE) for name in names] for names in form.exponents]
    low = np.array([max(ends[0] for ends in group) for group in own])
    high = np.array([min(ends[1] for ends in group) for group in own])
    empty = [names for names, a, b in zip(form.exponents, low, high, strict=True) if not a < b]
    if empty:
        raise ValueError(f"bounds: the ranges of the tied {empty[0]} do not overlap: widen them")
    return low, high
