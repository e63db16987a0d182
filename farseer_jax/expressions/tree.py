"""The tree of a formula, and its text."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from farseer_jax.expressions.names import name_text

# How tightly operators bind; comparisons do not join, and ``**`` binds to the right.
PRECEDENCE: Final = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 4),
    **dict.fromkeys("+-", 5),
    **dict.fromkeys("*/", 6),
}
NOT, COMPARISON, SIGN = 3, 4, 7
_POWER, _ATOM = 8, 9


@dataclass(frozen=True, slots=True)
class Number:
    """A number that is not negative, or π."""

    value: float


@dataclass(frozen=True, slots=True)
class Name:
    """An input or a parameter; ``mixture`` is that of ``C[h]``, with an entry per share."""

    name: str
    mixture: str | None = None


@dataclass(frozen=True, slots=True)
class Prefix:
    """``-operand`` or ``not operand``."""

    sign: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Chain:
    """``first + x - y …``, ``first * x / y …``, a comparison, or ``and`` and ``or``.

    Terms of equal precedence stand side by side, so that a sum of 500 terms is not 500 deep.
    """

    first: "Node"
    rest: tuple[tuple[str, "Node"], ...]


@dataclass(frozen=True, slots=True)
class Power:
    """``base**exponent``."""

    base: "Node"
    exponent: "Node"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of arguments; ``mixture`` is what a ``sum`` runs over."""

    function: str
    arguments: tuple["Node", ...]
    mixture: str | None = None


Node: TypeAlias = Number | Name | Prefix | Chain | Power | Call


def children(node: Node) -> tuple[Node, ...]:
    """The nodes right below a node, in the order of the text."""
    match node:
        case Prefix(_, operand):
            return (operand,)
        case Chain(first, rest):
            return (first, *(operand for _, operand in rest))
        case Power(base, exponent):
            return (base, exponent)
        case Call(_, arguments):
            return arguments
        case _:
            return ()


def walk(node: Node, *, inside_sums: bool = True) -> Iterator[Node]:
    """A node and all below it, in the order of the text; without the nested sums if so wished."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if inside_sums or not (isinstance(node, Call) and node.function == "sum"):
            stack.extend(reversed(children(node)))


def appended(node: Node, operator: str, operand: Node) -> Node:
    """Append to a chain of this precedence, or begin one; ``(a + b) + c`` is ``a + b + c``."""
    level = PRECEDENCE[operator]
    if isinstance(node, Chain) and PRECEDENCE[node.rest[0][0]] == level:
        return Chain(node.first, (*node.rest, (operator, operand)))
    return Chain(node, ((operator, operand),))


def is_condition(node: Node) -> bool:
    """Whether the value is true or false."""
    if isinstance(node, Prefix):
        return node.sign == "not"
    return isinstance(node, Chain) and PRECEDENCE[node.rest[0][0]] <= COMPARISON


def to_text(node: Node, around: int = 0) -> str:
    """The text of a tree, with no more parentheses than it needs."""
    text, precedence = _text_of(node)
    return f"({text})" if precedence < around else text


def _text_of(node: Node) -> tuple[str, int]:
    """The text and how tightly its loosest operator binds."""
    match node:
        case Number(value):
            return _number_text(value), _ATOM
        case Name(name, mixture):
            index = "" if mixture is None else f"[{name_text(mixture)}]"
            return f"{name_text(name)}{index}", _ATOM
        case Call(function, arguments):
            return f"{function}({', '.join(to_text(argument) for argument in arguments)})", _ATOM
        case Power(base, exponent):
            return f"{to_text(base, _ATOM)}**{to_text(exponent, SIGN)}", _POWER
        case Prefix("not", operand):
            return f"not {to_text(operand, NOT)}", NOT
        case Prefix(sign, operand):
            return f"{sign}{to_text(operand, SIGN)}", SIGN
        case Chain(first, rest):
            level = PRECEDENCE[rest[0][0]]
            space = "" if level == PRECEDENCE["*"] else " "
            text = to_text(first, level + 1)
            for operator, operand in rest:
                text += f"{space}{operator}{space}{to_text(operand, level + 1)}"
            return text, level


def _number_text(value: float) -> str:
    if value == math.pi:
        return "pi"
    if value.is_integer() and value < 1e6:
        return str(int(value))
    mantissa, _, exponent = f"{value!r}".removesuffix(".0").partition("e")
    if not exponent and value >= 1e6 and value.is_integer():
        digits = mantissa.rstrip("0")
        zeros = len(mantissa) - len(digits)
        return f"{digits}e{zeros}" if zeros > 2 else mantissa
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa
