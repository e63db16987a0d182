"""A formula written as text: its names and its evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Final

import numpy as np

from farseer_jax.expressions.names import name_text
from farseer_jax.expressions.parser import parse_text
from farseer_jax.expressions.tree import (
    Call,
    Chain,
    Name,
    Node,
    Number,
    Power,
    Prefix,
    to_text,
    walk,
)

_BY_NAME: Final = {"abs": "abs", "atan": "arctan", "min": "minimum", "max": "maximum"}
_OPERATORS: Final = {
    **{"+": "add", "-": "subtract", "*": "multiply", "/": "divide"},
    **{"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"},
    **{"==": "equal", "!=": "not_equal", "and": "logical_and", "or": "logical_or"},
}


@dataclass(frozen=True)
class Expression:
    """A formula, such as that of a law, made by :func:`parse`.

    Attributes:
        text: the formula in a normal form, which :func:`parse` reads back.
        declared_inputs: the names before the bar; ``None`` without a bar.
        names: all names in the formula, in order of first appearance.
        indexed: the mixture of each parameter with an entry per share, such as ``C[h]``.
        mixtures: the inputs that sums run over, in order of first appearance.
        exponents: the names to the right of ``**``.
        tree: the formula as a tree.
    """

    text: str
    declared_inputs: tuple[str, ...] | None = field(compare=False)
    names: tuple[str, ...] = field(compare=False)
    indexed: Mapping[str, str] = field(compare=False)
    mixtures: tuple[str, ...] = field(compare=False)
    exponents: frozenset[str] = field(compare=False)
    tree: Node = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    def evaluate(self, values: Mapping[str, Any], xp: ModuleType = np) -> Any:
        """The value of the formula.

        Args:
            values: an array for each name; they broadcast. Mixtures and the parameters indexed by
                them have an additional last axis with an entry per share.
            xp: ``numpy`` or ``jax.numpy``.

        Returns:
            The values, without the axis of shares. ``0**g`` is 0, with derivative 0 in g > 0.

        Raises:
            ValueError: a name has no value.

        Example:
            >>> float(parse("E + A/N**alpha").evaluate({"E": 1, "A": 6, "N": 9, "alpha": 0.5}))
            3.0
        """
        missing = [name for name in self.names if name not in values]
        if missing:
            raise ValueError(f"missing a value for {', '.join(missing)}; give one for each name")
        # jax.numpy never warns: outside a law's domain its values are NaN or infinite
        with np.errstate(all="ignore"):
            return value_of(self.tree, values, xp)


def parse(text: str) -> Expression:
    """Read a formula written as text.

    Args:
        text: a formula, such as ``"E + A/N**alpha"``; for a law, with the inputs declared before a
            bar unless they are found by the columns of a table: ``"N, P | E + (A/(N*P**k))**a"``.
            Quote names with characters other than letters, digits and ``_`` with ``"`` or
            backticks.

    Raises:
        TypeError: not text.
        ValueError: not a formula; the message quotes the part, its column and the remedy.

    Example:
        >>> law = parse("N, P | E+( A/(N * (k*log(P)+1)) ) ** alpha")
        >>> print(law)
        N, P | E + (A/(N*(k*log(P) + 1)))**alpha
        >>> law.names
        ('E', 'A', 'N', 'k', 'P', 'alpha')
        >>> print(parse('6 * `config.model.n_params` * D'))
        6*"config.model.n_params"*D
        >>> parse("E + A/N^alpha")
        Traceback (most recent call last):
            ...
        ValueError: '^' at column 8 of the formula: write ** for a power
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a formula as text, got {type(text).__name__}")
    declared, tree = parse_text(text)
    nodes = [node for node in walk(tree) if isinstance(node, Name)]
    sums = [node.mixture for node in walk(tree) if isinstance(node, Call) and node.mixture]
    expression = Expression(
        text=to_text(tree)
        if declared is None
        else f"{', '.join(map(name_text, declared))} | {to_text(tree)}",
        declared_inputs=declared,
        names=tuple(dict.fromkeys(node.name for node in nodes)),
        indexed={node.name: node.mixture for node in nodes if node.mixture is not None},
        mixtures=tuple(dict.fromkeys(sums)),
        exponents=frozenset(_names_in_exponents(tree)),
        tree=tree,
    )
    _check_mixtures(expression, nodes)
    _check_declared(expression)
    return expression


def value_of(
    node: Node, values: Mapping[str, Any], xp: ModuleType = np, mixture: str | None = None
) -> Any:
    """The value of a node; within a sum over a mixture, shares are on the last axis."""

    def of(operand: Node) -> Any:
        return value_of(operand, values, xp, mixture)

    match node:
        case Number(value):
            return value
        case Name(name, index):
            along = mixture is None or mixture in (name, index)
            return values[name] if along else xp.expand_dims(values[name], -1)
        case Power(base, exponent):
            return xp.power(of(base), whole if (whole := _whole(exponent)) else of(exponent))
        case Prefix("-", operand):
            return xp.negative(of(operand))
        case Prefix(_, operand):
            return xp.logical_not(of(operand))
        case Chain(first, rest):
            result = of(first)
            for operator, operand in rest:
                result = getattr(xp, _OPERATORS[operator])(result, of(operand))
            return result
        case Call("sum", (body,), within):
            total = xp.sum(value_of(body, values, xp, within), axis=-1)
            return total if mixture is None else xp.expand_dims(total, -1)
        case Call("min" | "max" as function, (first, *others)):
            result = of(first)
            for other in others:
                result = getattr(xp, _BY_NAME[function])(result, of(other))
            return result
        case Call(function, arguments):
            return getattr(xp, _BY_NAME.get(function, function))(*map(of, arguments))


def _whole(exponent: Node) -> int | None:
    """A whole exponent, ``x**2``: exact, and with derivatives at x ≤ 0."""
    match exponent:
        case Number(value) if value.is_integer() and value < 64:
            return int(value)
        case Prefix("-", Number(value)) if value.is_integer() and value < 64:
            return -int(value)
    return None


def _names_in_exponents(tree: Node) -> set[str]:
    powers = (node for node in walk(tree) if isinstance(node, Power))
    return {n.name for power in powers for n in walk(power.exponent) if isinstance(n, Name)}


def _check_mixtures(expression: Expression, nodes: Sequence[Name]) -> None:
    """Refuse shares outside of sums, and parameters with two shapes."""
    for node in nodes:
        name, mixture = node.name, expression.indexed.get(node.name)
        if mixture != node.mixture:
            other = name if node.mixture is None else f"{name}[{node.mixture}]"
            raise ValueError(
                f"parameter {name!r} occurs both as {name}[{mixture}] and as {other}: "
                f"give the two different names"
            )
        if name in expression.mixtures and mixture is not None:
            raise ValueError(
                f"{name!r} is a mixture and cannot have an index: rename the parameter"
            )
    for mixture in expression.mixtures:
        if mixture not in expression.names:
            raise ValueError(
                f"the mixture {mixture!r} does not occur: write {mixture} in its sum(…)"
            )
    for outside in walk(expression.tree, inside_sums=False):
        if isinstance(outside, Name) and (outside.mixture or outside.name in expression.mixtures):
            text = to_text(outside)
            raise ValueError(f"{text!r} has a value per share: write it within sum(…)")


def _check_declared(expression: Expression) -> None:
    """Refuse declared inputs that are not used, and mixtures that are not declared."""
    if expression.declared_inputs is None:
        return
    for name in expression.declared_inputs:
        if name not in expression.names:
            raise ValueError(
                f"input {name!r} is declared before the bar but does not occur in the formula: "
                f"correct its spelling or leave it out"
            )
        if name in expression.indexed:
            raise ValueError(
                f"input {name!r} has an index, {name}[{expression.indexed[name]}]: "
                f"only parameters have one"
            )
    for name in expression.mixtures:
        if name not in expression.declared_inputs:
            raise ValueError(f"the mixture {name!r} is an input: declare it before the bar")
