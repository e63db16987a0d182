"""A law's curves of N with their derivatives in the parameters, row by row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

from farseer_jax._types import Array
from farseer_jax.laws.separable import Separable
from farseer_jax.methods.end_to_end._problem import Problem, curves_of


class CurveDerivatives(NamedTuple):
    """The curves of a law and their derivatives in the parameters that each depends on.

    Attributes:
        values: ``(row, batch)`` each.
        slopes: ``(own, row, batch)`` each.
        second: ``(own, own, row, batch)`` each; none where they were not asked for.
    """

    values: list[Array]
    slopes: list[Array]
    second: list[Array]


_Curve = Callable[..., list[Array]]


def evaluate_curves(
    law: type[Separable], problem: Problem, parameters: list[Array], *, second: bool
) -> CurveDerivatives:
    """The curves at parameters ``(batch,)`` each.

    Args:
        law: the law's class.
        problem: the rows.
        parameters: where.
        second: whether second derivatives are asked for.
    """
    curves, owners = curves_of(law, problem)
    trace = jax.make_jaxpr(curves)(parameters)
    separate = [_only(trace, i) for i in range(len(owners))]
    return CurveDerivatives(
        values=[curve(*parameters)[0] for curve in separate],
        slopes=[
            jnp.stack([_slope(curve, parameters, k) for k in own])
            for curve, own in zip(separate, owners, strict=True)
        ],
        second=[
            _second(curve, parameters, own) for curve, own in zip(separate, owners, strict=True)
        ]
        if second
        else [],
    )


def _only(trace: ClosedJaxpr, index: int) -> _Curve:
    """One of the outputs, by the operations that it needs.

    The derivatives of a curve in each parameter would trace all the curves anew otherwise.
    """
    jaxpr: Any = trace.jaxpr
    output = jaxpr.outvars[index]
    needed, equations = {output}, []
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            equations.append(equation)
            needed.update(v for v in equation.invars if not hasattr(v, "val"))  # not constants
    own = jaxpr.replace(eqns=equations[::-1], outvars=[output])
    curve: _Curve = jaxpr_as_fun(ClosedJaxpr(own, trace.consts))
    return curve


def _slope(curve: _Curve, parameters: list[Array], k: int) -> Array:
    """The curve's derivative in parameter k."""

    def along(x: Array) -> Array:
        return curve(*parameters[:k], x, *parameters[k + 1 :])[0]

    return jax.jvp(along, (parameters[k],), (jnp.ones_like(parameters[k]),))[1]


def _second(curve: _Curve, parameters: list[Array], own: tuple[int, ...]) -> Array:
    def entry(k: int, m: int) -> Array:
        def slope(x: Array) -> Array:
            return _slope(curve, [*parameters[:m], x, *parameters[m + 1 :]], k)

        return jax.jvp(slope, (parameters[m],), (jnp.ones_like(parameters[m]),))[1]

    lower = {(k, m): entry(k, m) for k in own for m in own if m <= k}
    return jnp.stack([jnp.stack([lower[max(k, m), min(k, m)] for m in own]) for k in own])
