"""Assignments: a name and the formula of its value, ``D = tokens_per_param*N``."""

from dataclasses import dataclass
from typing import Final

from farseer_jax.expressions.expression import Expression, parse
from farseer_jax.expressions.names import RESERVED, name_text, quoted
from farseer_jax.expressions.tokens import position_of_equals, refuse, split_tokens

_EXAMPLE: Final = "write NAME = FORMULA, such as D = 20*N"


@dataclass(frozen=True)
class Assignment:
    """A name and the formula of its value, made by :func:`parse_assignment`.

    Attributes:
        name: what is computed.
        expression: the formula of its value.
    """

    name: str
    expression: Expression

    def __str__(self) -> str:
        return f"{name_text(self.name)} = {self.expression}"


def parse_assignment(text: str) -> Assignment:
    """Read ``NAME = FORMULA``, whose names are all columns.

    Args:
        text: such as ``"D = tokens_per_param * N"``; quote names with characters other
            than letters, digits and ``_`` with ``"`` or backticks.

    Raises:
        TypeError: not text.
        ValueError: not a name, an equality sign and a formula of numbers; the message quotes the
            part, its column and the remedy.

    Example:
        >>> print(parse_assignment('N = 1e9 * "params (B)"'))
        N = 1e9*"params (B)"
        >>> parse_assignment("tokens_per_param * N")
        Traceback (most recent call last):
            ...
        ValueError: the result has no name: write NAME = FORMULA, such as D = 20*N
    """
    if not isinstance(text, str):
        raise TypeError(f"expected a formula as text, got {type(text).__name__}")
    equals = position_of_equals(text)
    if equals is None:
        raise ValueError(f"the result has no name: {_EXAMPLE}")
    name = _name(text[:equals])
    # blanks for what is before, so that columns in messages are those of the whole text
    expression = parse(" " * (equals + 1) + text[equals + 1 :])
    if expression.declared_inputs is not None:
        raise ValueError("a bar declares the inputs of a law: remove it and what is before it")
    if expression.mixtures or expression.indexed:
        raise ValueError("sum(…) and indexes are for the mixtures of a law: add columns with +")
    return Assignment(name, expression)


def _name(text: str) -> str:
    """The one name that stands before the equality sign."""
    if not text.strip():
        raise ValueError(f"a name is missing before the '=': {_EXAMPLE}")
    token, *others = split_tokens(text)
    if len(others) != 1 or token.kind not in ("name", "quoted"):
        remedy = "expected one name before the '='; quote a name with spaces or symbols, "
        refuse(repr(text.strip()), token.column, remedy + quoted(text.strip()))
    if token.kind == "name" and token.text in RESERVED:
        refuse(f"name {token.text!r}", token.column, f"quote it, {quoted(token.text)}")
    return token.name
