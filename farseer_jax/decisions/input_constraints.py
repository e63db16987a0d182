"""Constraints on a law's inputs: costs within budgets, and inequalities written as text."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.expressions.expression import Expression, parse
from farseer_jax.laws.input_derivatives import Bound, Coordinate, FunctionOfInputs, Numbers
from farseer_jax.laws.law import Law

Cost: TypeAlias = str | Callable[..., Any]
_RELATION = re.compile(r"<=|>=|≤|≥|<|>")


@dataclass(frozen=True)
class Quotient:
    """One expression over another, as a function of inputs by name."""

    above: Expression
    below: Expression

    def __call__(self, **inputs: Any) -> Any:
        """The quotient."""
        return jnp.asarray(self.above.evaluate(inputs, jnp)) / self.below.evaluate(inputs, jnp)


@dataclass(frozen=True)
class Difference:
    """One expression minus another, as a function of inputs by name."""

    left: Expression
    right: Expression

    def __call__(self, **inputs: Any) -> Any:
        """The difference."""
        return jnp.asarray(self.left.evaluate(inputs, jnp)) - self.right.evaluate(inputs, jnp)


class Constraint(NamedTuple):
    """A function of inputs that is at most its limit.

    Attributes:
        label: the function, in words.
        function: of inputs by name.
        names: of the inputs that it takes.
        limit: one for each case, ``(case,)``, or a single one.
        text: the whole inequality.
    """

    label: str
    function: Callable[..., Any]
    names: tuple[str, ...]
    limit: np.ndarray
    text: str

    def at(self, inputs: Numbers, varied: tuple[Coordinate, ...], num: int) -> Bound:
        """The function for a number of elements, with its derivatives."""
        return FunctionOfInputs(self.function, self.names, varied).bind(inputs, num)


def cost_of(law: type[Law], cost: Cost) -> Constraint:
    """A cost as a constraint whose limits are the budgets, still to be given.

    Raises:
        ValueError: the text is not an expression of the law's inputs.
        TypeError: neither text nor a function of named inputs.
    """
    if isinstance(cost, str):
        expression = _expression(law, cost, "cost")
        function: Callable[..., Any] = Quotient(expression, parse("1"))
        return Constraint(expression.text, function, expression.names, np.inf * np.ones(1), "")
    if not callable(cost):
        raise TypeError(
            f"cost: expected text such as '6*N*D' or a function of inputs, got "
            f"{type(cost).__name__}"
        )
    names = tuple(
        own.name
        for own in inspect.signature(cost).parameters.values()
        if own.kind in (own.POSITIONAL_OR_KEYWORD, own.KEYWORD_ONLY) and own.default is own.empty
    )
    _check_names(law, names, "cost")
    _check_operations(law, cost, names)
    label = (
        str(cost) if not hasattr(cost, "__name__") else cost.__name__.replace("<lambda>", "cost")
    )
    return Constraint(f"{label}({', '.join(names)})", cost, names, np.inf * np.ones(1), "")


def inequality(law: type[Law], text: str) -> Constraint:
    """A constraint written as text: ``"2*N*P <= 8e10"``.

    Raises:
        ValueError: not an inequality between two expressions of the law's inputs.
        TypeError: not text.
    """
    if not isinstance(text, str):
        raise TypeError(f"subject_to: expected text such as '6*N*D <= 1e21', got {text!r}")
    sides = _RELATION.split(text)
    if len(sides) != 2:
        raise ValueError(
            f"subject_to: expected one inequality, such as '6*N*D <= 1e21', got {text!r}"
        )
    left, right = (_expression(law, side, "subject_to") for side in sides)
    relation = _RELATION.findall(text)[0]
    if relation in (">=", "≥", ">"):
        left, right = right, left
    names = tuple(dict.fromkeys((*left.names, *right.names)))
    if not names:
        raise ValueError(f"subject_to: {text!r} constrains no input of the law")
    function: Callable[..., Any] = Difference(left, right)
    limit = 0.0
    value = None if right.names else float(np.asarray(right.evaluate({}, np)))
    if value is not None and value > 0.0:
        function, limit = Quotient(left, parse("1")), value
    elif value is None and _is_positive(law, right):
        function, limit = Quotient(left, right), 1.0  # whose logarithm is nearly linear
    text = f"{left.text} <= {right.text}"
    return Constraint(left.text, function, names, np.full(1, limit), text)


def _is_positive(law: type[Law], expression: Expression) -> bool:
    """Whether an expression is positive wherever its inputs are."""
    kinds = law.inputs()
    is_sum = not any(part in expression.text for part in ("-", "log", "sin", "cos", "min"))
    return is_sum and all(kinds[name] in ("positive", "count") for name in expression.names)


def _check_operations(law: type[Law], cost: Callable[..., Any], names: Sequence[str]) -> None:
    """Refuse a function that JAX cannot trace, or that returns several numbers."""
    sizes = {name: len(shares) for name, shares in law.shares}
    number: Any = jax.ShapeDtypeStruct
    inputs = {n: number((sizes[n],) if n in sizes else (), np.float32) for n in names}
    try:
        shape = jax.eval_shape(lambda own: jnp.asarray(cost(**own)), inputs).shape
    except TypeError as error:  # JAX's errors on tracers are all TypeErrors
        raise TypeError(
            "cost: the function must be made of JAX operations (jax.numpy, no float(…), numpy or "
            f"branches on values): {str(error).splitlines()[0]}"
        ) from None
    if shape != ():
        raise ValueError(f"cost: expected one number for each point, got an array of shape {shape}")


def _expression(law: type[Law], text: str, argument: str) -> Expression:
    try:
        expression = parse(text.strip())
    except ValueError as error:
        raise ValueError(
            f"{argument}: {str(error).replace('of the formula', f'of {text!r}')}"
        ) from None
    _check_names(law, expression.names, argument)
    for name in expression.names:
        kind, entries = law.inputs()[name], dict(law.shares).get(name, ())
        if kind == "category" or (kind == "mixture" and name not in expression.mixtures):
            what = "shares" if kind == "mixture" else "labels"
            remedy = (
                f"limit its shares, as in at_most={{{(entries or ('…',))[0]!r}: 0.3}}"
                if kind == "mixture"
                else "use numbers only"
            )
            these = f" {', '.join(entries)}" if entries else ""
            raise ValueError(
                f"{argument}: {name!r} is not a number, but the {what}{these}: {remedy}"
            )
    return expression


def _check_names(law: type[Law], names: Sequence[str], argument: str) -> None:
    unknown = [name for name in names if name not in law.inputs()]
    shares = {share for name, own in law.shares for share in own if law.inputs()[name] == "mixture"}
    if unknown and unknown[0] in shares:
        raise ValueError(
            f"{argument}: {unknown[0]!r} is a share of a mixture, which constraints as text do not "
            f"take: limit it by at_most={{{unknown[0]!r}: 0.3}} or at_least"
        )
    if unknown:
        raise ValueError(
            f"{argument}: unknown input {unknown[0]!r}; the law {law.name} has the inputs "
            f"{', '.join(law.inputs())}"
        )


def limited(constraints: Sequence[Constraint]) -> set[str]:
    """The inputs that occur in constraints."""
    return {name for own in constraints for name in own.names}


def values_at(constraint: Constraint, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The function at elements, ``(element,)``."""
    num = len(next(iter(inputs.values())))
    return np.asarray(constraint.at(inputs, (), num).value(np.zeros((num, 0))), float)
