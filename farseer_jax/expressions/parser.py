"""The parser of formulas: precedence climbing, loosest first as in Python.

``or``, ``and``, ``not``, comparisons, ``+ -``, ``* /``, unary signs, ``**`` (to the right).
Keywords of Python, such as ``lambda``, are ordinary names here.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Final, NoReturn

from farseer_jax.close_names import closest
from farseer_jax.expressions.names import FUNCTIONS, RESERVED
from farseer_jax.expressions.tokens import REMEDIES, Token, refuse, split_tokens
from farseer_jax.expressions.tree import (
    COMPARISON,
    NOT,
    PRECEDENCE,
    SIGN,
    Call,
    Name,
    Node,
    Number,
    Power,
    Prefix,
    appended,
    is_condition,
    to_text,
    walk,
)

MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 50  # a level takes up to five of the 1000 frames that Python allows

_OTHER_FUNCTIONS: Final = {"ln": "log", "arctan": "atan", "minimum": "min", "maximum": "max"}


def parse_text(text: str) -> tuple[tuple[str, ...] | None, Node]:
    """The inputs declared before the bar, if there is one, and the tree of the formula.

    Raises:
        ValueError: the text is not a formula; one sentence with the column.
    """
    if len(text) > MAX_LENGTH:
        raise ValueError(
            f"the formula has {len(text):,} characters: at most {MAX_LENGTH:,} are read"
        )
    tokens = split_tokens(text)
    bars = [index for index, token in enumerate(tokens) if token.text == "|"]
    if not bars:
        return None, _Parser(tokens).whole()
    if len(bars) > 1:
        refuse(
            "a second bar", tokens[bars[1]].column, "one bar divides the inputs from the formula"
        )
    return _declared(tokens[: bars[0]], tokens[bars[0]]), _Parser(tokens[bars[0] + 1 :]).whole()


def _declared(tokens: list[Token], bar: Token) -> tuple[str, ...]:
    """The names of ``N, P |``."""
    names: list[str] = []
    for index, token in enumerate(tokens):
        if index % 2:
            if token.text != ",":
                refuse(repr(token.text), token.column, "put commas between the declared inputs")
        elif not _is_name(token):
            refuse(repr(token.text), token.column, "only names of inputs stand before the bar")
        elif token.name in names:
            refuse(f"input {token.name!r}", token.column, "it is declared twice")
        else:
            names.append(token.name)
    if len(tokens) % 2 == 0:
        refuse("the bar", bar.column, "a name of an input is missing before it")
    return tuple(names)


class _Parser:
    """Precedence climbing over the tokens of a formula."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.position, self.depth = tokens, 0, 0
        pairs = pairwise(tokens)
        self.mixtures = {after.name for token, after in pairs if token.text == "["}

    def whole(self) -> Node:
        """The tree of all tokens."""
        if self.next.kind == "end":
            raise ValueError("the formula is empty: write one, such as E + A/N**alpha")
        tree = self.number(0)
        self.expect("")
        return tree

    @property
    def next(self) -> Token:
        """The token that comes next."""
        return self.tokens[self.position]

    def take(self) -> Token:
        """The next token, which is then behind."""
        token = self.next
        self.position += token.kind != "end"
        return token

    def expect(self, text: str) -> Token:
        """Take a token with this text, where no operand can begin."""
        token = self.next
        if token.text == text:
            return self.take()
        if token.kind == "end":
            refuse("the end", token.column, f"{text!r} is missing")
        if token.text in (")", "]"):
            refuse(repr(token.text), token.column, "nothing is open that it closes")
        if token.text == "[":
            refuse(repr(token.text), token.column, REMEDIES["["])
        if token.text == "(":
            refuse("'('", token.column, "an operator is missing before it, such as *")
        if token.text == "," and text == "":
            refuse("','", token.column, "commas stand between the arguments of a function")
        if token.kind == "sign":
            refuse(repr(token.text), token.column, f"{text!r} is missing before it")
        remedy = "an operator is missing before it, such as *"
        return refuse(repr(token.text), token.column, remedy)

    def number(self, precedence: int) -> Node:
        """An operand whose value is a number."""
        column = self.next.column
        node = self.expression(precedence)
        if is_condition(node):
            refuse(f"condition {to_text(node)!r}", column, "write it as where(condition, a, b)")
        return node

    def condition(self, precedence: int) -> Node:
        """An operand that is true or false."""
        column = self.next.column
        node = self.expression(precedence)
        if not is_condition(node):
            refuse(repr(to_text(node)), column, "a condition compares two values, as in D > U")
        return node

    def expression(self, precedence: int) -> Node:
        """Operands and operators that bind at least so tightly."""
        column = self.next.column
        node = self.prefixed()
        while (level := PRECEDENCE.get(self.next.text, -1)) >= precedence:
            operator = self.take()
            wants_condition = level < NOT
            if is_condition(node) != wants_condition:
                refuse(repr(to_text(node)), column, _wrong_operand(operator.text))
            operand = (self.condition if wants_condition else self.number)(level + 1)
            node = appended(node, operator.text, operand)
        return node

    def prefixed(self) -> Node:
        """A power or an atom, or one with a sign or ``not`` before it."""
        token = self.next
        if token.text not in ("+", "-", "not"):
            return self.power()
        self.take()
        with self.level(token):
            if token.text == "not":
                return Prefix("not", self.condition(NOT))
            operand = self.number(SIGN)
            return operand if token.text == "+" else Prefix("-", operand)

    def power(self) -> Node:
        """An atom, or a power of one."""
        column = self.next.column
        base = self.atom()
        if self.next.text != "**":
            return base
        if is_condition(base):
            refuse(repr(to_text(base)), column, _wrong_operand("**"))
        with self.level(self.take()):
            return Power(base, self.number(SIGN))

    def atom(self) -> Node:
        """A number, a name, a call, or what stands in parentheses."""
        token = self.take()
        if token.kind == "number":
            return Number(float(token.text))
        if token.text == "(":
            with self.level(token):
                node = self.expression(0)
                self.expect(")")
                return node
        if token.kind == "name" and token.text not in ("and", "or"):
            return self.named(token)
        if token.kind == "quoted":
            return self.indexed(token)
        if token.kind == "end":
            refuse("the end", token.column, "a number, a name or a parenthesis is missing")
        return refuse(repr(token.text), token.column, "a number or a name is missing before it")

    def named(self, token: Token) -> Node:
        """A name, with its index or its arguments; or a reserved word."""
        if self.next.text == "(":
            return self.call(token)
        if token.text in FUNCTIONS:
            refuse(f"function {token.text!r}", token.column, f"write {token.text}(…)")
        if token.text == "pi":
            return Number(math.pi)
        return self.indexed(token)

    def indexed(self, token: Token) -> Node:
        """A name, with its index."""
        if self.next.text != "[":
            return Name(token.name)
        self.take()
        index = self.take()
        if not _is_name(index):
            refuse(f"index {index.text!r}", index.column, REMEDIES["["])
        self.expect("]")
        return Name(token.name, index.name)

    def call(self, token: Token) -> Node:
        """A function and its arguments."""
        function = token.text
        if function not in FUNCTIONS:
            _refuse_function(token)
        with self.level(self.take()):
            arguments = [self.condition(0) if function == "where" else self.number(0)]
            while self.next.text == ",":
                self.take()
                arguments.append(self.number(0))
            self.expect(")")
        least, most = FUNCTIONS[function]
        if not least <= len(arguments) <= most:
            wanted = f"{least} or more" if most > least else str(least)
            plural = "" if wanted == "1" else "s"
            remedy = f"it takes {wanted} argument{plural} and got {len(arguments)}"
            refuse(f"function {function!r}", token.column, remedy)
        mixture = self.mixture_of(arguments[0], token) if function == "sum" else None
        return Call(function, tuple(arguments), mixture)

    def mixture_of(self, body: Node, token: Token) -> str:
        """What a sum runs over: the one mixture in it."""
        names = [node for node in walk(body, inside_sums=False) if isinstance(node, Name)]
        found = {n.mixture or n.name for n in names if n.mixture or n.name in self.mixtures}
        if not found and len({n.name for n in names}) == 1:
            found = {names[0].name}
        if len(found) == 1:
            return found.pop()
        if found:
            listed = ", ".join(sorted(found))
            refuse("sum", token.column, f"it runs over one mixture, and {listed} are in it")
        return refuse("sum", token.column, "name its mixture by an index, as in sum(C[h]*h)")

    @contextmanager
    def level(self, token: Token) -> Iterator[None]:
        """Count a level; deep texts would exhaust Python's stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            refuse(repr(token.text), token.column, f"nested more than {MAX_DEPTH} deep")
        yield
        self.depth -= 1


def _is_name(token: Token) -> bool:
    """Whether a token is a name rather than a reserved word."""
    return token.kind == "quoted" or (token.kind == "name" and token.text not in RESERVED)


def _wrong_operand(operator: str) -> str:
    if operator in ("and", "or"):
        return f"{operator!r} joins conditions, such as D > U"
    if PRECEDENCE.get(operator) == COMPARISON:
        return "join comparisons by and, as in 0 < x and x < 1"
    return f"a condition cannot be an operand of {operator!r}: write where(condition, a, b)"


def _refuse_function(token: Token) -> NoReturn:
    name = token.text
    nearest = _OTHER_FUNCTIONS.get(name) or closest(name, FUNCTIONS, cutoff=0.5)
    hint = (
        f"did you mean {nearest}, or {name}*(…)?" if nearest else f"write {name}*(…) if a product"
    )
    known = ", ".join(FUNCTIONS)
    refuse(f"unknown function {name!r}", token.column, f"{hint} (the functions are {known})")
